"""MQTT through a WebSocket, in front of a real broker, with and without TLS."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from daemon.config import Config
from daemon.sources import LinkSettings, link_settings
from daemon.writer import Inbox
from tests.daemon.sources.conftest import Sources, acknowledge_all, payloads, take_messages
from tests.daemon.waiting import wait_until
from tests.support.mosquitto import Mosquitto, StartMosquitto
from tests.support.ports import free_port
from tests.support.secured import WebSocketGate, write_authority

StartGate = Callable[..., WebSocketGate]


@pytest.fixture
def start_gate() -> Iterator[StartGate]:
    started: list[WebSocketGate] = []

    def start(broker: Mosquitto, leaf: trustme.LeafCert | None = None) -> WebSocketGate:
        started.append(WebSocketGate(broker.port, leaf))
        return started[-1]

    yield start
    for gate in started:
        gate.close()


def _settings(url: str, **options: object) -> LinkSettings:
    broker = {"url": url, "username": "collector", "password": "s3cret", **options}
    return link_settings(Config.model_validate({"brokers": {"home": broker}}), "home")


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_messages_come_and_are_acknowledged_through_it(
    mosquitto: Mosquitto, sources: Sources, start_gate: StartGate, protocol: str
) -> None:
    settings = _settings(f"ws://127.0.0.1:{start_gate(mosquitto).port}/mqtt", protocol=protocol)
    inbox = Inbox()
    source = sources.connect(settings, inbox)
    lines = [str(number) for number in range(300)]
    mosquitto.publish_lines("a/b", lines)
    assert payloads(acknowledge_all(source, inbox, len(lines))) == lines
    # The gate drops what it has not passed on when a connection ends.
    wait_until(lambda: mosquitto.log_text().count("Received PUBACK") == len(lines), "PUBACKs")
    source.close()
    second = Inbox()
    sources.connect(settings, second)
    mosquitto.publish("a/b", "after")
    assert payloads(take_messages(second, 1)) == ["after"]


def test_a_long_message_comes_whole(
    mosquitto: Mosquitto, sources: Sources, start_gate: StartGate
) -> None:
    inbox = Inbox()
    sources.connect(_settings(f"ws://127.0.0.1:{start_gate(mosquitto).port}"), inbox)
    mosquitto.publish("a/b", b"x" * 200_000)
    [message] = take_messages(inbox, 1)
    assert message.payload == b"x" * 200_000


def test_messages_come_through_it_with_tls(
    mosquitto: Mosquitto, sources: Sources, start_gate: StartGate, tmp_path: Path
) -> None:
    authority = trustme.CA()
    gate = start_gate(mosquitto, authority.issue_cert("localhost"))
    ca = write_authority(authority, tmp_path)
    inbox = Inbox()
    sources.connect(_settings(f"wss://localhost:{gate.port}/mqtt", tls={"ca": str(ca)}), inbox)
    mosquitto.publish_lines("a/b", [str(number) for number in range(15)])
    assert payloads(take_messages(inbox, 15)) == [str(number) for number in range(15)]


def test_another_path_is_said_once(
    mosquitto: Mosquitto,
    sources: Sources,
    start_gate: StartGate,
    logged: Callable[[int], list[str]],
) -> None:
    gate = start_gate(mosquitto)
    source = sources.start(_settings(f"ws://127.0.0.1:{gate.port}/other"), Inbox())
    wait_until(lambda: source.tries >= 3, "three tries")
    [line] = logged(logging.WARNING)
    assert "/other: what listens there opens no WebSocket for MQTT at this path" in line


def test_a_port_for_plain_mqtt_is_said_once(
    mosquitto: Mosquitto, sources: Sources, logged: Callable[[int], list[str]]
) -> None:
    source = sources.start(_settings(f"ws://127.0.0.1:{mosquitto.port}"), Inbox())
    wait_until(lambda: source.tries >= 3, "three tries")
    [line] = logged(logging.WARNING)
    assert "opens no WebSocket for MQTT" in line


def test_messages_come_through_mosquittos_own_websocket(
    start_mosquitto: StartMosquitto, sources: Sources, tmp_path: Path
) -> None:
    port = free_port()
    listener = tmp_path / "conf.d"
    listener.mkdir()
    (listener / "ws.conf").write_text(f"listener {port}\nprotocol websockets\n", encoding="ascii")
    try:
        broker = start_mosquitto(lines=[f"include_dir {listener}"])
    except RuntimeError as error:
        pytest.skip(f"this Mosquitto opens no WebSocket listener here: {str(error)[-200:]}")
    inbox = Inbox()
    sources.connect(_settings(f"ws://127.0.0.1:{port}/mqtt"), inbox)
    broker.publish("a/b", "21.5")
    assert payloads(take_messages(inbox, 1)) == ["21.5"]
