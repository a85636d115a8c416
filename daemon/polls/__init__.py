"""What the collector reads itself, on a schedule: sensors behind one small interface."""

from daemon.polls.command import CommandSensor
from daemon.polls.jobs import PollJob, Sink, schedule_of, schedule_polls
from daemon.polls.kinds import KINDS, open_sensor
from daemon.polls.sensor import Place, Sensor, SensorError, SensorKind
from daemon.polls.system import SystemSensor

__all__ = [
    "KINDS",
    "CommandSensor",
    "Place",
    "PollJob",
    "Sensor",
    "SensorError",
    "SensorKind",
    "Sink",
    "SystemSensor",
    "open_sensor",
    "schedule_of",
    "schedule_polls",
]
