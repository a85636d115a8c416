"""The numbers of texts and the counters outlive the collector, in files that a person can read."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from daemon.app.field_memory import (
    FieldMemoryFiles,
    counters_path,
    recall_fields,
    texts_path,
)
from daemon.errors import StartError
from daemon.mapping import Unfit
from tests.daemon.app.conftest import StartCollector
from tests.daemon.app.processes import configuration_for, wait_for_rows
from tests.daemon.clocks import SetClock
from tests.support.mosquitto import Mosquitto

NOW_US = 1_732_435_200_000_000


def files(folder: Path, clock: SetClock | None = None) -> FieldMemoryFiles:
    kept = FieldMemoryFiles(folder / "points.csv", clock or SetClock())
    kept.open()
    return kept


def test_a_new_text_is_on_disk_before_its_number_is_used(tmp_path: Path) -> None:
    assert files(tmp_path).memory.number("boiler", "mode", "heating é") == 1
    tree = json.loads((tmp_path / "points.texts.json").read_bytes())
    assert tree == {"texts": {"boiler": {"mode": {"heating é": 1}}}}
    assert files(tmp_path).memory.number("boiler", "mode", "heating é") == 1
    assert files(tmp_path).memory.number("boiler", "mode", "idle") == 2


def test_a_text_that_cannot_be_written_gets_no_number(tmp_path: Path) -> None:
    kept = files(tmp_path)
    # A folder in its place refuses even root.
    texts_path(tmp_path / "points.csv").mkdir()
    with pytest.raises(Unfit, match="has no number"):
        kept.memory.number("boiler", "mode", "heating")
    texts_path(tmp_path / "points.csv").rmdir()
    assert kept.memory.number("boiler", "mode", "idle") == 1


def test_counters_go_on_after_an_orderly_stop(tmp_path: Path) -> None:
    kept = files(tmp_path)
    assert kept.memory.count("s", 100, NOW_US) == 100
    kept.close()
    kept.close()
    assert files(tmp_path).memory.count("s", 5, NOW_US + 1) == 105


def test_a_counter_that_began_anew_is_kept_at_once(tmp_path: Path) -> None:
    kept = files(tmp_path)
    kept.memory.count("s", 100, NOW_US)
    kept.memory.count("s", 5, NOW_US + 1)
    assert files(tmp_path).memory.count("s", 6, NOW_US + 2) == 106


def test_counters_are_kept_every_ten_minutes(tmp_path: Path) -> None:
    clock = SetClock()
    kept = files(tmp_path, clock)
    kept.memory.count("s", 100, NOW_US)
    clock.pass_time(601)
    kept.memory.count("s", 101, NOW_US + 1)
    assert files(tmp_path).memory.count("s", 1, NOW_US + 2) == 102


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"texts"', id="cut"),
        pytest.param(bytes(100), id="nul-bytes"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'{"texts": {"m": 1}}', id="other-shape"),
        pytest.param(b'{"texts": {"m": {"f": {"a": "x"}}}}', id="no-number"),
        pytest.param(b'{"texts": {"m": {"f": {"a": 1, "b": 1}}}}', id="one-number-twice"),
        pytest.param(b"[" * 100_000, id="deep"),
    ],
)
def test_damaged_texts_stop_the_start_and_are_left_alone(tmp_path: Path, content: bytes) -> None:
    path = texts_path(tmp_path / "points.csv")
    path.write_bytes(content)
    with pytest.raises(StartError, match=r"points\.texts\.json is damaged .*put a copy back"):
        files(tmp_path)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b'{"counters": {"s": [1]}}', b"{}"])
def test_damaged_counters_are_said_and_begun_anew(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    counters_path(tmp_path / "points.csv").write_bytes(content)
    assert files(tmp_path).memory.count("s", 5, NOW_US) == 5
    assert "counters go on" in caplog.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_texts_that_may_not_be_read_stop_the_start(tmp_path: Path) -> None:
    path = texts_path(tmp_path / "points.csv")
    path.write_bytes(b'{"texts": {}}')
    path.chmod(0)
    with pytest.raises(StartError, match="give the collector's user the right"):
        files(tmp_path)


def test_a_look_beside_the_collector_knows_the_numbers_and_gives_none(tmp_path: Path) -> None:
    files(tmp_path).memory.number("boiler", "mode", "heating")
    memory = recall_fields(tmp_path / "points.csv")
    assert memory.number("boiler", "mode", "HEATING") == 1
    with pytest.raises(Unfit, match="has no number"):
        memory.number("boiler", "mode", "idle")


def test_numbers_and_counters_survive_a_kill(
    mosquitto: Mosquitto, start_collector: StartCollector
) -> None:
    rule = (
        "{topic: boiler/+id, measurement: boiler, "
        "fields: {mode: {type: enum}, kwh: {kind: counter}}}"
    )
    configuration = configuration_for(mosquitto, sources=[rule])
    collector = start_collector(configuration)
    collector.wait_for_log("connected (MQTT")
    mosquitto.publish("boiler/1", '{"mode": "heating", "kwh": 100}')
    mosquitto.publish("boiler/1", '{"mode": "idle", "kwh": 2}')
    wait_for_rows(collector.data_path, "boiler", 2)
    collector.kill()
    collector = start_collector(configuration)
    collector.wait_for_log("connected (MQTT")
    mosquitto.publish("boiler/1", '{"mode": "idle", "kwh": 3}')
    rows = wait_for_rows(collector.data_path, "boiler", 3)
    assert [(point.fields["mode"], point.fields["kwh"]) for point in rows] == [
        (1, 100.0), (2, 102.0), (2, 103.0),
    ]  # fmt: skip
