"""From mosquitto_pub to a row that another process finds, through restarts and kills."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

from daemon.errors import EX_UNAVAILABLE
from tests.daemon.app.conftest import StartCollector
from tests.daemon.app.processes import (
    CollectorProcess,
    Row,
    configuration_for,
    read_rows,
    wait_for_rows,
)
from tests.support.mosquitto import Mosquitto

CONNECTED = "connected (MQTT"
NUMBERS = "{topic: n/+publisher, measurement: numbers}"


def test_messages_become_rows_before_and_after_a_restart_of_the_broker(
    mosquitto: Mosquitto, start_collector: StartCollector
) -> None:
    collector = start_collector(configuration_for(mosquitto))
    collector.wait_for_log(CONNECTED)
    mosquitto.publish("sensors/attic", '{"t": 21.5, "h": 40}', qos=1)
    mosquitto.publish("sensors/cellar", '{"t": 9}', qos=0)
    wait_for_rows(collector.data_path, "climate", 2)
    mosquitto.restart()
    collector.wait_for(lambda: collector.log_text().count(CONNECTED) == 2, "the next connection")
    mosquitto.publish("sensors/attic", '{"t": 22.5, "h": 41}', qos=1)
    mosquitto.publish("sensors/cellar", '{"t": 10}', qos=0)
    rows = wait_for_rows(collector.data_path, "climate", 4)
    assert [(row.tags["device"], row.fields) for row in rows] == [
        ("attic", {"t": 21.5, "h": 40.0}),
        ("cellar", {"t": 9.0}),
        ("attic", {"t": 22.5, "h": 41.0}),
        ("cellar", {"t": 10.0}),
    ]


def test_rows_are_visible_long_before_the_commit(
    mosquitto: Mosquitto, start_collector: StartCollector
) -> None:
    collector = start_collector(configuration_for(mosquitto, interval="1h"))
    collector.wait_for_log(CONNECTED)
    mosquitto.publish("sensors/attic", '{"t": 21.5}')
    [row] = wait_for_rows(collector.data_path, "climate", 1)
    assert row == Row({"device": "attic", "host": "test"}, {"t": 21.5})


def test_what_is_published_while_it_is_off_arrives(
    mosquitto: Mosquitto, start_collector: StartCollector
) -> None:
    collector = start_collector(configuration_for(mosquitto, sources=[NUMBERS]))
    collector.wait_for_log(CONNECTED)
    assert collector.end() == 0
    mosquitto.publish_lines("n/one", [str(number) for number in range(100)])
    collector.start()
    rows = wait_for_rows(collector.data_path, "numbers", 100)
    assert [row.fields["value"] for row in rows] == list(range(100))


def test_sigterm_stores_and_acknowledges_what_waits(
    mosquitto: Mosquitto, start_collector: StartCollector
) -> None:
    collector = start_collector(configuration_for(mosquitto, interval="1h", sources=[NUMBERS]))
    collector.wait_for_log(CONNECTED)
    mosquitto.publish_lines("n/one", ["1", "2", "3"])
    wait_for_rows(collector.data_path, "numbers", 3)
    assert collector.end(signal.SIGTERM) == 0
    # What had not been acknowledged would come again now.
    collector.start()
    collector.wait_for(lambda: collector.log_text().count(CONNECTED) == 2, "the next connection")
    mosquitto.publish("n/one", "4")
    rows = wait_for_rows(collector.data_path, "numbers", 4)
    assert [row.fields["value"] for row in rows] == [1.0, 2.0, 3.0, 4.0]


def test_sigint_ends_it_as_well(mosquitto: Mosquitto, start_collector: StartCollector) -> None:
    collector = start_collector(configuration_for(mosquitto))
    assert collector.end(signal.SIGINT) == 0
    assert "stopped (SIGINT)" in collector.log_text()


def test_it_stops_while_it_cannot_connect(
    start_collector: StartCollector, mosquitto: Mosquitto
) -> None:
    mosquitto.stop()
    # It accepts connections and never answers.
    with socket.create_server(("127.0.0.1", mosquitto.port)):
        collector = start_collector(configuration_for(mosquitto))
        assert collector.end(signal.SIGTERM) == 0


def test_a_second_collector_on_the_same_data_is_refused(
    mosquitto: Mosquitto, start_collector: StartCollector
) -> None:
    first = start_collector(configuration_for(mosquitto))
    second = subprocess.run(
        [sys.executable, "-m", "daemon", "run", "-c", str(first.config_path)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert second.returncode == EX_UNAVAILABLE
    assert "another collector (process" in second.stderr
    assert str(first.data_path) in second.stderr
    assert first.end() == 0


def test_it_keeps_running_without_its_broker(
    mosquitto: Mosquitto, start_collector: StartCollector
) -> None:
    mosquitto.stop()
    polls = "polls:\n  - command: {every: 200ms, run: [echo, '42'], measurement: answers}"
    collector = start_collector(configuration_for(mosquitto, extra=polls))
    rows = wait_for_rows(collector.data_path, "answers", 3)
    assert rows[0].fields == {"value": 42.0}
    said = [line for line in collector.log_text().splitlines() if "nobody listens" in line]
    assert len(said) == 1
    mosquitto.start()
    collector.wait_for_log(CONNECTED)


def _numbers(collector: CollectorProcess) -> list[int]:
    return [int(row.fields["value"]) for row in read_rows(collector.data_path, "numbers")]
