"""Windows of time: how long they are, and where each one starts in a time zone.

A duration is a number and a unit (`30s`, `5m`, `1h`, `1d`, `1w`, `1mo`, `1y`) or a timedelta. Days
and longer follow the calendar of the zone, so that a day can have 23 or 25 hours.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from tinyflux.times import MAX_US, MIN_US, from_us, to_us

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
_DURATION = re.compile(r"\s*([0-9]+)\s*(us|ms|s|m|h|d|w|mo|y)\s*\Z")
_DAY_US = _UNIT_US["d"]
_MONDAY_US = 4 * _DAY_US
"""1970-01-05, the first Monday after the epoch."""
_NAIVE_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time: so many µs, or so many calendar months."""

    us: int = 0
    months: int = 0

    @classmethod
    def of(cls, duration: str | timedelta) -> Duration:
        """The duration that a text or a timedelta means; ValueError for what means none."""
        if isinstance(duration, timedelta):
            length_us = duration // timedelta(microseconds=1)
            if length_us <= 0:
                raise ValueError(f"a duration must be longer than 0, found {duration!r}")
            return cls(us=length_us)
        match = _DURATION.match(duration) if isinstance(duration, str) else None
        if match is None or int(match[1]) == 0:
            units = ", ".join((*_UNIT_US, *_MONTHS))
            raise ValueError(
                f"{duration!r} is no duration: write a number above 0 and a unit ({units}), "
                f"as '15m' or '1d'"
            )
        number, unit = int(match[1]), match[2]
        if unit in _MONTHS:
            return cls(months=number * _MONTHS[unit])
        return cls(us=number * _UNIT_US[unit])


def time_zone(zone: str | tzinfo | None) -> tzinfo:
    """The zone of a name, a tzinfo or None (UTC); ValueError for a name that is none."""
    if zone is None:
        return UTC
    if isinstance(zone, tzinfo):
        return zone
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError) as error:
        raise ValueError(f"{zone!r} is no time zone; use a name as 'Europe/Oslo'") from error


@dataclass(frozen=True, slots=True)
class Windows:
    """The window of each of some times."""

    starts_us: NDArray[np.int64]
    """The start of each distinct window that holds a time, ascending, µs UTC."""
    ends_us: NDArray[np.int64]
    """Where each of them ends, µs UTC."""
    index: NDArray[np.int64]
    """For each time, the place of its window in `starts_us`."""


def windows_of(times_us: NDArray[np.int64], every: Duration, zone: tzinfo) -> Windows:
    """Sort times into windows of length `every` that follow the clock of `zone`."""
    if not len(times_us):
        nothing = np.empty(0, dtype=np.int64)
        return Windows(nothing, nothing, nothing)
    # The window of the first time may begin, and that of the last one end, under another offset.
    reach_us = every.us or every.months * 31 * _DAY_US
    offsets = _Offsets.over(int(times_us.min()) - reach_us, int(times_us.max()) + reach_us, zone)
    if every.us and every.us < _DAY_US and offsets.all_multiples_of(every.us):
        # Local and UTC windows are the same; the two passes through an hour that the clock
        # repeats in autumn stay apart.
        numbers, index = distinct(times_us // every.us)
        return Windows(numbers * every.us, (numbers + 1) * every.us, index)
    local = times_us + (offsets.offsets_us[0] if offsets.is_constant else offsets.at(times_us))
    numbers, index = distinct(_window_numbers(local, every))
    starts, ends = _local_starts(numbers, every), _local_starts(numbers + 1, every)
    if offsets.is_constant:
        shift = offsets.offsets_us[0]
        return Windows(starts - shift, ends - shift, index)
    return Windows(_to_utc(starts, zone), _to_utc(ends, zone), index)


def distinct(index: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct values, ascending, and the place of each item among them."""
    first, last = int(index.min()), int(index.max())
    if last - first <= 4 * len(index) + 1024:
        present = np.zeros(last - first + 1, dtype=np.bool_)
        present[index - first] = True
        places = np.cumsum(present) - 1
        return np.flatnonzero(present) + first, places[index - first]
    values, places = np.unique(index, return_inverse=True)
    return values, places


def _window_numbers(local_us: NDArray[np.int64], every: Duration) -> NDArray[np.int64]:
    """The number of the window that holds each local time."""
    if every.months:
        months = local_us.astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
        return months // every.months
    return (local_us - _anchor(every)) // every.us


def _local_starts(index: NDArray[np.int64], every: Duration) -> NDArray[np.int64]:
    if every.months:
        months = (index * every.months).astype("datetime64[M]")
        return months.astype("datetime64[us]").astype(np.int64)
    return index * every.us + _anchor(every)


def _anchor(every: Duration) -> int:
    """Weeks begin on Mondays (ISO 8601); everything else counts from the epoch."""
    return _MONDAY_US if every.us % _UNIT_US["w"] == 0 else 0


def _to_utc(local_us: NDArray[np.int64], zone: tzinfo) -> NDArray[np.int64]:
    return np.array([_instant_us(start, zone) for start in local_us.tolist()], dtype=np.int64)


def _instant_us(local_us: int, zone: tzinfo) -> int:
    try:
        naive = _NAIVE_EPOCH + timedelta(microseconds=local_us)
        return to_us(naive.replace(tzinfo=zone))
    except OverflowError:  # a window that begins before year 1 or ends after 9999
        return local_us - _offset_us(local_us, zone)


@dataclass(frozen=True, slots=True)
class _Offsets:
    """A zone's offsets from UTC over a span of time."""

    changes_us: NDArray[np.int64]
    """Where an offset begins, from the second on; UTC."""
    offsets_us: list[int]

    @classmethod
    def over(cls, first_us: int, last_us: int, zone: tzinfo) -> _Offsets:
        offsets = [_offset_us(first_us, zone)]
        changes: list[int] = []
        if zone is not UTC:
            at = first_us
            while at < last_us:
                step = min(at + _DAY_US, last_us)
                if _offset_us(step, zone) != offsets[-1]:
                    step = _change_between(at, step, zone)
                    changes.append(step)
                    offsets.append(_offset_us(step, zone))
                at = step
        return cls(np.array(changes, dtype=np.int64), offsets)

    @property
    def is_constant(self) -> bool:
        return len(self.offsets_us) == 1

    def all_multiples_of(self, us: int) -> bool:
        return all(offset % us == 0 for offset in self.offsets_us)

    def at(self, times_us: NDArray[np.int64]) -> NDArray[np.int64]:
        places = np.searchsorted(self.changes_us, times_us, "right")
        offsets: NDArray[np.int64] = np.array(self.offsets_us, dtype=np.int64)[places]
        return offsets


def _offset_us(time_us: int, zone: tzinfo) -> int:
    moment = from_us(min(max(time_us, MIN_US + _DAY_US), MAX_US - _DAY_US)).astimezone(zone)
    return (moment.utcoffset() or timedelta(0)) // timedelta(microseconds=1)


def _change_between(low_us: int, high_us: int, zone: tzinfo) -> int:
    """The first µs of another offset, which lies in (low_us, high_us]."""
    before = _offset_us(low_us, zone)
    while high_us - low_us > 1:
        middle = (low_us + high_us) // 2
        if _offset_us(middle, zone) == before:
            low_us = middle
        else:
            high_us = middle
    return high_us
