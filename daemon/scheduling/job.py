"""One job's record: what its runs came to, whether one hangs, and when to hold off.

The scheduler's thread and one worker at a time meet here. One log line a change of state: a
sensor that is unplugged for a week is two lines.
"""

from __future__ import annotations

import enum
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType

from daemon.clock import Clock
from daemon.errors import CollectorError
from daemon.scheduling.schedule import Every, Schedule

_log = logging.getLogger(__name__)

_HOLD_OFF_INTERVALS = 16
_HOLD_OFF_S = 300.0


class JobState(enum.StrEnum):
    """How the latest finished or given-up run of a job went."""

    NEW = "new"
    OK = "ok"
    FAILING = "failing"
    HANGING = "hanging"


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job as it is now; counts since start."""

    name: str
    state: JobState
    done: int
    failed: int
    timed_out: int
    """Runs that were given up; what they bring later does not count as done."""
    overlapped: int
    """Runs left out because the one before was still under way."""
    held_off: int
    """Runs left out because the job kept failing."""
    last_error: str
    running_s: float | None
    """Seconds since the run that is under way began; None between runs."""
    next_run_us: int | None
    """Wall clock, µs UTC, by the clock as it is now; None while the scheduler is stopped."""


class JobRecord:
    """Runs one job and keeps its record."""

    def __init__(
        self,
        name: str,
        schedule: Schedule,
        call: Callable[[], None],
        clock: Clock,
        *,
        timeout_s: float,
        cancel: Callable[[], None] | None = None,
        close: Callable[[], None] | None = None,
    ) -> None:
        self.name = name
        self.schedule = schedule
        self._call = call
        self._clock = clock
        self._timeout_s = timeout_s
        self._cancel = cancel
        self._close = close
        self._is_retired = False
        self._lock = threading.Lock()
        self._state = JobState.NEW
        self._done = self._failed = self._timed_out = self._overlapped = self._held_off = 0
        self._bad_runs = 0
        self._last_error = ""
        self._resume_at_s = 0.0
        self._started_at_s: float | None = None
        self._is_given_up = False

    def run(self) -> None:
        """One run, unless the job is held off. Raises what the job raises, when it is recorded."""
        with self._lock:
            now_s = self._clock.monotonic_s()
            if self._is_retired:
                return
            if now_s < self._resume_at_s:
                self._held_off += 1
                return
            self._started_at_s = now_s
            self._is_given_up = False
        with _Watched(self._finished):
            self._call()

    def overlapped(self) -> None:
        """Count a run that was left out because the one before is still under way."""
        with self._lock:
            self._overlapped += 1

    def give_up_late(self) -> None:
        """Count and cancel a run that is past its timeout; once a run."""
        with self._lock:
            started_at_s = self._started_at_s
            if started_at_s is None or self._is_given_up:
                return
            if self._clock.monotonic_s() - started_at_s < self._timeout_s:
                return
            self._is_given_up = True
            self._timed_out += 1
            reason = f"no answer within {self._timeout_s:g} s"
            is_news = self._went_wrong(JobState.HANGING, reason)
        if is_news:
            _log.warning(
                "%s: %s; it is left alone and starts again when it has come back", self.name, reason
            )
        self._cancel_run()

    def is_running(self) -> bool:
        """True while a run is under way, a given-up one included."""
        with self._lock:
            return self._started_at_s is not None

    def end(self) -> None:
        """Cancel a run that is under way because the scheduler stops: no failure of the job's."""
        with self._lock:
            self._is_given_up = True
        self._cancel_run()

    def retire(self) -> None:
        """End it for good: what waits for a thread does not run any more."""
        with self._lock:
            self._is_retired = True
        self.end()

    def let_go(self) -> threading.Thread | None:
        """Let the job give up what it holds, in the thread that comes back; None: it holds nothing.

        Like `cancel`, that is code of anybody, which may hang or fail.
        """
        return None if self._close is None else _beside(f"close {self.name}", self._close)

    def status(self, next_run_us: int | None) -> JobStatus:
        """The record as a value."""
        with self._lock:
            began_s = self._started_at_s
            running_s = None if began_s is None else self._clock.monotonic_s() - began_s
            return JobStatus(
                self.name, self._state, self._done, self._failed, self._timed_out,
                self._overlapped, self._held_off, self._last_error, running_s, next_run_us,
            )  # fmt: skip

    def _cancel_run(self) -> None:
        if self._cancel is not None and self.is_running():
            _beside(f"cancel {self.name}", self._cancel)

    def _finished(self, error: BaseException | None) -> None:
        with self._lock:
            self._started_at_s = None
            if self._is_given_up:
                return
            if error is None:
                self._done += 1
                was, runs = self._state, self._bad_runs
                self._state, self._bad_runs, self._resume_at_s = JobState.OK, 0, 0.0
                is_news = was in (JobState.FAILING, JobState.HANGING)
            else:
                self._failed += 1
                reason = describe(error)
                is_news = self._went_wrong(JobState.FAILING, reason)
        if error is None:
            if is_news:
                _log.info("%s: works again after %d bad runs", self.name, runs)
        elif is_news:
            is_expected = isinstance(error, CollectorError)
            _log.warning(
                "%s: failed: %s; it is tried again, less often while it fails, and the next line "
                "about it says that it works again", self.name, reason,
                exc_info=None if is_expected else error,
            )  # fmt: skip

    def _went_wrong(self, state: JobState, reason: str) -> bool:
        is_news = self._state is not state
        self._state = state
        self._last_error = reason
        self._bad_runs += 1
        self._resume_at_s = self._clock.monotonic_s() + self._hold_off_s()
        return is_news

    def _hold_off_s(self) -> float:
        """Seconds in which no run starts: 1, 3, 7, 15 intervals are left out, at most 5 minutes.

        Half an interval less than the wait, so that the run behind it is not missed by a hair.
        """
        if not isinstance(self.schedule, Every):
            return 0.0
        interval_s = self.schedule.seconds
        longest = min(_HOLD_OFF_INTERVALS, max(1, int(_HOLD_OFF_S // interval_s)))
        intervals = min(2 ** min(self._bad_runs - 1, 10), longest)
        return (intervals - 0.5) * interval_s if intervals > 1 else 0.0


def _beside(name: str, call: Callable[[], None]) -> threading.Thread:
    """A call in a thread of its own, which nobody waits for at exit."""
    thread = threading.Thread(target=call, name=name, daemon=True)
    thread.start()
    return thread


def describe(error: BaseException) -> str:
    """An error in one line; with its type where the text alone was not written for a person."""
    text = " ".join(str(error).split())
    if isinstance(error, CollectorError) and text:
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


class _Watched:
    """Tells `finished` how the block ended and lets every exception pass."""

    def __init__(self, finished: Callable[[BaseException | None], None]) -> None:
        self._finished = finished

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._finished(error)
