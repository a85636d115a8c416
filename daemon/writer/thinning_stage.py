"""The thinning as the writer has it: what waits is in the spool, what is known in a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from daemon.clock import Clock
from daemon.messages import Mapped, Message, Outcome, Reading
from daemon.thinning import Moment, Share, Thinner, Ticket
from daemon.writer.entry import Entry
from daemon.writer.inbox import Item
from daemon.writer.series_file import SeriesFile
from daemon.writer.waiting import WaitingPoints

_ABSENT = "(absent)"


class ThinningStage:
    """Writer thread only."""

    def __init__(
        self, thinner: Thinner, waiting: WaitingPoints, series: SeriesFile, clock: Clock
    ) -> None:
        self._thinner = thinner
        self._waiting = waiting
        self._series = series
        self._clock = clock

    def open(self) -> None:
        """Take up what waited, and what was known. Raises StartError."""
        self._waiting.open()
        self._series.recall()

    def resume(self, written: Sequence[int], *, is_clock_believed: bool = True) -> int:
        """Go on; what came of the items of these numbers is in its place. How many messages wait.
        Windows of an earlier boot end now if the wall clock is not believed. Raises StartError."""
        shares = self._waiting.resume(written)
        tickets = {id(share.ticket): share.ticket for share in shares}
        n_messages = sum(not ticket.is_settled for ticket in tickets.values())
        now = self._now()
        self._thinner.begin(now)
        self._thinner.resume(shares, now, is_clock_believed=is_clock_believed)
        return n_messages

    def take(self, item: Item, mapped: Mapped) -> Ticket | None:
        """What becomes of an item that the mapping has read; None where no rule thins it."""
        if not mapped.origins and not mapped.gone:
            return None
        if isinstance(item, Message) and item.receipt is not None:
            # When the ticket is settled the message may have been acknowledged long ago.
            item = replace(item, receipt=None)
        self._thinner.may_wait = not self._waiting.is_full
        return self._thinner.take(item, mapped, self._now())

    def over(self, *, is_all: bool, has_time: bool) -> list[Entry]:
        """What need not wait any more, and what says that a series is absent. Ends a turn."""
        now = self._now()
        absences = self._thinner.absent(now) if has_time and not is_all else []
        parts = [
            Entry(
                one.item,
                one.mapped,
                one.number,
                series=(one.series,),
                is_part=True,
                is_message=one.is_message,
            )
            for one in self._thinner.resolved(now, is_all=is_all)
        ]
        return parts + [
            Entry(
                Reading(_ABSENT, None, now.wall_us),
                Mapped(Outcome.STORED, (absence.point,), absence.rule),
                series=(absence.series,),
                is_part=True,
                is_message=False,
            )
            for absence in absences
        ]

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits."""
        return not self._thinner.n_windows

    def due_in_s(self, *, has_time: bool) -> float | None:
        """After how long `over` will have something; perhaps."""
        due_us = self._thinner.next_due_us(with_absent=has_time)
        return None if due_us is None else max(0.0, due_us / 1e6 - self._clock.monotonic_s())

    def keep(self, shares: Sequence[Share]) -> None:
        """These wait from now on; durable after `sync`. May raise OSError."""
        self._waiting.keep(shares)

    def done(self, numbers: Sequence[int]) -> None:
        """What came of these is written. May raise OSError."""
        self._waiting.done(numbers)

    def items(self) -> Iterator[Item]:
        """The message of each point that waits. May raise OSError."""
        return self._waiting.items()

    def sync(self) -> None:
        """What waits is on disk. May raise OSError."""
        self._waiting.sync()

    def commit(self, *, is_all_written: bool) -> None:
        """What came of all that is done is on disk. May raise OSError."""
        self._waiting.commit()
        if is_all_written:
            self._series.tick()

    def close(self, *, is_all_written: bool) -> None:
        """Release the files; what is known is kept if all of it is in the data. Safe twice."""
        if is_all_written:
            self._series.save()
        self._waiting.close()

    def _now(self) -> Moment:
        return Moment(round(self._clock.monotonic_s() * 1e6), self._clock.now_us())
