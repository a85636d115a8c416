"""The sensor kind `gpio`: the level of a pin, or how often it changed. The only door to gpiod.

A counter needs no thread of ours: the kernel numbers each edge of a line, those too for which its
buffer had no room, so that the last one tells how many there were.
"""

from __future__ import annotations

import errno
from datetime import timedelta
from typing import Any, Literal, Protocol

from pydantic import Field, model_validator

from daemon.config import FieldRule, PollOptions, Seconds
from daemon.messages import JsonValue
from daemon.polls.extras import import_extra
from daemon.polls.sensor import Place, Sensor, SensorError, SensorKind

_BUFFERED_EDGES = 1024
_MOST_READS = 100


class GpioOptions(PollOptions):
    """One pin."""

    chip: str = "/dev/gpiochip0"
    """The controller; on a Raspberry Pi 5 with an old kernel /dev/gpiochip4."""
    line: int = Field(ge=0, le=1023)
    """Number of the line: on a Raspberry Pi that of the GPIO, not of the pin."""
    mode: Literal["level", "counter"] = "level"
    """level: the field `level`, 0 or 1. counter: the field `count`, which only grows; pulses of a
    meter."""
    bias: Literal["none", "up", "down"] = "none"
    """Resistor inside the chip, for a contact that only closes."""
    invert: bool = False
    """True: low is 1, and a falling edge counts."""
    edges: Literal["rising", "both"] = "rising"
    """What a counter counts."""
    debounce_s: Seconds = Field(default=0.0, validation_alias="debounce", ge=0, le=10)
    """A change that lasts shorter is none; contacts need 5ms to 50ms."""

    @model_validator(mode="before")
    @classmethod
    def _count_on(cls, value: object) -> object:
        # What was counted goes on where it was when the collector is started anew.
        if isinstance(value, dict) and value.get("mode") == "counter":
            return {"fields": {"count": FieldRule(kind="counter")}, **value}
        return value

    @property
    def counts(self) -> bool:
        """Whether edges are counted."""
        return self.mode == "counter"


class Line(Protocol):
    """A pin that is taken, as far as it is needed here."""

    def level(self) -> int:
        """0 or 1, now."""

    def last_edge(self) -> int | None:
        """Number of the last edge since it was taken; None if none came since the last call."""

    def release(self) -> None:
        """Let go of it."""


class GpioSensor(Sensor):
    """Holds its line from the first reading on."""

    def __init__(self, line: Line, *, counts: bool) -> None:
        self._line = line
        self._counts = counts
        self._count = 0

    def read(self, timeout_s: float) -> JsonValue:
        """`level`, or `count` since the line was taken."""
        if not self._counts:
            return {"level": self._line.level()}
        last = self._line.last_edge()
        if last is not None:
            self._count = last
        return {"count": self._count}

    def close(self) -> None:
        """Let go of the line; what is counted begins anew."""
        self._line.release()


class GpiodLine:
    """A line by the kernel's GPIO character device."""

    def __init__(self, options: GpioOptions) -> None:
        """Takes the line. Raises SensorError."""
        gpiod: Any = import_extra("gpiod", "gpio")
        kinds: Any = import_extra("gpiod.line", "gpio")
        edge = kinds.Edge.BOTH if options.edges == "both" else kinds.Edge.RISING
        bias = {
            "none": kinds.Bias.AS_IS, "up": kinds.Bias.PULL_UP, "down": kinds.Bias.PULL_DOWN
        }  # fmt: skip
        settings = gpiod.LineSettings(
            direction=kinds.Direction.INPUT,
            edge_detection=edge if options.counts else kinds.Edge.NONE,
            bias=bias[options.bias],
            active_low=options.invert,
            debounce_period=timedelta(seconds=options.debounce_s),
        )
        self._active = kinds.Value.ACTIVE
        self._number = options.line
        try:
            self._request = gpiod.request_lines(
                options.chip,
                config={options.line: settings},
                consumer="tinyflux-collector",
                event_buffer_size=_BUFFERED_EDGES if options.counts else None,
            )
        except (OSError, ValueError) as error:
            raise _failure(options, error) from error

    def level(self) -> int:
        """As in `Line`."""
        return int(self._request.get_value(self._number) == self._active)

    def last_edge(self) -> int | None:
        """As in `Line`."""
        last = None
        for _ in range(_MOST_READS):
            if not self._request.wait_edge_events(timedelta(0)):
                break
            last = self._request.read_edge_events()[-1].line_seqno
        return last

    def release(self) -> None:
        """As in `Line`."""
        self._request.release()


def _failure(options: GpioOptions, error: OSError | ValueError) -> SensorError:
    number = getattr(error, "errno", None)
    if number in (errno.ENOENT, errno.ENODEV):
        return SensorError(
            "no-chip", f"there is no GPIO controller {options.chip}; `gpiodetect` lists them"
        )
    if number in (errno.EACCES, errno.EPERM):
        return SensorError(
            "permission",
            f"not allowed to open {options.chip}: the collector's user has to be in the group "
            "`gpio`; under systemd use the drop-in gpio.conf",
        )
    if number == errno.EBUSY:
        return SensorError(
            "busy", f"another program, or the kernel, has line {options.line} of {options.chip}"
        )
    return SensorError("no-line", f"line {options.line} of {options.chip}: {error}")


def _open(options: GpioOptions, place: Place) -> GpioSensor:
    return GpioSensor(GpiodLine(options), counts=options.counts)


KIND = SensorKind(GpioOptions, _open)
