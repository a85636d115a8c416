"""Jobs whose code is anybody's: many hang at once, and so do their `cancel` and `close`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest

from daemon.scheduling import Every, JobState
from tests.daemon.scheduling.bench import Bench, Hanging, Runs
from tests.daemon.waiting import wait_until


def test_sixty_hanging_jobs_delay_no_other(make_bench: Callable[[int], Bench]) -> None:
    bench = make_bench(128)
    hanging = [Hanging() for _ in range(60)]
    for number, job in enumerate(hanging):
        bench.scheduler.add(f"hanging {number}", Every(10), job, timeout_s=5)
    bench.scheduler.start()
    assert all(job.started.acquire(timeout=20) for job in hanging)
    runs = Runs(bench.clock)
    bench.scheduler.add("job", Every(10), runs, timeout_s=5)
    for count in range(1, 6):
        wait_until(runs.at_least(count), f"run {count} beside sixty that hang")
        wait_until(lambda count=count: bench.status("job").done == count, "its end")  # type: ignore[misc]
        bench.clock.pass_time(10)
    for job in hanging:
        job.release.set()


def test_two_hundred_jobs_a_second_all_run(make_bench: Callable[[int], Bench]) -> None:
    bench = make_bench(16)
    for number in range(200):
        bench.scheduler.add(f"job {number}", Every(1), lambda: None, timeout_s=5)
    bench.scheduler.start()
    for second in range(10):
        wait_until(
            lambda second=second: all(  # type: ignore[misc]
                job.done + job.overlapped == second + 1 for job in bench.jobs()
            ),
            f"the runs of second {second}",
        )
        bench.clock.pass_time(1)
    # A run is left out only where the one before had ended in that very moment.
    assert sum(job.overlapped for job in bench.jobs()) <= 20


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_cancel_that_raises_or_hangs_stops_no_other_job(bench: Bench) -> None:
    hanging, raising, release = Hanging(), Hanging(), threading.Event()

    def raise_it() -> None:
        raise OSError("no such line")

    bench = Bench(4)
    try:
        cancels = {"hangs": (hanging, release.wait), "raises": (raising, raise_it)}
        for name, (job, cancel) in cancels.items():
            bench.scheduler.add(name, Every(10), job, timeout_s=5, cancel=cancel)  # type: ignore[arg-type]
        bench.scheduler.start()
        assert hanging.started.acquire(timeout=20)
        assert raising.started.acquire(timeout=20)
        bench.pass_time(6)
        wait_until(
            lambda: {bench.status(name).state for name in cancels} == {JobState.HANGING},
            "both to be given up",
        )
        runs = Runs(bench.clock)
        bench.scheduler.add("job", Every(10), runs, timeout_s=5)
        wait_until(runs.at_least(1), "the run of another job")
    finally:
        release.set()
        hanging.release.set()
        raising.release.set()
        bench.scheduler.stop(5)


def test_job_gives_up_what_it_holds_when_the_scheduler_stops(bench: Bench) -> None:
    closed = threading.Event()
    runs = Runs(bench.clock)
    bench.scheduler.add("job", Every(10), runs, timeout_s=5, close=closed.set)
    bench.scheduler.start()
    wait_until(runs.at_least(1), "first run")
    assert not closed.is_set()
    bench.scheduler.stop(5)
    assert closed.is_set()


def test_close_that_hangs_holds_up_neither_stop_nor_the_others(bench: Bench) -> None:
    release, closed = threading.Event(), threading.Event()
    bench.scheduler.add("hangs", Every(10), lambda: None, timeout_s=5, close=release.wait)  # type: ignore[arg-type]
    bench.scheduler.add("closes", Every(10), lambda: None, timeout_s=5, close=closed.set)
    bench.scheduler.start()
    bench.scheduler.stop(5)
    assert closed.is_set()
    release.set()


def test_removed_job_is_cancelled_closed_and_its_name_free(bench: Bench) -> None:
    job, closed = Hanging(), threading.Event()
    bench.scheduler.add(
        "pump", Every(10), job, timeout_s=50, cancel=job.release.set, close=closed.set
    )
    bench.scheduler.start()
    assert job.started.acquire(timeout=20)
    bench.scheduler.remove("pump")
    assert closed.is_set()
    runs = Runs(bench.clock)
    bench.scheduler.add("pump", Every(10), runs, timeout_s=5)
    wait_until(runs.at_least(1), "the run of the new job")


def test_removed_job_that_hangs_holds_up_no_new_one_of_its_name(
    make_bench: Callable[[int], Bench],
) -> None:
    bench, job = make_bench(4), Hanging()
    bench.scheduler.add("pump", Every(10), job, timeout_s=50)
    bench.scheduler.start()
    assert job.started.acquire(timeout=20)
    bench.scheduler.remove("pump")
    runs = Runs(bench.clock)
    bench.scheduler.add("pump", Every(10), runs, timeout_s=5)
    wait_until(runs.at_least(1), "the run of the new job")
    job.release.set()


def test_removed_job_that_waited_for_a_thread_does_not_run(bench: Bench) -> None:
    job, runs = Hanging(), Runs(bench.clock)
    bench.scheduler.add("hangs", Every(1000), job, timeout_s=5000)
    bench.scheduler.start()
    assert job.started.acquire(timeout=20)
    bench.scheduler.add("waits", Every(10), runs, timeout_s=5)
    wait_until(lambda: bench.status("waits").next_run_us is not None, "it to be planned")
    bench.scheduler.remove("waits")
    job.release.set()
    bench.settle()
    assert runs.walls == []


def test_failure_is_one_line_and_its_end_another_for_a_job_that_hangs_each_time(
    make_bench: Callable[[int], Bench], caplog: pytest.LogCaptureFixture
) -> None:
    bench, job = make_bench(2), Hanging()
    bench.scheduler.add("boiler", Every(10), job, timeout_s=5)
    with caplog.at_level(logging.INFO, "daemon.scheduling"):
        bench.scheduler.start()
        assert job.started.acquire(timeout=20)
        for _ in range(12):
            bench.pass_time(6)
        job.release.set()
        wait_until(lambda: bench.status("boiler").running_s is None, "the run to end")

        def is_well() -> bool:
            bench.clock.pass_time(10)
            return "works again" in caplog.text

        wait_until(is_well, "it to work again")
    assert [record.getMessage().split(";")[0] for record in caplog.records] == [
        "boiler: no answer within 5 s",
        "boiler: works again after 1 bad runs",
    ]
