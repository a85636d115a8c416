"""Points of one series that wait for each other, and what becomes of their messages."""

from __future__ import annotations

from dataclasses import dataclass, field

from daemon.messages import Mapped, Message, Outcome, Reading
from daemon.thinning.policy import Policy, Value
from tinyflux import Point
from tinyflux.times import from_us, to_us

Item = Message | Reading

# Of several points of one message, what counts most names its outcome.
_WEIGHT = {
    outcome: weight
    for weight, outcome in enumerate(
        (
            Outcome.NO_VALUE,
            Outcome.DUPLICATE,
            Outcome.UNCHANGED,
            Outcome.THROTTLED,
            Outcome.MERGED,
            Outcome.STORED,
        )
    )
}
REPEAT = "repeat"
"""The kind of a message that is the same transmission as one before."""
_REASONS = {
    Outcome.DUPLICATE: "the same transmission as before",
    Outcome.UNCHANGED: "nothing of it is further from what was stored last than its deadband",
    Outcome.THROTTLED: "later messages took its place in the window of `throttle`",
    Outcome.MERGED: "it is in one point with others of its series",
    Outcome.WAITING: "it waits for others of its series",
}


@dataclass(slots=True)
class Ticket:
    """One message whose points are thinned, until each of them has its fate."""

    item: Item
    base: Mapped
    """What the mapping made of it."""
    best: Outcome = Outcome.NO_VALUE
    points: list[Point] = field(default_factory=list)
    """What is stored of it in the turn that decides about it."""
    shares: list[Share] = field(default_factory=list)
    """What waits of it."""
    series: list[bytes] = field(default_factory=list)
    """The series of its points."""
    is_settled: bool = False
    """Whether it has its outcome although a part waits: it is kept as rejected."""

    def book(self, outcome: Outcome) -> None:
        """One of its points has this fate."""
        if _WEIGHT[outcome] > _WEIGHT[self.best]:
            self.best = outcome

    @property
    def mapped(self) -> Mapped:
        """What became of the message, as far as that is known."""
        outcome = self.base.outcome
        if outcome is Outcome.STORED:
            outcome = Outcome.WAITING if self.shares else self.best
        elif outcome is Outcome.UNCHANGED and self.points:
            # It has said that series are absent.
            outcome = Outcome.STORED
        kind = REPEAT if outcome is Outcome.DUPLICATE else self.base.kind
        reason = self.base.reason or self.reason_for(outcome)
        points = tuple(self.points)
        return Mapped(outcome, points, self.base.rule, reason, kind)

    def reason_for(self, outcome: Outcome) -> str:
        """Why it was not stored as it is, for a person; empty where its base says why."""
        is_about_values = self.base.outcome is Outcome.STORED
        return _REASONS.get(outcome, "") if is_about_values else ""


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, on both clocks, in µs."""

    monotonic_us: int
    wall_us: int


@dataclass(frozen=True, slots=True)
class Opening:
    """How a window began: its end counts from there, also in a later process."""

    first_us: int
    """The time of the point that opened it."""
    monotonic_us: int | None
    """When that was, by the clock of this boot; None: in another one, or nobody knows."""
    wall_us: int
    """The same by the wall clock."""

    def in_this_boot(self, now: Moment, window_us: int, *, is_clock_believed: bool) -> Opening:
        """The same for a process that goes on with such a window; what cannot be known to be from
        the last `window_us` is over now."""
        waited_us = window_us
        if self.monotonic_us is not None:
            waited_us = now.monotonic_us - self.monotonic_us
        elif is_clock_believed:
            waited_us = now.wall_us - self.wall_us
        if not 0 <= waited_us < window_us:
            waited_us = window_us
        return Opening(self.first_us, now.monotonic_us - waited_us, self.wall_us)


@dataclass(slots=True)
class Share:
    """One point that waits."""

    ticket: Ticket
    point: Point
    rule: str
    time_us: int
    opening: Opening
    """That of the window in which it waits."""
    number: int = 0
    """In the spool; 0 until it is there."""


@dataclass(slots=True, eq=False)
class Window:
    """Points of one series that become one."""

    key: bytes
    policy: Policy
    opening: Opening
    time_us: int
    fields: dict[str, Value] = field(default_factory=dict)
    owners: dict[str, Share] = field(default_factory=dict)
    """From which share each field is."""
    shares: list[Share] = field(default_factory=list)
    last: Share | None = None
    is_open: bool = True

    def fits(self, point: Point, time_us: int) -> bool:
        """Whether a point may become one with those that wait: it is from the same time, and does
        not repeat a field that must not be lost."""
        if abs(time_us - self.opening.first_us) >= self.policy.window_us:
            return False
        return self.policy.keeps_last or self.fields.keys().isdisjoint(point.fields)

    def add(self, share: Share) -> list[Share]:
        """Take it in; the shares of which nothing is left, it itself perhaps."""
        is_newest = self.last is None or share.time_us >= self.time_us
        if is_newest:
            self.time_us, self.last = share.time_us, share
        for name, value in share.point.fields.items():
            if is_newest or name not in self.fields:
                self.fields[name] = value
                self.owners[name] = share
        self.shares.append(share)
        owning = {id(owner) for owner in self.owners.values()}
        spent = [one for one in self.shares if id(one) not in owning]
        self.shares = [one for one in self.shares if id(one) in owning]
        return spent

    def point(self) -> Point:
        """The one point: time and tags are those of its last message."""
        assert self.last is not None
        last = self.last.point
        return Point.of_parts(
            from_us(self.time_us), last.measurement, dict(last.tags), dict(self.fields)
        )


def time_of(point: Point) -> int:
    """The time of a point that the mapping has made, µs UTC."""
    assert point.time is not None
    return to_us(point.time)
