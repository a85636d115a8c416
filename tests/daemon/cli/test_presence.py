"""Others learn from the broker whether the collector is there, however it ended."""

from __future__ import annotations

import signal
import subprocess

import pytest

from tests.daemon.app.processes import configuration_for
from tests.daemon.cli.conftest import StartCollector
from tests.daemon.waiting import wait_until
from tests.support.mosquitto import Mosquitto


def _retained(broker: Mosquitto) -> str:
    """What the broker keeps on the status topic now."""
    answer = subprocess.run(
        [
            *("mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port)),
            *("-u", broker.username, "-P", broker.password),
            *("-t", "tinyflux-collector/test/status", "-C", "1", "-W", "2"),
        ],
        capture_output=True,
        text=True,
        timeout=30,
    )
    return answer.stdout.strip()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_the_status_topic_says_online_and_offline(
    mosquitto: Mosquitto, start_collector: StartCollector, how: signal.Signals
) -> None:
    collector = start_collector(configuration_for(mosquitto))
    collector.wait_for_log("connected (MQTT")
    wait_until(lambda: _retained(mosquitto) == "online", "`online`")
    collector.end(how)
    wait_until(lambda: _retained(mosquitto) == "offline", "`offline`")
