"""A segment whose columns are read from its file when they are touched."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tinyflux.columns import FieldColumn, TextColumn
from tinyflux.segment import Extent, Segment, TimeOrder
from tinyflux.segment_checks import checked_extent, checked_order, checked_times, require
from tinyflux.segment_file import SegmentFile

_MOST_MEASUREMENTS = 256

Loaded = TypeVar("Loaded")


@dataclass(frozen=True, slots=True)
class Told:
    """What a manifest tells of a segment, so that its file need not be read for it."""

    n_rows: int
    span_us: tuple[int, int]
    """The least and the greatest time."""
    counts: Mapping[str, int] | None = None
    """Rows of each measurement; None where there are too many to tell."""

    @classmethod
    def of(cls, segment: Segment) -> Told:
        """What is to be told of `segment`."""
        counts = segment.measurement_counts
        is_told = len(counts) <= _MOST_MEASUREMENTS
        return cls(segment.n_rows, segment.span_us, dict(counts) if is_told else None)


class _LazyColumns(Mapping[str, Any]):
    """Columns by key, read when they are asked for; keys cost nothing."""

    def __init__(self, described: dict[str, list[int]], load: Any) -> None:
        self._described = described
        self._load = load
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        if key not in self._loaded:
            self._loaded[key] = self._load(self._described[key])
        return self._loaded[key]

    def __contains__(self, key: object) -> bool:
        return key in self._described

    def __iter__(self) -> Iterator[str]:
        return iter(self._described)

    def __len__(self) -> int:
        return len(self._described)


class StoredSegment(Segment):
    """A segment whose columns are read from its file when they are touched."""

    def __init__(self, file: SegmentFile, start: int, told: Told) -> None:
        self.__dict__.update(file=file, start=start, told=told)

    file: SegmentFile
    start: int
    told: Told

    @property
    def n_rows(self) -> int:
        """The number of rows, as the manifest tells."""
        return self.told.n_rows

    @property
    def span_us(self) -> tuple[int, int]:
        """The least and the greatest time, as the manifest tells."""
        return self.told.span_us

    @cached_property
    def measurement_counts(self) -> Mapping[str, int]:
        """The number of rows of each measurement, as the manifest tells."""
        return super().measurement_counts if self.told.counts is None else self.told.counts

    def at(self, extent: Extent | None) -> StoredSegment:
        """The same rows standing elsewhere."""
        start = self.start if extent is None else extent.start
        return StoredSegment(self.file, start, self.told)

    def _read(self, load: Callable[[dict[str, Any]], Loaded]) -> Loaded:
        def checked() -> Loaded:
            header = self.file.header
            require(header["n_rows"] == self.n_rows, "it holds another number of rows")
            return load(header)

        return self.file.read(checked)

    @cached_property
    def times_us(self) -> NDArray[np.int64]:
        """The times, in insertion order."""

        def load(header: dict[str, Any]) -> NDArray[np.int64]:
            times_us: NDArray[np.int64] = self.file.block(header["times"])
            checked_times(times_us, self.n_rows)
            return times_us

        return self._read(load)

    @cached_property
    def extent(self) -> Extent:
        """Where the rows stand."""

        def load(header: dict[str, Any]) -> Extent:
            extent = Extent(self.start, self.file.block(header["offsets"]))
            checked_extent(extent, self.n_rows)
            return extent

        return self._read(load)

    @cached_property
    def measurement(self) -> TextColumn:
        """The measurement of each row."""

        def load(header: dict[str, Any]) -> TextColumn:
            column = self.file.text(header["measurement"], self.n_rows)
            require(column.rows is None and None not in column.values, "a row has no measurement")
            return column

        return self._read(load)

    @cached_property
    def tags(self) -> Mapping[str, TextColumn]:
        """The tag columns."""
        return self._columns("tags", self.file.text)

    @cached_property
    def fields(self) -> Mapping[str, FieldColumn]:
        """The field columns."""
        return self._columns("fields", self.file.field)

    def _columns(self, name: str, load: Callable[[list[int], int], Loaded]) -> Mapping[str, Loaded]:
        described: dict[str, list[int]] = self._read(lambda header: dict(header[name]))

        def loaded(numbers: list[int]) -> Loaded:
            return self._read(lambda _: load(numbers, self.n_rows))

        return _LazyColumns(described, loaded)

    @cached_property
    def time_order(self) -> TimeOrder:
        """What finds a time range."""

        def load(header: dict[str, Any]) -> TimeOrder:
            block_max, late_rows, late_times, first_us, last_us = header["order"]
            block = self.file.block
            order = TimeOrder(
                block(block_max), block(late_rows), block(late_times), first_us, last_us
            )
            checked_order(order, self.n_rows)
            return order

        return self._read(load)
