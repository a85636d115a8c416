"""Points made ready to be stored: checked, and their times in UTC.

What a storage may hold is said by `codec.check_storable`; here it is asked once for each text, not
once for each point: the same keys and tag values come again and again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from types import NoneType

from tinyflux.arguments import require_measurement
from tinyflux.codec import check_storable
from tinyflux.point import Point
from tinyflux.times import from_us, now, to_storable_us

_MOST_TEXTS = 1 << 16
_PLAIN = frozenset((float, int, NoneType))

_names: set[str] = set()
"""Keys and measurements that were found good."""
_texts: set[str | None] = {None}
"""Tag values that were found good."""


def storable(points: Iterable[object], measurement: str | None) -> list[Point]:
    """`points` made ready to be stored: checked, with their times in UTC and `measurement` set.

    Writes both into the caller's Points, as the API documents, once all of them are good. Raises
    TypeError for what is no Point, ValueError for what cannot be stored; all are unchanged then.
    """
    require_measurement(measurement)
    checked = []
    times = []
    for given in points:
        point = require_point(given)
        if not _is_known_good(point, measurement):
            check_storable(point, measurement)
            _remember(point, measurement)
        if not is_utc(point.time):
            times.append((point, storable_time(point)))
        checked.append(point)
    give(checked, times, measurement)
    return checked


def require_point(given: object) -> Point:
    """`given` if it is a Point, else TypeError."""
    if not isinstance(given, Point):
        raise TypeError(f"a Point is needed, found {type(given).__name__} {given!r:.60}")
    return given


def is_utc(time: datetime | None) -> bool:
    """Whether a time is as it is stored: a plain aware UTC datetime."""
    return type(time) is datetime and time.tzinfo is UTC


def storable_time(point: Point) -> datetime:
    """The point's time, or now, as it is stored; ValueError for one that cannot be."""
    return from_us(to_storable_us(point.time or now()))


def give(
    points: Sequence[Point], times: Iterable[tuple[Point, datetime]], measurement: str | None
) -> None:
    """Write into the caller's Points what is stored of them."""
    for point, time in times:
        point.time = time
    if measurement is not None:
        for point in points:
            point.measurement = measurement


def _is_known_good(point: Point, measurement: str | None) -> bool:
    if (point.measurement if measurement is None else measurement) not in _names:
        return False
    tags, fields = point.tags, point.fields
    if not (_names.issuperset(tags) and _texts.issuperset(tags.values())):
        return False
    return _names.issuperset(fields) and _PLAIN.issuperset(map(type, fields.values()))


def _remember(point: Point, measurement: str | None) -> None:
    if len(_names) + len(_texts) > _MOST_TEXTS:
        _names.clear()
        _texts.clear()
    _names.add(point.measurement if measurement is None else measurement)
    _names.update(point.tags, point.fields)
    _texts.update(point.tags.values())
