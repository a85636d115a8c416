"""With MQTT 5 a message comes once for each filter that it fits; it is one message all the same."""

from __future__ import annotations

import pytest

from daemon.messages import Receipt, Subscription
from daemon.sources.arrival import Arrival
from daemon.sources.copies import Copies, identifiers_for, with_equal_qos
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
from tests.support.mosquitto import Mosquitto

OVERLAPPING = [("o/+/x", 1), ("o/b/+", 1)]


def _arrival(
    payload: bytes, *identifiers: int, qos: int = 1, is_duplicate: bool = False
) -> Arrival:
    return Arrival("o/b/x", payload, qos, 1, False, is_duplicate, identifiers)


@pytest.mark.parametrize(
    ("arrivals", "n_messages"),
    [
        pytest.param([_arrival(b"1", 7), _arrival(b"1", 8)], 1, id="two copies"),
        pytest.param([_arrival(b"1", 7), _arrival(b"1", 8), _arrival(b"1", 9)], 1, id="three"),
        pytest.param([_arrival(b"1", 7, 8)], 1, id="one with both identifiers"),
        pytest.param([_arrival(b"1", 7), _arrival(b"1", 7)], 2, id="two equal messages"),
        pytest.param(
            [_arrival(b"1", 7), _arrival(b"1", 8), _arrival(b"1", 7), _arrival(b"1", 8)],
            2,
            id="two equal messages, two copies each",
        ),
        pytest.param(
            [_arrival(b"1", 7), _arrival(b"1", 8), _arrival(b"1", 8), _arrival(b"1", 7)],
            2,
            id="in another order",
        ),
        pytest.param(
            [_arrival(b"1", 7), _arrival(b"1", 7), _arrival(b"1", 8)],
            2,
            id="the first from before the second filter",
        ),
        pytest.param([_arrival(b"1"), _arrival(b"1")], 2, id="without identifiers"),
        pytest.param([_arrival(b"1", 7), _arrival(b"2", 8)], 2, id="another payload"),
        pytest.param([_arrival(b"1", 7, is_duplicate=True), _arrival(b"1", 8)], 2, id="sent again"),
        pytest.param(
            [_arrival(b"1", 7), _arrival(b"2", 7, qos=0), _arrival(b"1", 8)],
            2,
            id="overtaken by QoS 0",
        ),
    ],
)
def test_a_copy_is_told_from_a_message(arrivals: list[Arrival], n_messages: int) -> None:
    copies = Copies()
    found = [
        copies.original_of(one, Receipt(1, number) if one.qos else None)
        for number, one in enumerate(arrivals)
    ]
    assert found.count(None) == n_messages


def test_a_copy_is_answered_after_its_message() -> None:
    copies = Copies()
    assert copies.original_of(_arrival(b"1", 7), Receipt(1, 1)) is None
    original = copies.original_of(_arrival(b"1", 8), Receipt(1, 2))
    assert original is not None
    assert copies.waits(original, Receipt(1, 2))
    assert copies.answered(Receipt(1, 1)) == [Receipt(1, 2)]
    assert not copies.waits(original, Receipt(1, 3))


@pytest.mark.parametrize(
    ("one", "other", "do_overlap"),
    [
        ("o/+/x", "o/b/+", True),
        ("o/+/x", "o/b/y", False),
        ("a/#", "+/b", True),
        ("a/b/#", "+/b", True),
        ("a/+", "a/b/c", False),
        ("a/b", "+/c", False),
        ("+/+/#", "a", False),
    ],
)
def test_only_filters_that_overlap_have_identifiers(one: str, other: str, do_overlap: bool) -> None:
    names = identifiers_for([one, other, "quite"])
    assert set(names) == ({one, other} if do_overlap else set())
    assert len(set(names.values())) == len(names)
    assert names == identifiers_for([other, one])


def test_filters_that_overlap_ask_for_the_same_qos() -> None:
    wanted = [Subscription("o/+/x", 0), Subscription("o/b/+", 1), Subscription("z", 0)]
    assert [one.qos for one in with_equal_qos(wanted)] == [1, 1, 0]


@pytest.mark.parametrize("is_version_5", [False, True], ids=["3.1.1", "5"])
def test_a_message_for_two_filters_arrives_once(
    mosquitto: Mosquitto, sources: Sources, is_version_5: bool
) -> None:
    inbox = Inbox()
    settings = settings_for(mosquitto, is_version_5=is_version_5)
    source = sources.connect(settings, inbox, OVERLAPPING)
    for payload in ("1", "1", "2", "1"):
        mosquitto.publish("o/b/x", payload)
    mosquitto.publish("o/b/y", "end")
    assert payloads(acknowledge_all(source, inbox, 5)) == ["1", "1", "2", "1", "end"]


@pytest.mark.parametrize("qos", [0, 1])
def test_equal_messages_in_a_burst_all_arrive(
    mosquitto: Mosquitto, sources: Sources, qos: int
) -> None:
    inbox = Inbox()
    source = sources.connect(settings_for(mosquitto, is_version_5=True), inbox, OVERLAPPING)
    for _ in range(30):
        mosquitto.publish("o/b/x", "same", qos=qos)
    mosquitto.publish("o/b/y", "end")
    assert payloads(acknowledge_all(source, inbox, 31)) == ["same"] * 30 + ["end"]


def test_all_copies_are_acknowledged_with_their_message_and_not_before(
    mosquitto: Mosquitto, sources: Sources
) -> None:
    inbox = Inbox()
    settings = settings_for(mosquitto, is_version_5=True)
    source = sources.connect(settings, inbox, OVERLAPPING)
    mosquitto.publish("o/b/x", "1")
    messages = take_messages(inbox, 1)
    wait_until(lambda: mosquitto.log_text().count("Sending PUBLISH") >= 2, "both copies")
    assert mosquitto.log_text().count("Received PUBACK from collector") == 0
    source.acknowledge(receipts_of(messages))
    wait_until(
        lambda: mosquitto.log_text().count("Received PUBACK from collector") == 2, "both answers"
    )
