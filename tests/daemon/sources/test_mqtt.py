"""A source on a real Mosquitto: what arrives, what is acknowledged, what comes again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import pytest

from daemon.clock import SystemClock
from daemon.sources import LinkSettings, MqttSource, StatusMessage
from daemon.writer import Inbox
from tests.daemon.sources.conftest import (
    Sources,
    acknowledge_all,
    payloads,
    receipts_of,
    settings_for,
    take_messages,
)
from tests.daemon.waiting import wait_until
from tests.support.mosquitto import Mosquitto, StartMosquitto

BOTH_VERSIONS = pytest.mark.parametrize("is_version_5", [False, True], ids=["3.1.1", "5"])


def _connect_again(sources: Sources, source: MqttSource, settings: LinkSettings) -> Inbox:
    """Close a source and start another one with the same session."""
    source.close()
    inbox = Inbox()
    sources.connect(settings, inbox)
    return inbox


@BOTH_VERSIONS
def test_messages_of_both_qualities_arrive(
    mosquitto: Mosquitto, sources: Sources, is_version_5: bool
) -> None:
    inbox = Inbox()
    sources.connect(settings_for(mosquitto, is_version_5=is_version_5), inbox)
    mosquitto.publish("a/one", "1", qos=0)
    mosquitto.publish("a/two", "2", qos=1)
    mosquitto.publish("a/three", "3", qos=2)
    found = [(m.topic, m.payload, m.qos, m.receipt is None) for m in take_messages(inbox, 3)]
    assert found == [
        ("a/one", b"1", 0, True),
        ("a/two", b"2", 1, False),
        # Subscribed at QoS 1 at most: at QoS 2 paho would take it over before it is stored.
        ("a/three", b"3", 1, False),
    ]


@BOTH_VERSIONS
def test_what_is_not_acknowledged_comes_again(
    mosquitto: Mosquitto, sources: Sources, is_version_5: bool
) -> None:
    settings = settings_for(mosquitto, is_version_5=is_version_5)
    inbox = Inbox()
    source = sources.connect(settings, inbox)
    mosquitto.publish_lines("a/b", ["one", "two", "three"])
    first, *_ = messages = take_messages(inbox, 3)
    source.acknowledge(receipts_of([first]))
    again = take_messages(_connect_again(sources, source, settings), 2)
    assert payloads(messages) == ["one", "two", "three"]
    assert payloads(again) == ["two", "three"]
    assert all(message.is_duplicate for message in again)


def test_what_is_acknowledged_does_not_come_again(mosquitto: Mosquitto, sources: Sources) -> None:
    settings = settings_for(mosquitto)
    inbox = Inbox()
    source = sources.connect(settings, inbox)
    mosquitto.publish_lines("a/b", ["one", "two"])
    source.acknowledge(receipts_of(take_messages(inbox, 2)))
    second = _connect_again(sources, source, settings)
    mosquitto.publish("a/b", "three")
    assert payloads(take_messages(second, 1)) == ["three"]


@BOTH_VERSIONS
def test_messages_published_while_it_was_off_arrive(
    mosquitto: Mosquitto, sources: Sources, is_version_5: bool
) -> None:
    settings = settings_for(mosquitto, is_version_5=is_version_5)
    source = sources.connect(settings, Inbox())
    source.close()
    lines = [str(number) for number in range(50)]
    mosquitto.publish_lines("a/b", lines)
    inbox = Inbox()
    second = sources.connect(settings, inbox)
    assert payloads(acknowledge_all(second, inbox, len(lines))) == lines


def test_it_comes_back_after_the_broker_restarted(
    mosquitto: Mosquitto, sources: Sources, logged: Callable[[int], list[str]]
) -> None:
    inbox = Inbox()
    source = sources.connect(settings_for(mosquitto), inbox)
    mosquitto.stop()
    wait_until(lambda: not source.is_connected, "the loss of the connection")
    mosquitto.start()
    wait_until(lambda: source.is_connected, "the next connection")
    mosquitto.publish("a/b", "after")
    assert payloads(take_messages(inbox, 1)) == ["after"]
    assert sum("connected (" in line for line in logged(logging.INFO)) == 2


def test_an_acknowledgement_of_an_ended_connection_is_dropped(
    mosquitto: Mosquitto, sources: Sources
) -> None:
    """Packet ids start anew with a connection: a late one would delete another message."""
    settings = settings_for(mosquitto)
    inbox = Inbox()
    source = sources.connect(settings, inbox)
    mosquitto.publish_lines("a/b", ["one", "two"])
    stale = receipts_of(take_messages(inbox, 2))
    mosquitto.restart()
    again = take_messages(inbox, 2)
    assert [receipt.packet_id for receipt in stale] == [r.packet_id for r in receipts_of(again)]
    source.acknowledge(stale)
    third = take_messages(_connect_again(sources, source, settings), 2)
    assert payloads(third) == ["one", "two"]


def test_a_retained_message_is_marked(mosquitto: Mosquitto, sources: Sources) -> None:
    mosquitto.publish("a/b", "kept", retain=True)
    inbox = Inbox()
    sources.connect(settings_for(mosquitto), inbox)
    mosquitto.publish("a/c", "fresh")
    assert {m.topic: m.is_retained for m in take_messages(inbox, 2)} == {"a/b": True, "a/c": False}


def test_a_forgotten_session_is_said(
    start_mosquitto: StartMosquitto, sources: Sources, logged: Callable[[int], list[str]]
) -> None:
    broker = start_mosquitto(lines=["persistence false"])
    source = sources.connect(settings_for(broker), Inbox())
    broker.restart()
    wait_until(lambda: any("forgotten our session" in line for line in logged(30)), "the warning")
    assert source.is_connected


def test_nothing_is_read_after_the_intake_stopped(mosquitto: Mosquitto, sources: Sources) -> None:
    settings = settings_for(mosquitto)
    inbox = Inbox()
    source = sources.connect(settings, inbox)
    mosquitto.publish("a/b", "before")
    before = take_messages(inbox, 1)
    source.stop_intake()
    mosquitto.publish("a/b", "after")
    source.acknowledge(receipts_of(before))
    again = take_messages(_connect_again(sources, source, settings), 1)
    assert payloads(again) == ["after"]
    assert inbox.counts().received == 1


def test_a_full_inbox_stops_the_reading_and_loses_nothing(
    mosquitto: Mosquitto, sources: Sources
) -> None:
    inbox = Inbox(max_items=50)
    source = sources.connect(settings_for(mosquitto), inbox)
    lines = [str(number) for number in range(400)]
    mosquitto.publish_lines("a/b", lines)
    wait_until(lambda: not inbox.has_room() or inbox.counts().received >= 20, "some messages")
    assert payloads(acknowledge_all(source, inbox, len(lines))) == lines
    assert inbox.counts().dropped == 0


def test_it_leaves_on_purpose_when_it_could_not_read_for_too_long(
    mosquitto: Mosquitto, sources: Sources, logged: Callable[[int], list[str]]
) -> None:
    inbox = Inbox(max_items=5)
    inbox.refuse(is_refused=True)
    source = sources.connect(settings_for(mosquitto, keepalive_s=5), inbox)
    mosquitto.publish_lines("a/b", [str(number) for number in range(20)])
    wait_until(lambda: not inbox.has_room(), "a full inbox")
    wait_until(lambda: any("left on purpose" in line for line in logged(30)), "its leaving")
    items = take_messages(inbox, 5)
    wait_until(lambda: source.is_connected, "its return")
    again = take_messages(inbox, 1)
    assert payloads(again)[0] == payloads(items)[0]


def test_a_flood_at_qos_0_is_dropped_and_counted_and_the_link_stands(
    mosquitto: Mosquitto, sources: Sources
) -> None:
    inbox = Inbox(max_items=100)
    source = sources.connect(settings_for(mosquitto), inbox)
    mosquitto.publish_lines("a/flood", [str(number) for number in range(2000)], qos=0)
    mosquitto.publish("a/precious", "kept", qos=1)
    wait_until(lambda: inbox.counts().received == 2001, "the flood")
    arrived = take_messages(inbox, 76)
    assert arrived[-1].topic == "a/precious"
    assert inbox.counts().dropped_by == {"a/flood": inbox.counts().dropped}
    assert source.is_connected


def test_it_says_birth_and_a_last_word(mosquitto: Mosquitto, sources: Sources) -> None:
    watcher_inbox = Inbox()
    sources.connect(settings_for(mosquitto, client_id="watcher"), watcher_inbox, [("s/#", 1)])
    settings = replace(
        settings_for(mosquitto),
        birth=StatusMessage("s/collector", "online"),
        will=StatusMessage("s/collector", "offline"),
    )
    source = sources.connect(settings, Inbox())
    assert payloads(take_messages(watcher_inbox, 1)) == ["online"]
    source.close()
    mosquitto.publish("s/end", "end")
    # Once, from us: the broker does not publish the will of a client that says goodbye.
    assert payloads(take_messages(watcher_inbox, 2)) == ["offline", "end"]


def test_each_broker_has_its_own_session_and_its_own_acknowledgements(
    start_mosquitto: StartMosquitto, sources: Sources
) -> None:
    """Packet ids are the same at both: an acknowledgement must find its own broker."""
    home, cellar = start_mosquitto(), start_mosquitto()
    inbox = Inbox()
    at_home = sources.connect(settings_for(home), inbox)
    in_cellar = sources.connect(settings_for(cellar, broker_name="cellar"), inbox)
    home.publish("a/b", "at home")
    cellar.publish("a/b", "in the cellar")
    messages = sorted(take_messages(inbox, 2), key=lambda message: message.source)
    assert [(m.source, m.payload) for m in messages] == [
        ("cellar", b"in the cellar"),
        ("home", b"at home"),
    ]
    assert receipts_of(messages[:1]) == receipts_of(messages[1:])
    at_home.acknowledge(receipts_of(messages[1:]))
    in_cellar.close()
    second = _connect_again(sources, at_home, settings_for(home))
    home.publish("a/b", "after")
    assert payloads(take_messages(second, 1)) == ["after"]
    third = Inbox()
    sources.connect(settings_for(cellar, broker_name="cellar"), third)
    assert payloads(take_messages(third, 1)) == ["in the cellar"]


def test_a_broker_that_is_down_holds_no_other_up(
    start_mosquitto: StartMosquitto, sources: Sources
) -> None:
    home, cellar = start_mosquitto(), start_mosquitto()
    cellar.stop()
    inbox = Inbox()
    down = sources.start(settings_for(cellar, broker_name="cellar"), inbox)
    sources.connect(settings_for(home), inbox)
    wait_until(lambda: down.tries >= 2, "two tries")
    home.publish("a/b", "at home")
    assert payloads(take_messages(inbox, 1)) == ["at home"]


def test_its_state_says_what_is_wrong_and_that_it_is_well_again(
    mosquitto: Mosquitto, sources: Sources
) -> None:
    mosquitto.stop()
    source = sources.start(settings_for(mosquitto), Inbox())
    wait_until(lambda: source.tries >= 2, "two tries")
    wait_until(lambda: source.state().trouble != "", "a fault")
    down = source.state()
    assert (down.is_well, down.connections) == (False, 0)
    assert "nobody listens there" in down.trouble
    mosquitto.start()
    wait_until(lambda: source.is_connected, "the connection")
    up = source.state()
    assert (up.is_well, up.trouble, up.connections, up.failures) == (True, "", 1, 0)
    assert up.since_us > down.since_us


def test_close_is_safe_twice_and_before_start(mosquitto: Mosquitto) -> None:
    source = MqttSource(settings_for(mosquitto), [], Inbox(), SystemClock())
    source.close()
    source.close()
    assert not source.is_connected
