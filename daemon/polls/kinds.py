"""From a configured poll to the sensor that it reads."""

from __future__ import annotations

from daemon.config import PollOptions, find_kind
from daemon.polls.sensor import Place, Sensor, SensorError


def open_sensor(poll: PollOptions, place: Place) -> Sensor:
    """The sensor that a configured poll reads. Raises SensorError when it cannot be had now."""
    try:
        sensor = find_kind(poll.kind, PollOptions).open(poll, place)
    except ImportError as error:
        raise SensorError(
            "missing-package",
            f"the kind {poll.kind} needs a package that is not installed: {error}",
        ) from error
    if not isinstance(sensor, Sensor):
        raise SensorError(
            "no-sensor",
            f"the kind {poll.kind} has made {type(sensor).__name__}, which is no Sensor",
        )
    return sensor
