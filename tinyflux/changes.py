"""Changes of stored points: removals, updates and inserts, in order, as one.

A change is planned on the columns and the points it touches, in memory; nothing is written until
the whole plan stands. Pure: knows no files.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

import numpy as np

from tinyflux.arguments import items_of, lasting, require_measurement, texts_of
from tinyflux.columns import RowArray
from tinyflux.errors import ArgumentError
from tinyflux.line_protocol import FieldSet, TagSet
from tinyflux.point import Point, plain_number, validate_fields, validate_tags
from tinyflux.predicates import Query
from tinyflux.queries import require_query
from tinyflux.rewrite import NewRows
from tinyflux.storable import Inserted, require_storable, storable
from tinyflux.table import Table
from tinyflux.times import from_us, is_moment, to_storable_us

TimeChange: TypeAlias = "datetime | Callable[[datetime], datetime] | None"
TextChange: TypeAlias = "str | Callable[[str], str] | None"
TagChange: TypeAlias = (
    "Mapping[str, str | None] | Callable[[TagSet], Mapping[str, str | None]] | None"
)
FieldChange: TypeAlias = "Mapping[str, Any] | Callable[[FieldSet], Mapping[str, Any]] | None"
Keys: TypeAlias = "str | Iterable[str] | None"


@dataclass(frozen=True)
class Remove:
    """Remove the points that match `query` (None: all) in `measurement` (None: any)."""

    query: Query | None
    measurement: str | None = None


@dataclass(frozen=True, eq=False)
class RemoveRows:
    """Remove the rows of these numbers of the `View` that was given to decide on; see `revise`.

    Which of them an earlier change of the same list has removed does not matter.
    """

    rows: RowArray


@dataclass(frozen=True)
class Insert:
    """Add `points` behind the others."""

    points: Iterable[Point]
    measurement: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "points", lasting(self.points))


@dataclass(frozen=True)
class Update:
    """Change the points that match `query` (None: all) in `_measurement` (None: any).

    `time` and `measurement` are values or functions of the old value; `tags` and `fields` are
    mappings to merge in, or functions of the old set that return one; then the keys of
    `unset_tags` and `unset_fields` go.
    """

    query: Query | None
    time: TimeChange = None
    measurement: TextChange = None
    tags: TagChange = None
    fields: FieldChange = None
    unset_fields: Keys = None
    unset_tags: Keys = None
    _measurement: str | None = None

    def __post_init__(self) -> None:
        for name in ("unset_fields", "unset_tags"):
            object.__setattr__(self, name, lasting(getattr(self, name)))

    @property
    def scope(self) -> str | None:
        """The measurement whose points are changed; None for any."""
        return self._measurement


Change: TypeAlias = "Remove | RemoveRows | Insert | Update"


@dataclass
class Plan:
    """What a list of changes makes of the rows of a table."""

    table: Table
    is_compact: bool = False
    is_kept: Any = None
    replaced: dict[int, Point] = field(default_factory=dict)
    added: list[Point] = field(default_factory=list)
    inserted: Inserted = field(default_factory=Inserted)
    """What is written into the caller's Points when the plan is carried out."""

    def __post_init__(self) -> None:
        self.is_kept = np.ones(self.table.n_rows, dtype=np.bool_)

    def apply(self, change: Change) -> int:
        """Take one more change into the plan; how many points it removes, changes or adds."""
        if isinstance(change, Remove):
            return self._remove(change)
        if isinstance(change, RemoveRows):
            return self._remove_rows(change.rows)
        if isinstance(change, Update):
            return self._update(_Updater.of(change), change)
        if isinstance(change, Insert):
            given = items_of("Insert", change.points, "Points")
            points = self.inserted.add(storable(given, change.measurement))
            self.added.extend(points)
            return len(points)
        raise ArgumentError(f"a change is a Remove, an Update or an Insert, found {change!r:.80}")

    @property
    def new_rows(self) -> NewRows:
        """The plan as what a rewrite takes."""
        replaced = {row: point for row, point in self.replaced.items() if self.is_kept[row]}
        return NewRows(self.is_kept, replaced, self.added, self.is_compact)

    def _rows(self, query: Query | None, measurement: str | None) -> list[int]:
        """Kept rows that match as they are planned now."""
        unchanged = None
        if self.replaced or not self.is_kept.all():
            # Rows as they were before are not even looked at: a `test` could raise on one.
            unchanged = self.is_kept.copy()
            unchanged[list(self.replaced)] = False
        found: list[int] = self.table.rows(query, measurement, unchanged).tolist()
        # No generator, which may not raise StopIteration: a `test` may.
        found += [
            row
            for row, point in self.replaced.items()
            if self.is_kept[row] and _matches(point, query, measurement)
        ]
        return sorted(found)

    def _added(self, query: Query | None, measurement: str | None) -> list[int]:
        return [
            place for place, point in enumerate(self.added) if _matches(point, query, measurement)
        ]

    def _remove(self, change: Remove) -> int:
        if change.query is not None:
            require_query(change.query)
        require_measurement(change.measurement)
        rows = self._rows(change.query, change.measurement)
        added = set(self._added(change.query, change.measurement))
        self.is_kept[rows] = False
        self.added = [point for place, point in enumerate(self.added) if place not in added]
        return len(rows) + len(added)

    def _remove_rows(self, rows: RowArray) -> int:
        found = np.asarray(rows, dtype=np.int64)
        if len(found) and (int(found.min()) < 0 or int(found.max()) >= self.table.n_rows):
            raise ArgumentError(f"RemoveRows: rows are numbered from 0 to {self.table.n_rows - 1}")
        n_before = int(np.count_nonzero(self.is_kept))
        self.is_kept[found] = False
        return n_before - int(np.count_nonzero(self.is_kept))

    def _update(self, updater: _Updater, change: Update) -> int:
        rows = self._rows(change.query, change.scope)
        stored = [row for row in rows if row not in self.replaced]
        points = dict(zip(stored, self.table.points(np.array(stored, dtype=np.int64)), strict=True))
        changed = {
            row: new
            for row in rows
            if (new := updater.changed(self.replaced.get(row) or points[row])) is not None
        }
        added = {
            place: new
            for place in self._added(change.query, change.scope)
            if (new := updater.changed(self.added[place])) is not None
        }
        self.replaced.update(changed)
        for place, new in added.items():
            self.added[place] = new
        return len(changed) + len(added)


def _matches(point: Point, query: Query | None, measurement: str | None) -> bool:
    if measurement is not None and point.measurement != measurement:
        return False
    return query is None or query(point)


class _Updater:
    """The arguments of one update, checked, applied to one point at a time."""

    def __init__(self, change: Update) -> None:
        self._time = change.time
        self._measurement = change.measurement
        self._tags = change.tags
        self._fields = change.fields
        self._unset_tags = _key_list(change.unset_tags, "unset_tags")
        self._unset_fields = _key_list(change.unset_fields, "unset_fields")

    @classmethod
    def of(cls, change: Update) -> _Updater:
        """The updater of `change`; ValueError for arguments that can change nothing."""
        if change.query is not None:
            require_query(change.query)
        require_measurement(change.scope)
        updater = cls(change)
        updater.check()
        return updater

    def check(self) -> None:
        """Raise ValueError for an argument of the wrong type, or if there is none."""
        given = (self._time, self._measurement, self._tags, self._fields)
        if all(part is None for part in given) and not (self._unset_tags or self._unset_fields):
            raise ValueError(
                "update needs something to change: time, measurement, tags, fields, unset_tags or "
                "unset_fields"
            )
        if self._time is not None and not callable(self._time):
            _checked_time(self._time)
        if self._measurement is not None and not callable(self._measurement):
            _checked_measurement(self._measurement)
        if self._tags is not None and not callable(self._tags):
            validate_tags(self._tags)
        if self._fields is not None and not callable(self._fields):
            validate_fields(self._fields)

    def changed(self, point: Point) -> Point | None:
        """The new point, or None if nothing about it changes."""
        if point.time is None:
            raise ValueError(f"a stored point has no time: {point!r}")
        time = point.time
        if self._time is not None:
            new = self._time(time) if callable(self._time) else self._time
            time = from_us(to_storable_us(_checked_time(new)))
        measurement = point.measurement
        if self._measurement is not None:
            to = self._measurement
            measurement = _checked_measurement(to(measurement) if callable(to) else to)
        result = Point.of_parts(time, measurement, self._new_tags(point), self._new_fields(point))
        if _is_same(point, result):
            return None
        require_storable(result)
        return result

    def _new_tags(self, point: Point) -> TagSet:
        tags = dict(point.tags)
        if self._tags is not None:
            new = self._tags(dict(tags)) if callable(self._tags) else self._tags
            validate_tags(new)
            tags.update(new)
        for key in self._unset_tags:
            tags.pop(key, None)
        return tags

    def _new_fields(self, point: Point) -> FieldSet:
        fields = dict(point.fields)
        if self._fields is not None:
            new = self._fields(dict(fields)) if callable(self._fields) else self._fields
            validate_fields(new)
            fields.update((key, plain_number(value)) for key, value in new.items())
        for key in self._unset_fields:
            fields.pop(key, None)
        return fields


def _key_list(keys: Keys, name: str) -> Sequence[str]:
    if keys is None:
        return ()
    return texts_of(name, keys)


def _checked_time(value: object) -> datetime:
    if not is_moment(value):
        raise ValueError(f"time must be or return a datetime, found {value!r}")
    return value


def _checked_measurement(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"measurement must be or return a str, found {value!r}")
    return value


def _is_same(old: Point, new: Point) -> bool:
    return (
        old.time == new.time
        and old.measurement == new.measurement
        and old.tags == new.tags
        and old.fields.keys() == new.fields.keys()
        and all(_is_same_number(value, new.fields[key]) for key, value in old.fields.items())
    )


def _is_same_number(old: int | float | None, new: int | float | None) -> bool:
    """Whether two values are written alike: 1 and 1.0 differ, and so do 0.0 and -0.0."""
    if type(old) is not type(new):
        return False
    if isinstance(old, float) and isinstance(new, float):
        if math.isnan(old) and math.isnan(new):
            return True
        return old == new and math.copysign(1, old) == math.copysign(1, new)
    return old == new
