"""What becomes of an item, before anything is written: known already, or mapped."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import takewhile

from daemon.messages import Mapped, Mapper, Message, Outcome
from daemon.writer.clock_hold import ClockHold, Timed, marked
from daemon.writer.duplicates import DuplicateMemory
from daemon.writer.entry import Entry
from daemon.writer.inbox import Item
from daemon.writer.retained import RetainedMemory
from daemon.writer.thinning_stage import ThinningStage

_log = logging.getLogger("daemon.writer")


class Intake:
    """Remembers what brokers sent, and asks the mapping. Writer thread only."""

    def __init__(
        self,
        mapper: Mapper,
        retained: RetainedMemory | None = None,
        duplicates: DuplicateMemory | None = None,
        hold: ClockHold | None = None,
        thinning: ThinningStage | None = None,
    ) -> None:
        self._mapper = mapper
        self._duplicates = DuplicateMemory() if duplicates is None else duplicates
        self._retained = RetainedMemory() if retained is None else retained
        self._hold = hold
        self._thinning = thinning

    def gather(
        self, due: Sequence[Entry], items: Iterable[Item], *, is_ending: bool
    ) -> list[Entry]:
        """One turn: what became of what was due and of what has arrived; those that are known
        already stand first. With `is_ending` nothing waits on for others."""
        entries = [*due, *(self.entry_of(item) for item in items)]
        if self._thinning is None:
            return entries
        has_time = self._hold is None or self._hold.has_time
        parts = self._thinning.over(is_all=is_ending, has_time=has_time)
        if self._hold is not None and not self._hold.is_clock_believed:
            for part in parts:
                if not part.spooled:
                    # A point without an item has its time from the clock.
                    doubtful = replace(part.item, is_clock_doubtful=True)
                    marked(part.mapped, doubtful)
        for entry in entries:
            entry.settle()
        n_known = sum(1 for _ in takewhile(is_known, entries))
        return [*entries[:n_known], *parts, *entries[n_known:]]

    def entry_of(self, item: Item) -> Entry:
        """What becomes of an item that has arrived; never raises. Once for each item."""
        sent = None
        if isinstance(item, Message):
            sent = self._duplicates.come(item)
            if sent is not None and sent.is_known:
                # The process that stored it may have ended before it could note this.
                self._retained.remember(item)
                return Entry(item, Mapped(Outcome.DUPLICATE), sent=sent)
            if item.is_retained and self._retained.is_known(item):
                item = replace(item, is_seen=True)
        timed = Timed(item) if self._hold is None else self._hold.admit(item)
        entry = Entry(item, Mapped(Outcome.WAITING)) if timed is None else self._mapped(timed)
        entry.sent = sent
        if isinstance(item, Message) and entry.mapped.outcome is not Outcome.NO_RULE:
            # A topic that gets its rule later has its value stored then.
            self._retained.remember(item)
        return entry

    def due(self, limit: int) -> list[Entry]:
        """What has waited for the clock and need wait no more. May raise OSError: nothing is."""
        return [] if self._hold is None else [self._mapped(one) for one in self._hold.take(limit)]

    def _mapped(self, timed: Timed) -> Entry:
        item = timed.item
        ticket = None
        try:
            mapped = marked(self._mapper.map(item), item)
            if self._thinning is not None:
                ticket = self._thinning.take(item, mapped)
        except Exception as error:  # noqa: BLE001 - part of the writer loop: it costs one item only
            name = f"topic {item.topic}" if isinstance(item, Message) else f"poll {item.poll}"
            _log.exception("the mapping failed on %s", name)
            mapped = Mapped(Outcome.REJECTED, reason=f"mapping failed: {error!r}", kind="bug")
        return Entry(item, mapped, timed.number, ticket=ticket)


def is_known(entry: Entry) -> bool:
    """Whether it was written before, and only its acknowledgement is missing."""
    return entry.sent is not None and entry.sent.is_known
