"""What is stored at one moment, as rows and columns: for who decides on a change by numbers.

Rows are numbered from 0 in insertion order. Nothing here makes a Point unless it is asked for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from tinyflux.columns import NONE, RowArray
from tinyflux.grouping import Grouping, Rows, positions_in
from tinyflux.point import Point
from tinyflux.predicates import Query
from tinyflux.segment import Segment
from tinyflux.table import Table

NUMBER, NULL, ABSENT = 0, 1, 2
"""What a row has of a field: a number, None, or no such field."""

TextReader = Callable[[int, int], bytes]
"""Gives the bytes of the file from one place to another."""


class View:
    """The rows of a database as they were when it was made; later changes leave it alone."""

    def __init__(self, table: Table, read: TextReader | None = None) -> None:
        self._table = table
        self._read = read

    @property
    def n_rows(self) -> int:
        """The number of rows."""
        return self._table.n_rows

    @property
    def span_us(self) -> tuple[int, int]:
        """The least and the greatest time, µs UTC; (0, -1) where there is no row."""
        spans = [segment.span_us for segment in self._table.segments]
        return (min(s for s, _ in spans), max(s for _, s in spans)) if spans else (0, -1)

    @property
    def measurement_counts(self) -> Mapping[str, int]:
        """The number of rows of each measurement."""
        return self._table.measurement_counts

    def keys(self, attribute: str, measurement: str | None = None) -> list[str]:
        """The keys of `tags` or `fields` that a row (of `measurement`) carries, sorted."""
        return sorted(self._table.keys(attribute, measurement))

    def count(self, query: Query | None, measurement: str | None = None) -> int:
        """How many rows match."""
        return self._table.count(query, measurement)

    def rows(self, query: Query | None, measurement: str | None = None) -> RowArray:
        """The rows that match, ascending."""
        return self._table.rows(query, measurement)

    def times_us(self, rows: RowArray) -> NDArray[np.int64]:
        """The times of ascending `rows`, int64 µs UTC."""
        return self._table.times_us(rows)

    def groups(self, rows: RowArray, grouping: Grouping) -> NDArray[np.int64]:
        """The number that `grouping` gives each of ascending `rows`."""
        parts = [
            grouping.numbers(Rows(segment, None, local)).astype(np.int64)
            for segment, local in self._table.split(rows)
        ]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def numbers(self, rows: RowArray, key: str) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """The field `key` of ascending `rows` and what each is: NUMBER, NULL or ABSENT.

        NaN where there is no number; of an int that a float64 cannot hold the nearest one.
        """
        numbers = np.full(len(rows), np.nan)
        states = np.full(len(rows), ABSENT, dtype=np.uint8)
        at = 0
        for segment, local in self._table.split(rows):
            part = slice(at, at + len(local))
            at = part.stop
            column = segment.fields.get(key)
            if column is not None:
                positions, places = positions_in(column.rows, local, segment.n_rows)
                numbers[part][places] = column.numbers[positions]
                is_null = column.kinds_at(positions) == NONE
                states[part][places] = np.where(is_null, NULL, NUMBER)
        return numbers, states

    def points(self, rows: RowArray) -> list[Point]:
        """New Points of ascending `rows`."""
        return self._table.points(rows)

    def sizes(self, rows: RowArray) -> NDArray[np.int64]:
        """How many bytes each of ascending `rows` takes in the file; 0 where there is none."""
        parts = [_sizes(segment, local) for segment, local in self._table.split(rows)]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def size_bytes(self, rows: RowArray | None = None) -> int:
        """How many bytes ascending `rows` (None: all) take in the file; 0 where there is none."""
        if rows is not None:
            return sum(int(_sizes(*part).sum()) for part in self._table.split(rows))
        extents = [segment.extent for segment in self._table.segments]
        return sum(int(extent.offsets[-1]) for extent in extents if extent is not None)

    def texts(self, rows: RowArray) -> Iterator[bytes]:
        """The bytes of ascending `rows` as they stand in the file, in pieces of whole rows.

        RuntimeError where there is no file.
        """
        for segment, local in self._table.split(rows):
            if segment.extent is None or self._read is None:
                raise RuntimeError("these rows are not in a file")
            for first, last in _runs(local):
                yield self._read(segment.extent.bounds(first)[0], segment.extent.bounds(last)[1])


def _sizes(segment: Segment, local: RowArray) -> NDArray[np.int64]:
    if segment.extent is None:
        return np.zeros(len(local), dtype=np.int64)
    offsets = segment.extent.offsets
    return offsets[local + 1].astype(np.int64) - offsets[local].astype(np.int64)


_LONGEST_RUN = 4096


def _runs(rows: RowArray) -> Iterator[Sequence[int]]:
    """First and last of rows that follow each other, at most so many at a time."""
    if not len(rows):
        return
    cuts = np.flatnonzero(np.diff(rows) != 1) + 1
    for run in np.split(rows, cuts):
        for start in range(0, len(run), _LONGEST_RUN):
            part = run[start : start + _LONGEST_RUN]
            yield int(part[0]), int(part[-1])
