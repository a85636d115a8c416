"""Every item has one outcome, and the sum balances."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from daemon.messages import Mapped, Outcome
from daemon.writer import Inbox, Ledger
from daemon.writer.carried import Covered, Position
from tests.daemon.clocks import SetClock
from tests.daemon.writer.items import message, reading, rejected
from tinyflux import Point

STORED = Mapped(
    Outcome.STORED,
    points=(Point(measurement="climate"), Point(measurement="power")),
    rule="sources[0]",
)


def test_it_balances_when_each_item_is_settled_once() -> None:
    ledger, inbox = Ledger(SetClock()), Inbox()
    for item in (message("a"), message("b", packet_id=1), reading()):
        inbox.put(item)
    first, second, third = inbox.take()
    assert ledger.difference(inbox.counts(), held=3) == 0
    ledger.settle(first, STORED)
    ledger.settle(second, rejected())
    assert ledger.difference(inbox.counts(), held=1) == 0
    ledger.settle(third, STORED)
    assert ledger.difference(inbox.counts(), held=0) == 0


def test_a_lost_item_shows() -> None:
    ledger, inbox = Ledger(SetClock()), Inbox()
    inbox.put(message())
    inbox.take()
    assert ledger.difference(inbox.counts(), held=0) == 1


def test_dropped_and_waiting_items_are_part_of_the_balance() -> None:
    ledger, inbox = Ledger(SetClock()), Inbox(max_items=4)
    for _ in range(10):
        inbox.put(reading())
    assert ledger.difference(inbox.counts(), held=0) == 0
    outcomes = ledger.snapshot(inbox.counts)["outcomes"]
    assert isinstance(outcomes, dict)
    assert (outcomes["dropped"], outcomes["waiting"]) == (7, 3)


def test_every_look_balances_while_items_move() -> None:
    ledger, inbox = Ledger(SetClock()), Inbox()
    is_over = threading.Event()

    def move() -> None:
        while not is_over.is_set():
            for _ in range(50):
                inbox.put(message())
            items = inbox.take()
            inbox.release(items)
            for item in items:
                ledger.settle(item, STORED)

    mover = threading.Thread(target=move)
    mover.start()
    try:
        looks = [ledger.snapshot(inbox.counts) for _ in range(300)]
    finally:
        is_over.set()
        mover.join()
    assert len({str(look["received"]) for look in looks}) > 1
    for look in looks:
        outcomes = look["outcomes"]
        assert isinstance(outcomes, dict)
        assert sum(outcomes.values()) == look["received"]
        assert min(outcomes.values()) >= 0


def test_what_was_dropped_of_a_topic_has_arrived() -> None:
    ledger, inbox = Ledger(SetClock()), Inbox(max_items=4)
    for _ in range(10):
        inbox.put(message("a"))
    for item in inbox.take():
        ledger.settle(item, STORED)
    topics = ledger.snapshot(inbox.counts)["topics"]
    assert isinstance(topics, dict)
    assert topics["a"] == {"stored": 3, "points": 6, "qos0": 10, "qos1": 0, "dropped": 7}


def test_it_counts_by_rule_topic_and_measurement() -> None:
    ledger, inbox = Ledger(SetClock()), Inbox()
    ledger.settle(message("a", packet_id=1), STORED)
    ledger.settle(message("a"), STORED)
    ledger.settle(message("a"), rejected())
    ledger.settle(reading(), Mapped(Outcome.NO_VALUE, rule="polls[0]"))
    snapshot = ledger.snapshot(inbox.counts)
    assert snapshot["topics"] == {
        "a": {"stored": 2, "rejected": 1, "points": 4, "qos0": 2, "qos1": 1},
        "poll system": {"no-value": 1, "points": 0, "qos0": 0, "qos1": 0},
    }
    assert snapshot["rules"] == {
        "sources[0]": {"stored": 2, "rejected": 1, "points": 4, "qos0": 2, "qos1": 1},
        "polls[0]": {"no-value": 1, "points": 0, "qos0": 0, "qos1": 0},
    }
    assert ledger.points_by_measurement() == {"climate": 2, "power": 2}


def test_topics_without_a_rule_have_a_bounded_table_of_their_own() -> None:
    ledger, inbox = Ledger(SetClock()), Inbox()
    for number in range(3000):
        ledger.settle(message(f"attack/{number}" + "x" * 5000), Mapped(Outcome.NO_RULE))
    ledger.settle(message("attack/0" + "x" * 5000), Mapped(Outcome.NO_RULE))
    ledger.settle(message("a"), STORED)
    snapshot = ledger.snapshot(inbox.counts)
    unmatched = snapshot["unmatched"]
    assert isinstance(unmatched, dict)
    assert len(unmatched) == 201
    assert sum(unmatched.values()) == 3001
    assert max(len(name) for name in unmatched) == 300
    assert snapshot["topics"] == {"a": {"stored": 1, "points": 2, "qos0": 1, "qos1": 0}}


def test_the_table_of_topics_is_bounded() -> None:
    ledger, inbox = Ledger(SetClock()), Inbox()
    for number in range(3000):
        ledger.settle(message(f"attack/{number}"), Mapped(Outcome.NO_VALUE))
    topics = ledger.snapshot(inbox.counts)["topics"]
    assert isinstance(topics, dict)
    assert len(topics) <= 1001
    assert topics["(others)"]["no-value"] == 3000 - (len(topics) - 1)


def test_it_is_saved_with_the_position_that_it_covers(tmp_path: Path) -> None:
    ledger, inbox, path = Ledger(SetClock()), Inbox(), tmp_path / "data.ledger.json"
    inbox.put(message("a"))
    [item] = inbox.take()
    ledger.settle(item, STORED)
    ledger.save(path, inbox.counts(), covered=Covered(Position(1234, 5)))
    saved = json.loads(path.read_text(encoding="ascii"))
    assert (saved["version"], saved["received"], saved["position_bytes"]) == (1, 1, 1234)
    assert saved["outcomes"]["stored"] == 1
    assert saved["saved"] == "2026-03-01T12:00:00.000+00:00"
    assert list(tmp_path.iterdir()) == [path]
