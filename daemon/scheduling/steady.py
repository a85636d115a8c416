"""The time APScheduler lives in: monotonic, so that setting the clock moves no job.

APScheduler 3 reads the time in one way only, `datetime.now(scheduler.timezone)`. The zone is
therefore the place where another clock goes in: this one answers with the monotonic clock. What
APScheduler calls a run time is a moment on that line; wall times are translated at the edge.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from daemon.clock import Clock

STEP_S = 1.0
"""A wall clock that moved by more than this against the monotonic one was set, not slewed."""


class SteadyTime(tzinfo):
    """A "zone" in which now is the monotonic clock; its datetimes count from 1970."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._origin = datetime(1970, 1, 1, tzinfo=self)

    def fromutc(self, moment: datetime) -> datetime:
        """The steady now, whatever UTC time was given: `datetime.now` is the only caller."""
        return self.now()

    def now(self) -> datetime:
        """The monotonic clock as a datetime of this zone."""
        return self._origin + timedelta(seconds=self._clock.monotonic_s())

    def wall(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self._clock.now_us())

    def lead_s(self) -> float:
        """Wall clock minus steady time, seconds; constant while nobody sets or slews the clock."""
        return self._clock.now_us() / 1e6 - self._clock.monotonic_s()

    def utcoffset(self, moment: datetime | None) -> timedelta:
        """Zero: the datetimes are compared with each other only."""
        return timedelta(0)

    def dst(self, moment: datetime | None) -> timedelta:
        """Zero."""
        return timedelta(0)

    def tzname(self, moment: datetime | None) -> str:
        """A name for APScheduler's messages."""
        return "steady"
