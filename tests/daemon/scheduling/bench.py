"""A scheduler under a clock that the test sets, and jobs that note, fail and hang."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from datetime import datetime

from daemon.scheduling import Every, JobStatus, Scheduler
from tests.daemon.clocks import SetClock


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
