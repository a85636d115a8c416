"""The next run of a job in steady time: our own triggers for APScheduler.

Both compute from now and never from the run before, so that after a long pause or a set clock one
run follows and not every one that was missed (APScheduler lists them all, in CPU and memory).
APScheduler asks twice for each run, so an answer changes nothing that the next one depends on.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger

from daemon.config import Cron
from daemon.scheduling.schedule import Calendar, Every, Schedule
from daemon.scheduling.steady import STEP_S, SteadyTime

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def trigger_of(schedule: Schedule, steady: SteadyTime, chance: random.Random) -> BaseTrigger:
    """The trigger of a schedule."""
    if isinstance(schedule, Every):
        return EveryTrigger(schedule, chance)
    return CalendarTrigger(schedule, steady, chance)


class EveryTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no types
    """First at once, then on a grid anchored there: no drift, however long a run takes."""

    def __init__(self, every: Every, chance: random.Random) -> None:
        self._interval = timedelta(seconds=every.seconds)
        self._jitter_s = every.jitter_s
        self._chance = chance
        self._anchor: datetime | None = None

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The first grid point after `now`, plus the jitter."""
        if previous_fire_time is None or self._anchor is None:
            self._anchor = now
            return now + self._delay()
        passed = (now - self._anchor) // self._interval
        return self._anchor + (passed + 1) * self._interval + self._delay()

    def _delay(self) -> timedelta:
        return timedelta(seconds=self._chance.uniform(0.0, self._jitter_s))


class CalendarTrigger(BaseTrigger):  # type: ignore[misc]  # APScheduler 3 has no types
    """The moments of a cron expression by the wall clock as it is now, in steady time.

    Whoever sees the wall clock step asks anew with no previous run; in between the translation
    holds to within `STEP_S`.
    """

    def __init__(self, calendar: Calendar, steady: SteadyTime, chance: random.Random) -> None:
        self._crons = [
            CronTrigger(**fields, timezone=calendar.zone) for fields in _fields(calendar.cron)
        ]
        self._is_every_hour = len(calendar.cron.hours) == 24
        self._jitter_s = calendar.jitter_s
        self._steady = steady
        self._chance = chance
        self._meant: list[tuple[datetime, datetime]] = []

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        """The next moment of the expression, in steady time."""
        wall = self._steady.wall()
        after = self._after(previous_fire_time, wall)
        # CronTrigger takes a time that fits itself as the next one; ours comes strictly after.
        start = after + timedelta(microseconds=1)
        fires = min(self._fires(cron, start) for cron in self._crons)
        delay = timedelta(seconds=self._chance.uniform(0.0, self._jitter_s))
        run = now + (fires - wall) + delay
        self._meant = [*self._meant[-3:], (run, fires)]
        return run

    def _fires(self, cron: CronTrigger, start: datetime) -> datetime:
        fires: datetime = cron.get_next_fire_time(None, start)
        while fires.fold and not self._is_every_hour:
            # The hour that comes twice in autumn: as in cron, what names its hours runs once.
            after = fires.astimezone(UTC) + timedelta(microseconds=1)
            fires = cron.get_next_fire_time(None, after)
        return fires

    def _after(self, previous: datetime | None, wall: datetime) -> datetime:
        """The wall time after which the next run lies: now, or the run that is due if that was
        meant for a moment later. A clock slewed by NTP can be a little behind when its run comes,
        and the same time must not run twice."""
        for run, fires in self._meant:
            if run == previous and timedelta(0) < fires - wall < timedelta(seconds=2 * STEP_S):
                return fires
        return wall


def _fields(cron: Cron) -> list[dict[str, str]]:
    """The arguments of one or two CronTriggers whose union the expression means.

    APScheduler 3 wants both kinds of day to fit where crontab(5) wants either, and counts its
    weekdays from Monday = 0; by name they are the same.
    """
    fields = {
        "month": _listed(cron.months),
        "day": _listed(cron.days),
        "day_of_week": ",".join(_WEEKDAYS[number] for number in sorted(cron.weekdays)),
        "hour": _listed(cron.hours),
        "minute": _listed(cron.minutes),
        "second": "0",
    }
    if not cron.either_day:
        return [fields]
    return [{**fields, "day_of_week": "*"}, {**fields, "day": "*"}]


def _listed(numbers: frozenset[int]) -> str:
    return ",".join(str(number) for number in sorted(numbers))
