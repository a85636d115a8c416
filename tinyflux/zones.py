"""What the clocks of a time zone show, for many instants at once, and when they show it.

Clocks that are set forward skip some readings, clocks that are set back show some twice. Windows
need one instant for each reading, in order; `Clock` decides which. Knows arrays and tzinfo only.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from tinyflux.times import MAX_US, MIN_US, from_us, to_us

Microseconds = NDArray[np.int64]

_US = timedelta(microseconds=1)
_DAY_US = 86_400_000_000
_REACH_US = 2 * _DAY_US
"""More than any offset from UTC, so that a reading taken for an instant finds its year."""
_FEW_YEARS = 400
_NO_LIMIT = np.iinfo(np.int64)


def time_zone(zone: str | tzinfo | None) -> tzinfo:
    """The zone of a name, a tzinfo or None (UTC); ValueError for a name that is none."""
    if zone is None:
        return UTC
    if isinstance(zone, tzinfo):
        return zone
    try:
        return ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError, TypeError, AttributeError) as error:
        raise ValueError(f"{zone!r} is no time zone; use a name as 'Europe/Oslo'") from error


@dataclass(frozen=True, slots=True)
class Clock:
    """The readings of a zone's clocks over the years of some instants.

    Readings are µs since 1970-01-01T00:00 on that clock. A reading that is skipped belongs to the
    instant of the change. Of one that is shown twice the pass counts that leaves less time on the
    wrong side: the first one in the earlier half of what is repeated, else the second.
    """

    changes_us: Microseconds
    """When another offset begins; ascending, µs UTC."""
    offsets_us: Microseconds
    """Shape (n_changes + 1,): the offset before the first change, and from each of them on."""

    @classmethod
    def of(cls, zone: tzinfo, instants_us: Microseconds) -> Clock:
        """The clock of `zone`, right within a day of any of the instants (at least one)."""
        if isinstance(zone, timezone):
            offset = zone.utcoffset(None) // _US
            return cls(np.empty(0, dtype=np.int64), np.array([offset], dtype=np.int64))
        pieces = [piece for year in _years(instants_us) for piece in _pieces_of(zone, year)]
        kept = [pieces[0], *(now for before, now in pairwise(pieces) if now[1] != before[1])]
        starts, offsets = np.array(kept, dtype=np.int64).T
        return cls(starts[1:], offsets)

    @property
    def is_constant(self) -> bool:
        """Whether there is one offset only."""
        return len(self.changes_us) == 0

    @property
    def turns_us(self) -> Microseconds:
        """The last reading that belongs to an instant before each change."""
        middles = self.changes_us + (self.offsets_us[:-1] + self.offsets_us[1:]) // 2
        return np.asarray(np.maximum.accumulate(middles), dtype=np.int64)

    def readings_us(self, instants_us: Microseconds) -> Microseconds:
        """What the clock shows; readings out of order are held at the turn, so that they ascend."""
        if self.is_constant:
            offset_us = int(self.offsets_us[0])
            return instants_us + offset_us if offset_us else instants_us
        piece = np.searchsorted(self.changes_us, instants_us, "right")
        turns = self.turns_us
        lowest = np.concatenate(([_NO_LIMIT.min], turns))
        highest = np.concatenate((turns, [_NO_LIMIT.max]))
        readings = instants_us + self.offsets_us[piece]
        return np.asarray(np.clip(readings, lowest[piece], highest[piece]), dtype=np.int64)

    def instants_us(self, readings_us: Microseconds) -> Microseconds:
        """When the clock shows each reading, or first goes beyond it."""
        if self.is_constant:
            return readings_us - int(self.offsets_us[0])
        piece = np.searchsorted(self.turns_us, readings_us, "left")
        begins = np.concatenate(([_NO_LIMIT.min], self.changes_us))
        ends = np.concatenate((self.changes_us, [_NO_LIMIT.max]))
        instants = readings_us - self.offsets_us[piece]
        return np.asarray(np.clip(instants, begins[piece], ends[piece]), dtype=np.int64)


def _years(instants_us: Microseconds) -> Iterable[int]:
    """The years of the instants and of what is near them, ascending, within 1 to 9999."""
    ends = np.array([instants_us.min() - _REACH_US, instants_us.max() + _REACH_US])
    first, last = _year_numbers(ends).tolist()
    if last - first > _FEW_YEARS:
        near = [_year_numbers(instants_us + reach) for reach in (-_REACH_US, _REACH_US)]
        return np.unique(np.concatenate(near)).tolist()  # type: ignore[no-any-return]
    return range(first, last + 1)


def _year_numbers(instants_us: Microseconds) -> Microseconds:
    years = instants_us.astype("datetime64[us]").astype("datetime64[Y]").astype(np.int64) + 1970
    return np.clip(years, 1, 9999)


def _pieces_of(zone: tzinfo, year: int) -> tuple[tuple[int, int], ...]:
    return _known_pieces(zone, year) if isinstance(zone, Hashable) else _pieces(zone, year)


@lru_cache(maxsize=4096)
def _known_pieces(zone: tzinfo, year: int) -> tuple[tuple[int, int], ...]:
    return _pieces(zone, year)


def _pieces(zone: tzinfo, year: int) -> tuple[tuple[int, int], ...]:
    """Where an offset begins, the year's start included, and that offset; looks at every day."""
    at = to_us(datetime(year, 1, 1, tzinfo=UTC))
    end = MAX_US + 1 if year == 9999 else to_us(datetime(year + 1, 1, 1, tzinfo=UTC))
    pieces = [(at, _offset_us(at, zone))]
    while at < end:
        step = min(at + _DAY_US, end)
        if _offset_us(step, zone) != pieces[-1][1]:
            step = _change_between(at, step, zone)
            if step < end:
                pieces.append((step, _offset_us(step, zone)))
        at = step
    return tuple(pieces)


def _offset_us(instant_us: int, zone: tzinfo) -> int:
    """The offset from UTC; at the edges of year 1 and 9999 that of a day inside."""
    moment = from_us(min(max(instant_us, MIN_US + _DAY_US), MAX_US - _DAY_US)).astimezone(zone)
    return (moment.utcoffset() or timedelta(0)) // _US


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
