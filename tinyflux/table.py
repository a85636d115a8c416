"""A table: the segments of a database in row order, and answers from them.

Rows are numbered from 0 in insertion order. Small segments are merged as they come, so that a
thousand single appends leave a handful of segments. Knows nothing of files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyflux.columns import RowArray, TextColumn, as_rows, selection_size
from tinyflux.evaluation import Evaluation, count_by_measurement, matching_rows
from tinyflux.materialize import carried_values, points_of, selected
from tinyflux.point import Point
from tinyflux.predicates import Query
from tinyflux.segment import Extent, Segment, concatenate, segment_of_points, take
from tinyflux.times import datetimes

SEGMENT_ROWS = 1 << 18
"""No two segments are merged beyond this many rows."""


class Table:
    """All rows of a database as columns."""

    def __init__(self, segments: Sequence[Segment] = ()) -> None:
        self._segments: tuple[Segment, ...] = tuple(seg for seg in segments if seg.n_rows)
        self._number()

    def _number(self) -> None:
        sizes = [segment.n_rows for segment in self._segments]
        self._starts: list[int] = [0, *np.cumsum(sizes).tolist()]
        self._counts: dict[str, int] = {}

    def snapshot(self) -> Table:
        """The table as it is now, which later appends to this one leave alone."""
        return copy(self)

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments, in row order; a snapshot that later appends leave alone."""
        return self._segments

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return self._starts[-1]

    def replace(self, segments: Sequence[Segment]) -> None:
        """Hold the same rows in other segments."""
        self._segments = tuple(segments)
        self._number()

    def append(self, segment: Segment) -> None:
        """Add the rows of `segment` behind the others."""
        if segment.n_rows == 0:
            return
        segments = [*self._segments, segment]
        while len(segments) > 1 and _should_merge(segments[-2], segments[-1]):
            segments[-2:] = [concatenate(segments[-2:])]
        self._segments = tuple(segments)
        self._number()

    def numbered(self) -> Iterator[tuple[int, Segment]]:
        """Each segment with the number of its first row."""
        return zip(self._starts, self._segments, strict=False)

    def selections(
        self,
        query: Query | None,
        measurement: str | None,
        among: NDArray[np.bool_] | None = None,
    ) -> Iterator[tuple[int, Segment, Evaluation]]:
        """What was found in each segment that has any, with the number of its first row.

        `among` tells for each row of the table whether it is looked at. What a `test` raised comes
        with the selection.
        """
        for start, segment in self.numbered():
            part = None if among is None else among[start : start + segment.n_rows]
            found = matching_rows(query, measurement, segment, part)
            if not found.is_nothing:
                yield start, segment, found

    def rows(
        self,
        query: Query | None,
        measurement: str | None,
        among: NDArray[np.bool_] | None = None,
    ) -> RowArray:
        """Every row that matches (of those that `among` tells), ascending."""
        parts = [
            as_rows(found.selection) + start
            for start, _, found in self.selections(query, measurement, among)
        ]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def count(self, query: Query | None, measurement: str | None) -> int:
        """The number of rows that match; raises as `selections`."""
        n_rows = count_by_measurement(query, measurement, self.measurement_counts)
        if n_rows is None:
            found = self.selections(query, measurement)
            n_rows = 0
            for _, _, part in found:
                n_rows += selection_size(part.selection)
        return n_rows

    @property
    def measurement_counts(self) -> Mapping[str, int]:
        """The number of rows of each measurement."""
        if not self._counts:
            for segment in self._segments:
                for name, n_rows in segment.measurement_counts.items():
                    self._counts[name] = self._counts.get(name, 0) + n_rows
        return self._counts

    def first_row(self, query: Query | None, measurement: str | None) -> int | None:
        """The first row that matches, or None; rows behind it are not looked at."""
        for start, segment in self.numbered():
            found = matching_rows(query, measurement, segment)
            rows = as_rows(found.matching)
            first = int(rows[0]) if len(rows) else None
            # The very row may count as a match: by `~`, or by another part of the query.
            if found.failure is not None and (first is None or found.failure.row <= first):
                raise found.failure.error
            if first is not None:
                return start + first
        return None

    def split(self, rows: RowArray) -> Iterator[tuple[Segment, RowArray]]:
        """Ascending `rows` as the rows of each segment that has any."""
        cuts = np.searchsorted(rows, self._starts).tolist()
        for (start, segment), (first, last) in zip(self.numbered(), pairwise(cuts), strict=True):
            if last > first:
                yield segment, rows[first:last] - start

    def points(self, rows: RowArray) -> list[Point]:
        """New Points of ascending `rows`."""
        return [point for segment, local in self.split(rows) for point in points_of(segment, local)]

    def times_us(self, rows: RowArray) -> NDArray[np.int64]:
        """The times of ascending `rows`, int64 µs UTC."""
        parts = [segment.times_us[local] for segment, local in self.split(rows)]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def selected(self, rows: RowArray, key: str) -> list[Any]:
        """One attribute of ascending `rows`: `time`, `measurement`, `tags.x` or `fields.x`."""
        return [
            value for segment, local in self.split(rows) for value in selected(segment, local, key)
        ]

    def timestamps(self, measurement: str | None) -> list[Any]:
        """Aware UTC datetimes in insertion order."""
        return datetimes(self.times_us(self.rows(None, measurement)))

    def measurements(self) -> set[str]:
        """The distinct measurements."""
        return set(self.measurement_counts)

    def keys(self, attribute: str, measurement: str | None) -> set[str]:
        """The keys of `tags` or `fields` that any row (of `measurement`) carries."""
        return {
            key
            for segment in self._segments
            for key, column in getattr(segment, attribute).items()
            if measurement is None or _carries(segment, column.rows, measurement)
        }

    def field_values(self, key: str, measurement: str | None) -> list[int | float | None]:
        """The values of field `key` in insertion order, duplicates and None included."""
        return [
            value
            for segment in self._segments
            if key in segment.fields
            for value in carried_values(segment.fields[key], _scope(segment, measurement))
        ]

    def tag_values(self, key: str, measurement: str | None) -> set[str | None]:
        """The distinct values of tag `key`."""
        values: set[str | None] = set()
        for segment in self._segments:
            column = segment.tags.get(key)
            if column is not None:
                values |= _distinct(column, _scope(segment, measurement))
        return values

    def rewritten(
        self,
        is_kept: NDArray[np.bool_],
        replaced: Mapping[int, Point],
        extents: Callable[[int], Extent | None] = lambda _segment: None,
    ) -> Table:
        """The table after a rewrite.

        `is_kept` tells for each row whether it stays, `replaced` gives the new points of rows that
        stay changed, `extents` where the rows of a segment stand now, by its number. Columns of
        kept rows are cut, not rebuilt.
        """
        rows_changed = np.array(sorted(replaced), dtype=np.int64)
        segments = []
        for number, (start, segment) in enumerate(self.numbered()):
            stop = start + segment.n_rows
            first, last = np.searchsorted(rows_changed, (start, stop)).tolist()
            changed = rows_changed[first:last]
            kept = np.flatnonzero(is_kept[start:stop])
            points = [replaced[row] for row in changed.tolist()]
            segments.append(_changed(segment, kept, changed - start, points, extents(number)))
        return Table(segments)


def _should_merge(before: Segment, last: Segment) -> bool:
    return last.n_rows * 2 >= before.n_rows and before.n_rows + last.n_rows <= SEGMENT_ROWS


def _changed(
    segment: Segment,
    kept: RowArray,
    changed: RowArray,
    points: Sequence[Point],
    extent: Extent | None,
) -> Segment:
    """`segment` with only the rows `kept`, of which the rows `changed` are `points` now."""
    if not len(changed):
        return segment.at(extent) if len(kept) == segment.n_rows else take(segment, kept, extent)
    joined = concatenate([segment, segment_of_points(points)])
    order = kept.copy()
    order[np.searchsorted(kept, changed)] = segment.n_rows + np.arange(len(changed))
    return take(joined, order, extent)


def _scope(segment: Segment, measurement: str | None) -> RowArray | None:
    """Rows of one measurement; None for all."""
    if measurement is None or segment.measurement.values == (measurement,):
        return None
    return as_rows(matching_rows(None, measurement, segment).selection)


def _carries(segment: Segment, rows: Any, measurement: str) -> bool:
    scope = _scope(segment, measurement)
    if scope is None or rows is None:
        return scope is None or len(scope) > 0
    return bool(np.isin(scope, rows, assume_unique=True).any())


def _distinct(column: TextColumn, scope: RowArray | None) -> set[str | None]:
    return set(column.values) if scope is None else set(carried_values(column, scope))
