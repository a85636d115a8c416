"""Points made ready to be stored: checked, and what is written into them once they are.

What a storage may hold is said by `codec.check_storable`; here it is asked once for each text, not
once for each point: the same keys and tag values come again and again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import NoneType
from typing import Any, NamedTuple

from tinyflux.arguments import require_measurement
from tinyflux.codec import check_storable
from tinyflux.line_protocol import FieldSet
from tinyflux.point import Point, plain_number
from tinyflux.times import from_us, now, to_storable_us

_MOST_TEXTS = 1 << 16
_PLAIN = frozenset((float, int, NoneType))

_names: set[str] = set()
"""Keys and measurements that were found good."""
_texts: set[str | None] = {None}
"""Tag values that were found good."""


class Difference(NamedTuple):
    """A Point that is stored otherwise than it is: its time in UTC, its numbers plain."""

    point: Point
    time: datetime
    fields: FieldSet
    former_time: datetime | None
    former_fields: FieldSet


@dataclass(slots=True)
class Ready:
    """Points that were found good. They are as the caller gave them until `give` is called."""

    points: Sequence[Point]
    items: Sequence[Any]
    """What the storage takes, one for each point."""
    measurement: str | None
    differences: Sequence[Difference]
    _former: Sequence[str] = ()

    def give(self) -> None:
        """Write into the caller's Points what is stored of them, as the API documents."""
        for each in self.differences:
            each.point.time = each.time
            if each.fields is not each.former_fields:
                each.point.fields.update(each.fields)
        if self.measurement is not None:
            self._former = [point.measurement for point in self.points]
            for point in self.points:
                point.measurement = self.measurement

    def take_back(self) -> None:
        """Undo `give`: the storage refused."""
        for point, measurement in zip(self.points, self._former, strict=False):
            point.measurement = measurement
        for each in self.differences:
            each.point.time = each.former_time
            if each.fields is not each.former_fields:
                each.point.fields.update(each.former_fields)

    def as_stored(self) -> list[Point]:
        """The points as they are stored: those of the caller, or new ones where these differ."""
        known = {id(each.point): each for each in self.differences}
        return [self._as_stored(point, known.get(id(point))) for point in self.points]

    def _as_stored(self, point: Point, difference: Difference | None) -> Point:
        name = point.measurement if self.measurement is None else self.measurement
        if difference is not None:
            return Point.of_parts(difference.time, name, point.tags, difference.fields)
        if name == point.measurement or point.time is None:
            return point
        return Point.of_parts(point.time, name, point.tags, point.fields)


@dataclass(slots=True)
class Inserted:
    """The Points of several inserts that are stored at once, or not at all."""

    _ready: list[Ready] = field(default_factory=list)
    _own: dict[int, tuple[Point, Point]] = field(default_factory=dict)
    """By the id of a point as it is stored: that point, and the caller's."""

    def add(self, ready: Ready) -> list[Point]:
        """Take the points of one more insert; gives them as they are stored."""
        self._ready.append(ready)
        stored = ready.as_stored()
        for point, own in zip(stored, ready.points, strict=True):
            self._own[id(point)] = point, own
        return stored

    def own(self, stored: Iterable[Point]) -> list[Point]:
        """The caller's Points in the place of those that `add` gave; any other as it is."""
        return [self._own.get(id(point), (point, point))[1] for point in stored]

    def give(self) -> None:
        """Write into the caller's Points what is stored of them."""
        for ready in self._ready:
            ready.give()

    def take_back(self) -> None:
        """Undo `give`."""
        for ready in reversed(self._ready):
            ready.take_back()


@contextmanager
def given(points: Ready | Inserted) -> Iterator[None]:
    """Within it the caller's Points are as they are stored; as before where that fails."""
    points.give()
    try:
        yield
    except BaseException:
        points.take_back()
        raise


def storable(points: Iterable[object], measurement: str | None) -> Ready:
    """`points` made ready to be stored as they are, in UTC and with `measurement`.

    Raises TypeError for what is no Point, ValueError for what cannot be stored.
    """
    require_measurement(measurement)
    checked = []
    differences = []
    for given in points:
        point = require_point(given)
        if not _is_known_good(point, measurement):
            check_storable(point, measurement)
            _remember(point, measurement)
        if not (is_utc(point.time) and _has_plain_numbers(point)):
            differences.append(difference_of(point))
        checked.append(point)
    return Ready(checked, checked, measurement, differences)


def require_storable(point: Point) -> None:
    """Raise ValueError if no storage may hold `point`, and make its numbers plain."""
    if not _is_known_good(point, None):
        check_storable(point, None)
        _remember(point, None)


def require_point(given: object) -> Point:
    """`given` if it is a Point, else TypeError."""
    if not isinstance(given, Point):
        raise TypeError(f"a Point is needed, found {type(given).__name__} {given!r:.60}")
    return given


def points_of(given: Iterable[object]) -> list[Point]:
    """All of `given` if they are Points, else TypeError."""
    checked = list(given)
    if set(map(type, checked)) != {Point}:
        return [require_point(one) for one in checked]
    return checked  # type: ignore[return-value]


def is_utc(time: datetime | None) -> bool:
    """Whether a time is as it is stored: a plain aware UTC datetime."""
    return type(time) is datetime and time.tzinfo is UTC


def difference_of(point: Point) -> Difference:
    """What is stored of a checked point, now if it has no time; ValueError for a time that cannot.

    It may be no difference at all.
    """
    time = point.time if point.time is not None else now()
    if not is_utc(time):
        time = from_us(to_storable_us(time))
    fields = former = point.fields
    if not _has_plain_numbers(point):
        fields = {key: plain_number(number) for key, number in former.items()}
        former = dict(former)
    return Difference(point, time, fields, point.time, former)


def _has_plain_numbers(point: Point) -> bool:
    return _PLAIN.issuperset(map(type, point.fields.values()))


def _is_known_good(point: Point, measurement: str | None) -> bool:
    if (point.measurement if measurement is None else measurement) not in _names:
        return False
    tags, fields = point.tags, point.fields
    try:
        if not (_names.issuperset(tags) and _texts.issuperset(tags.values())):
            return False
    except TypeError:  # a value that does not hash is no text
        return False
    return _names.issuperset(fields) and _has_plain_numbers(point)


def _remember(point: Point, measurement: str | None) -> None:
    if len(_names) + len(_texts) > _MOST_TEXTS:
        _names.clear()
        _texts.clear()
    _names.add(point.measurement if measurement is None else measurement)
    _names.update(point.tags, point.fields)
    _texts.update(point.tags.values())
