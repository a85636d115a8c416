"""What the writer holds of one item until its fate is durable."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from daemon.messages import Mapped, Message, Outcome, Receipt
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
    unrejected: deque[Entry] = field(default_factory=deque)

    @classmethod
    def of(cls, entries: list[Entry]) -> Batch:
        """A batch of which nothing is done yet."""
        return cls(
            entries,
            unwritten=deque(entry for entry in entries if entry.mapped.points),
            unspooled=waiting_of(entries),
        )


def waiting_of(entries: Iterable[Entry]) -> list[Entry]:
    """Those that must wait in the spool."""
    return [entry for entry in entries if entry.mapped.outcome is Outcome.WAITING]


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
