"""What the writer holds of one item until its fate is durable."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from daemon.messages import Mapped, Message, Outcome, Receipt
from daemon.thinning import Share, Ticket, shares_of
from daemon.writer.duplicates import Sent
from daemon.writer.inbox import Item
from tinyflux import Point


@dataclass(slots=True)
class Entry:
    """One item and what became of it; `mapped` changes when the engine refuses its points."""

    item: Item
    mapped: Mapped
    spooled: int = 0
    """Its number in the spool, where it has waited; 0: it comes from the inbox."""
    sent: Sent | None = None
    """How a broker sent it at QoS 1."""
    ticket: Ticket | None = None
    """Where its points are thinned."""
    series: tuple[bytes, ...] = ()
    """The series of which it decides something."""
    is_part: bool = False
    """Whether it is no item that was taken now, but what became of a point that has waited, or a
    point without an item."""
    is_message: bool = True
    """Whether the outcome is that of an item; a part may be one of several."""

    def settle(self) -> None:
        """The turn is over that decides about the thinned points."""
        if self.ticket is not None:
            self.mapped = self.ticket.mapped
            self.series = tuple(self.ticket.series)

    def refuse(self, reason: str) -> None:
        """The engine does not take these points."""
        self.mapped = Mapped(Outcome.REJECTED, rule=self.mapped.rule, reason=reason, kind="refused")


@dataclass(slots=True)
class Batch:
    """Items taken together, with what is left to do for them. A retry goes on where it stopped."""

    entries: list[Entry]
    is_noted: bool = False
    unwritten: deque[Entry] = field(default_factory=deque)
    unspooled: list[Entry] = field(default_factory=list)
    """Items that must wait for the clock."""
    unkept: list[Share] = field(default_factory=list)
    """Points that must wait for others of their series."""
    unrejected: deque[Entry] = field(default_factory=deque)

    @classmethod
    def of(cls, entries: list[Entry]) -> Batch:
        """A batch of which nothing is done yet."""
        return cls(
            entries,
            unwritten=deque(entry for entry in entries if entry.mapped.points),
            unspooled=[entry for entry in entries if is_for_clock(entry)],
            unkept=shares_of(entry.ticket for entry in entries if entry.ticket is not None),
        )


def is_for_clock(entry: Entry) -> bool:
    """Whether it must wait for the clock; anything else that waits has a ticket."""
    return entry.mapped.outcome is Outcome.WAITING and entry.ticket is None


def points_of(entries: Iterable[Entry]) -> list[Point]:
    """All points of these entries, in order."""
    return [point for entry in entries for point in entry.mapped.points]


def receipts_of(entries: Sequence[Entry]) -> dict[str, list[Receipt]]:
    """The receipts of each source, in the order of receipt."""
    receipts: dict[str, list[Receipt]] = {}
    for entry in entries:
        if isinstance(entry.item, Message) and entry.item.receipt is not None:
            receipts.setdefault(entry.item.source, []).append(entry.item.receipt)
    return receipts
