"""A listener sees what is published, and leaves nothing of itself at the broker."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from daemon.clock import SystemClock
from daemon.config import Config
from daemon.messages import Message, Subscription
from daemon.sources import LinkSettings, link_settings
from daemon.sources.listener import Connected, Disconnected, Event, Listener
from daemon.sources.probe import look_at
from tests.daemon.waiting import wait_until
from tests.support.mosquitto import Mosquitto, StartMosquitto

CLOCK = SystemClock()
TOTAL = "$SYS/broker/clients/total"


def settings_for(broker: Mosquitto, protocol: str = "5") -> LinkSettings:
    options = {"url": broker.url, "protocol": protocol}
    if broker.username:
        options |= {"username": broker.username, "password": broker.password}
    return link_settings(Config.model_validate({"brokers": {"home": options}}), "home")


def topics_of(events: list[Event]) -> list[str]:
    return [event.topic for event in events if isinstance(event, Message)]


def glance(settings: LinkSettings) -> None:
    assert look_at(settings, [Subscription("a/#", 1)], CLOCK, 0.1).trouble == ""


def listen(settings: LinkSettings) -> None:
    events: list[Event] = []
    listener = Listener(settings, ["a/#"], events.append, CLOCK)
    listener.start()
    wait_until(lambda: Connected("home") in events, "the broker's answer")
    listener.close()


@pytest.mark.parametrize("visit", [glance, listen])
def test_stranger_leaves_no_session_behind(
    start_mosquitto: StartMosquitto, visit: Callable[[LinkSettings], None]
) -> None:
    broker = start_mosquitto(users={}, lines=["sys_interval 1"])
    settings = settings_for(broker)
    visit(settings)
    events: list[Event] = []
    listener = Listener(settings, [TOTAL], events.append, CLOCK)
    listener.start()
    # The listener itself is one; a session that was kept would be another.
    wait_until(
        lambda: [one.payload for one in events if isinstance(one, Message)][-1:] == [b"1"],
        "a broker that knows of one client only",
    )
    listener.close()


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_filters_may_be_added(start_mosquitto: StartMosquitto, protocol: str) -> None:
    broker = start_mosquitto(users={})
    for topic in ("a/x", "b/x"):
        broker.publish(topic, "1", retain=True)
    events: list[Event] = []
    listener = Listener(settings_for(broker, protocol), ["a/#"], events.append, CLOCK)
    listener.start()
    wait_until(lambda: topics_of(events) == ["a/x"], "the message of the first filter")
    listener.listen_to(["b/#", "a/#"])
    wait_until(lambda: topics_of(events) == ["a/x", "b/x"], "the message of the second")
    listener.close()


def test_lost_broker_is_told_and_found_again(start_mosquitto: StartMosquitto) -> None:
    broker = start_mosquitto(users={})
    events: list[Event] = []
    listener = Listener(settings_for(broker), ["a/#"], events.append, CLOCK)
    listener.start()
    wait_until(lambda: Connected("home") in events, "the first connection")
    broker.restart()
    wait_until(lambda: any(isinstance(one, Disconnected) for one in events), "the end of it")
    wait_until(lambda: events.count(Connected("home")) == 2, "the second connection")
    listener.close()
