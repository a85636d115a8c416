"""What waits on disk, acknowledged: for the clock, or for others of its series. One spool."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from daemon.messages import Outcome
from daemon.writer.clock_hold import ClockHold
from daemon.writer.entry import Batch, Entry
from daemon.writer.inbox import Item
from daemon.writer.thinning_stage import ThinningStage


class WaitingRoom:
    """Writer thread only, but for the numbers. Methods that write may raise OSError."""

    def __init__(self, hold: ClockHold | None, thinning: ThinningStage | None) -> None:
        self._hold = hold
        self._thinning = thinning
        self._for_clock = 0
        self._for_others = 0

    @property
    def n_items(self) -> int:
        """How many items wait, less those that are in hand twice: what need not wait any more
        before it is committed that it waits. So it may be negative for a moment."""
        return self._for_clock + self._for_others

    @property
    def for_clock(self) -> int:
        """How many items wait for the clock."""
        return self._for_clock

    @property
    def for_others(self) -> int:
        """How many messages wait for others of their series."""
        return max(0, self._for_others)

    def open(self) -> None:
        """Take up what waited when the last process ended. Raises StartError."""
        for part in (self._hold, self._thinning):
            if part is not None:
                part.open()

    def resume(self, written: Sequence[int]) -> None:
        """Go on; what came of these is in its place already. Raises StartError."""
        if self._hold is not None:
            self._hold.resume(written)
            self._for_clock = len(self._hold)
        if self._thinning is not None:
            is_believed = self._hold is None or self._hold.is_clock_believed
            self._for_others = self._thinning.resume(written, is_clock_believed=is_believed)

    def items(self) -> Iterator[Item]:
        """All that waits, as it came; a message as often as points of it wait."""
        for part in (self._hold, self._thinning):
            if part is not None:
                yield from part.items()

    def left(self, entries: Iterable[Entry]) -> None:
        """These wait no more: they were taken to be written."""
        for entry in entries:
            if entry.is_part:
                self._for_others -= entry.is_message
            elif entry.spooled:
                self._for_clock -= 1

    def came(self, entries: Iterable[Entry]) -> None:
        """Those of these that wait are durable."""
        for entry in entries:
            if entry.mapped.outcome is Outcome.WAITING:
                if entry.ticket is None:
                    self._for_clock += 1
                elif not entry.is_part:
                    self._for_others += 1

    def has_due(self, *, is_ending: bool) -> bool:
        """Whether something need not wait any more."""
        if self._hold is not None and self._hold.has_due() and not is_ending:
            return True
        if self._thinning is None:
            return False
        return not self._thinning.is_idle if is_ending else self._thinning_due_in_s() == 0.0

    def longest_wait_s(self, longest_s: float, clock_look_s: float) -> float:
        """How long to wait for messages at most: something here may be due by then."""
        wait_s = min(longest_s, clock_look_s) if self._for_clock else longest_s
        due_in_s = self._thinning_due_in_s()
        return wait_s if due_in_s is None else min(wait_s, due_in_s)

    def _thinning_due_in_s(self) -> float | None:
        if self._thinning is None:
            return None
        return self._thinning.due_in_s(has_time=self._hold is None or self._hold.has_time)

    def keep(self, batch: Batch) -> None:
        """What must wait is in the spool, and what has waited is out of it, in this order: a kill
        in between leaves both, and the later one counts."""
        if self._thinning is not None:
            self._thinning.keep(batch.unkept)
            batch.unkept.clear()
        if self._hold is not None and batch.unspooled:
            self._hold.hold([entry.item for entry in batch.unspooled])
            batch.unspooled.clear()
        numbers = [entry.spooled for entry in batch.entries if entry.spooled]
        if self._hold is not None:
            self._hold.done(numbers)
        elif self._thinning is not None:
            self._thinning.done(numbers)

    def sync(self) -> None:
        """What waits is on disk."""
        for part in (self._hold, self._thinning):
            if part is not None:
                part.sync()

    def commit(self, *, is_all_written: bool) -> None:
        """What came of all that is done is on disk."""
        if self._hold is not None:
            self._hold.commit()
        if self._thinning is not None:
            self._thinning.commit(is_all_written=is_all_written)

    def close(self, *, is_all_written: bool) -> None:
        """Release the files; safe twice."""
        if self._thinning is not None:
            self._thinning.close(is_all_written=is_all_written)
        if self._hold is not None:
            self._hold.close()
