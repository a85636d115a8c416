"""What a sensor is: something that is read on a schedule and answers with a value.

This is all that a sensor kind has to know of the collector. Its value goes through the same rules
as an MQTT payload, so a sensor answers with what it found and leaves units and limits alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from daemon.config import PollOptions
from daemon.errors import SourceError
from daemon.messages import JsonValue

OptionsT = TypeVar("OptionsT", bound=PollOptions)


class SensorError(SourceError):
    """A reading failed; the text says why and, where it can, what to do."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        """A short word for the reason (`timeout`, `exit-status`), to count by."""


class Sensor(ABC):
    """One sensor, ready to be read. Read by one thread at a time, not always the same one."""

    @abstractmethod
    def read(self, timeout_s: float) -> JsonValue:
        """The value now: a number, a text, or an object or a list of them; None for no value.

        Keeps to the timeout where it can. Raises SensorError, or any other exception, which is
        then reported as a fault of the sensor's code.
        """

    def cancel(self) -> None:  # noqa: B027 - most sensors have nothing to end
        """End a `read` that is under way in another thread, soon; does nothing without one."""

    def close(self) -> None:  # noqa: B027 - most sensors hold nothing
        """Let go of ports, lines and connections. Not called during a `read`, and never twice."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a sensor may need to know of where it is read."""

    data_folder: Path
    """The folder of the data file."""
    poll: str = ""
    """The poll's name, for log lines."""


@dataclass(frozen=True, slots=True)
class SensorKind(Generic[OptionsT]):
    """One kind of sensor: the model of its options, and how to make a sensor from them.

    A package offers one by an entry point of the group `tinyflux_collector.sensors`, whose name is
    the kind's name in a configuration.
    """

    options: type[OptionsT]
    """PollOptions, or TextOptions where a reading is a text to be parsed, with more options."""
    open: Callable[[OptionsT, Place], Sensor]
    """May raise SensorError, when hardware or a package is missing; it is tried again later."""
