"""The configured polls as jobs: read a sensor on schedule, hand the reading on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import tzinfo
from functools import partial

from daemon.clock import Clock
from daemon.config import Config, PollOptions, parse_cron
from daemon.logs import Repeats
from daemon.messages import Reading
from daemon.polls.kinds import open_sensor
from daemon.polls.plain import plain
from daemon.polls.sensor import Place, Sensor, SensorError
from daemon.scheduling import Calendar, Every, Schedule, Scheduler

_log = logging.getLogger(__name__)

# A sensor that keeps to its timeout says itself that it failed, with the reason; the scheduler
# gives a run up only when that did not happen.
SCHEDULER_GRACE_S = 2.0

Sink = Callable[[Reading], bool]
"""Takes a reading in; False when there was no room, which the sink has counted."""


def schedule_polls(
    config: Config,
    scheduler: Scheduler,
    sink: Sink,
    clock: Clock,
    *,
    before: Config | None = None,
) -> None:
    """Every poll of the configuration becomes a job `poll NAME` of the scheduler.

    Those that are in the configuration `before` as well, which was scheduled, go on undisturbed;
    those that are not in this one any more end.
    """
    full = Repeats(_log, clock)
    kept = _unchanged(before, config)
    for poll in before.polls if before is not None else ():
        if poll.name not in kept:
            scheduler.remove(f"poll {poll.name}")
    for poll in config.polls:
        if poll.name in kept:
            continue
        place = Place(config.storage.path.parent, poll.name)
        job = PollJob(poll, partial(open_sensor, poll, place), sink, clock, full)
        scheduler.add(
            f"poll {poll.name}",
            schedule_of(poll, config.collector.zone),
            job.run,
            timeout_s=poll.timeout_s + SCHEDULER_GRACE_S,
            cancel=job.cancel,
            close=job.close,
        )


def _unchanged(before: Config | None, config: Config) -> frozenset[str]:
    """The names of polls that both have, the same."""
    if before is None or before.collector.timezone != config.collector.timezone:
        return frozenset()
    known = {poll.name: poll for poll in before.polls}
    return frozenset(poll.name for poll in config.polls if known.get(poll.name) == poll)


def schedule_of(poll: PollOptions, zone: tzinfo) -> Schedule:
    """When a poll runs; cron times are in this zone."""
    if poll.cron is not None:
        return Calendar(parse_cron(poll.cron), zone, poll.jitter_s)
    assert poll.interval_s is not None
    return Every(poll.interval_s, poll.jitter_s)


class PollJob:
    """Opens the sensor at the first run, reads it at each."""

    def __init__(
        self,
        poll: PollOptions,
        open_sensor: Callable[[], Sensor],
        sink: Sink,
        clock: Clock,
        full: Repeats,
    ) -> None:
        self._poll = poll
        self._open = open_sensor
        self._sink = sink
        self._clock = clock
        self._full = full
        self._lock = threading.Lock()
        self._sensor: Sensor | None = None
        self._is_running = self._is_closing = False

    def run(self) -> None:
        """One reading, handed on. Raises SensorError or what the sensor raises."""
        with self._lock:
            self._is_running, self._is_closing = True, False
        try:
            reading = self._reading()
        finally:
            with self._lock:
                self._is_running = False
                is_closing = self._is_closing
            if is_closing:
                self.close()
        if not is_closing and not self._sink(reading):
            self._full.log(
                logging.WARNING,
                self._poll.name,
                f"poll {self._poll.name}: reading dropped, the writer is behind or stopping",
            )

    def cancel(self) -> None:
        """End a reading that is under way."""
        sensor = self._sensor
        if sensor is not None:
            sensor.cancel()

    def close(self) -> None:
        """Let go of the sensor, at once or when the reading that is under way has ended. A later
        run opens it anew."""
        with self._lock:
            self._is_closing = True
            if self._is_running:
                return
            sensor, self._sensor = self._sensor, None
        if sensor is not None:
            sensor.close()

    def _reading(self) -> Reading:
        began_s = self._clock.monotonic_s()
        if self._sensor is None:
            self._sensor = self._open()
        value = plain(self._sensor.read(self._poll.timeout_s))
        took_s = self._clock.monotonic_s() - began_s
        if took_s > self._poll.timeout_s:
            # Nobody knows when in this long time the value was true.
            raise SensorError("late", f"answered after {took_s:.0f} s only")
        now_us, monotonic_us = self._clock.now_us(), round(self._clock.monotonic_s() * 1e6)
        return Reading(self._poll.name, value, now_us, monotonic_us)
