"""The least that keeps the collector's promise: write what waits, sync once, acknowledge all of it.

No mapping, no queue bounds, no ledger: what a subscriber in Python can take at the most.
"""

from __future__ import annotations

import argparse
import os
import queue
import signal
import socket
import time
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion


def main() -> None:
    """Store until SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--username", required=True)
    parser.add_argument("--password", required=True)
    options = parser.parse_args()
    is_ending = False

    def end(*_: object) -> None:
        nonlocal is_ending
        is_ending = True

    signal.signal(signal.SIGTERM, end)
    arrived: queue.SimpleQueue[MQTTMessage] = queue.SimpleQueue()
    client = Client(
        CallbackAPIVersion.VERSION2, client_id="bare", clean_session=False, manual_ack=True
    )
    client.username_pw_set(options.username, options.password)
    client.on_message = lambda client, data, message: arrived.put(message)
    client.on_connect = lambda *_: client.subscribe("bench/#", qos=1)
    client.on_socket_open = lambda client, data, sock: sock.setsockopt(
        socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
    )
    client.connect("127.0.0.1", options.port)
    client.loop_start()
    fd = os.open(options.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    while not is_ending:
        batch = _waiting(arrived)
        if batch:
            os.write(fd, b"".join(map(_row, batch)))
            os.fdatasync(fd)
            for message in batch:
                client.ack(message.mid, message.qos)
    client.disconnect()
    client.loop_stop()
    os.close(fd)


def _waiting(arrived: queue.SimpleQueue[MQTTMessage]) -> list[MQTTMessage]:
    """What is there, at least one unless none comes for a while."""
    batch: list[MQTTMessage] = []
    try:
        batch.append(arrived.get(timeout=0.2))
        while True:
            batch.append(arrived.get_nowait())
    except queue.Empty:
        return batch


def _row(message: MQTTMessage) -> bytes:
    return b"%d,bench,_field_value,%s\r\n" % (time.time_ns() // 1000, message.payload)


if __name__ == "__main__":
    main()
