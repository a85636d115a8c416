"""The broker inside the collector: who gets in, what it delivers, how it ends."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator

import pytest
from paho.mqtt import MQTTException, publish

from daemon.config import BrokerConfig, Config
from daemon.errors import StartError
from daemon.sources import EmbeddedBroker, Endpoint, MqttSource, link_settings
from daemon.writer import Inbox
from tests.daemon.sources.conftest import Sources, payloads, receipts_of, take_messages
from tests.daemon.waiting import wait_until

pytest.importorskip("amqtt")
CONFIG = BrokerConfig(url="embedded")


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    started = EmbeddedBroker("demo", CONFIG)
    started.start()
    yield started
    started.stop()


def _publish(to: Endpoint, payload: str, *, password: str | None = None) -> None:
    """Publish as another program would; MQTTException when it is not let in."""
    publish.single(
        "a/b",
        payload,
        qos=1,
        hostname=to.host,
        port=to.port,
        auth={"username": to.username or "", "password": password or to.password or ""},
    )


def _connect(sources: Sources, broker: EmbeddedBroker, inbox: Inbox) -> MqttSource:
    config = Config.model_validate({"brokers": {"demo": {"url": "embedded"}}})
    return sources.connect(link_settings(config, "demo", broker.endpoint), inbox)


def test_a_message_comes_through_it(broker: EmbeddedBroker, sources: Sources) -> None:
    inbox = Inbox()
    source = _connect(sources, broker, inbox)
    _publish(broker.endpoint, "21.5")
    messages = take_messages(inbox, 1)
    source.acknowledge(receipts_of(messages))
    assert payloads(messages) == ["21.5"]


def test_the_collectors_session_persists(broker: EmbeddedBroker, sources: Sources) -> None:
    _connect(sources, broker, Inbox()).close()
    _publish(broker.endpoint, "while it was off")
    inbox = Inbox()
    _connect(sources, broker, inbox)
    assert payloads(take_messages(inbox, 1)) == ["while it was off"]


def test_a_wrong_password_does_not_get_in(
    broker: EmbeddedBroker, logged: Callable[[int], list[str]]
) -> None:
    with pytest.raises(MQTTException, match=r"[Nn]ot authorized"):
        _publish(broker.endpoint, "x", password="wrong")
    with pytest.raises(MQTTException):
        _publish(broker.endpoint, "x", password="wrong")
    [line] = [line for line in logged(logging.WARNING) if "Caught exception" not in line]
    assert "refused a client with user name 'collector'" in line


def test_a_program_of_this_machine_needs_no_login(broker: EmbeddedBroker, sources: Sources) -> None:
    inbox = Inbox()
    _connect(sources, broker, inbox)
    publish.single(
        "a/b", "anybody", qos=1, hostname=broker.endpoint.host, port=broker.endpoint.port
    )
    assert payloads(take_messages(inbox, 1)) == ["anybody"]


def test_where_others_could_reach_it_a_login_is_needed() -> None:
    broker = EmbeddedBroker("demo", BrokerConfig(url="embedded", listen="0.0.0.0:0"))
    broker.start()
    with pytest.raises(MQTTException, match=r"[Nn]ot authorized"):
        publish.single("a/b", "x", qos=1, hostname="127.0.0.1", port=broker.endpoint.port)
    broker.stop()


def test_the_configured_login_is_the_one_to_give() -> None:
    config = BrokerConfig.model_validate(
        {"url": "embedded", "username": "device", "password": "s3cret"}
    )
    broker = EmbeddedBroker("demo", config)
    broker.start()
    found = broker.endpoint
    _publish(found, "x", password="s3cret")
    broker.stop()
    assert (found.username, found.password) == ("device", "s3cret")


def test_a_taken_port_is_said_with_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        broker = EmbeddedBroker("demo", BrokerConfig(url="embedded", listen=f"127.0.0.1:{port}"))
        with pytest.raises(StartError, match=r"set brokers\.demo\.listen to another port"):
            broker.start()


def test_it_ends_while_clients_are_connected(sources: Sources) -> None:
    broker = EmbeddedBroker("demo", CONFIG)
    broker.start()
    inbox = Inbox()
    source = _connect(sources, broker, inbox)
    _publish(broker.endpoint, "never acknowledged")
    take_messages(inbox, 1)
    broker.stop()
    wait_until(lambda: not source.is_connected, "the loss of the connection")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((broker.endpoint.host, broker.endpoint.port))


def test_stop_is_safe_twice_and_before_start(broker: EmbeddedBroker) -> None:
    never = EmbeddedBroker("demo", CONFIG)
    never.stop()
    broker.stop()
    broker.stop()


def test_it_keeps_quiet(
    broker: EmbeddedBroker, sources: Sources, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    inbox = Inbox()
    source = _connect(sources, broker, inbox)
    _publish(broker.endpoint, "1")
    take_messages(inbox, 1)
    source.close()
    broker.stop()
    assert [r.getMessage() for r in caplog.records if r.name.startswith("amqtt")] == []
