"""What a board says of its own health in the kernel's files: temperature, voltage, throttling."""

from __future__ import annotations

from pathlib import Path

from daemon.polls.sensor import SensorError

SYSFS = Path("/sys")

_ZONES = ("cpu-thermal", "cpu_thermal", "soc-thermal", "soc_thermal", "x86_pkg_temp", "acpitz")
_CHIPS = ("coretemp", "k10temp", "zenpower", "cpu_thermal")

# Bits as in `vcgencmd get_throttled` (raspberrypi.com, "vcgencmd"): now, and since the start.
_FLAGS = ("undervoltage", "frequency_capped", "throttled", "soft_temperature_limit")
_SINCE_START = 16


def read_temperature(sysfs: Path = SYSFS) -> float:
    """Temperature of the processor in degrees Celsius. Raises SensorError where none is shown."""
    zones = {
        _text(zone / "type"): zone / "temp" for zone in sysfs.glob("class/thermal/thermal_zone*")
    }
    chips = {_text(chip / "name"): chip for chip in sysfs.glob("class/hwmon/hwmon*")}
    places = [zones[name] for name in _ZONES if name in zones]
    places += [chips[name] / "temp1_input" for name in _CHIPS if name in chips]
    for place in (*places, *zones.values()):
        try:
            return round(int(_text(place)) / 1000, 1)
        except ValueError:
            continue
    raise SensorError("no-sensor", "this machine shows no temperature sensor")


def read_throttled(sysfs: Path = SYSFS) -> dict[str, int]:
    """The flags that a Raspberry Pi's firmware keeps. Raises SensorError on another machine."""
    for place in sysfs.glob("devices/platform/soc*/soc*:firmware/get_throttled"):
        text = _text(place)
        try:
            flags = int(text, 16)
        except ValueError:
            raise SensorError("no-number", f"{place} says {text[:40]!r}") from None
        now = {name: flags >> bit & 1 for bit, name in enumerate(_FLAGS)}
        seen = {
            f"{name}_since_boot": flags >> _SINCE_START + bit & 1 for bit, name in enumerate(_FLAGS)
        }
        return {**now, **seen, "throttled_flags": flags}
    for chip in sysfs.glob("class/hwmon/hwmon*"):
        if _text(chip / "name") == "rpi_volt" and (alarm := _text(chip / "in0_lcrit_alarm")):
            return {"undervoltage": int(alarm == "1")}
    raise SensorError("no-sensor", "no Raspberry Pi: it shows no throttled flags")


def _text(path: Path) -> str:
    """Of a file that may be missing, or refuse to be read: then empty."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
