"""What arrives while the clock cannot be believed waits in the spool, and gets its time later.

Items wait, not points: they are mapped once their time is known, so that a payload's own time is
judged by the right one. Bounded in number and bytes; beyond that, after the limit of time, or from
a boot whose clock was never synchronised, what is stored is marked by a tag.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from daemon.clock import BoardClock
from daemon.clock_trust import ClockTrust, Trust
from daemon.errors import EX_IOERR, StartError
from daemon.messages import Mapped, Reading
from daemon.spool import HeldItem, Spool, pack_item, unpack_item
from daemon.writer.inbox import Item

_log = logging.getLogger("daemon.writer")

QUALITY_TAG = "time_quality"
UNSYNCED = "unsynced"
_KIND = "clock"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class HoldLimits:
    """How much may wait for the clock."""

    items: int = 100_000
    size_bytes: int = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Timed:
    """An item whose time is as right as it gets; it says so itself if that is not right."""

    item: Item
    number: int = 0
    """Its number in the spool; 0 for one that has not waited."""


class ClockHold:
    """Writer thread only, but for `len`."""

    def __init__(
        self, clock: BoardClock, trust: ClockTrust, spool: Spool, limits: HoldLimits | None = None
    ) -> None:
        self._clock = clock
        self._trust = trust
        self._spool = spool
        self._limits = limits or HoldLimits()
        self._foreign: set[int] = set()
        self._taken: set[int] = set()

    def __len__(self) -> int:
        """How many items wait."""
        return self._spool.count(_KIND)

    @property
    def is_clock_believed(self) -> bool:
        """As the last look found it. Any thread."""
        return self._trust.trust is Trust.YES

    @property
    def is_given_up(self) -> bool:
        """Whether nobody has set the clock in time: what is stored is marked. Any thread."""
        return self._trust.trust is Trust.GIVEN_UP

    @property
    def has_time(self) -> bool:
        """Whether what happens now can be given a time, be it a doubtful one."""
        return self._trust.trust is not Trust.NOT_YET

    def open(self) -> None:
        """Take up what waited when the last process ended. Raises StartError."""
        self._trust.open()
        self._spool.open()
        for number in self._spool.waiting(_KIND):
            held = self._held(number)
            if held is None or held.boot_id != self._clock.boot_id or not held.boot_id:
                self._foreign.add(number)
            else:
                self._trust.waits_since(held.monotonic_us)

    def resume(self, written: Sequence[int]) -> None:
        """Go on; what came of these is in its place, though nobody could note it. StartError."""
        try:
            self._spool.done(written)
        except OSError as error:
            raise StartError(
                f"cannot write to {self._spool.path}, where points wait: {error.strerror}; free "
                "some room, or look at dmesg for the disk's errors",
                EX_IOERR,
            ) from error
        self._foreign.difference_update(written)

    def admit(self, item: Item) -> Timed | None:
        """The item with its time; None: it must wait, `hold` it."""
        trust = self._trust.look()
        if trust is Trust.YES:
            if item.monotonic_us is not None and self._trust.was_doubtful(item.monotonic_us):
                item = replace(item, received_us=self._trust.wall_us(item.monotonic_us))
            return Timed(item)
        is_full = (
            len(self) >= self._limits.items or self._spool.size_bytes >= self._limits.size_bytes
        )
        if is_full or trust is Trust.GIVEN_UP:
            return Timed(replace(item, is_clock_doubtful=True))
        return None

    def hold(self, items: Sequence[Item]) -> None:
        """Keep these until their time is known; durable after `sync`. May raise OSError."""
        now_us = round(self._clock.monotonic_s() * 1e6)
        bodies = [
            pack_item(
                HeldItem(
                    item,
                    self._clock.boot_id,
                    now_us if item.monotonic_us is None else item.monotonic_us,
                )
            )
            for item in items
        ]
        self._spool.put(_KIND, bodies)

    def has_due(self) -> bool:
        """Whether something that waits has got its time."""
        n_waiting = len(self) - len(self._taken)
        return n_waiting > 0 and (self._trust.look() is not Trust.NOT_YET or bool(self._foreign))

    def take(self, limit: int) -> list[Timed]:
        """The oldest items that have got their time. May raise OSError: nothing is taken."""
        if not self.has_due():
            return []
        taken = [self._timed(number) for number in self._due(limit)]
        self._taken.update(one.number for one in taken)
        self._foreign -= self._taken
        return taken

    def items(self) -> Iterator[Item]:
        """All that waits, as it came. May raise OSError."""
        for number in self._spool.waiting(_KIND):
            held = self._held(number)
            if held is not None:
                yield held.item

    def done(self, numbers: Sequence[int]) -> None:
        """What came of these is written. May raise OSError."""
        self._spool.done(numbers)
        self._taken.difference_update(numbers)

    def sync(self) -> None:
        """What waits is on disk. May raise OSError."""
        self._spool.sync()

    def commit(self) -> None:
        """What came of all that is done is on disk. May raise OSError."""
        self._spool.commit()

    def close(self) -> None:
        """Release the file; safe twice."""
        self._spool.close()

    def _due(self, limit: int) -> Iterator[int]:
        is_all = self._trust.trust is not Trust.NOT_YET
        numbers = self._spool.waiting(_KIND) if is_all else iter(sorted(self._foreign))
        found = 0
        for number in numbers:
            if number not in self._taken:
                found += 1
                yield number
            if found >= limit:
                return

    def _timed(self, number: int) -> Timed:
        held = self._held(number)
        if held is None:
            _log.error(
                "%s: an item that waited for the clock cannot be read any more and is lost; the "
                "disk may be about to fail",
                self._spool.path,
            )
            return Timed(Reading("(spoiled)", None, self._clock.now_us()), number)
        item = held.item
        if number not in self._foreign:
            wall_us: int | None = self._trust.wall_us(held.monotonic_us)
            is_doubtful = self._trust.trust is not Trust.YES
        else:
            wall_us = self._trust.wall_us_of(held.boot_id, held.monotonic_us)
            is_doubtful = wall_us is None
        if wall_us is not None:
            item = replace(item, received_us=wall_us)
        return Timed(replace(item, is_clock_doubtful=is_doubtful), number)

    def _held(self, number: int) -> HeldItem | None:
        body = self._spool.get(number)
        try:
            return None if body is None else unpack_item(body)
        except (KeyError, TypeError, ValueError):
            return None


def marked(mapped: Mapped, item: Item) -> Mapped:
    """The same, with the tag on every point that has its time from a clock that could not be
    believed."""
    if not item.is_clock_doubtful:
        return mapped
    received = _EPOCH + timedelta(microseconds=item.received_us)
    for point in mapped.points:
        if point.time == received:
            point.tags[QUALITY_TAG] = UNSYNCED
    return mapped
