"""The scheduler under a clock that the test sets, and with jobs that fail and hang."""

from __future__ import annotations

import itertools
import logging
import random
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from daemon.config import parse_cron
from daemon.errors import SourceError
from daemon.scheduling import Calendar, Every, JobState, JobStatus, Scheduler
from tests.daemon.clocks import SetClock
from tests.daemon.waiting import wait_until


class Bench:
    """A scheduler and its clock.

    With one thread that does not hang, runs end in the order in which they are due: a round of
    the scheduler is then over when a job that was due last has run.
    """

    def __init__(self, threads: int) -> None:
        self.clock = SetClock()
        self.scheduler = Scheduler(
            self.clock, threads=threads, look_s=0.005, chance=random.Random(7)
        )
        self.rounds = 0

    def status(self, name: str) -> JobStatus:
        return next(job for job in self.jobs() if job.name == name)

    def pass_time(self, seconds: float) -> None:
        """Time goes on and the scheduler has looked at its jobs since."""
        self.clock.pass_time(seconds)
        self.settle()

    def set_wall(self, wall: datetime) -> None:
        self.clock.set_wall(wall)
        self.settle()

    def settle(self) -> None:
        """The scheduler has gone round, and what it started has ended or is known to hang."""
        is_run = threading.Semaphore(0)
        name = f"round-{self.rounds}"
        self.rounds += 1
        self.scheduler.add(name, Every(1e9), is_run.release, timeout_s=1e9)
        assert is_run.acquire(timeout=20)

    def jobs(self) -> tuple[JobStatus, ...]:
        return self.scheduler.jobs()


@pytest.fixture
def make_bench() -> Iterator[Callable[[int], Bench]]:
    """Benches with so many threads, stopped when the test is over."""
    made: list[Bench] = []

    def make(threads: int) -> Bench:
        made.append(Bench(threads))
        return made[-1]

    yield make
    for bench in made:
        bench.scheduler.stop(0.1)


@pytest.fixture
def bench(make_bench: Callable[[int], Bench]) -> Bench:
    return make_bench(1)


class Runs:
    """A job that notes the wall time and the steady time of each of its runs."""

    def __init__(self, clock: SetClock) -> None:
        self._clock = clock
        self.walls: list[datetime] = []
        self.steady_s: list[float] = []

    def __call__(self) -> None:
        self.walls.append(self._clock.wall())
        self.steady_s.append(self._clock.monotonic_s())

    def at_least(self, count: int) -> Callable[[], bool]:
        return lambda: len(self.walls) >= count


class Hanging:
    """A job that does not return until it is released."""

    def __init__(self) -> None:
        self.started = threading.Semaphore(0)
        self.release = threading.Event()

    def __call__(self) -> None:
        self.started.release()
        self.release.wait(60)


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


def test_job_that_still_runs_is_not_started_again(make_bench: Callable[[int], Bench]) -> None:
    bench = make_bench(2)
    job = Hanging()
    bench.scheduler.add("hanging", Every(10), job, timeout_s=1000)
    bench.scheduler.start()
    assert job.started.acquire(timeout=20)
    bench.pass_time(10)
    bench.pass_time(10)
    assert not job.started.acquire(blocking=False)
    assert bench.status("hanging").overlapped == 2
    job.release.set()


def test_hanging_job_delays_no_other(make_bench: Callable[[int], Bench]) -> None:
    bench = make_bench(4)
    hanging = [Hanging() for _ in range(3)]
    for number, job in enumerate(hanging):
        bench.scheduler.add(f"hanging {number}", Every(10), job, timeout_s=15)
    bench.scheduler.start()
    assert all(job.started.acquire(timeout=20) for job in hanging)
    runs = Runs(bench.clock)
    bench.scheduler.add("job", Every(10), runs, timeout_s=15)
    wait_until(runs.at_least(1), "first run")
    bench.pass_time(10)
    bench.pass_time(10)
    assert len(runs.walls) == 3
    assert [job.timed_out for job in bench.jobs()[:4]] == [1, 1, 1, 0]


def test_hanging_job_is_counted_once_and_logged_once_a_change(
    make_bench: Callable[[int], Bench], caplog: pytest.LogCaptureFixture
) -> None:
    bench = make_bench(2)
    job = Hanging()
    bench.scheduler.add("hanging boiler", Every(10), job, timeout_s=5)
    bench.scheduler.start()
    assert job.started.acquire(timeout=20)
    with caplog.at_level(logging.INFO, "daemon.scheduling"):
        for _ in range(5):
            bench.pass_time(10)
        hanging = bench.status("hanging boiler")
        job.release.set()
        wait_until(lambda: bench.status("hanging boiler").running_s is None, "it to come back")
        came_back = bench.status("hanging boiler")
        for _ in range(3):
            bench.pass_time(10)
        wait_until(lambda: bench.status("hanging boiler").state is JobState.OK, "a good run")
    assert (hanging.state, hanging.timed_out, hanging.done) == (JobState.HANGING, 1, 0)
    assert (came_back.state, came_back.done) == (JobState.HANGING, 0), "too late to count"
    said = [
        record.getMessage() for record in caplog.records if "hanging boiler" in record.getMessage()
    ]
    assert [text.split(";")[0] for text in said] == [
        "hanging boiler: no answer within 5 s",
        "hanging boiler: works again after 1 bad runs",
    ]


def test_run_past_its_timeout_is_cancelled(bench: Bench) -> None:
    job = Hanging()
    bench.scheduler.add("job", Every(10), job, timeout_s=5, cancel=job.release.set)
    bench.scheduler.start()
    assert job.started.acquire(timeout=20)
    bench.clock.pass_time(6)
    assert job.release.wait(20)
    wait_until(lambda: bench.status("job").running_s is None, "the run to end")
    assert (bench.status("job").done, bench.status("job").timed_out) == (0, 1)


def test_all_threads_taken_by_hanging_jobs_is_said_once(
    make_bench: Callable[[int], Bench], caplog: pytest.LogCaptureFixture
) -> None:
    bench = make_bench(4)
    hanging = [Hanging() for _ in range(4)]
    for number, job in enumerate(hanging):
        bench.scheduler.add(f"hanging {number}", Every(1000), job, timeout_s=2000)
    bench.scheduler.start()
    assert all(job.started.acquire(timeout=20) for job in hanging)
    runs = Runs(bench.clock)
    with caplog.at_level(logging.WARNING, "daemon.scheduling"):
        bench.scheduler.add("job", Every(10), runs, timeout_s=5)

        def is_warned_in_time() -> bool:
            bench.clock.pass_time(1)
            return "all 4 threads are taken" in caplog.text

        wait_until(is_warned_in_time, "the warning")
        hanging[0].release.set()
        wait_until(runs.at_least(1), "the run that waited for a thread")
    assert caplog.text.count("threads are taken") == 1


def test_failing_job_is_counted_and_logged_once_a_change(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    trouble: list[Exception] = [SourceError("the bus does not answer")]

    def job() -> None:
        if trouble:
            raise trouble[0]

    bench.scheduler.add("floor", Every(10), job, timeout_s=5)
    with caplog.at_level(logging.INFO, "daemon.scheduling"):
        bench.scheduler.start()
        bench.settle()
        for _ in range(10):
            bench.pass_time(10)
        failing = bench.status("floor")
        trouble.clear()
        for _ in range(20):
            bench.pass_time(10)
    assert failing.state is JobState.FAILING
    assert failing.last_error == "the bus does not answer"
    assert bench.status("floor").state is JobState.OK
    assert [record.getMessage().split(";")[0] for record in caplog.records] == [
        "floor: failed: the bus does not answer",
        f"floor: works again after {failing.failed} bad runs",
    ]


def test_job_that_keeps_failing_is_tried_less_often_and_never_given_up(bench: Bench) -> None:
    tries: list[float] = []

    def job() -> None:
        tries.append(bench.clock.monotonic_s())
        raise SourceError("unplugged")

    bench.scheduler.add("job", Every(10), job, timeout_s=5)
    bench.scheduler.start()
    bench.settle()
    for _ in range(80):
        bench.pass_time(10)
    waits = [round(after - before) for before, after in itertools.pairwise(tries)]
    assert waits == [10, 20, 40, 80, 160, 160, 160, 160]
    status = bench.status("job")
    assert status.failed + status.held_off == 81


def test_unexpected_error_of_a_job_is_logged_with_its_place(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    def job() -> None:
        raise KeyError("no such register")

    with caplog.at_level(logging.WARNING, "daemon.scheduling"):
        bench.scheduler.add("job", Every(10), job, timeout_s=5)
        bench.scheduler.start()
        wait_until(lambda: bench.status("job").failed == 1, "the failure")
        wait_until(lambda: bool(caplog.records), "the line")
    assert "KeyError: 'no such register'" in caplog.text
    assert "in job" in caplog.text


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
