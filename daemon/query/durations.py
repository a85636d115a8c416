"""Lengths of time as a person types them: `90s`, `10min`, `1h30m`, `7d`, `1mo`.

Pure; raises ValueError with the text a person should read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

_UNITS_US = {
    **dict.fromkeys(("us",), 1),
    **dict.fromkeys(("ms",), 1_000),
    **dict.fromkeys(("s", "sec"), 1_000_000),
    **dict.fromkeys(("m", "min"), 60_000_000),
    **dict.fromkeys(("h", "hour", "hours"), 3_600_000_000),
    **dict.fromkeys(("d", "day", "days"), 86_400_000_000),
    **dict.fromkeys(("w", "week", "weeks"), 7 * 86_400_000_000),
}
_MONTHS = {
    **dict.fromkeys(("mo", "month", "months"), 1),
    **dict.fromkeys(("y", "year", "years"), 12),
}
DURATIONS = "a number and a unit, or several: 30s, 10min, 1h30m, 7d, 2w, 1mo, 1y"
"""What is allowed, for messages."""
_UNIT_NAMES = "ms, s, m or min, h, d, w, mo (months), y"
_PART = re.compile(r"\s*([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*([a-z]+)\s*")
_LONGEST_US = 1000 * 366 * 86_400_000_000


@dataclass(frozen=True, slots=True)
class Length:
    """A length of time; months are as long as the calendar says."""

    us: int
    months: int = 0

    @property
    def window(self) -> str | timedelta:
        """As the engine takes the length of a window."""
        return f"{self.months}mo" if self.months else timedelta(microseconds=self.us)

    def before_us(self, time_us: int, zone: tzinfo) -> int:
        """The time that lies this long before `time_us`; months are counted on the zone's clock."""
        if not self.months:
            return time_us - self.us
        local = datetime.fromtimestamp(time_us / 1e6, zone)
        months = local.year * 12 + local.month - 1 - self.months
        year, month = divmod(months, 12)
        for day in (local.day, 30, 29, 28):  # of 31 March, a month ago: the last of February
            try:
                moment = local.replace(year=year, month=month + 1, day=day)
            except ValueError:
                continue
            return round(moment.timestamp() * 1e6)
        raise ValueError("this is before the year 1")


def parse_duration(text: str) -> Length:
    """The length that a text means.

    Raises:
        ValueError: for what is no duration, for one of 0 or of more than 1000 years, and for months
            or years together with other units.
    """
    us = months = 0.0
    at = 0
    wanted = text.strip().lower() if len(text) < 100 else ""
    while at < len(wanted):
        part = _PART.match(wanted, at)
        if part is None:
            break
        number, unit = float(part[1]), part[2]
        if unit in _UNITS_US:
            us += number * _UNITS_US[unit]
        elif unit in _MONTHS:
            months += number * _MONTHS[unit]
        else:
            raise ValueError(f"found the unit {unit!r}; units are {_UNIT_NAMES}")
        at = part.end()
    if at < len(wanted) or not wanted:
        raise ValueError(f"found {_short(text)}; allowed: {DURATIONS}")
    return _checked(text, us, months)


def _checked(text: str, us: float, months: float) -> Length:
    if us and months:
        raise ValueError(f"found {text!r}; months and years stand alone, as 18mo")
    if months != int(months):
        raise ValueError(f"found {text!r}; months are whole, as 18mo for a year and a half")
    if us < 1 and not months:
        raise ValueError(f"found {text!r}; a duration is longer than 0")
    if us > _LONGEST_US or months > 12_000:
        raise ValueError(f"found {text!r}; a duration is at most 1000y")
    return Length(round(us), int(months))


def _short(text: str) -> str:
    return repr(text if len(text) <= 40 else text[:37] + "...")
