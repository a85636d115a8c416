"""APScheduler's main loop with two duties more: see clock steps, and see runs past their timeout.

A subclass as APScheduler's guide "Extending APScheduler" describes it: start, shutdown and wakeup,
and sleeping as long as `_process_jobs` says, but never longer than `LOOK_S`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from apscheduler.schedulers.base import STATE_STOPPED, BaseScheduler

from daemon.scheduling.pool import DaemonPool
from daemon.scheduling.steady import SteadyTime

LOOK_S = 1.0

# What APScheduler says of single runs is counted and said once a change of state by the job's
# record. It also asks for "an executor named default", so its loggers have fixed names.
logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
logging.getLogger("apscheduler.executors.default").setLevel(logging.CRITICAL)


class SteadyLoop(BaseScheduler):  # type: ignore[misc]  # APScheduler 3 has no types
    """Runs jobs from one thread of its own, in steady time."""

    def __init__(
        self,
        steady: SteadyTime,
        pool: DaemonPool,
        look: Callable[[], None],
        *,
        look_s: float = LOOK_S,
    ) -> None:
        super().__init__(
            timezone=steady,
            executors={"default": pool},
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
        )
        self._look = look
        self._look_s = look_s
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._main, name="scheduler", daemon=True)

    def start(self, paused: bool = False) -> None:
        """Jobs run from now on. Once only: make a new loop to start again."""
        super().start(paused)
        self._thread.start()

    def shutdown(self, wait: bool = False) -> None:
        """No run starts after this. Returns when the loop's thread has ended."""
        super().shutdown(wait)
        self._woken.set()
        if self._thread is not threading.current_thread():
            self._thread.join(5 * LOOK_S)

    def wakeup(self) -> None:
        """Look at the jobs now: one was added or moved."""
        self._woken.set()

    def _main(self) -> None:
        look_at_s = 0.0
        while self.state != STATE_STOPPED:
            wait_s = self._process_jobs()
            longest_s = self._look_s if wait_s is None else min(wait_s, self._look_s)
            is_woken = self._woken.wait(longest_s)
            self._woken.clear()
            # Not at each of hundreds of runs a second: it looks at every job.
            if is_woken or time.monotonic() >= look_at_s:
                self._look()
                look_at_s = time.monotonic() + self._look_s
