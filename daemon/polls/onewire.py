"""The sensor kind `onewire`: DS18B20 and its relatives, by the files of the kernel (w1_therm)."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from daemon.config import Name, PollOptions, Seconds
from daemon.messages import JsonValue
from daemon.polls.parts import PartLog
from daemon.polls.sensor import Place, Sensor, SensorError, SensorKind

_log = logging.getLogger(__name__)

DEVICES = Path("/sys/bus/w1/devices")
# Families of w1_therm: DS18S20, DS1822, DS18B20, DS1825 and MAX31850, DS28EA00.
_FAMILIES = ("10", "22", "28", "3b", "42")
_ID = re.compile(r"[0-9a-f]{2}-[0-9a-f]{12}")
_SCRATCHPAD = re.compile(
    r"(?P<bytes>(?:[0-9a-f]{2} ){9}): crc=[0-9a-f]{2} (?P<crc>YES|NO)\n"
    r"(?:[0-9a-f]{2} ){9}t=(?P<millidegrees>-?[0-9]+)\s*"
)
_POWER_UP = 85.0
_NEAR_POWER_UP = 15.0
# A conversion at 12 bits (DS18B20 data sheet, table 2), and the transfer.
_ONE_READING_S = 0.85


def _check_id(text: str) -> str:
    if _ID.fullmatch(text) is None:
        raise ValueError(
            "a sensor's number is written as below /sys/bus/w1/devices: 28-0417b1fb82ff"
        )
    return text


class OnewireOptions(PollOptions):
    """Every temperature sensor on the 1-wire bus; each is a point with a tag `sensor`."""

    names: dict[Annotated[str, AfterValidator(_check_id)], Name] = Field(  # type: ignore[assignment]
        default_factory=dict
    )
    """What to call a sensor instead of its number, as {28-0417b1fb82ff: living}. One that is named
    and does not answer is reported."""
    timeout_s: Seconds = Field(default=30.0, validation_alias="timeout", gt=0)
    """A run that takes longer is given up; each sensor takes a second."""
    each: str = "$.*"
    """Each sensor is a point."""

    @model_validator(mode="before")
    @classmethod
    def _tag_sensors(cls, value: object) -> object:
        if isinstance(value, dict) and isinstance(value.get("tags", {}), dict):
            return {**value, "tags": {"sensor": "{key}", **value.get("tags", {})}}
        return value


class OnewireSensor(Sensor):
    """Reads one sensor after the other: they share the bus."""

    def __init__(
        self, names: Mapping[str, str], poll: str = "onewire", devices: Path = DEVICES
    ) -> None:
        self._names = names
        self._devices = devices
        self._parts = PartLog(_log, poll)
        self._last: dict[str, float] = {}

    def read(self, timeout_s: float) -> JsonValue:
        """Temperature in degrees Celsius by name of the sensor. Raises SensorError when not one
        could be read; those that could not are left out, and said once."""
        end_s = time.monotonic() + timeout_s
        values: dict[str, JsonValue] = {}
        reasons: dict[str, str] = {}
        for number in sorted({*self._found(), *self._names}):
            name = self._names.get(number, number)
            try:
                values[name] = {"temperature": self._temperature(number, end_s)}
            except SensorError as error:
                reasons[f"{name} ({number})" if name != number else number] = str(error)
        if not values:
            told = "; ".join(f"{part}: {reason}" for part, reason in reasons.items())
            raise SensorError("no-reading", f"no sensor could be read: {told}")
        self._parts.tell(reasons)
        return values

    def _found(self) -> list[str]:
        try:
            present = [path.name for path in self._devices.iterdir()]
        except OSError as error:
            raise SensorError(
                "no-bus",
                f"there is no 1-wire bus here ({self._devices}: {error.strerror}): add "
                "dtoverlay=w1-gpio to /boot/firmware/config.txt and restart, or "
                "`modprobe w1-gpio` and `modprobe w1-therm`",
            ) from error
        found = [name for name in present if _ID.fullmatch(name) and name[:2] in _FAMILIES]
        if not found:
            ghosts = [name for name in present if name.startswith("00-")]
            what = "no temperature sensor"
            if ghosts:
                what = "only ghosts (00-...), as without a pull-up"
            raise SensorError(
                "no-sensor",
                f"the 1-wire bus has {what}: data goes to GPIO 4 by default, with 4.7 kilo-ohms "
                "from there to 3.3 V",
            )
        return found

    def _temperature(self, number: str, end_s: float) -> float:
        """Tries twice what may have been a disturbance."""
        for is_last in (False, True):
            if end_s - time.monotonic() < _ONE_READING_S:
                raise SensorError("timeout", "no time was left for it; a longer `timeout` helps")
            try:
                celsius = self._believed(number, self._scratchpad(number))
            except SensorError as error:
                if is_last or error.kind == "missing":
                    raise
            else:
                self._last[number] = celsius
                return celsius
        raise AssertionError("the last try returns or raises")

    def _scratchpad(self, number: str) -> str:
        path = self._devices / number / "w1_slave"
        try:
            return path.read_text(encoding="ascii")
        except FileNotFoundError:
            raise SensorError("missing", "is not on the bus") from None
        except UnicodeDecodeError:
            raise SensorError("unreadable", f"{path} has bytes that are no text") from None
        except OSError as error:
            raise SensorError("unreadable", f"does not answer: {error.strerror}") from error

    def _believed(self, number: str, text: str) -> float:
        match = _SCRATCHPAD.fullmatch(text)
        if match is None:
            raise SensorError("unreadable", f"the kernel says {text[:60]!r}, which is no reading")
        if match["crc"] == "NO":
            is_silent = set(match["bytes"].split()) == {"ff"}
            why = "it does not answer" if is_silent else "disturbed on the way: cable, pull-up"
            raise SensorError("crc", f"checksum (CRC) wrong, {why}")
        if set(match["bytes"].split()) == {"00"}:
            # Nine zeros have the checksum zero, and would be 0 °C.
            raise SensorError("short", "nothing but zeros: the data line is held down")
        celsius = int(match["millidegrees"]) / 1000
        last = self._last.get(number)
        is_near = last is not None and abs(last - _POWER_UP) <= _NEAR_POWER_UP
        if celsius == _POWER_UP and not is_near:
            raise SensorError(
                "power-up", "85 °C is what it says without having measured: its supply was cut"
            )
        return celsius


def _open(options: OnewireOptions, place: Place) -> OnewireSensor:
    return OnewireSensor(options.names, place.poll)


KIND = SensorKind(OnewireOptions, _open)
