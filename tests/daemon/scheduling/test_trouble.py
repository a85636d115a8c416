"""Jobs that overlap, hang and fail: counted, said once a change, no trouble of others."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable

import pytest

from daemon.errors import SourceError
from daemon.scheduling import Every, JobState
from tests.daemon.scheduling.bench import Bench, Hanging, Runs
from tests.daemon.waiting import wait_until


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
