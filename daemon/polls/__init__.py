"""Sensors behind one small interface, for the kinds here and those of other packages.

What runs them on a schedule is `daemon.polls.jobs`; it is not imported here, so that a
configuration can be read without the scheduler.
"""

from daemon.config import (
    InputPath,
    Items,
    Name,
    Number,
    PollOptions,
    Seconds,
    Section,
    SizeBytes,
    TextOptions,
)
from daemon.messages import JsonValue
from daemon.polls.kinds import open_sensor
from daemon.polls.sensor import Place, Sensor, SensorError, SensorKind

__all__ = [
    "InputPath",
    "Items",
    "JsonValue",
    "Name",
    "Number",
    "Place",
    "PollOptions",
    "Seconds",
    "Section",
    "Sensor",
    "SensorError",
    "SensorKind",
    "SizeBytes",
    "TextOptions",
    "open_sensor",
]
