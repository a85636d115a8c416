"""A disk slower than the broker pushes: what is committed is acknowledged, and a backlog drains."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

from daemon.clock import SystemClock
from daemon.messages import Outcome
from daemon.sources import MqttSource
from daemon.writer import Inbox
from tests.daemon.sources.conftest import settings_for, take_messages
from tests.daemon.waiting import wait_until
from tests.daemon.writer.conftest import RunningWriter
from tests.support.mosquitto import Mosquitto, StartMosquitto
from tinyflux.files import intercepted

# The broker sends all it has, whatever is acknowledged; Mosquitto 2.0.11 does so anyhow.
PUSHING = ("log_type error", "autosave_on_changes false", "max_inflight_messages 0")
LINES = [str(number) for number in range(1500)]


class SlowCollector:
    """A source with a small inbox, and a writer that takes its time for each write."""

    def __init__(
        self, broker: Mosquitto, folder: Path, *, keepalive_s: int, write_s: float
    ) -> None:
        self._write_s = write_s
        self.inbox = Inbox(max_items=700)
        settings = settings_for(broker, keepalive_s=keepalive_s)
        self.source = MqttSource(
            settings, [("n/#", 1)], self.inbox, SystemClock(), reconnect_s=(0.05, 0.1)
        )
        self.running = RunningWriter(
            folder, interval_s=0.1, boot_id="boot", inbox=self.inbox, source=self.source
        )

    def drain(self, broker: Mosquitto) -> None:
        """Publish the backlog, and wait until all of it is stored and acknowledged."""
        self.running.writer.start()
        self.source.start()
        wait_until(lambda: self.source.is_connected, "a connection")
        with intercepted(self._be_slow):
            broker.publish_lines("n/a", LINES)
            stored = self.running.ledger.outcomes
            wait_until(lambda: stored()[Outcome.STORED] >= len(LINES), "the backlog to drain")
        self.source.stop_intake()
        assert self.running.writer.stop(10.0)
        self.source.close()

    def _be_slow(self, step: str, path: str) -> None:
        if (step, path) == ("write", str(self.running.path)):
            time.sleep(self._write_s)


def _left_with(broker: Mosquitto) -> str:
    """The first message that the broker sends on the next connection of our session."""
    inbox = Inbox()
    source = MqttSource(settings_for(broker), [("n/#", 1)], inbox, SystemClock())
    source.start()
    try:
        wait_until(lambda: source.is_connected, "a connection")
        broker.publish_lines("n/a", ["end"])
        return take_messages(inbox, 1)[0].payload.decode()
    finally:
        source.close()


def test_a_commit_that_is_slow_is_acknowledged_on_its_connection(
    start_mosquitto: StartMosquitto, tmp_path: Path
) -> None:
    """A write takes longer than reading may pause while a disk refuses."""
    broker = start_mosquitto(lines=PUSHING)
    slow = SlowCollector(broker, tmp_path, keepalive_s=3, write_s=1.2)
    slow.drain(broker)
    assert slow.source.state().connections == 1
    assert slow.inbox.counts().received == len(LINES)
    assert Counter(slow.running.values()) == Counter(float(line) for line in LINES)
    assert _left_with(broker) == "end"


def test_a_backlog_drains_though_no_connection_outlives_a_write(
    start_mosquitto: StartMosquitto, tmp_path: Path
) -> None:
    broker = start_mosquitto(lines=PUSHING)
    slow = SlowCollector(broker, tmp_path, keepalive_s=1, write_s=1.3)
    slow.drain(broker)
    assert slow.source.state().connections > 1
    # Each is sent twice at most: what comes again is acknowledged before anything else is stored.
    assert slow.inbox.counts().received <= 2 * len(LINES)
    assert Counter(slow.running.values()) == Counter(float(line) for line in LINES)
    assert _left_with(broker) == "end"
