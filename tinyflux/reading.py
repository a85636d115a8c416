"""The two ways to answer a question: from the index's columns, or by scanning every point.

Both give the same results in the same order, and raise the same errors. Which one a database uses
is its `auto_index`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

import numpy as np

from tinyflux.columns import RowArray
from tinyflux.point import Point
from tinyflux.predicates import Query
from tinyflux.table import Table
from tinyflux.times import from_us, to_us


@dataclass(frozen=True, slots=True)
class Span:
    """Which of the matching points are wanted, and in which order."""

    is_sorted: bool = True
    """By time, equal times in insertion order; else in insertion order."""
    limit: int | None = None
    is_reversed: bool = False

    @property
    def places(self) -> slice:
        """The wanted places of a list in that order."""
        if self.is_reversed:
            return slice(None, None if self.limit is None else -self.limit - 1, -1)
        return slice(0, self.limit)


class Reader(Protocol):
    """Answers about every stored point; `measurement` None is no filter, `query` None is all."""

    def search(self, query: Query | None, measurement: str | None, span: Span) -> list[Point]:
        """The matching points that `span` wants."""

    def first(self, query: Query | None, measurement: str | None) -> Point | None:
        """The first matching point in insertion order."""

    def count(self, query: Query | None, measurement: str | None) -> int:
        """The number of matching points."""

    def select(
        self, keys: Sequence[str], query: Query | None, measurement: str | None
    ) -> list[tuple[Any, ...]]:
        """One tuple of attributes per matching point, in insertion order."""

    def timestamps(self, measurement: str | None) -> list[datetime]:
        """The time of each point, in insertion order."""

    def measurements(self) -> set[str]:
        """The distinct measurements."""

    def keys(self, attribute: str, measurement: str | None) -> set[str]:
        """The distinct keys of `tags` or `fields`."""

    def field_values(self, key: str, measurement: str | None) -> list[int | float | None]:
        """The values of one field, in insertion order."""

    def tag_values(self, key: str, measurement: str | None) -> set[str | None]:
        """The distinct values of one tag."""

    def iterate(self, measurement: str | None) -> Iterator[Point]:
        """Every point, in insertion order."""


class IndexReader:
    """Answers from columns."""

    ITERATION_ROWS = 1 << 12

    def __init__(self, table: Table, points: Callable[[Table, RowArray], list[Point]]) -> None:
        # The segments as they are now: later appends through the same database do not disturb an
        # answer that is under way.
        self._table = table.snapshot()
        self._points = points

    def search(self, query: Query | None, measurement: str | None, span: Span) -> list[Point]:
        """The matching points."""
        rows = self._table.rows(query, measurement)
        times_us = self._table.times_us(rows) if span.is_sorted else rows
        if bool((times_us[1:] >= times_us[:-1]).all()):
            wanted = rows[span.places]
        else:
            wanted = rows[np.argsort(times_us, kind="stable")[span.places]]
        ascending = np.argsort(wanted, kind="stable")
        points = self._points(self._table, wanted[ascending])
        if span.is_reversed or not bool((wanted[1:] > wanted[:-1]).all()):
            back = np.empty_like(ascending)
            back[ascending] = np.arange(len(ascending))
            points = [points[place] for place in back.tolist()]
        return points

    def first(self, query: Query | None, measurement: str | None) -> Point | None:
        """The first matching point."""
        row = self._table.first_row(query, measurement)
        return None if row is None else self._points(self._table, np.array([row]))[0]

    def count(self, query: Query | None, measurement: str | None) -> int:
        """The number of matching points."""
        if query is None and measurement is None:
            return self._table.n_rows
        return self._table.count(query, measurement)

    def select(
        self, keys: Sequence[str], query: Query | None, measurement: str | None
    ) -> list[tuple[Any, ...]]:
        """One tuple per matching point."""
        rows = self._table.rows(query, measurement)
        if not keys:
            return [()] * len(rows)
        return list(zip(*(self._table.selected(rows, key) for key in keys), strict=True))

    def timestamps(self, measurement: str | None) -> list[datetime]:
        """The time of each point."""
        return self._table.timestamps(measurement)

    def measurements(self) -> set[str]:
        """The distinct measurements."""
        return self._table.measurements()

    def keys(self, attribute: str, measurement: str | None) -> set[str]:
        """The distinct keys of `tags` or `fields`."""
        return self._table.keys(attribute, measurement)

    def field_values(self, key: str, measurement: str | None) -> list[int | float | None]:
        """The values of one field."""
        return self._table.field_values(key, measurement)

    def tag_values(self, key: str, measurement: str | None) -> set[str | None]:
        """The distinct values of one tag."""
        return self._table.tag_values(key, measurement)

    def iterate(self, measurement: str | None) -> Iterator[Point]:
        """Every point, made a few thousand at a time."""
        rows = self._table.rows(None, measurement)
        for start in range(0, len(rows), self.ITERATION_ROWS):
            yield from self._points(self._table, rows[start : start + self.ITERATION_ROWS])


class ScanReader:
    """Answers by calling the query with every stored point."""

    def __init__(self, scan: Callable[[], Iterable[Point]]) -> None:
        self._scan = scan

    def iterate(self, measurement: str | None) -> Iterator[Point]:
        """Every point."""
        for point in self._scan():
            if measurement is None or point.measurement == measurement:
                yield point

    # A query is never called within a generator, which may not raise StopIteration: a `test` may.

    def _matching(self, query: Query | None, measurement: str | None) -> list[Point]:
        points = self.iterate(measurement)
        return [point for point in points if query is None or query(point)]

    def search(self, query: Query | None, measurement: str | None, span: Span) -> list[Point]:
        """The matching points."""
        points = self._matching(query, measurement)
        if span.is_sorted:
            points.sort(key=_time_of)
        return points[span.places]

    def first(self, query: Query | None, measurement: str | None) -> Point | None:
        """The first matching point; points behind it are not looked at."""
        for point in self.iterate(measurement):
            if query is None or query(point):
                return point
        return None

    def count(self, query: Query | None, measurement: str | None) -> int:
        """The number of matching points."""
        n_points = 0
        for point in self.iterate(measurement):
            n_points += query is None or query(point)
        return n_points

    def select(
        self, keys: Sequence[str], query: Query | None, measurement: str | None
    ) -> list[tuple[Any, ...]]:
        """One tuple per matching point."""
        return [
            tuple(_attribute(point, key) for key in keys)
            for point in self._matching(query, measurement)
        ]

    def timestamps(self, measurement: str | None) -> list[datetime]:
        """The time of each point."""
        return [_time_of(point) for point in self.iterate(measurement)]

    def measurements(self) -> set[str]:
        """The distinct measurements."""
        return {point.measurement for point in self._scan()}

    def keys(self, attribute: str, measurement: str | None) -> set[str]:
        """The distinct keys of `tags` or `fields`."""
        return {key for point in self.iterate(measurement) for key in getattr(point, attribute)}

    def field_values(self, key: str, measurement: str | None) -> list[int | float | None]:
        """The values of one field."""
        return [point.fields[key] for point in self.iterate(measurement) if key in point.fields]

    def tag_values(self, key: str, measurement: str | None) -> set[str | None]:
        """The distinct values of one tag."""
        return {point.tags[key] for point in self.iterate(measurement) if key in point.tags}


def _time_of(point: Point) -> datetime:
    """Aware and UTC, whatever a user's own storage gives."""
    time = point.time
    if time is None:
        raise ValueError(f"a stored point has no time: {point!r}")
    return time if time.tzinfo is UTC else from_us(to_us(time))


def _attribute(point: Point, key: str) -> Any:
    if key == "time":
        return _time_of(point)
    if key == "measurement":
        return point.measurement
    attribute, _, name = key.partition(".")
    return (point.tags if attribute == "tags" else point.fields).get(name)
