"""A subscriber that stores in SQLite what the collector stores, and acknowledges after a commit."""

from __future__ import annotations

import argparse
import json
import queue
import signal
import sqlite3
import time
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

_SCHEMA = """
CREATE TABLE points (time INTEGER NOT NULL, measurement TEXT NOT NULL, device TEXT,
  temperature REAL, humidity REAL, battery REAL, linkquality REAL);
CREATE INDEX by_time ON points (time);
CREATE INDEX by_measurement ON points (measurement, time);
"""
_COLUMNS = ("temperature", "humidity", "battery", "linkquality")


class Subscriber:
    """One table, one transaction every `commit_s` (0: one a message)."""

    def __init__(self, path: Path, commit_s: float, window: int) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_SCHEMA)
        self._commit_s = commit_s
        self._window = window
        self._arrived: queue.SimpleQueue[MQTTMessage] = queue.SimpleQueue()
        self._is_ending = False

    def run(self, port: int, username: str, password: str) -> None:
        """Store until SIGTERM."""
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "_is_ending", True))
        client = Client(
            CallbackAPIVersion.VERSION2, client_id="sqlite" + str(self._commit_s), manual_ack=True
        )
        client.username_pw_set(username, password)
        client.on_message = lambda client, data, message: self._arrived.put(message)
        client.on_connect = lambda *_: client.subscribe("zigbee2mqtt/#", qos=1)
        client.connect("127.0.0.1", port)
        client.loop_start()
        while not self._is_ending:
            self._store_some(client)
        client.disconnect()
        client.loop_stop()
        self._db.close()

    def _store_some(self, client: Client) -> None:
        """One transaction. A full window stops a broker: half of it commits."""
        deadline, batch = time.monotonic() + self._commit_s, []
        while len(batch) < (self._window // 2 if self._commit_s else 1):
            try:
                batch.append(self._arrived.get(timeout=max(0.05, deadline - time.monotonic())))
            except queue.Empty:
                if self._is_ending or time.monotonic() >= deadline:
                    break
        if not batch:
            return
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO points VALUES (?,?,?,?,?,?,?)", map(_row, batch))
        self._db.execute("COMMIT")
        for message in batch:
            client.ack(message.mid, message.qos)


def _row(message: MQTTMessage) -> tuple[object, ...]:
    values = json.loads(message.payload)
    device = message.topic.rpartition("/")[2]
    return (time.time_ns() // 1000, "climate", device, *(values[name] for name in _COLUMNS))


def main() -> None:
    """Store one broker's messages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--commit-s", type=float, required=True)
    parser.add_argument("--window", type=int, required=True)
    parser.add_argument("--username", required=True)
    parser.add_argument("--password", required=True)
    options = parser.parse_args()
    subscriber = Subscriber(options.path, options.commit_s, options.window)
    subscriber.run(options.port, options.username, options.password)


if __name__ == "__main__":
    main()
