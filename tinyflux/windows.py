"""Windows of time: how long they are, which one holds a time, and where each one starts.

A duration is a number and a unit (`30s`, `5m`, `1h`, `1d`, `1w`, `1mo`, `1y`) or a timedelta.
Windows lie without gap or overlap: one ends where the next one starts.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta, tzinfo

import numpy as np
from numpy.typing import NDArray

from tinyflux.zones import Clock, Microseconds

_UNIT_US = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 7 * 86_400_000_000,
}
_MONTHS = {"mo": 1, "y": 12}
_DURATION = re.compile(r"\s*([0-9]{1,20})\s*(us|ms|s|m|h|d|w|mo|y)\s*\Z")
_DAY_US = _UNIT_US["d"]
_LONGEST_US = 10_000 * 366 * _DAY_US
_LONGEST_MONTHS = 10_000 * 12
_MONDAY_US = 4 * _DAY_US
"""1970-01-05, the first Monday after the epoch."""


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: so many µs, or so many calendar months."""

    us: int = 0
    months: int = 0

    @classmethod
    def of(cls, duration: str | timedelta) -> Duration:
        """The duration that a text or a timedelta means; ValueError for what means none."""
        if isinstance(duration, timedelta):
            length = cls(us=duration // timedelta(microseconds=1))
        elif isinstance(duration, str) and (match := _DURATION.match(duration)):
            number, unit = int(match[1]), match[2]
            is_calendar = unit in _MONTHS
            length = (
                cls(months=number * _MONTHS[unit])
                if is_calendar
                else cls(us=number * _UNIT_US[unit])
            )
        else:
            units = ", ".join((*_UNIT_US, *_MONTHS))
            raise ValueError(
                f"{duration!r} is no duration: write a number and a unit ({units}), as '15m' or "
                f"'1d', or give a timedelta"
            )
        if length.us <= 0 and length.months <= 0:
            raise ValueError(f"a duration must be longer than 0, found {duration!r}")
        if length.us > _LONGEST_US or length.months > _LONGEST_MONTHS:
            raise ValueError(f"a duration is at most 10,000 years, found {duration!r}")
        return length

    def numbers(self, readings_us: Microseconds) -> NDArray[np.int64]:
        """The number of the window that holds each reading of a clock."""
        if self.months:
            months = readings_us.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
            return months // self.months
        anchor_us = self._anchor_us
        return (readings_us - anchor_us if anchor_us else readings_us) // self.us

    def starts_us(self, numbers: NDArray[np.int64]) -> Microseconds:
        """The reading at which each window begins."""
        if self.months:
            months = (numbers * self.months).astype("datetime64[M]")
            return months.astype("datetime64[us]").astype(np.int64)
        return numbers * self.us + self._anchor_us

    @property
    def _anchor_us(self) -> int:
        """Weeks begin on Mondays (ISO 8601); everything else counts from 1970-01-01T00:00."""
        return _MONDAY_US if self.us % _UNIT_US["w"] == 0 else 0


@dataclass(frozen=True, slots=True)
class Windows:
    """All windows of one length, numbered in the order of time."""

    every: Duration
    zone: tzinfo
    offset_us: int | None
    """Of the fixed clock that they are counted on; None: the clock of the zone, as it is moved."""

    @classmethod
    def over(cls, first_us: int, last_us: int, every: Duration, zone: tzinfo) -> Windows:
        """The windows for times from `first_us` to `last_us`.

        Windows of a day or more follow the clock of the zone. So do shorter ones, unless it is
        moved only by multiples of them in these years: then a clock that is never moved cuts
        alike, and keeps the two passes through an hour apart that is shown twice.
        """
        offset_us = None
        if every.us and every.us < _DAY_US:
            clock = Clock.of(zone, np.array([first_us, last_us], dtype=np.int64))
            if len(set((clock.offsets_us % every.us).tolist())) == 1:
                offset_us = int(clock.offsets_us[0])
        return cls(every, zone, offset_us)

    def numbers(self, times_us: Microseconds) -> NDArray[np.int64]:
        """The number of the window that holds each time."""
        if not len(times_us):
            return np.empty(0, dtype=np.int64)
        if self.offset_us is not None:
            return self.every.numbers(times_us + self.offset_us if self.offset_us else times_us)
        clock = Clock.of(self.zone, times_us)
        if clock.is_constant and self.every.us:
            return self.every.numbers(clock.readings_us(times_us))
        # Windows begin at multiples of a granule only, an hour or half an hour in most zones. It
        # costs less to sort the granules between the first and the last time into windows.
        granule_us = math.gcd(
            self.every.us or _DAY_US, *clock.offsets_us.tolist(), *clock.changes_us.tolist()
        )
        first, last = int(times_us.min()) // granule_us, int(times_us.max()) // granule_us
        if last - first >= len(times_us):
            return self.every.numbers(clock.readings_us(times_us))
        granules = np.arange(first, last + 1) * granule_us
        of_granule = self.every.numbers(clock.readings_us(granules))
        return of_granule[times_us // granule_us - first]

    def starts_us(self, numbers: NDArray[np.int64]) -> Microseconds:
        """When each window starts, µs UTC; it ends where the next number starts."""
        starts = self.every.starts_us(numbers)
        if self.offset_us is not None or not len(numbers):
            return starts - (self.offset_us or 0)
        return Clock.of(self.zone, starts).instants_us(starts)
