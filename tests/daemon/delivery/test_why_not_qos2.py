"""Why the collector subscribes at QoS 1 at most: at QoS 2 paho takes a message over at once.

A bare paho client with manual acknowledgement gets a message, and its process is killed before it
has stored it. The broker must deliver it again to the next one.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.mosquitto import Mosquitto

# Prints what arrives and acknowledges nothing.
CLIENT = """
import sys
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

port, user, password, qos = sys.argv[1:]
client = Client(CallbackAPIVersion.VERSION2, "reader", clean_session=False, manual_ack=True)
client.username_pw_set(user, password)
client.on_connect = lambda *_: client.subscribe("a/#", int(qos))
client.on_subscribe = lambda *_: print("subscribed", flush=True)
client.on_message = lambda _, __, message: print(message.payload.decode(), flush=True)
client.connect("127.0.0.1", int(port))
client.loop_forever()
"""


@contextmanager
def _client(broker: Mosquitto, qos: int) -> Iterator[Iterator[str]]:
    """What a client prints, line by line; killed at the end."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            CLIENT,
            str(broker.port),
            broker.username,
            broker.password,
            str(qos),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield (line.rstrip("\n") for line in process.stdout)
    finally:
        process.kill()
        process.wait(timeout=30)
        process.stdout.close()


@pytest.mark.parametrize(
    ("qos", "comes_again"),
    [
        pytest.param(1, True, id="QoS 1 is delivered again"),
        pytest.param(2, False, id="QoS 2 is gone"),
    ],
)
def test_a_message_of_a_killed_client(mosquitto: Mosquitto, qos: int, comes_again: bool) -> None:
    with _client(mosquitto, qos) as lines:
        assert next(lines) == "subscribed"
        mosquitto.publish("a/b", "precious", qos=qos)
        assert next(lines) == "precious"
        # paho has sent PUBREC by now: it answers before the broker's next message arrives.
        mosquitto.publish("a/b", "later", qos=qos)
        assert next(lines) == "later"
    found: list[str] = []
    with _client(mosquitto, qos) as lines:
        mosquitto.publish("a/b", "last", qos=qos)
        for line in lines:
            found.append(line)
            if line == "last":
                break
    assert ("precious" in found) is comes_again
