"""What is known already is told to the mapping; what has no rule is not remembered."""

from __future__ import annotations

from daemon.messages import Mapped, Message, Outcome, Reading
from daemon.writer.duplicates import DuplicateMemory
from daemon.writer.intake import Intake
from tests.daemon.writer.items import message


class NotingMapper:
    """Answers with one outcome and notes what it was asked."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        self.asked: list[Message | Reading] = []

    def map(self, item: Message | Reading) -> Mapped:
        self.asked.append(item)
        return Mapped(self.outcome)

    @property
    def seen(self) -> list[bool]:
        return [item.is_seen for item in self.asked if isinstance(item, Message)]


def test_a_retained_payload_is_seen_from_the_second_time_on() -> None:
    mapper = NotingMapper(Outcome.STORED)
    intake = Intake(mapper)
    for payload in (b"1", b"1", b"2", b"1"):
        intake.entry_of(message("a", payload, is_retained=True))
    assert mapper.seen == [False, True, False, False]


def test_a_live_message_is_never_seen_but_makes_its_retained_copy_known() -> None:
    mapper = NotingMapper(Outcome.STORED)
    intake = Intake(mapper)
    for is_retained in (False, False, True):
        intake.entry_of(message("a", b"1", is_retained=is_retained))
    assert mapper.seen == [False, False, True]


def test_a_topic_that_gets_its_rule_later_is_new_to_it() -> None:
    mapper = NotingMapper(Outcome.NO_RULE)
    intake = Intake(mapper)
    intake.entry_of(message("a", b"1", is_retained=True))
    mapper.outcome = Outcome.STORED
    intake.entry_of(message("a", b"1", is_retained=True))
    assert mapper.seen == [False, False]


def test_a_message_that_comes_again_makes_its_retained_copy_known() -> None:
    """The process that stored it was killed before it could note that."""
    mapper = NotingMapper(Outcome.STORED)
    duplicates = DuplicateMemory()
    duplicates.come(message("a", b"1", packet_id=1))
    intake = Intake(mapper, duplicates=duplicates)
    again = message("a", b"1", packet_id=1, connection=2, is_duplicate=True)
    assert intake.entry_of(again).mapped.outcome is Outcome.DUPLICATE
    intake.entry_of(message("a", b"1", packet_id=2, connection=2, is_retained=True))
    assert mapper.seen == [True]
