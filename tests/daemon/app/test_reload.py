"""A changed configuration is taken up by the running collector, whole or not at all."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from daemon.app.reload import changes
from daemon.config import load_config
from daemon.health import ask_status
from tests.daemon.app.conftest import StartCollector
from tests.daemon.app.processes import CollectorProcess, configuration_for, read_rows, wait_for_rows
from tests.support.mosquitto import Mosquitto

_FIRST = "{topic: first/+device, measurement: first}"
_SECOND = "{topic: second/+device, measurement: second}"


@pytest.fixture
def start_connected(start_collector: StartCollector) -> StartCollector:
    """The same, and its broker has accepted it."""

    def start(configuration: str) -> CollectorProcess:
        collector = start_collector(configuration)
        collector.wait_for_log("connected (MQTT")
        return collector

    return start


def _reload(collector: CollectorProcess, text: str, *, says: str) -> None:
    before = collector.log_text().count(says)
    collector.config_path.write_text(text, encoding="utf-8")
    collector.signal(signal.SIGHUP)
    collector.wait_for(lambda: collector.log_text().count(says) > before, f"{says!r}")


def test_a_new_rule_is_subscribed_to_and_maps(
    mosquitto: Mosquitto, start_connected: StartCollector
) -> None:
    collector = start_connected(configuration_for(mosquitto, sources=[_FIRST]))
    _reload(
        collector,
        configuration_for(mosquitto, sources=[_FIRST, _SECOND]),
        says="reloaded: goes on by the changed configuration: sources",
    )
    collector.wait_for(lambda: "second/+ (QoS 1)" in mosquitto.log_text(), "a subscription")
    mosquitto.publish("second/a", "1")
    mosquitto.publish("first/a", "2")
    assert wait_for_rows(collector.data_path, "second", 1)[0].fields == {"value": 1}
    assert wait_for_rows(collector.data_path, "first", 1)[0].fields == {"value": 2}


def test_a_rule_that_went_gets_no_message(
    mosquitto: Mosquitto, start_connected: StartCollector
) -> None:
    collector = start_connected(configuration_for(mosquitto, sources=[_FIRST, _SECOND]))
    _reload(collector, configuration_for(mosquitto, sources=[_SECOND]), says="reloaded: ")
    collector.wait_for_log("unsubscribed from first/+")
    mosquitto.publish("first/a", "1")
    mosquitto.publish("second/a", "2")
    wait_for_rows(collector.data_path, "second", 1)
    assert read_rows(collector.data_path, "first") == []


def test_the_new_subscription_stands_before_the_old_one_ends(
    mosquitto: Mosquitto, start_connected: StartCollector
) -> None:
    collector = start_connected(configuration_for(mosquitto, sources=[_FIRST]))
    wider = "{topic: first/#device, measurement: first}"
    _reload(collector, configuration_for(mosquitto, sources=[wider]), says="reloaded: ")
    collector.wait_for_log("unsubscribed from first/+")
    said = mosquitto.log_text()
    # What is published between the two comes by one of them.
    assert said.rindex("Received SUBSCRIBE") < said.index("Received UNSUBSCRIBE")


def test_an_invalid_file_is_refused_with_all_its_errors(
    mosquitto: Mosquitto, start_connected: StartCollector
) -> None:
    good = configuration_for(mosquitto, sources=[_FIRST])
    collector = start_connected(good)
    bad = good.replace("topic: first/+device", "topik: first/+device") + "colector: {}\n"
    _reload(collector, bad, says="the configuration is not reloaded")
    log = collector.log_text()
    assert "sources[0].topik" in log
    assert "colector" in log
    mosquitto.publish("first/a", "1")
    wait_for_rows(collector.data_path, "first", 1)


def test_what_needs_a_restart_is_named_and_nothing_else_changes(
    mosquitto: Mosquitto, start_connected: StartCollector
) -> None:
    collector = start_connected(configuration_for(mosquitto, sources=[_FIRST]))
    text = configuration_for(mosquitto, sources=[_SECOND]).replace("data.csv", "moved.csv")
    _reload(collector, text, says="the configuration is not reloaded")
    assert "only a restart takes up storage.path" in collector.log_text()
    mosquitto.publish("first/a", "1")
    wait_for_rows(collector.data_path, "first", 1)


def test_a_changed_password_is_used_at_once(
    mosquitto: Mosquitto, start_connected: StartCollector
) -> None:
    collector = start_connected(configuration_for(mosquitto, sources=[_FIRST]))
    mosquitto.change_password("collector", "an0ther")
    _reload(
        collector,
        configuration_for(mosquitto, sources=[_FIRST], password="an0ther"),
        says="reloaded: ",
    )
    collector.wait_for(lambda: collector.log_text().count("connected (MQTT") > 1, "a connection")
    mosquitto.publish("first/a", "1")
    wait_for_rows(collector.data_path, "first", 1)
    assert "an0ther" not in collector.log_text()


def test_a_changed_connection_is_made_anew(
    mosquitto: Mosquitto, start_connected: StartCollector
) -> None:
    collector = start_connected(configuration_for(mosquitto, sources=[_FIRST]))
    _reload(
        collector,
        configuration_for(mosquitto, sources=[_FIRST], keepalive="33s"),
        says="connects again by changed settings",
    )
    collector.wait_for(lambda: ", k33, " in mosquitto.log_text(), "a connection")
    assert "closed its connection" not in mosquitto.log_text().partition(", k60, ")[2]


def test_polls_come_change_and_go(mosquitto: Mosquitto, start_connected: StartCollector) -> None:
    def polls(*names: str) -> str:
        lines = "".join(
            f'  - command: {{name: {name}, every: 200ms, run: [echo, "7"], measurement: {name}}}\n'
            for name in names
        )
        return configuration_for(mosquitto, sources=[_FIRST], extra="polls:\n" + lines)

    collector = start_connected(polls("one", "two"))
    wait_for_rows(collector.data_path, "one", 1)
    _reload(collector, polls("two", "three"), says="reloaded: ")
    wait_for_rows(collector.data_path, "three", 1)
    found = ask_status(collector.data_path)
    assert found is not None
    jobs = found["jobs"]
    assert isinstance(jobs, dict)
    assert {name for name in jobs if name.startswith("poll")} == {"poll two", "poll three"}


def test_levels_of_the_log_are_taken_up(
    mosquitto: Mosquitto, start_connected: StartCollector
) -> None:
    collector = start_connected(configuration_for(mosquitto, sources=[_FIRST]))
    quiet = configuration_for(mosquitto, sources=[_FIRST], extra="logging: {level: error}")
    collector.config_path.write_text(quiet, encoding="utf-8")
    collector.signal(signal.SIGHUP)
    collector.wait_for(lambda: _last_reload(collector) is not None, "a reload")
    assert "reloaded: " not in collector.log_text()


def _last_reload(collector: CollectorProcess) -> dict[str, object] | None:
    found = ask_status(collector.data_path)
    last = found and found["reload"]
    return last if isinstance(last, dict) else None


def test_the_status_tells_what_came_of_the_last_reload(
    mosquitto: Mosquitto, start_connected: StartCollector
) -> None:
    collector = start_connected(configuration_for(mosquitto, sources=[_FIRST]))
    assert _last_reload(collector) is None
    _reload(collector, "sources: 7\n", says="the configuration is not reloaded")
    collector.wait_for(lambda: _last_reload(collector) is not None, "the status")
    last = _last_reload(collector)
    assert last is not None
    assert last["applied"] is False
    assert "config.yaml:1: sources" in json.dumps(last["lines"])


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        (("keepalive: 60s", "keepalive: 30s"), {"brokers.home.keepalive"}),
        (("interval: 1s", "interval: 2s"), {"storage.commit.interval"}),
        (("name: test", "name: other"), {"collector.name"}),
        (("  home:\n", "  house:\n"), {"brokers.home", "brokers.house"}),
        (("first/+device", "first/+room"), {"sources"}),
        (("\nsources", "\nlogging: {levels: {mqtt: error}}\nsources"), {"logging.levels.mqtt"}),
        (("first/+device", "first/+device"), set()),
    ],
    ids=["keepalive", "commit", "name", "broker", "rule", "levels", "nothing"],
)
def test_changes_are_named_as_they_are_written(
    tmp_path: Path, change: tuple[str, str], keys: set[str]
) -> None:
    text = """\
collector: {name: test}
brokers:
  home:
    url: mqtt://localhost
    keepalive: 60s
sources:
  - {topic: first/+device, measurement: first}
storage: {commit: {interval: 1s}}
"""
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    before = load_config(path)
    path.write_text(text.replace(*change), encoding="utf-8")
    found = changes(before, load_config(path))
    assert {".".join(key) for key in found.keys} == keys
