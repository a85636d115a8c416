"""Cron expressions run when crontab(5) says, not when APScheduler's own reading of them does."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from daemon.config import parse_cron
from daemon.scheduling import Calendar
from daemon.scheduling.steady import SteadyTime
from daemon.scheduling.triggers import CalendarTrigger
from tests.daemon.clocks import SetClock

OSLO = ZoneInfo("Europe/Oslo")


def next_times(line: str, start: datetime, count: int, zone: ZoneInfo = OSLO) -> list[str]:
    """The wall times of the next runs, each asked for when the one before has come."""
    clock = SetClock(start)
    steady = SteadyTime(clock)
    trigger = CalendarTrigger(Calendar(parse_cron(line), zone), steady, random.Random(1))
    times: list[str] = []
    previous: datetime | None = None
    while len(times) < count:
        previous = trigger.get_next_fire_time(previous, steady.now())
        clock.pass_time((previous - steady.now()).total_seconds())
        times.append(clock.wall().astimezone(zone).strftime("%a %d %b %H:%M"))
    return times


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("30 3 * * *", ["Mon 02 Mar 03:30", "Tue 03 Mar 03:30"], id="daily"),
        pytest.param("*/20 * * * *", ["Sun 01 Mar 13:20", "Sun 01 Mar 13:40"], id="step"),
        pytest.param("0 3 * * 0", ["Sun 08 Mar 03:00", "Sun 15 Mar 03:00"], id="sunday-is-0"),
        pytest.param("0 3 * * 7", ["Sun 08 Mar 03:00", "Sun 15 Mar 03:00"], id="sunday-is-7"),
        pytest.param("0 3 * * 1", ["Mon 02 Mar 03:00", "Mon 09 Mar 03:00"], id="monday-is-1"),
        pytest.param("0 3 * * fri-7", ["Fri 06 Mar 03:00", "Sat 07 Mar 03:00"], id="names"),
        pytest.param("0 3 13 * 5", ["Fri 06 Mar 03:00", "Fri 13 Mar 03:00"], id="either-day-fits"),
        pytest.param("0 0 1 jan,jul *", ["Wed 01 Jul 00:00", "Fri 01 Jan 00:00"], id="months"),
        pytest.param("@daily", ["Mon 02 Mar 00:00", "Tue 03 Mar 00:00"], id="macro"),
        pytest.param("0 0 29 2 *", ["Tue 29 Feb 00:00"], id="leap-day"),
        pytest.param("5/20 13 * * *", ["Sun 01 Mar 13:05", "Sun 01 Mar 13:25"], id="open-step"),
    ],
)
def test_line_runs_at_its_times(line: str, expected: list[str]) -> None:
    start = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)
    assert next_times(line, start, len(expected)) == expected


def test_hour_that_is_left_out_in_spring_delays_its_run() -> None:
    times = next_times("30 2 * * *", datetime(2026, 3, 28, 12, tzinfo=UTC), 2)
    assert times == ["Sun 29 Mar 03:30", "Mon 30 Mar 02:30"]


def test_named_hour_that_comes_twice_in_autumn_runs_once() -> None:
    times = next_times("30 2 * * *", datetime(2026, 10, 24, 12, tzinfo=UTC), 2)
    assert times == ["Sun 25 Oct 02:30", "Mon 26 Oct 02:30"]


def test_every_hour_runs_in_both_of_the_hours_that_come_twice_in_autumn() -> None:
    times = next_times("30 * * * *", datetime(2026, 10, 24, 23, 40, tzinfo=UTC), 3)
    assert times == ["Sun 25 Oct 02:30", "Sun 25 Oct 02:30", "Sun 25 Oct 03:30"]


def test_run_that_comes_early_by_a_slewed_clock_is_not_run_twice() -> None:
    clock = SetClock(datetime(2026, 3, 1, 2, 59, tzinfo=UTC))
    steady = SteadyTime(clock)
    trigger = CalendarTrigger(Calendar(parse_cron("0 3 * * *")), steady, random.Random(1))
    due = trigger.get_next_fire_time(None, steady.now())
    clock.pass_time(60)
    clock.set_wall(datetime(2026, 3, 1, 2, 59, 59, 600_000, tzinfo=UTC))
    following = trigger.get_next_fire_time(due, steady.now())
    assert following - steady.now() == timedelta(days=1, seconds=0.4)
