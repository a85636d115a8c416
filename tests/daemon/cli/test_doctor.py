"""`doctor` at real brokers: each finding with its remedy, and a status to test for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import main
from tests.daemon.app.processes import configuration_for, wait_for_rows
from tests.daemon.cli.conftest import Ask, StartCollector
from tests.support.mosquitto import Mosquitto, StartMosquitto
from tests.support.ports import free_port

GOOD_LINES = ("max_inflight_messages 200", "set_tcp_nodelay true")


def _findings(
    folder: Path, configuration: str, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[int, list[dict[str, Any]]]:
    path = folder / "config.yaml"
    path.write_text(configuration, encoding="utf-8")
    capsys.readouterr()
    code = main(["doctor", "-c", str(path), "--listen", "0.5", "--json", *options])
    return code, json.loads(capsys.readouterr().out)


def _only(findings: list[dict[str, Any]], part: str) -> dict[str, Any]:
    [found] = [finding for finding in findings if part in finding["text"]]
    return found


def _conf(broker: Mosquitto) -> tuple[str, str]:
    return "--mosquitto-conf", str(broker.directory / "mosquitto.conf")


def test_with_a_good_broker_there_is_nothing_to_do(
    start_mosquitto: StartMosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = start_mosquitto(lines=GOOD_LINES)
    broker.publish("sensors/attic", "1", qos=1, retain=True)
    code, findings = _findings(tmp_path, configuration_for(broker), capsys, *_conf(broker))
    assert code == 0
    assert [finding["level"] for finding in findings] == ["good"] * 4
    assert "mosquitto version" in _only(findings, "connected as a guest")["text"]


def test_topics_that_arrive_unprotected_are_named_with_what_protects_them(
    start_mosquitto: StartMosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = start_mosquitto(lines=GOOD_LINES)
    broker.publish("zigbee2mqtt/lamp", "1", qos=0, retain=True)
    broker.publish("zigbee2mqtt/door", "1", qos=1, retain=True)
    rules = ["{topic: zigbee2mqtt/+device, measurement: z}"]
    text = configuration_for(broker, sources=rules)
    code, findings = _findings(tmp_path, text, capsys, *_conf(broker))
    found = _only(findings, "arrive at QoS 0")
    assert (code, found["level"]) == (1, "warning")
    assert "1 of 2 topics arrive at QoS 0" in found["text"]
    assert "zigbee2mqtt/lamp" in found["text"]
    assert "device_options: {qos: 1}" in found["remedy"]
    assert found["lines"] == ["queue_qos0_messages true"]


def test_the_line_that_it_recommends_keeps_qos_0_messages(
    start_mosquitto: StartMosquitto, start_collector: StartCollector
) -> None:
    broker = start_mosquitto(lines=["queue_qos0_messages true"])
    collector = start_collector(configuration_for(broker, interval="100ms"))
    collector.wait_for_log("connected (MQTT")
    collector.end()
    broker.publish("sensors/attic", "1", qos=0)
    collector.start()
    assert [row.fields["value"] for row in wait_for_rows(collector.data_path, "climate", 1)] == [
        1.0
    ]


def test_a_rule_that_asks_for_qos_0_is_named(
    mosquitto: Mosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mosquitto.publish("sensors/attic", "1", qos=1, retain=True)
    rules = ["{topic: other, measurement: m}", "{topic: sensors/+device, measurement: m, qos: 0}"]
    _, findings = _findings(tmp_path, configuration_for(mosquitto, sources=rules), capsys)
    assert _only(findings, "subscribes at QoS 0")["text"].startswith("sources[1] subscribes")


def test_what_a_collector_has_counted_says_how_long_the_broker_can_hold(
    start_mosquitto: StartMosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = start_mosquitto(lines=["max_queued_messages 7200"])
    tally = {"stored": 3600, "points": 3600, "qos0": 0, "qos1": 3600}
    ledger = {"seconds": 3600.0, "topics": {"sensors/attic": tally}}
    (tmp_path / "data.ledger.json").write_text(json.dumps(ledger), encoding="utf-8")
    code, findings = _findings(tmp_path, configuration_for(broker), capsys, *_conf(broker))
    found = _only(findings, "for a collector that is off")
    assert (code, found["level"]) == (1, "warning")
    assert found["text"].startswith("it keeps 7200 messages")
    assert "at 1 messages a second at QoS 1 that is 2 hours" in found["text"]
    assert found["lines"] == ["max_queued_messages 0"]


def test_lines_that_the_broker_lacks_are_printed_to_be_copied(
    start_mosquitto: StartMosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broker = start_mosquitto(lines=["persistence false", "set_tcp_nodelay true"])
    path = tmp_path / "config.yaml"
    path.write_text(configuration_for(broker), encoding="utf-8")
    assert main(["doctor", "-c", str(path), "--listen", "0.2", *_conf(broker)]) == 1
    said = capsys.readouterr().out
    assert "!  broker home: its configuration lacks" in said
    assert "        persistence true" in said
    assert "        max_inflight_messages 200" in said
    assert "set_tcp_nodelay" not in said
    assert "findings need you" in said


def test_an_unreadable_broker_configuration_gives_all_lines_as_a_note(
    mosquitto: Mosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = ("--mosquitto-conf", str(tmp_path / "missing.conf"))
    code, findings = _findings(tmp_path, configuration_for(mosquitto), capsys, *missing)
    found = _only(findings, "cannot be read from here")
    assert (code, found["level"], len(found["lines"])) == (0, "note", 12)


def test_a_wrong_password_is_an_error(
    mosquitto: Mosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = configuration_for(mosquitto, password="not-this-one")
    code, findings = _findings(tmp_path, text, capsys)
    assert (code, findings[0]["level"]) == (1, "error")
    assert "check brokers.home.username" in findings[0]["text"]
    assert "not-this-one" not in json.dumps(findings)


def test_the_trouble_of_the_running_collector_alone_is_said_too(
    start_mosquitto: StartMosquitto,
    start_collector: StartCollector,
    ask: Ask,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Here: the configuration was changed, and the collector runs by the old one."""
    broker = start_mosquitto()
    collector = start_collector(configuration_for(broker, interval="100ms"))
    collector.wait_for(lambda: ask(collector)[0] == 0, "a connection")
    broker.stop()
    collector.wait_for(lambda: ask(collector)[0] == 1, "the problem")
    other = collector.folder / "other.yaml"
    text = collector.config_path.read_text(encoding="utf-8")
    second = start_mosquitto()
    other.write_text(text.replace(f":{broker.port}", f":{second.port}"), encoding="utf-8")
    capsys.readouterr()
    main(["doctor", "-c", str(other), "--listen", "0.1", "--json"])
    findings = json.loads(capsys.readouterr().out)
    [trouble] = [found for found in findings if found["level"] == "error"]
    assert trouble["place"] == "the running collector"


def test_what_is_no_broker_gets_no_advice_for_mosquitto(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = f'brokers: {{home: {{url: "mqtt://127.0.0.1:{free_port()}"}}}}\n'
    rules = "sources: [{topic: a, measurement: m}]\n"
    code, findings = _findings(tmp_path, text + rules, capsys)
    assert code == 1
    assert [found["level"] for found in findings if found["place"] == "broker home"] == ["error"]
    assert "mosquitto.conf" not in json.dumps(findings)


def test_it_leaves_the_running_collector_its_session(
    mosquitto: Mosquitto, start_collector: StartCollector, capsys: pytest.CaptureFixture[str]
) -> None:
    collector = start_collector(configuration_for(mosquitto, interval="100ms"))
    collector.wait_for_log("connected (MQTT")
    capsys.readouterr()
    main(["doctor", "-c", str(collector.config_path), "--listen", "0.3"])
    mosquitto.publish("sensors/attic", "1")
    wait_for_rows(collector.data_path, "climate", 1)
    assert collector.end() == 0
    assert collector.log_text().count("connected (MQTT") == 1


def test_what_the_running_collector_complains_of_is_among_the_findings_once(
    mosquitto: Mosquitto,
    start_collector: StartCollector,
    ask: Ask,
    capsys: pytest.CaptureFixture[str],
) -> None:
    collector = start_collector(configuration_for(mosquitto, interval="100ms"))
    collector.wait_for(lambda: ask(collector)[0] == 0, "a connection")
    mosquitto.publish("sensors/attic", '{"t": tru}')
    rejects = collector.folder / "rejects.jsonl"
    collector.wait_for(lambda: rejects.exists() and rejects.stat().st_size > 0, "a reject")
    mosquitto.stop()
    collector.wait_for(lambda: ask(collector)[0] == 1, "the problem")
    main(["doctor", "-c", str(collector.config_path), "--listen", "0.1", "--json"])
    findings = json.loads(capsys.readouterr().out)
    # It and the look at the broker find the same: that is said once.
    [trouble] = [found for found in findings if found["level"] == "error"]
    assert trouble["place"] == "broker home"
    assert trouble["text"].startswith("at mqtt://127.0.0.1:")
    assert "1 messages that did not fit" in _only(findings, "did not fit")["text"]


def test_a_secret_that_everybody_may_read_is_said(
    mosquitto: Mosquitto, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = tmp_path / "secrets.yaml"
    secrets.write_text("pw: s3cret\n", encoding="utf-8")
    text = configuration_for(mosquitto, password="!secret pw")
    tmp_path.chmod(0o755)
    secrets.chmod(0o644)
    _, findings = _findings(tmp_path, text, capsys)
    assert _only(findings, "every user of this machine")["remedy"] == f"chmod o-rwx {secrets}"
    secrets.chmod(0o640)
    _, findings = _findings(tmp_path, text, capsys)
    assert "every user" not in json.dumps(findings)


def test_the_embedded_broker_is_called_what_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "brokers: {demo: {url: embedded}}\nsources: [{topic: a, measurement: m}]\n"
    code, [found] = _findings(tmp_path, text, capsys)
    assert (code, found["level"]) == (1, "warning")
    assert "brokers.demo.url" in found["remedy"]


def test_a_password_in_plain_text_is_said_without_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (
        'brokers: {home: {url: "mqtt://192.0.2.1:1", username: u, password: s3cret}}\n'
        "polls: [{system: {every: 1m}}]\n"
    )
    code, [found] = _findings(tmp_path, text, capsys)
    assert (code, found["place"]) == (1, "access")
    assert "plain text" in found["text"]
    assert "s3cret" not in json.dumps(found)
