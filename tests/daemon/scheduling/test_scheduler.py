"""When jobs run: intervals, calendars, clocks that are set, start and stop."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

import pytest

from daemon.config import parse_cron
from daemon.scheduling import Calendar, Every
from tests.daemon.scheduling.bench import Bench, Hanging, Runs
from tests.daemon.waiting import wait_until


def test_interval_job_runs_at_start_and_then_on_its_grid(bench: Bench) -> None:
    runs = Runs(bench.clock)
    start_s = bench.clock.monotonic_s()
    bench.scheduler.add("job", Every(10), runs, timeout_s=5)
    bench.scheduler.start()
    wait_until(runs.at_least(1), "first run")
    for _ in range(5):
        bench.pass_time(4)
    assert [run_s - start_s for run_s in runs.steady_s] == [0, 12, 20]


def test_interval_does_not_drift_over_a_day(bench: Bench) -> None:
    runs = Runs(bench.clock)
    start_s = bench.clock.monotonic_s()
    bench.scheduler.add("job", Every(600), runs, timeout_s=5)
    bench.scheduler.start()
    wait_until(runs.at_least(1), "first run")
    for lap in range(1, 145):
        # Woken 7 s late each time, as on a busy board.
        bench.clock.pass_time(lap * 600 + 7 + start_s - bench.clock.monotonic_s())
        wait_until(runs.at_least(lap + 1), f"run {lap}")
        wait_until(lambda lap=lap: bench.status("job").done == lap + 1, "its end")  # type: ignore[misc]
    assert [round(run_s - start_s) % 600 for run_s in runs.steady_s[1:]] == [7] * 144


def test_wall_clock_set_back_by_hours_does_not_put_an_interval_job_to_sleep(bench: Bench) -> None:
    runs = Runs(bench.clock)
    bench.scheduler.add("job", Every(10), runs, timeout_s=5)
    bench.scheduler.start()
    wait_until(runs.at_least(1), "first run")
    bench.set_wall(bench.clock.wall() - timedelta(hours=6))
    bench.pass_time(10)
    assert len(runs.walls) == 2


def test_wall_clock_set_forward_by_years_runs_no_missed_interval(bench: Bench) -> None:
    runs = Runs(bench.clock)
    bench.scheduler.add("job", Every(10), runs, timeout_s=5)
    bench.scheduler.start()
    wait_until(runs.at_least(1), "first run")
    bench.set_wall(bench.clock.wall() + timedelta(days=20 * 365))
    assert len(runs.walls) == 1
    bench.pass_time(10)
    assert len(runs.walls) == 2


def test_cron_follows_a_wall_clock_set_back(bench: Bench) -> None:
    runs = Runs(bench.clock)
    bench.scheduler.add("job", Calendar(parse_cron("0 * * * *")), runs, timeout_s=5)
    bench.scheduler.start()
    bench.set_wall(datetime(2026, 3, 1, 6, 59, 30, tzinfo=UTC))
    bench.pass_time(31)
    assert runs.walls == [datetime(2026, 3, 1, 7, 0, 1, tzinfo=UTC)]


def test_cron_set_forward_by_years_runs_at_its_next_time_only(bench: Bench) -> None:
    runs = Runs(bench.clock)
    bench.scheduler.add("job", Calendar(parse_cron("* * * * *")), runs, timeout_s=5)
    bench.scheduler.start()
    bench.set_wall(datetime(2046, 3, 1, 6, 59, 30, tzinfo=UTC))
    assert runs.walls == []
    bench.pass_time(31)
    assert runs.walls == [datetime(2046, 3, 1, 7, 0, 1, tzinfo=UTC)]


def test_clock_set_again_and_again_is_said_once_each_time(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.scheduler.add("job", Calendar(parse_cron("0 3 * * *")), lambda: None, timeout_s=5)
    bench.scheduler.start()
    with caplog.at_level(logging.INFO, "daemon.scheduling"):
        bench.set_wall(bench.clock.wall() + timedelta(hours=1))
        bench.settle()
        bench.set_wall(bench.clock.wall() - timedelta(hours=1))
    said = [record.getMessage() for record in caplog.records if "clock was set" in record.msg]
    assert [text.split(";")[0] for text in said] == [
        "the wall clock was set by +3600 s",
        "the wall clock was set by -3600 s",
    ]


@pytest.mark.parametrize(
    "schedule",
    [
        pytest.param(Every(10), id="interval"),
        pytest.param(Calendar(parse_cron("* * * * *")), id="cron"),
    ],
)
def test_run_that_is_late_by_an_hour_takes_place_once(
    bench: Bench, schedule: Every | Calendar
) -> None:
    # APScheduler's own default drops a run that is more than a second late.
    runs = Runs(bench.clock)
    bench.scheduler.add("job", schedule, runs, timeout_s=5)
    bench.scheduler.start()
    bench.pass_time(0.1)
    before = len(runs.walls)
    bench.pass_time(3600)
    assert len(runs.walls) == before + 1


def test_jitter_spreads_the_runs_and_leaves_the_grid_alone(bench: Bench) -> None:
    runs = Runs(bench.clock)
    start_s = bench.clock.monotonic_s()
    bench.scheduler.add("job", Every(100, jitter_s=20), runs, timeout_s=5)
    bench.scheduler.start()
    for _ in range(24 * 20):
        bench.pass_time(5)
    places = [(run_s - start_s) % 100 for run_s in runs.steady_s[1:]]
    assert len(places) == 23
    assert max(places) <= 45
    assert len({place // 5 for place in places}) >= 4


def test_stop_comes_back_although_a_job_hangs_and_names_it(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    job = Hanging()
    bench.scheduler.add("hanging boiler", Every(10), job, timeout_s=5)
    bench.scheduler.start()
    assert job.started.acquire(timeout=20)
    with caplog.at_level(logging.WARNING, "daemon.scheduling"):
        bench.scheduler.stop(0.05)
    assert [record.getMessage() for record in caplog.records] == [
        "stopped although still running: hanging boiler"
    ]
    job.release.set()


def test_stop_cancels_what_runs_and_is_no_failure_of_the_job(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    job = Hanging()
    bench.scheduler.add("job", Every(10), job, timeout_s=50, cancel=job.release.set)
    bench.scheduler.start()
    assert job.started.acquire(timeout=20)
    with caplog.at_level(logging.WARNING, "daemon.scheduling"):
        bench.scheduler.stop(20)
    assert caplog.records == []
    assert bench.status("job").failed == 0


def test_no_run_starts_after_stop(bench: Bench) -> None:
    runs = Runs(bench.clock)
    bench.scheduler.add("job", Every(10), runs, timeout_s=5)
    bench.scheduler.start()
    wait_until(runs.at_least(1), "first run")
    bench.scheduler.stop(1)
    bench.clock.pass_time(1000)
    assert len(runs.walls) == 1
    assert bench.status("job").next_run_us is None


def test_stop_is_safe_before_start_and_twice(bench: Bench) -> None:
    bench.scheduler.stop(1)
    bench.scheduler.start()
    bench.scheduler.start()
    bench.scheduler.stop(1)
    bench.scheduler.stop(1)
    assert bench.scheduler.jobs() == ()


def test_stopped_scheduler_can_be_started_again(bench: Bench) -> None:
    runs = Runs(bench.clock)
    bench.scheduler.add("job", Every(10), runs, timeout_s=5)
    bench.scheduler.start()
    wait_until(runs.at_least(1), "first run")
    bench.scheduler.stop(1)
    bench.scheduler.start()
    wait_until(runs.at_least(2), "run after the second start")


def test_next_run_is_told_in_wall_time(bench: Bench) -> None:
    bench.scheduler.add("night", Calendar(parse_cron("0 3 * * *")), lambda: None, timeout_s=5)
    bench.scheduler.start()
    expected = datetime(2026, 3, 2, 3, tzinfo=UTC)
    assert bench.status("night").next_run_us == round(expected.timestamp() * 1e6)


@pytest.mark.parametrize(
    ("name", "schedule", "timeout_s", "reason"),
    [
        pytest.param("there", Every(1), 5, "is there already", id="name-taken"),
        pytest.param("new", Every(1), 0, "timeout of 0 s", id="no-timeout"),
    ],
)
def test_job_that_cannot_be_is_refused(
    bench: Bench, name: str, schedule: Every | Calendar, timeout_s: float, reason: str
) -> None:
    bench.scheduler.add("there", Every(1), lambda: None, timeout_s=5)
    with pytest.raises(ValueError, match=reason):
        bench.scheduler.add(name, schedule, lambda: None, timeout_s=timeout_s)


def test_interval_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="allowed: an interval above 0"):
        Every(0)
