"""The inbox is bounded, and knows when a broker waits."""

from __future__ import annotations

import threading

from daemon.messages import Receipt
from daemon.writer import Inbox, Window
from tests.daemon.writer.items import message, reading


def _fill(inbox: Inbox, count: int) -> list[bool]:
    return [inbox.put(message(packet_id=number)) for number in range(1, count + 1)]


def test_items_come_out_in_the_order_of_receipt() -> None:
    inbox = Inbox()
    put = [message("a"), reading(2), message("b", packet_id=1)]
    assert [inbox.put(item) for item in put] == [True, True, True]
    assert inbox.take() == put


def test_what_nobody_sends_again_is_refused_before_the_inbox_is_full() -> None:
    inbox = Inbox(max_items=8)
    taken = [inbox.put(reading(number)) for number in range(8)]
    assert taken == [True] * 6 + [False] * 2
    assert inbox.put(message("flood")) is False
    counts = inbox.counts()
    assert (counts.received, counts.dropped, counts.waiting) == (9, 3, 6)
    assert counts.dropped_by == {"system": 2, "flood": 1}


def test_a_message_with_a_receipt_is_never_refused() -> None:
    inbox = Inbox(max_items=8)
    assert _fill(inbox, 20) == [True] * 20
    assert not inbox.has_room()
    assert inbox.counts().dropped == 0


def test_the_bytes_are_bounded_too() -> None:
    inbox = Inbox(max_bytes=10_000)
    assert inbox.put(message(payload=b"x" * 5_000))
    assert not inbox.put(message(payload=b"x" * 5_000))
    assert inbox.counts().waiting == 1


def test_an_empty_inbox_takes_an_item_of_any_size() -> None:
    """A rule with a large max_payload has accepted it."""
    inbox = Inbox(max_bytes=10_000)
    assert inbox.put(message(payload=b"x" * 50_000))
    assert not inbox.put(message())
    inbox.release(inbox.take())
    assert inbox.put(message(payload=b"x" * 50_000))


def test_room_is_free_only_after_the_release() -> None:
    inbox = Inbox(max_items=4)
    _fill(inbox, 4)
    items = inbox.take()
    assert not inbox.has_room()
    inbox.release(items)
    assert inbox.has_room()
    assert inbox.is_nearly_empty()
    assert inbox.counts().waiting_bytes == 0


def test_a_closed_inbox_takes_nothing_and_gives_what_it_has() -> None:
    inbox = Inbox()
    inbox.put(message(packet_id=1))
    inbox.close()
    inbox.close()
    assert [inbox.put(message(packet_id=2)), inbox.put(reading())] == [False, False]
    assert inbox.take() == [message(packet_id=1)]
    # A message without its acknowledgement comes again: it was not received.
    assert (inbox.counts().received, inbox.counts().dropped) == (2, 1)


def test_half_a_window_is_urgent_until_it_is_acknowledged() -> None:
    inbox = Inbox(windows={"home": Window(20)})
    _fill(inbox, 9)
    assert not inbox.is_urgent()
    inbox.put(message(packet_id=10))
    assert inbox.is_urgent()
    inbox.take()
    assert inbox.is_urgent()
    inbox.acknowledged("home", [Receipt(1, number) for number in range(1, 11)])
    assert not inbox.is_urgent()


def test_messages_without_receipts_are_not_urgent() -> None:
    inbox = Inbox()
    for _ in range(50):
        inbox.put(message())
    assert not inbox.is_urgent()


def test_a_wider_window_is_used() -> None:
    inbox = Inbox(windows={"home": Window(200)})
    _fill(inbox, 99)
    assert not inbox.is_urgent()
    inbox.put(message(packet_id=100))
    assert inbox.is_urgent()


def test_what_an_ended_connection_left_open_does_not_count() -> None:
    inbox = Inbox(windows={"home": Window()})
    _fill(inbox, 9)
    inbox.put(message(packet_id=1, connection=2))
    assert not inbox.is_urgent()
    inbox.acknowledged("home", [Receipt(1, number) for number in range(1, 10)])
    for number in range(2, 11):
        inbox.put(message(packet_id=number, connection=2))
    assert inbox.is_urgent()


def test_a_waiting_writer_is_woken_by_the_first_item() -> None:
    inbox = Inbox()
    threading.Timer(0.05, inbox.put, [message()]).start()
    assert inbox.wait(20.0)


def test_a_lingering_writer_is_woken_by_half_a_window() -> None:
    inbox = Inbox()
    assert not inbox.wait_urgent(0.01)
    threading.Timer(0.05, _fill, [inbox, 10]).start()
    assert inbox.wait_urgent(20.0)


def test_a_waiting_writer_is_woken_by_the_close() -> None:
    inbox = Inbox()
    threading.Timer(0.05, inbox.close).start()
    assert inbox.wait(20.0)
    assert inbox.wait_urgent(20.0)
    assert inbox.take() == []
