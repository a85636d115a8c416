"""`import-recorder`, on a file with the tables of Home Assistant's recorder.

Tables and columns as in homeassistant/components/recorder/db_schema.py of home-assistant/core in
2025; columns that Home Assistant itself no longer fills are left NULL, as it leaves them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.errors import EX_DATAERR, EX_NOINPUT, EX_USAGE
from daemon.exchange.recorder import RecorderImport, Wanted
from tinyflux import TinyFlux

SCHEMA = """
CREATE TABLE state_attributes (attributes_id INTEGER PRIMARY KEY, hash BIGINT, shared_attrs TEXT);
CREATE TABLE states_meta (metadata_id INTEGER PRIMARY KEY, entity_id VARCHAR(255));
CREATE TABLE states (state_id INTEGER PRIMARY KEY, entity_id CHAR(0), state VARCHAR(255),
  attributes CHAR(0), event_id SMALLINT, last_changed CHAR(0), last_changed_ts FLOAT,
  last_reported_ts FLOAT, last_updated CHAR(0), last_updated_ts FLOAT, old_state_id INTEGER,
  attributes_id INTEGER, context_id CHAR(0), context_user_id CHAR(0), context_parent_id CHAR(0),
  origin_idx SMALLINT, context_id_bin BLOB, context_user_id_bin BLOB, context_parent_id_bin BLOB,
  metadata_id INTEGER);
CREATE TABLE statistics_meta (id INTEGER PRIMARY KEY, statistic_id VARCHAR(255), source VARCHAR(32),
  unit_of_measurement VARCHAR(255), has_mean BOOLEAN, has_sum BOOLEAN, name VARCHAR(255),
  mean_type SMALLINT);
CREATE TABLE statistics (id INTEGER PRIMARY KEY, created CHAR(0), created_ts FLOAT,
  metadata_id INTEGER, start CHAR(0), start_ts FLOAT, mean FLOAT, mean_weight FLOAT, min FLOAT,
  max FLOAT, last_reset CHAR(0), last_reset_ts FLOAT, state FLOAT, sum FLOAT);
CREATE TABLE statistics_short_term (id INTEGER PRIMARY KEY, created CHAR(0), created_ts FLOAT,
  metadata_id INTEGER, start CHAR(0), start_ts FLOAT, mean FLOAT, mean_weight FLOAT, min FLOAT,
  max FLOAT, last_reset CHAR(0), last_reset_ts FLOAT, state FLOAT, sum FLOAT);
CREATE UNIQUE INDEX ix_states_meta_entity_id ON states_meta (entity_id);
CREATE INDEX ix_states_metadata_id_last_updated_ts ON states (metadata_id, last_updated_ts);
CREATE TABLE schema_changes (change_id INTEGER PRIMARY KEY, schema_version INTEGER,
  changed DATETIME);
INSERT INTO schema_changes VALUES (1, 48, '2025-05-01 00:00:00');
"""
NOON = 1748779200.0
WARM = {"state_class": "measurement", "unit_of_measurement": "°C", "device_class": "temperature"}
STATES = (
    (1, "21.5", 1, 1, 0.25),
    (2, "on", 2, 2, 1.0),
    (3, "unavailable", 1, 1, 2.0),
    (4, "rainy", 3, None, 3.0),
    (5, "22", 1, 1, 4.0),
)


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[Path]:
    """In WAL mode and held open, as by a Home Assistant that runs."""
    path = tmp_path / "home-assistant_v2.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode=WAL")
    db.executescript(SCHEMA)
    db.execute("INSERT INTO state_attributes VALUES (1, 1, ?)", (json.dumps(WARM),))
    db.execute('INSERT INTO state_attributes VALUES (2, 2, \'{"device_class": "door"}\')')
    for number, entity in enumerate(
        ("sensor.kitchen_temperature", "binary_sensor.front", "weather.home"), 1
    ):
        db.execute("INSERT INTO states_meta VALUES (?, ?)", (number, entity))
    for state_id, state, metadata_id, attributes_id, second in STATES:
        db.execute(
            "INSERT INTO states (state_id, state, metadata_id, attributes_id, last_updated_ts) "
            "VALUES (?, ?, ?, ?, ?)",
            (state_id, state, metadata_id, attributes_id, NOON + second),
        )
    db.executemany(
        "INSERT INTO statistics_meta VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (1, "sensor.kitchen_temperature", "recorder", "°C", 1, 0, None, 1),
            (2, "tibber:energy", "tibber", "kWh", 0, 1, "Energy", 0),
        ],
    )
    columns = "(id, metadata_id, start_ts, mean, min, max, state, sum)"
    for table in ("statistics", "statistics_short_term"):
        db.execute(
            f"INSERT INTO {table} {columns} VALUES (1, 1, ?, 21.0, 20.5, 21.5, NULL, NULL)",
            (NOON - 3600,),
        )
    db.execute(
        f"INSERT INTO statistics {columns} VALUES (2, 2, ?, NULL, NULL, NULL, 107.5, 7.5)", (NOON,)
    )
    db.commit()
    yield path
    db.close()


def _stored(data: Path) -> list[tuple[str, dict[str, str | None], dict[str, int | float | None]]]:
    with TinyFlux(data, access_mode="r") as db:
        return [(p.measurement, dict(sorted(p.tags.items())), p.fields) for p in db.all()]


def test_states_and_statistics_become_points(
    recorder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = recorder.read_bytes()
    data = tmp_path / "data.csv"
    assert main(["import-recorder", str(recorder), "--data", str(data)]) == 0
    said = capsys.readouterr()
    kitchen = {"entity_id": "sensor.kitchen_temperature", "unit": "°C"}
    means = {"value_mean": 21.0, "value_min": 20.5, "value_max": 21.5}
    assert _stored(data) == [
        ("temperature_1h", kitchen, means),
        ("temperature_5m", kitchen, means),
        (
            "tibber_1h",
            {"entity_id": "tibber:energy", "unit": "kWh"},
            {"value_last": 107.5, "value_sum": 7.5},
        ),
        ("temperature", kitchen, {"value": 21.5}),
        ("door", {"entity_id": "binary_sensor.front"}, {"value": 1}),
        ("temperature", kitchen, {"value": 22.0}),
    ]
    assert said.out == f"6 points stored in {data}\n"
    assert "2 rows hold no number" in said.err
    assert "a text (as weather.home: 'rainy')" in said.err
    assert recorder.read_bytes() == before
    with TinyFlux(data, access_mode="r") as db:
        assert db.all()[3].time.timestamp() == NOON + 0.25  # type: ignore[union-attr]


def test_only_some_entities_tables_and_times(recorder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    arguments = ["--entity", "sensor.*", "--only", "states", "--since", "@1748779202"]
    assert main(["import-recorder", str(recorder), "--data", str(data), *arguments]) == 0
    assert [fields for _, _, fields in _stored(data)] == [{"value": 22.0}]


def test_an_import_that_was_broken_off_goes_on(recorder: Path, tmp_path: Path) -> None:
    db = sqlite3.connect(recorder)
    db.executemany(
        "INSERT INTO states (state_id, state, metadata_id, attributes_id, last_updated_ts) "
        "VALUES (?, ?, 1, 1, ?)",
        [(number, str(number), NOON + number) for number in range(10, 12_010)],
    )
    db.commit()
    db.close()
    data = tmp_path / "data.csv"

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RecorderImport(recorder, data, Wanted()).run(stop, is_compact=True, is_skipping_bad=False)
    n_before = len(_stored(data))
    assert 0 < n_before < 12_006
    RecorderImport(recorder, data, Wanted()).run(
        lambda _: None, is_compact=True, is_skipping_bad=False
    )
    assert len(_stored(data)) == 12_006


def test_an_older_schema_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "old.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE states (state_id INTEGER PRIMARY KEY, entity_id TEXT, state TEXT)")
    db.commit()
    db.close()
    data = str(tmp_path / "data.csv")
    assert main(["import-recorder", str(path), "--data", data]) == EX_DATAERR
    assert "2023.4 or later: table states lacks attributes_id" in capsys.readouterr().err


def test_what_is_no_sqlite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "notes.db"
    path.write_text("it rained\n" * 100)
    data = tmp_path / "data.csv"
    assert main(["import-recorder", str(path), "--data", str(data)]) == EX_DATAERR
    assert "cannot be read as SQLite" in capsys.readouterr().err
    assert main(["import-recorder", str(tmp_path / "x"), "--data", str(data)]) == EX_NOINPUT
    assert not data.exists()


def test_a_wrong_time(recorder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["import-recorder", str(recorder), "--data", "x.csv", "--since", "soon"])
    assert caught.value.code == EX_USAGE
    assert "argument --since: found 'soon'" in capsys.readouterr().err
