"""Jobs by name: added, started, watched, stopped. What the other rooms see of scheduling."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, JobSubmissionEvent

from daemon.clock import Clock
from daemon.scheduling.job import JobRecord, JobStatus
from daemon.scheduling.loop import LOOK_S, SteadyLoop
from daemon.scheduling.pool import DaemonPool
from daemon.scheduling.schedule import Calendar, Schedule
from daemon.scheduling.steady import STEP_S, SteadyTime
from daemon.scheduling.triggers import trigger_of

_log = logging.getLogger(__name__)

# A job that hangs keeps its thread, so there is one for each of a house's polls. They are started
# when needed and end when idle; the systemd unit allows 200 tasks.
THREADS = 128
_CLOSE_S = 1.0
_LATE_S = 5.0


class Scheduler:
    """Runs jobs at their times, each in a thread of a bounded pool, never twice at once.

    A job that raises is counted and goes on as scheduled; an interval job that keeps failing is
    tried less often, up to 16 intervals or 5 minutes apart. A job that is past its timeout is
    counted, cancelled where it knows how, and keeps its thread until it comes back; the others do
    not wait for it. Setting the wall clock moves no interval, and cron times follow the new clock
    within about a second; those that a step forward skips are not made up for.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        threads: int = THREADS,
        look_s: float = LOOK_S,
        chance: random.Random | None = None,
    ) -> None:
        self._clock = clock
        self._threads = threads
        self._look_s = look_s
        self._chance = chance or random.Random()
        self._steady = SteadyTime(clock)
        self._lock = threading.RLock()
        self._records: dict[str, JobRecord] = {}
        self._loop: SteadyLoop | None = None
        self._pool: DaemonPool | None = None
        self._lead_s = self._planned_lead_s = 0.0
        self._is_said_late = False

    def add(
        self,
        name: str,
        schedule: Schedule,
        call: Callable[[], None],
        *,
        timeout_s: float,
        cancel: Callable[[], None] | None = None,
        close: Callable[[], None] | None = None,
    ) -> None:
        """Run `call` by this schedule, from `start` on, or from now when already started.

        `cancel` asks a run that is under way to end; it is called when the run is past `timeout_s`
        and when the scheduler stops. `close` gives up what the job holds, when the scheduler has
        stopped or the job is removed; both are called from threads of their own. Raises ValueError
        for a name that is taken and a timeout of 0 or less.
        """
        if timeout_s <= 0:
            raise ValueError(f"job {name!r}: found a timeout of {timeout_s} s; allowed: above 0")
        with self._lock:
            if name in self._records:
                raise ValueError(f"job {name!r} is there already; each job needs its own name")
            record = JobRecord(
                name, schedule, call, self._clock, timeout_s=timeout_s, cancel=cancel, close=close
            )
            self._records[name] = record
            if self._loop is not None:
                self._plan(self._loop, record)

    def remove(self, name: str) -> None:
        """Run it no more; a run that is under way is asked to end, and waited for up to a second.
        Does nothing for an unknown name, which is free again."""
        with self._lock:
            record = self._records.pop(name, None)
            if record is not None and self._loop is not None:
                self._loop.remove_job(_key(record))
            pool = self._pool
        if record is not None:
            record.retire()
            if pool is not None:
                pool.await_that(lambda: not record.is_running(), _CLOSE_S)
            _join([record.let_go()])

    def start(self) -> None:
        """Start the jobs; does nothing when they are started."""
        with self._lock:
            if self._loop is not None:
                return
            self._lead_s = self._planned_lead_s = self._steady.lead_s()
            pool = DaemonPool(self._threads, self._clock)
            loop = SteadyLoop(self._steady, pool, self._look, look_s=self._look_s)
            loop.add_listener(self._overlapped, EVENT_JOB_MAX_INSTANCES)
            for record in self._records.values():
                self._plan(loop, record)
            loop.start()
            self._loop, self._pool = loop, pool

    def stop(self, timeout_s: float = 3.0) -> None:
        """End all runs that can be ended, within `timeout_s`; those that hang are named and left.

        Safe before start, and twice.
        """
        with self._lock:
            loop, pool = self._loop, self._pool
            self._loop = self._pool = None
        if loop is None or pool is None:
            return
        loop.shutdown()
        running = [record for record in self._records.values() if record.is_running()]
        for record in running:
            record.end()
        if not pool.drain(timeout_s):
            names = [record.name for record in running if record.is_running()]
            _log.warning("stopped although still running: %s", ", ".join(names))
        _join([record.let_go() for record in self._records.values()])

    def jobs(self) -> tuple[JobStatus, ...]:
        """Every job as it is now, in the order in which they were added."""
        with self._lock:
            return tuple(
                record.status(self._next_run_us(record.name)) for record in self._records.values()
            )

    def _plan(self, loop: SteadyLoop, record: JobRecord) -> None:
        trigger = trigger_of(record.schedule, self._steady, self._chance)
        loop.add_job(record.run, trigger, id=_key(record), name=record.name)

    def _next_run_us(self, name: str) -> int | None:
        job = self._loop.get_job(_key(self._records[name])) if self._loop is not None else None
        next_run: datetime | None = getattr(job, "next_run_time", None)
        if next_run is None:
            return None
        wait_s = (next_run - self._steady.now()).total_seconds()
        return self._clock.now_us() + round(wait_s * 1e6)

    def _overlapped(self, event: JobSubmissionEvent) -> None:
        with self._lock:
            records = tuple(self._records.values())
        for record in records:
            if _key(record) == event.job_id:
                record.overlapped()

    def _look(self) -> None:
        """The loop's thread, about once a second: the clock, the timeouts, the pool."""
        with self._lock:
            records, loop, pool = tuple(self._records.values()), self._loop, self._pool
        if loop is None or pool is None:
            return
        self._follow_clock(loop, records)
        for record in records:
            record.give_up_late()
        is_late = pool.delay_s() > _LATE_S
        if is_late and not self._is_said_late:
            running = ", ".join(record.name for record in records if record.is_running())
            _log.warning(
                "jobs start late: all %d threads are taken; running: %s", self._threads, running
            )
        self._is_said_late = is_late

    def _follow_clock(self, loop: SteadyLoop, records: tuple[JobRecord, ...]) -> None:
        lead_s = self._steady.lead_s()
        step_s, self._lead_s = lead_s - self._lead_s, lead_s
        if abs(lead_s - self._planned_lead_s) <= STEP_S:
            return
        self._planned_lead_s = lead_s
        crons = [_key(record) for record in records if isinstance(record.schedule, Calendar)]
        if abs(step_s) > STEP_S:
            _log.info(
                "the wall clock was set by %+.0f s; %d cron jobs are planned anew",
                step_s,
                len(crons),
            )
        for key in crons:
            job = loop.get_job(key)
            if job is not None:
                job.reschedule(job.trigger)


def _key(record: JobRecord) -> str:
    """What APScheduler calls a job. Not by its name: it allows no run beside one of the same key,
    and a removed job that hangs would hold up the new one of its name."""
    return f"{record.name} {id(record):x}"


def _join(threads: Sequence[threading.Thread | None]) -> None:
    """Wait for these, not longer than a second for all of them."""
    end_s = time.monotonic() + _CLOSE_S
    for thread in threads:
        if thread is not None:
            thread.join(max(0.0, end_s - time.monotonic()))
