"""The threads that jobs run in: bounded, started when needed, and never waited for at exit.

APScheduler's own pool is made of threads that Python joins when it ends, so one job that hangs
would keep the whole process. These are daemon threads. A job that hangs keeps its thread; the
others get new ones up to the bound, and no job has two runs at once, so a hanging job costs one
thread and no more.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from apscheduler.executors.base import BaseExecutor, run_job
from apscheduler.job import Job

from daemon.clock import Clock

IDLE_S = 60.0
"""A thread that has had nothing to do for so long ends."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    job: Job
    run_times: Sequence[datetime]
    since_s: float


class DaemonPool(BaseExecutor):  # type: ignore[misc]  # APScheduler 3 has no types
    """An executor for APScheduler with at most `threads` threads; runs begin in order of time."""

    def __init__(self, threads: int, clock: Clock) -> None:
        super().__init__()
        self._limit = threads
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[_Waiting] = deque()
        self._threads = 0
        self._running = 0
        self._is_closed = False

    def shutdown(self, wait: bool = True) -> None:
        """No run starts after this; those under way go on, and nobody waits for them here."""
        with self._changed:
            self._is_closed = True
            self._waiting.clear()
            self._changed.notify_all()

    def drain(self, timeout_s: float) -> bool:
        """Wait until nothing runs; False when something still does after `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._running == 0, timeout_s)

    def await_that(self, is_so: Callable[[], bool], timeout_s: float) -> bool:
        """Wait until this holds, which some run's end brings about; False after `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(is_so, timeout_s)

    def delay_s(self) -> float:
        """How long the run that is next has waited for a thread; 0 when none waits."""
        with self._changed:
            if not self._waiting:
                return 0.0
            return self._clock.monotonic_s() - self._waiting[0].since_s

    def _do_submit_job(self, job: Job, run_times: Sequence[datetime]) -> None:
        with self._changed:
            self._waiting.append(_Waiting(job, run_times, self._clock.monotonic_s()))
            idle = self._threads - self._running
            if idle < len(self._waiting) and self._threads < self._limit:
                self._threads += 1
                name = f"job-{self._threads}"
                threading.Thread(target=self._work, name=name, daemon=True).start()
            self._changed.notify()

    def _work(self) -> None:
        while (due := self._take()) is not None:
            # run_job catches whatever the job raises; the job's own record has seen it by then.
            events = run_job(due.job, "default", due.run_times, self._logger.name)
            self._run_job_success(due.job.id, events)
            with self._changed:
                self._running -= 1
                self._changed.notify_all()

    def _is_needed(self) -> bool:
        return bool(self._waiting) or self._is_closed

    def _take(self) -> _Waiting | None:
        with self._changed:
            while not self._waiting:
                has_work = self._changed.wait_for(self._is_needed, IDLE_S)
                if self._is_closed or (not has_work and not self._waiting):
                    self._threads -= 1
                    return None
            self._running += 1
            return self._waiting.popleft()
