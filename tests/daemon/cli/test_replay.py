"""`replay`: what fits the rules of now is stored once, what does not is kept."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.errors import EX_NOINPUT
from daemon.messages import Mapped, Message, Outcome
from daemon.writer import RejectFile, Replayed, read_replayed, replayed_path
from daemon.writer.counts import read_counts
from tests.daemon.app.processes import CollectorProcess, configuration_for, read_rows, wait_for_rows
from tests.daemon.cli.conftest import StartCollector
from tests.daemon.waiting import wait_until
from tests.support.mosquitto import Mosquitto
from tinyflux import Point, TinyFlux

T_US = 1_772_366_400_000_000
CONFIG = """\
collector: {{name: test}}
brokers: {{home: {{url: "mqtt://127.0.0.1:1"}}}}
sources:
  - {{topic: sensors/+device, measurement: climate, {options}}}
storage: {{path: data.csv}}
"""
STRICT = "fields: {t: $.t}"
RIGHT = "fields: {t: $.temp}"


def _config(folder: Path, options: str) -> str:
    path = folder / "config.yaml"
    path.write_text(CONFIG.format(options=options), encoding="utf-8")
    return str(path)


def _reject(folder: Path, *payloads: str) -> None:
    """As a collector with other rules has left them, a second apart."""
    rejects = RejectFile(folder / "rejects.jsonl", 10_000_000)
    for number, payload in enumerate(payloads):
        item = Message("home", "sensors/attic", payload.encode(), T_US + number * 1_000_000, qos=1)
        rejects.append(
            item, Mapped(Outcome.REJECTED, rule="sources[0]", reason="no", kind="missing")
        )
    rejects.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with an empty data file."""
    TinyFlux(str(tmp_path / "data.csv")).close()
    return tmp_path


def _values(folder: Path) -> list[dict[str, float]]:
    return [row.fields for row in read_rows(folder / "data.csv", "climate")]


def _left(folder: Path) -> str:
    path = folder / "rejects.jsonl"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def test_what_fits_now_is_stored_and_what_does_not_is_kept(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _reject(folder, '{"temp": 1}', '{"temp": "warm"}', '{"temp": 3}', "")
    assert main(["replay", "-c", _config(folder, RIGHT)]) == 0
    said = capsys.readouterr().out
    assert "tried 4 rejects again: 2 stored (2 points), 0 stored already, 1 without a value" in said
    assert "1 of sensors/attic: field t at $.temp" in said
    with TinyFlux(str(folder / "data.csv")) as db:
        points = db.all()
    assert [point.fields for point in points] == [{"t": 1.0}, {"t": 3.0}]
    assert [point.time.timestamp() for point in points if point.time] == [
        T_US / 1e6,
        T_US / 1e6 + 2,
    ]
    assert _left(folder).count("\n") == 1
    assert "warm" in _left(folder)
    assert main(["replay", "-c", _config(folder, RIGHT)]) == 0
    assert "0 stored (0 points)" in capsys.readouterr().out


def test_a_plan_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _reject(folder, '{"temp": 1}')
    before = _left(folder)
    assert main(["replay", "--plan", "-c", _config(folder, RIGHT)]) == 0
    assert "1 stored (1 points)" in capsys.readouterr().out
    assert (_left(folder), _values(folder)) == (before, [])


def test_without_rejects_there_is_nothing_to_do(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", "-c", _config(folder, RIGHT)]) == 0
    assert capsys.readouterr().out == "nothing to replay\n"
    assert not (folder / "rejects.jsonl").exists()


def test_without_a_data_file_the_rejects_stay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _reject(tmp_path, '{"temp": 1}')
    assert main(["replay", "-c", _config(tmp_path, RIGHT)]) == EX_NOINPUT
    assert "start the collector once" in capsys.readouterr().err
    assert _left(tmp_path).count("\n") == 1
    assert not (tmp_path / "data.csv").exists()


def test_what_was_stored_in_part_gets_the_rest(folder: Path) -> None:
    both = "fields: {t: $.t, h: $.h}"
    _reject(folder, '{"t": 21, "h": "48 %"}')
    # As the collector stored the part that fitted.
    with TinyFlux(str(folder / "data.csv")) as db:
        moment = datetime.fromtimestamp(T_US / 1e6, tz=UTC)
        tags = {"host": "test", "device": "attic"}
        db.insert(Point(time=moment, measurement="climate", tags=tags, fields={"t": 21.0}))
    assert main(["replay", "-c", _config(folder, both)]) == 0
    assert _values(folder) == [{"t": 21.0}]
    enum = "fields: {t: $.t, h: {path: $.h, enum: {'48 %': 48}}}"
    assert main(["replay", "-c", _config(folder, enum)]) == 0
    assert _values(folder) == [{"t": 21.0}, {"h": 48}]
    assert _left(folder) == ""


def test_what_came_while_the_clock_was_wrong_is_marked(folder: Path) -> None:
    """Also where the collector has stored a part of it, with the mark."""
    rejects = RejectFile(folder / "rejects.jsonl", 10_000_000)
    for payload in (b'{"temp": 1}', b'{"temp": 2, "h": 3}'):
        item = Message("home", "sensors/attic", payload, T_US, qos=1, is_clock_doubtful=True)
        rejects.append(item, Mapped(Outcome.REJECTED, rule="sources[0]", kind="missing"))
    tags = {"host": "test", "device": "attic", "time_quality": "unsynced"}
    rejects.close()
    with TinyFlux(str(folder / "data.csv")) as db:
        moment = datetime.fromtimestamp(T_US / 1e6, tz=UTC)
        db.insert(Point(time=moment, measurement="climate", tags=tags, fields={"h": 3.0}))
    both = "fields: {t: $.temp, h: {path: $.h, optional: true}}"
    assert main(["replay", "-c", _config(folder, both)]) == 0
    assert _values(folder) == [{"h": 3.0}, {"t": 1.0}, {"t": 2.0}]
    rows = read_rows(folder / "data.csv", "climate")
    assert [row.tags["time_quality"] for row in rows] == ["unsynced"] * 3


def test_a_part_that_was_stored_without_the_mark_is_not_stored_again(folder: Path) -> None:
    rejects = RejectFile(folder / "rejects.jsonl", 10_000_000)
    item = Message("home", "sensors/attic", b'{"temp": 1}', T_US, is_clock_doubtful=True)
    rejects.append(item, Mapped(Outcome.REJECTED, rule="sources[0]", kind="missing"))
    rejects.close()
    with TinyFlux(str(folder / "data.csv")) as db:
        moment = datetime.fromtimestamp(T_US / 1e6, tz=UTC)
        tags = {"host": "test", "device": "attic"}
        db.insert(Point(time=moment, measurement="climate", tags=tags, fields={"t": 1.0}))
    assert main(["replay", "-c", _config(folder, RIGHT)]) == 0
    assert _values(folder) == [{"t": 1.0}]


def test_how_much_was_stored_is_added_up_for_everybody_to_read(folder: Path) -> None:
    before = os.umask(0o077)
    try:
        for number in (1, 2):
            _reject(folder, f'{{"temp": {number}}}')
            assert main(["replay", "-c", _config(folder, RIGHT)]) == 0
    finally:
        os.umask(before)
    path = replayed_path(folder / "data.csv")
    assert read_replayed(path) == Replayed(messages=2, points=2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_lines_that_are_no_rejects_stay(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "rejects.jsonl").write_bytes(b'{"time": "20\nhello\n')
    assert main(["replay", "-c", _config(folder, RIGHT)]) == 0
    assert "2 lines are cut or no rejects" in capsys.readouterr().out
    assert _left(folder) == '{"time": "20\nhello\n'


def test_a_replay_that_is_killed_and_repeated_stores_everything_once(folder: Path) -> None:
    count = 3000
    _reject(folder, *(f'{{"temp": {number}}}' for number in range(count)))
    config = _config(folder, RIGHT)
    command = [sys.executable, "-m", "daemon", "replay", "-c", config]
    data = folder / "data.csv"
    for _ in range(3):
        size = data.stat().st_size
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_until(
            lambda size=size, process=process: (  # type: ignore[misc]
                data.stat().st_size > size or process.poll() is not None
            ),
            "the first rows",
        )
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert main(["replay", "-c", config]) == 0
    assert sorted(row["t"] for row in _values(folder)) == list(range(count))
    assert sorted(path.name for path in folder.iterdir() if "rejects" in path.name) == []


def _counted(collector: CollectorProcess) -> int:
    """How many rejects it has counted that no kill undoes."""
    counts = read_counts(collector.data_path.with_suffix(".ledger.counts"))
    return 0 if counts is None else int(counts["outcomes"]["rejected"])


def test_it_works_beside_a_running_collector(
    mosquitto: Mosquitto, start_collector: StartCollector
) -> None:
    rule = "{topic: sensors/+device, measurement: climate, fields: {t: $.t}}"
    collector = start_collector(configuration_for(mosquitto, interval="100ms", sources=[rule]))
    collector.wait_for_log("connected (MQTT")
    mosquitto.publish_lines("sensors/attic", [f'{{"temp": {n}}}' for n in range(50)])
    rejects = collector.folder / "rejects.jsonl"
    collector.wait_for(lambda: rejects.exists() and _left(collector.folder).count("\n") == 50, "50")
    text = collector.config_path.read_text(encoding="utf-8")
    collector.config_path.write_text(text.replace("$.t}", "$.temp}"), encoding="utf-8")
    assert main(["replay", "-c", str(collector.config_path)]) == 0
    mosquitto.publish("sensors/attic", '{"t": 99}')
    mosquitto.publish("sensors/attic", '{"temp": 100}')
    rows = wait_for_rows(collector.data_path, "climate", 51)
    assert sorted(row.fields["t"] for row in rows) == [*range(50), 99]
    collector.wait_for(lambda: _left(collector.folder).count("\n") == 1, "the next reject")
    # What is committed is counted, also for a process that is killed before it saves its ledger.
    wait_until(lambda: _counted(collector) == 51, "the commit")
    collector.kill()
    collector.start()
    assert collector.end() == 0
    ledger = json.loads(collector.data_path.with_suffix(".ledger.json").read_bytes())
    total = ledger["total"]
    assert (total["replayed"], total["recovered"], total["points"]) == (50, 0, 1)
    assert (total["outcomes"]["stored"], total["outcomes"]["rejected"]) == (1, 51)
