"""The sensor kinds by the name that a configuration gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.config import CommandPoll, PollConfig, SystemPoll
from daemon.polls.command import open_command
from daemon.polls.sensor import Place, Sensor, SensorKind
from daemon.polls.system import open_system

KINDS: Mapping[str, SensorKind[Any]] = {
    "command": SensorKind(CommandPoll, open_command),
    "system": SensorKind(SystemPoll, open_system),
}


def open_sensor(poll: PollConfig, place: Place) -> Sensor:
    """The sensor that a configured poll reads. Raises SensorError when it cannot be had now."""
    return KINDS[poll.kind].sensor(poll, place)
