"""`status` beside a running collector, a stopped one, a killed one, and none at all."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import main
from daemon.errors import EX_NOINPUT, EX_USAGE
from daemon.writer.counts import read_counts
from tests.daemon.app.processes import configuration_for, wait_for_rows
from tests.daemon.cli.conftest import Ask, StartCollector
from tests.daemon.waiting import wait_until
from tests.support.mosquitto import Mosquitto, StartMosquitto


def _stored(found: dict[str, Any]) -> int:
    stored: int = found["ledger"]["outcomes"]["stored"]
    return stored


def test_a_running_collector_is_shown_and_then_a_stopped_one(
    mosquitto: Mosquitto, start_collector: StartCollector, ask: Ask
) -> None:
    collector = start_collector(configuration_for(mosquitto, interval="100ms"))
    collector.wait_for_log("connected (MQTT")
    mosquitto.publish("sensors/attic", "1", qos=1)
    mosquitto.publish("sensors/attic", "2", qos=0)
    mosquitto.publish("sensors/attic", '{"t": tru}', qos=1)
    wait_for_rows(collector.data_path, "climate", 2)
    wait_until(lambda: _stored(ask(collector)[1]) == 2, "the status")
    code, found = ask(collector)
    assert (code, found["running"], found["problems"]) == (0, True, [])
    assert found["brokers"]["home"]["connected"] is True
    topic = found["ledger"]["topics"]["sensors/attic"]
    assert (topic["qos0"], topic["qos1"], topic["rejected"]) == (1, 2, 1)
    assert found["writer"]["waiting"] == 0
    assert found["rejects"]["lines"] == 1
    assert [note for note in found["notes"] if "replay" in note]
    assert found["disk"]["data_bytes"] == collector.data_path.stat().st_size
    assert collector.end() == 0
    code, found = ask(collector)
    assert (code, found["running"], _stored(found)) == (3, False, 2)


def test_without_a_folder_in_memory_what_is_shown_is_of_now(
    mosquitto: Mosquitto,
    start_collector: StartCollector,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    collector = start_collector(configuration_for(mosquitto, interval="100ms"))
    collector.wait_for_log("connected (MQTT")
    mosquitto.publish("sensors/attic", "1")
    wait_until(lambda: _stored(ask(collector)[1]) == 1, "the message in the status")
    code, found = ask(collector)
    assert (code, found["answers"], found["brokers"]["home"]["connected"]) == (0, True, True)
    # Nothing but the first second's file has reached the card.
    written = json.loads(collector.data_path.with_suffix(".status.json").read_bytes())
    assert _stored(written) == 0
    collector.signal(signal.SIGSTOP)
    code, found = ask(collector)
    assert (code, found["running"], found["answers"]) == (1, True, False)
    assert "does not answer: it hangs, or is stopped; what is shown here is" in found["problems"][0]
    collector.signal(signal.SIGCONT)
    assert collector.end() == 0
    assert not collector.data_path.with_suffix(".status.sock").exists()


def test_a_killed_collector_is_not_running_and_what_it_has_counted_is_known(
    mosquitto: Mosquitto,
    start_collector: StartCollector,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    collector = start_collector(configuration_for(mosquitto, interval="100ms"))
    collector.wait_for_log("connected (MQTT")
    mosquitto.publish("sensors/attic", "1")
    mosquitto.publish("sensors/attic", "{")
    path = collector.data_path.with_suffix(".ledger.counts")
    wait_until(
        lambda: (read_counts(path) or {}).get("outcomes", {}).get("rejected") == 1, "the commit"
    )
    collector.kill()
    code, found = ask(collector)
    assert (code, found["running"]) == (3, False)
    counted = [found["ledger"]["outcomes"], found["ledger"]["total"]["outcomes"]]
    assert [(each["stored"], each["rejected"]) for each in counted] == [(1, 1), (1, 1)]
    assert found["ledger"]["total"]["points"] == 1


def test_a_wrong_password_is_shown_until_it_is_right(
    start_mosquitto: StartMosquitto, start_collector: StartCollector, ask: Ask
) -> None:
    broker = start_mosquitto()
    collector = start_collector(configuration_for(broker, password="not-this-one"))
    wait_until(lambda: "Not authorized" in str(ask(collector)[1]["problems"]), "the problem")
    code, found = ask(collector)
    [said] = found["problems"]
    assert code == 1
    assert "check brokers.home.username and brokers.home.password" in said
    assert "not-this-one" not in json.dumps(found)
    broker.change_password("collector", "not-this-one")
    wait_until(lambda: ask(collector)[0] == 0, "its end")
    log = collector.log_text()
    assert log.count("brokers.home.password") == 1
    assert log.count("connected (MQTT") == 1


def test_what_an_earlier_run_saved_is_shown_after_a_restart_of_the_machine(
    mosquitto: Mosquitto,
    start_collector: StartCollector,
    ask: Ask,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    collector = start_collector(configuration_for(mosquitto))
    collector.wait_for_log("connected (MQTT")
    mosquitto.publish("sensors/attic", "1")
    wait_for_rows(collector.data_path, "climate", 1)
    assert collector.end() == 0
    for file in (tmp_path / "run" / "tinyflux-collector").iterdir():
        file.unlink()
    assert main(["status", "--data", str(collector.data_path)]) == 3
    said = capsys.readouterr().out
    assert "not running" in said
    assert "received   1: 1 stored" in said
    assert "sensors/attic" in said


def test_where_nothing_was_collected_yet_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--data", str(tmp_path / "data.csv")]) == EX_NOINPUT
    assert "no collector has written" in capsys.readouterr().err


def test_without_an_argument_the_service_is_asked(
    start_collector: StartCollector,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(folder))
    assert main(["status"]) == EX_USAGE
    assert "say which with -c CONFIG or --data FILE" in capsys.readouterr().err
    collector = start_collector("polls:\n  - command: {name: one, every: 1h, run: [echo, '1']}\n")
    assert main(["status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["data"] == str(collector.data_path)
