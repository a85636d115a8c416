"""Decides which points are stored, which wait, and which say nothing new. Pure but for its memory.

Each message gets a ticket, and by that exactly one outcome. Times that are compared with each other
are those of the points; only how long something waits runs on the monotonic clock, which the caller
gives. Knows neither files nor brokers. One thread.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import NamedTuple

from daemon.messages import Mapped, Origin, Outcome
from daemon.thinning.policy import Policy
from daemon.thinning.series import Home, Series, SeriesMemory, series_key
from daemon.thinning.windows import Item, Moment, Opening, Share, Ticket, Window, time_of
from tinyflux import Point
from tinyflux.times import from_us

MAX_WINDOWS = 20_000
"""More series do not wait at a time: their points are stored at once."""
_AHEAD_US = 3_600_000_000
# So much of what is over may stand in a heap.
_SLACK = 1_000

PolicyOf = Callable[[str], Policy | None]
"""The policy of a rule by its name; None: it stores everything, or there is none."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """One share that has waited in the spool, and need wait no more."""

    number: int
    """In the spool."""
    item: Item
    mapped: Mapped
    """Its outcome, if it is the last part of its message; the points to store in any case."""
    series: bytes
    is_message: bool
    """Whether the message has its outcome by that."""


class Absence(NamedTuple):
    """A series of which nothing is heard any more."""

    series: bytes
    rule: str
    point: Point
    """Null for each of its fields."""


class Thinner:
    """The thinning of all rules."""

    def __init__(
        self,
        policy_of: PolicyOf,
        memory: SeriesMemory | None = None,
        *,
        max_windows: int = MAX_WINDOWS,
    ) -> None:
        self.memory = SeriesMemory() if memory is None else memory
        self.may_wait = True
        """False: there is no room for more that waits, so it is stored at once."""
        self._policy_of = policy_of
        self._max_windows = max_windows
        self._windows: dict[bytes, Window] = {}
        self._resolved: list[Resolved] = []
        # Heaps by the time that something is due; the count keeps what is due at once in order.
        self._order = itertools.count()
        self._due: list[tuple[int, int, Window]] = []
        self._watched: list[tuple[int, int, bytes]] = []

    def take(self, item: Item, mapped: Mapped, now: Moment) -> Ticket | None:
        """What becomes of a message or reading; None where no rule thins it.

        The ticket's `mapped` may change until the next call of `resolved`.
        """
        if not (mapped.origins and mapped.points) and not mapped.gone:
            return None
        ticket = Ticket(item, mapped, is_settled=mapped.outcome is not Outcome.STORED)
        for gone in mapped.gone:
            for absence in self.vanish(gone.rule, gone.names, now):
                self._store(ticket, absence.point)
                ticket.series.append(absence.series)
        for point, origin in zip_longest(mapped.points, mapped.origins):
            policy = None if origin is None else self._policy_of(origin.rule)
            if origin is None or policy is None:
                self._store(ticket, point)
            else:
                self._take_point(ticket, point, origin, policy, now)
        return ticket

    def resolved(self, now: Moment, *, is_all: bool = False) -> list[Resolved]:
        """What has waited in the spool and need not wait any more, in the order in which it is to
        be written; with `is_all` nothing waits on. To be called before the points of a turn are
        written: what has not got a number until then is part of its ticket."""
        while self._due and (is_all or self._due[0][0] <= now.monotonic_us):
            window = heapq.heappop(self._due)[2]
            if window.is_open:
                self._close(window)
        resolved, self._resolved = self._resolved, []
        return resolved

    @property
    def n_windows(self) -> int:
        """How many series have points that wait."""
        return len(self._windows)

    def absent(self, now: Moment) -> list[Absence]:
        """Each series that has been silent for too long, once."""
        absences = []
        while self._watched and self._watched[0][0] <= now.monotonic_us:
            key = heapq.heappop(self._watched)[2]
            series = self.memory.find(key)
            if series is None or series.home is None or not series.home.expire_us:
                continue
            series.is_watched = False
            if series.heard_us + series.home.expire_us > now.monotonic_us:
                self._watch(key, series)
            else:
                absences += self._void(key, series, series.home, now)
        return absences

    def vanish(self, rule: str, names: Mapping[str, str], now: Moment) -> list[Absence]:
        """Each series of a device that says it is gone: those that `rule` has made, and whose topic
        had these names."""
        gone = [
            (key, series, series.home)
            for key, series in self.memory.items()
            if series.home is not None
            and series.home.rule == rule
            and names.items() <= series.home.names.items()
        ]
        return [absence for found in gone for absence in self._void(*found, now)]

    def next_due_us(self, *, with_absent: bool = True) -> int | None:
        """When `resolved` will have something new, or `absent` too, on the monotonic clock;
        perhaps."""
        while self._due and not self._due[0][2].is_open:
            heapq.heappop(self._due)
        times = [self._due[0][0]] if self._due else []
        if with_absent and self._watched:
            times.append(self._watched[0][0])
        return min(times, default=None)

    def resume(self, shares: Sequence[Share], now: Moment, *, is_clock_believed: bool) -> None:
        """Go on with what waits in the spool, in the order of its numbers: a window ends when it
        would have ended. Those of an earlier boot need a clock that is believed, or end now."""
        for share in shares:
            share.ticket.shares.append(share)
            policy = self._policy_of(share.rule) or Policy(leaves_out=False)
            share.opening = share.opening.in_this_boot(
                now, policy.window_us, is_clock_believed=is_clock_believed
            )
            key = series_key(share.point)
            window = self._windows.get(key)
            if window is not None and window.opening != share.opening:
                # It was over when the process ended, but not written yet.
                self._close(window)
            self._wait(share, key, policy)

    def begin(self, now: Moment) -> None:
        """Count the silence of every series from now: nobody knows what came before."""
        self._watched.clear()
        for key, series in self.memory.items():
            series.heard_us, series.is_watched = now.monotonic_us, False
            self._watch(key, series)

    def _take_point(
        self, ticket: Ticket, point: Point, origin: Origin, policy: Policy, now: Moment
    ) -> None:
        key = series_key(point)
        series = self.memory.touch(key)
        time_us = time_of(point)
        ticket.series.append(key)
        series.heard_us = now.monotonic_us
        if policy.watches:
            self._settle_home(key, series, point, origin, policy)
        if policy.repeats_us and series.is_repeat(point.fields, time_us, policy.repeats_us):
            ticket.book(Outcome.DUPLICATE)
            return
        window = self._windows.get(key)
        if window is not None and not window.fits(point, time_us):
            self._close(window)
            window = None
        is_late = series.is_late(time_us, ticket.item.received_us)
        if window is None:
            if not is_late and _says_nothing(policy, series, point, time_us):
                ticket.book(Outcome.UNCHANGED)
                return
            if not (policy.window_us and self._may_open()):
                self._store(ticket, point)
                if not is_late:
                    series.remember(point.fields, time_us)
                return
        if window is None:
            opening = Opening(time_us, now.monotonic_us, now.wall_us)
        else:
            opening = window.opening
        share = Share(ticket, point, origin.rule, time_us, opening)
        ticket.shares.append(share)
        self._wait(share, key, policy)

    def _may_open(self) -> bool:
        return self.may_wait and len(self._windows) < self._max_windows

    def _wait(self, share: Share, key: bytes, policy: Policy) -> None:
        window = self._windows.get(key)
        if window is not None and not window.fits(share.point, share.time_us):
            self._close(window)
            window = None
        if window is None:
            window = Window(key, policy, share.opening, share.time_us)
            self._windows[key] = window
            if len(self._due) > _SLACK + 2 * len(self._windows):
                self._due = [one for one in self._due if one[2].is_open]
                heapq.heapify(self._due)
            assert share.opening.monotonic_us is not None
            due_us = share.opening.monotonic_us + policy.window_us
            heapq.heappush(self._due, (due_us, next(self._order), window))
        for spent in window.add(share):
            self._resolve(spent, key, Outcome.THROTTLED)

    def _close(self, window: Window) -> None:
        """What has waited becomes one point, if it says anything new."""
        window.is_open = False
        del self._windows[window.key]
        assert window.last is not None
        point, last = window.point(), window.last
        series = self.memory.touch(window.key)
        is_late = series.is_late(window.time_us, last.ticket.item.received_us)
        if not is_late and _says_nothing(window.policy, series, point, window.time_us):
            for share in window.shares:
                self._resolve(share, window.key, Outcome.UNCHANGED)
            return
        if not is_late:
            series.remember(point.fields, window.time_us)
        for share in window.shares:
            if share is not last:
                self._resolve(share, window.key, Outcome.MERGED)
        self._resolve(last, window.key, Outcome.STORED, point)

    def _resolve(
        self, share: Share, key: bytes, outcome: Outcome, point: Point | None = None
    ) -> None:
        ticket = share.ticket
        ticket.shares.remove(share)
        ticket.book(outcome)
        if not share.number:
            # Decided in the turn in which it came: it never was in the spool.
            if point is not None:
                ticket.points.append(point)
            return
        points = () if point is None else (point,)
        is_message = not ticket.shares and not ticket.is_settled
        mapped = replace(ticket.base, outcome=ticket.best, points=points, origins=())
        self._resolved.append(Resolved(share.number, ticket.item, mapped, key, is_message))

    @staticmethod
    def _store(ticket: Ticket, point: Point) -> None:
        ticket.book(Outcome.STORED)
        ticket.points.append(point)

    def _settle_home(
        self, key: bytes, series: Series, point: Point, origin: Origin, policy: Policy
    ) -> None:
        if series.home is None or series.home.rule != origin.rule:
            series.home = Home(
                origin.rule, origin.names, point.measurement, dict(point.tags), policy.expire_us
            )
        self._watch(key, series)

    def _watch(self, key: bytes, series: Series) -> None:
        home = series.home
        if home is not None and home.expire_us and not series.is_watched:
            series.is_watched = True
            if len(self._watched) > _SLACK + 2 * len(self.memory):
                # Series that had to be forgotten.
                self._watched = [one for one in self._watched if self.memory.find(one[2])]
                heapq.heapify(self._watched)
            deadline_us = series.heard_us + home.expire_us
            heapq.heappush(self._watched, (deadline_us, next(self._order), key))

    def _void(self, key: bytes, series: Series, home: Home, now: Moment) -> list[Absence]:
        """The point that says that a series has no value now, unless that is known."""
        window = self._windows.get(key)
        if window is not None:
            self._close(window)
        if series.is_void:
            return []
        time_us = now.wall_us
        newest_us = series.newest_us
        if newest_us is not None and time_us <= newest_us <= time_us + _AHEAD_US:
            # A device's clock may be a little ahead of ours.
            time_us = newest_us + 1
        fields = dict.fromkeys(series.values)
        series.remember(fields, time_us)
        point = Point.of_parts(from_us(time_us), home.measurement, dict(home.tags), fields)
        return [Absence(key, home.rule, point)]


def _says_nothing(policy: Policy, series: Series, point: Point, time_us: int) -> bool:
    return policy.leaves_out and not policy.is_news(point.fields, time_us, series.values)


def shares_of(tickets: Iterable[Ticket]) -> list[Share]:
    """What of these must go to the spool now."""
    return [share for ticket in tickets for share in ticket.shares if not share.number]
