"""One reading of one poll, now, for a person who tries it."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from functools import partial
from types import TracebackType

from daemon.clock import Clock
from daemon.config import PollOptions
from daemon.logs import Repeats
from daemon.messages import Reading
from daemon.polls.jobs import SCHEDULER_GRACE_S, PollJob
from daemon.polls.kinds import open_sensor
from daemon.polls.sensor import Place, SensorError
from daemon.scheduling import describe

_CANCEL_S = 1.0


@dataclass(frozen=True, slots=True)
class Once:
    """How it went."""

    reading: Reading | None
    """None: it failed."""
    trouble: str
    kind: str
    """The word for the trouble; empty where the sensor's own code failed."""
    took_s: float


def poll_once(poll: PollOptions, place: Place, clock: Clock) -> Once:
    """Open the sensor, read it, close it, as the collector would; the same timeout ends it."""
    arrived: list[Reading] = []

    def take(reading: Reading) -> bool:
        arrived.append(reading)
        return True

    full = Repeats(logging.getLogger(__name__), clock)
    job = PollJob(poll, partial(open_sensor, poll, place), take, clock, full)
    end = _End()

    def run() -> None:
        with end:
            job.run()

    began_s = clock.monotonic_s()
    # Not waited for when it hangs.
    runner = threading.Thread(target=run, name=f"poll {poll.name}", daemon=True)
    runner.start()
    runner.join(poll.timeout_s + SCHEDULER_GRACE_S)
    took_s = clock.monotonic_s() - began_s
    if runner.is_alive():
        threading.Thread(target=job.cancel, daemon=True).start()
        runner.join(_CANCEL_S)
        return Once(None, f"no answer within {poll.timeout_s:g} s; given up", "timeout", took_s)
    job.close()
    if end.error is not None:
        kind = end.error.kind if isinstance(end.error, SensorError) else ""
        return Once(None, describe(end.error), kind, took_s)
    return Once(arrived[0], "", "", took_s)


class _End:
    """Keeps what a block raised, to tell it elsewhere."""

    error: BaseException | None = None

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self.error = error
        return True
