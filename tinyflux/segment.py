"""A segment: some thousand consecutive rows of a database as immutable columns.

The unit of everything: what a chunk of the file becomes, what is concatenated, cut and searched.
Knows columns and points, never files or queries.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from tinyflux.columns import (
    Column,
    FieldColumn,
    Presence,
    RowArray,
    Selection,
    TextColumn,
    code_array,
    field_column,
)
from tinyflux.point import Point
from tinyflux.times import now, to_us

C = TypeVar("C", TextColumn, FieldColumn)

BLOCK_ROWS = 1024
"""Rows per entry of the running maximum that finds a time range."""


@dataclass(frozen=True, slots=True)
class Extent:
    """Where the rows of a segment stand in the file, without a gap between them."""

    start: int
    """Of the first row, from the file's start."""
    offsets: NDArray[np.uint32] | NDArray[np.int64]
    """Shape (n_rows + 1,): where each row begins and the last one ends, from `start`."""

    @classmethod
    def of(cls, start: int, offsets: NDArray[np.int64]) -> Extent:
        """An extent with its offsets in the narrowest type."""
        return cls(start, offsets.astype(np.uint32) if offsets[-1] < 1 << 32 else offsets)

    @property
    def stop(self) -> int:
        """Behind the last row, from the file's start."""
        return self.start + int(self.offsets[-1])

    def bounds(self, row: int) -> tuple[int, int]:
        """Start and stop of one row, from the file's start."""
        return self.start + int(self.offsets[row]), self.start + int(self.offsets[row + 1])

    def at(self, start: int) -> Extent:
        """The same rows standing elsewhere."""
        return Extent(start, self.offsets)


@dataclass(frozen=True, eq=False)
class Segment:
    """Rows in insertion order."""

    times_us: NDArray[np.int64]
    """Shape (n_rows,), in insertion order."""
    measurement: TextColumn
    tags: Mapping[str, TextColumn]
    fields: Mapping[str, FieldColumn]
    extent: Extent | None = None
    """Where the rows stand; None where there is no file."""

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return len(self.times_us)

    @property
    def span_us(self) -> tuple[int, int]:
        """The least and the greatest time."""
        return self.time_order.first_us, self.time_order.last_us

    def at(self, extent: Extent | None) -> Segment:
        """The same rows standing elsewhere."""
        return replace(self, extent=extent)

    @cached_property
    def time_order(self) -> TimeOrder:
        """What finds a time range without sorting the rows."""
        return TimeOrder.of(self.times_us)

    @cached_property
    def measurement_counts(self) -> Mapping[str, int]:
        """The number of rows of each measurement."""
        column = self.measurement
        n_rows = np.bincount(column.codes, minlength=len(column.values)).tolist()
        return {name or "": n for name, n in zip(column.values, n_rows, strict=True)}

    def everything(self) -> slice:
        """The selection of all rows."""
        return slice(0, self.n_rows)


@dataclass(frozen=True, slots=True)
class TimeOrder:
    """Rows that arrived in order, found by their block, and a sorted list of the late ones.

    A row is late if its time is less than that of an earlier row.
    """

    block_max_us: NDArray[np.int64]
    """The greatest time up to the end of each block of BLOCK_ROWS rows; ascending."""
    late_rows: RowArray
    """The late rows, by time and then row."""
    late_times_us: NDArray[np.int64]
    first_us: int
    last_us: int

    @classmethod
    def of(cls, times_us: NDArray[np.int64]) -> TimeOrder:
        """The order of one segment; reads every time once."""
        if len(times_us) == 0:
            none = np.empty(0, dtype=np.int64)
            return cls(none, none, none, 0, -1)
        running = np.maximum.accumulate(times_us)
        late = np.flatnonzero(times_us < running)
        late = late[np.argsort(times_us[late], kind="stable")]
        ends = np.arange(BLOCK_ROWS - 1, len(times_us) + BLOCK_ROWS - 1, BLOCK_ROWS)
        block_max = running[np.minimum(ends, len(times_us) - 1)]
        return cls(block_max, late, times_us[late], int(times_us.min()), int(running[-1]))

    def between(self, times_us: NDArray[np.int64], low_us: int, high_us: int) -> Selection:
        """The rows with low_us <= time <= high_us, ascending."""
        if low_us <= self.first_us and high_us >= self.last_us:
            return slice(0, len(times_us))
        first = int(np.searchsorted(self.block_max_us, low_us, "left")) * BLOCK_ROWS
        last = (int(np.searchsorted(self.block_max_us, high_us, "right")) + 1) * BLOCK_ROWS
        last = min(last, len(times_us))
        first = min(first, last)
        window = times_us[first:last]
        rows = np.flatnonzero((window >= low_us) & (window <= high_us)) + first
        low, high = np.searchsorted(self.late_times_us, (low_us, high_us + 1)).tolist()
        late = self.late_rows[low:high]
        late = late[(late < first) | (late >= last)]
        if len(late):
            rows = np.sort(np.concatenate((rows, late)))
        return rows


def segment_of_points(points: Sequence[Point], extent: Extent | None = None) -> Segment:
    """The columns of `points`, which are valid; one without a time counts as now."""
    times_us = np.fromiter((to_us(point.time or now()) for point in points), np.int64, len(points))
    measurements = _TextBuilder()
    tags: dict[str, _TextBuilder] = {}
    fields: dict[str, tuple[list[int], list[int | float | None]]] = {}
    for row, point in enumerate(points):
        measurements.add(row, point.measurement)
        for key, tag in point.tags.items():
            builder = tags.get(key)
            if builder is None:
                builder = tags[key] = _TextBuilder()
            builder.add(row, tag)
        for key, number in point.fields.items():
            column = fields.get(key)
            if column is None:
                column = fields[key] = ([], [])
            column[0].append(row)
            column[1].append(number)
    n_rows = len(points)
    return Segment(
        times_us,
        measurements.build(n_rows),
        {key: builder.build(n_rows) for key, builder in tags.items()},
        {
            key: field_column(presence_of(rows, n_rows), values)
            for key, (rows, values) in fields.items()
        },
        extent,
    )


class _TextBuilder:
    """Collects the texts of one column."""

    def __init__(self) -> None:
        self.rows: list[int] = []
        self.codes: list[int] = []
        self.known: dict[str | None, int] = {}

    def add(self, row: int, text: str | None) -> None:
        self.rows.append(row)
        self.codes.append(self.known.setdefault(text, len(self.known)))

    def build(self, n_rows: int) -> TextColumn:
        codes = code_array(self.codes, len(self.known))
        return TextColumn(presence_of(self.rows, n_rows), codes, tuple(self.known))


def presence_of(rows: Sequence[int] | NDArray[np.int64], n_rows: int) -> Presence:
    """Ascending rows as a Presence."""
    return None if len(rows) == n_rows else np.asarray(rows, dtype=np.uint32)


def concatenate(segments: Sequence[Segment]) -> Segment:
    """One segment with the rows of all, in order."""
    if len(segments) == 1:
        return segments[0]
    sizes = [segment.n_rows for segment in segments]
    starts = np.concatenate(([0], np.cumsum(sizes))).tolist()
    joiner = _Joiner(starts)
    return Segment(
        np.concatenate([segment.times_us for segment in segments]),
        joiner.text([(at, seg.measurement) for at, seg in zip(starts, segments, strict=False)]),
        {
            key: joiner.text(_parts(starts, (segment.tags.get(key) for segment in segments)))
            for key in _keys(segment.tags for segment in segments)
        },
        {
            key: joiner.field(_parts(starts, (segment.fields.get(key) for segment in segments)))
            for key in _keys(segment.fields for segment in segments)
        },
        _joined_extent(segments),
    )


def _joined_extent(segments: Sequence[Segment]) -> Extent | None:
    extents = [segment.extent for segment in segments if segment.extent is not None]
    if len(extents) != len(segments):
        return None
    start = extents[0].start
    starts = [part.offsets[:-1] + np.int64(part.start - start) for part in extents]
    ends = np.array([extents[-1].stop - start], dtype=np.int64)
    return Extent.of(start, np.concatenate([*starts, ends]))


def _keys(mappings: Iterable[Mapping[str, TextColumn] | Mapping[str, FieldColumn]]) -> list[str]:
    """Every key once, as first seen."""
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _parts(starts: Sequence[int], columns: Iterable[C | None]) -> list[tuple[int, C]]:
    return [
        (start, column)
        for start, column in zip(starts, columns, strict=False)
        if column is not None
    ]


class _Joiner:
    """Concatenates columns; columns that shared their rows share them afterwards."""

    def __init__(self, starts: Sequence[int]) -> None:
        self.starts = starts
        self.n_rows = starts[-1]
        self.known: dict[tuple[int, ...], Presence] = {}

    def presence(self, parts: Sequence[tuple[int, Column]]) -> Presence:
        if sum(_column_size(column) for _, column in parts) == self.n_rows:
            return None
        same = tuple(x for at, column in parts for x in (at, id(column.rows)))
        if same not in self.known:
            self.known[same] = np.concatenate([self.shifted(at, col) for at, col in parts])
        return self.known[same]

    def shifted(self, start: int, column: Column) -> NDArray[np.uint32]:
        if column.rows is None:
            return np.arange(start, start + _column_size(column), dtype=np.uint32)
        return column.rows + np.uint32(start)

    def text(self, parts: Sequence[tuple[int, TextColumn]]) -> TextColumn:
        known: dict[str | None, int] = {}
        translated = []
        for _, column in parts:
            table = [known.setdefault(value, len(known)) for value in column.values]
            translated.append(np.array(table, dtype=np.uint32)[column.codes])
        codes = code_array(np.concatenate(translated), len(known))
        return TextColumn(self.presence(parts), codes, tuple(known))

    def field(self, parts: Sequence[tuple[int, FieldColumn]]) -> FieldColumn:
        kinds: NDArray[np.uint8] | int
        first = parts[0][1].kinds
        if isinstance(first, int) and all(
            isinstance(column.kinds, int) and column.kinds == first for _, column in parts
        ):
            kinds = first
        else:
            kinds = np.concatenate([column.kinds_at(slice(None)) for _, column in parts])
        exact: dict[int, int] = {}
        before = 0
        for _, column in parts:
            exact.update((before + place, number) for place, number in column.exact.items())
            before += len(column.numbers)
        numbers = np.concatenate([column.numbers for _, column in parts])
        return FieldColumn(self.presence(parts), numbers, kinds, exact)


def _column_size(column: Column) -> int:
    return len(column.codes) if isinstance(column, TextColumn) else len(column.numbers)


def take(segment: Segment, order: RowArray, extent: Extent | None = None) -> Segment:
    """The rows `order` of a segment, in that order (any order, no row twice).

    The result stands at `extent`, elsewhere in a file than before.
    """
    taker = _Taker(segment.n_rows, order)
    tags = {key: taker.text(column) for key, column in segment.tags.items()}
    fields = {key: taker.field(column) for key, column in segment.fields.items()}
    return Segment(
        segment.times_us[order],
        taker.text(segment.measurement),
        {key: column for key, column in tags.items() if len(column.codes)},
        {key: column for key, column in fields.items() if len(column.numbers)},
        extent,
    )


class _Taker:
    """Cuts columns to some rows; columns that shared their rows share them afterwards."""

    def __init__(self, n_rows: int, order: RowArray) -> None:
        self.order = order
        self.new_row = np.full(n_rows, -1, dtype=np.int64)
        self.new_row[order] = np.arange(len(order))
        self.known: dict[int, tuple[Presence, NDArray[np.int64]]] = {}

    def rows(self, rows: Presence) -> tuple[Presence, NDArray[np.int64]]:
        """The new presence, and which positions of the old column it takes, in order."""
        if rows is None:
            return None, self.order
        if id(rows) not in self.known:
            moved = self.new_row[rows]
            positions = np.flatnonzero(moved >= 0)
            moved = moved[positions]
            if len(moved) and bool((moved[1:] < moved[:-1]).any()):
                by_row = np.argsort(moved)
                moved, positions = moved[by_row], positions[by_row]
            self.known[id(rows)] = (presence_of(moved, len(self.order)), positions)
        return self.known[id(rows)]

    def text(self, column: TextColumn) -> TextColumn:
        rows, positions = self.rows(column.rows)
        codes = column.codes[positions]
        used = np.flatnonzero(np.bincount(codes, minlength=len(column.values)))
        if len(used) == len(column.values):
            return TextColumn(rows, codes, column.values)
        renumbered = np.zeros(len(column.values), dtype=np.uint32)
        renumbered[used] = np.arange(len(used))
        values = tuple(column.values[code] for code in used.tolist())
        return TextColumn(rows, code_array(renumbered[codes], len(values)), values)

    def field(self, column: FieldColumn) -> FieldColumn:
        rows, positions = self.rows(column.rows)
        kinds = column.kinds if isinstance(column.kinds, int) else column.kinds[positions]
        exact: dict[int, int] = {}
        if column.exact:
            new_place = {old: new for new, old in enumerate(positions.tolist())}
            exact = {
                new_place[old]: number for old, number in column.exact.items() if old in new_place
            }
        return FieldColumn(rows, column.numbers[positions], kinds, exact)
