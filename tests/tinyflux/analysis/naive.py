"""The reference: windows found on a wall clock, statistics by the book, point after point."""

from __future__ import annotations

import math
import statistics
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from fractions import Fraction

from tinyflux import Point

Group = tuple[str | None, ...]
Series = tuple[object, ...]
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def began(reading: datetime, zone: tzinfo) -> datetime:
    """When the clock of a zone showed `reading` (naive), UTC.

    Where it was skipped: when the clock went beyond it. Where it was shown twice: the first time in
    the earlier half of what was repeated, else the second. Changes are on full minutes.
    """
    passes = [reading.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    shown = [at for at in passes if at.astimezone(zone).replace(tzinfo=None) == reading]
    if not shown:
        at = min(passes).replace(second=0, microsecond=0) - timedelta(hours=25)
        while at.astimezone(zone).replace(tzinfo=None) < reading:
            at += MINUTE
        return at
    if shown[0] == shown[-1]:
        return shown[0]
    first, second = shown
    change = first
    while change.astimezone(zone).utcoffset() == first.astimezone(zone).utcoffset():
        change += MINUTE
    misplaced_by_first, misplaced_by_second = second - change, change - first
    return first if misplaced_by_first <= misplaced_by_second else second


def readings(every: str, first: datetime, last: datetime) -> list[datetime]:
    """Where windows begin on a wall clock, from before `first` to behind `last` (naive)."""
    number, unit = int(every.rstrip("mohdwy")), every.lstrip("0123456789")
    if unit in ("mo", "y"):
        months = number * (12 if unit == "y" else 1)
        starts = range((first.year - 1970) * 12 - months, (last.year - 1969) * 12 + months)
        return [
            datetime(1970 + month // 12, month % 12 + 1, 1)
            for month in starts
            if month % months == 0 and 1 <= 1970 + month // 12 <= 9999
        ]
    length = number * {"m": MINUTE, "h": 60 * MINUTE, "d": DAY, "w": 7 * DAY}[unit]
    anchor = datetime(1970, 1, 5) if unit == "w" else datetime(1970, 1, 1)
    begin = anchor + (first - anchor) // length * length
    n_windows = (last - begin) // length + 2
    return [begin + step * length for step in range(-1, n_windows + 1)]


@dataclass(frozen=True)
class Calendar:
    """Windows of one length on the clock of a zone."""

    starts: list[datetime]

    @classmethod
    def over(cls, every: str, zone: tzinfo, times: Sequence[datetime]) -> Calendar:
        """The windows that hold these times."""
        wall = [time.astimezone(zone).replace(tzinfo=None) for time in times]
        starts = readings(every, min(wall) - 180 * MINUTE, max(wall) + 180 * MINUTE)
        return cls([began(start, zone) for start in starts])

    def window(self, time: datetime) -> tuple[datetime, datetime]:
        """Start and end of the window that holds a time."""
        place = bisect_right(self.starts, time)
        return self.starts[place - 1], self.starts[place]


def utc(point: Point) -> datetime:
    """The time of a point that has one."""
    assert point.time is not None
    return point.time.astimezone(UTC)


def microseconds(time: datetime) -> int:
    """Since 1970 UTC."""
    return (time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def group_of(point: Point, by: Iterable[str]) -> Group:
    """The values of some tags; None and missing are alike."""
    return tuple(point.tags.get(key) for key in by)


def series_of(point: Point) -> Series:
    """Measurement and tag set; None and missing are alike."""
    tags = {pair for pair in point.tags.items() if pair[1] is not None}
    return (point.measurement, frozenset(tags))


def newest(points: Iterable[Point], by: Iterable[str] | None) -> list[Point]:
    """The last point of each series or group when all are sorted by time, in that order."""
    ordered = sorted(points, key=utc)
    last = {
        series_of(point) if by is None else group_of(point, by): number
        for number, point in enumerate(ordered)
    }
    return [ordered[number] for number in sorted(last.values())]


Simple = Callable[[list[float]], float]
SIMPLE: dict[str, Simple] = {
    "count": len,
    "sum": math.fsum,
    "mean": statistics.fmean,
    "min": min,
    "max": max,
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
    "std": lambda values: statistics.stdev(values) if len(values) > 1 else math.nan,
}
"""Statistics of the values of one window and group, by time and then insertion."""


@dataclass(frozen=True)
class Held:
    """A value of one series and when the next one came."""

    point: Point
    value: float
    following: Held | None


def chains(points: Iterable[Point], field: str) -> dict[Series, list[Held]]:
    """The values of each series in the order of time, each with its successor."""
    by_series = defaultdict(list)
    for point in sorted(points, key=utc):
        value = point.fields.get(field)
        if value is not None:
            by_series[series_of(point)].append((point, float(value)))
    linked: dict[Series, list[Held]] = {}
    for series, values in by_series.items():
        chain: list[Held] = []
        following = None
        for point, value in reversed(values):
            following = Held(point, value, following)
            chain.append(following)
        linked[series] = chain[::-1]
    return linked


def increase(chains: Iterable[list[Held]], start: datetime, end: datetime) -> float:
    """How much the counters of a group grew by values in the window."""
    growth = Fraction(0)
    for chain in chains:
        for held in chain:
            if held.following is not None and start <= utc(held.following.point) < end:
                now, before = Fraction(held.following.value), Fraction(held.value)
                growth += now if now < before else now - before
    return float(growth)


def time_weighted_mean(
    chains: Iterable[list[Held]], start: datetime, end: datetime, latest: float
) -> float:
    """The mean over the time for which values of a group hold in the window."""
    weighted, weight = Fraction(0), Fraction(0)
    for chain in chains:
        for held in chain:
            if held.following is not None:
                span = min(utc(held.following.point), end) - max(utc(held.point), start)
                length = max(span // timedelta(microseconds=1), 0)
                weighted += Fraction(held.value) * length
                weight += length
    return float(weighted / weight) if weight else latest
