"""Sources that end with their test, and what is needed to watch them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

import pytest

from daemon.clock import Clock, SystemClock
from daemon.messages import Message, Receipt
from daemon.sources import LinkSettings, MqttSource, SessionMemory
from daemon.sources.faults import Address
from daemon.writer import Inbox
from tests.daemon.waiting import wait_until
from tests.support.mosquitto import Mosquitto


def take_messages(inbox: Inbox, count: int) -> list[Message]:
    """At least `count` messages, unacknowledged."""
    taken: list[Message] = []

    def have_come() -> bool:
        items = inbox.take()
        inbox.release(items)
        taken.extend(item for item in items if isinstance(item, Message))
        return len(taken) >= count

    wait_until(have_come, f"{count} messages")
    return taken


def acknowledge_all(source: MqttSource, inbox: Inbox, count: int) -> list[Message]:
    """At least `count` messages, each acknowledged soon after it came."""
    taken: list[Message] = []
    while len(taken) < count:
        part = take_messages(inbox, 1)
        source.acknowledge(receipts_of(part))
        taken += part
    return taken


def receipts_of(messages: Sequence[Message]) -> list[Receipt]:
    return [message.receipt for message in messages if message.receipt is not None]


def payloads(messages: Sequence[Message]) -> list[str]:
    return [message.payload.decode() for message in messages]


class Sources:
    """Starts sources; those that a test leaves running are closed after it."""

    def __init__(self) -> None:
        self._started: list[MqttSource] = []

    def start(
        self,
        settings: LinkSettings,
        inbox: Inbox,
        subscriptions: Sequence[tuple[str, int]] = (("a/#", 1),),
        memory: SessionMemory | None = None,
        *,
        clock: Clock | None = None,
        connack_timeout_s: float = 1.0,
    ) -> MqttSource:
        source = MqttSource(
            settings,
            subscriptions,
            inbox,
            clock or SystemClock(),
            reconnect_s=(0.1, 0.3),
            connack_timeout_s=connack_timeout_s,
            memory=memory,
        )
        self._started.append(source)
        source.start()
        return source

    def connect(
        self,
        settings: LinkSettings,
        inbox: Inbox,
        subscriptions: Sequence[tuple[str, int]] = (("a/#", 1),),
        memory: SessionMemory | None = None,
        *,
        clock: Clock | None = None,
    ) -> MqttSource:
        """Start one and wait until the broker has accepted it."""
        source = self.start(settings, inbox, subscriptions, memory, clock=clock)
        wait_until(lambda: source.is_connected, "a connection")
        return source

    def close(self) -> None:
        for source in self._started:
            source.close()


@pytest.fixture
def sources() -> Iterator[Sources]:
    started = Sources()
    yield started
    started.close()


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[int], list[str]]:
    """What the sources have said at this level or above."""
    caplog.set_level(logging.INFO, "daemon.sources")
    return lambda level: [r.getMessage() for r in caplog.records if r.levelno >= level]


def settings_for(
    broker: Mosquitto,
    *,
    client_id: str = "collector",
    broker_name: str = "home",
    password: str | None = None,
    is_version_5: bool = False,
    keepalive_s: int = 60,
) -> LinkSettings:
    return LinkSettings(
        Address(broker_name, "127.0.0.1", broker.port),
        client_id,
        username=broker.username or None,
        password=broker.password if password is None else password,
        is_version_5=is_version_5,
        keepalive_s=keepalive_s,
        session_s=3600,
        receive_maximum=200,
    )
