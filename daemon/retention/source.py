"""What a tier is made of, read from a view a piece of time at a time.

Points of a measurement, or the roll-ups of a finer tier as they are once this run has changed them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from daemon.retention.layers import QUALITY_TAG, Layer
from daemon.retention.queries import between
from daemon.retention.rollups import (
    COUNT,
    HELD,
    INTEGRAL,
    PARTS_OF,
    SUM,
    Places,
    Rollups,
)
from daemon.retention.samples import Samples
from daemon.retention.windows import Times, Windows
from tinyflux import Point
from tinyflux.columns import RowArray
from tinyflux.grouping import Grouping
from tinyflux.predicates import Query
from tinyflux.segment import segment_of_points
from tinyflux.table import Table
from tinyflux.view import ABSENT, View

PIECE_ROWS = 250_000
"""About so many rows are looked at at once: what a run needs of memory does not grow with the
file."""
_DAY_US = 86_400_000_000
_LONGEST_US = 366 * _DAY_US


@dataclass(slots=True)
class Overlay:
    """What this run changes of the rows of a tier, before it is done."""

    removed: RowArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    added: Rollups = field(default_factory=Rollups.empty)
    tags: Sequence[Mapping[str, str]] = ()
    """The tags of each group of `added`, by its number."""
    keys: Sequence[str] = ()
    """The tags that these may have."""

    def grouped(self, groups: Grouping) -> Rollups:
        """The rows that come, with their groups as others number them."""
        if not len(self.added):
            return self.added
        points = [Point(tags=dict(tags)) for tags in self.tags]
        examples = View(Table([segment_of_points(points)]))
        numbers = examples.groups(np.arange(len(points)), groups)
        return Rollups(self.added.times_us, numbers[self.added.group], self.added.fields)


@dataclass(frozen=True, slots=True)
class Piece:
    """The rows of a piece of time, by time; `rows` is -1 for a roll-up that only comes."""

    rows: RowArray
    times_us: Times
    group: Places
    series: Places

    def at(self, chosen: NDArray[np.bool_] | Places) -> Piece:
        """Some of them."""
        return Piece(
            self.rows[chosen], self.times_us[chosen], self.group[chosen], self.series[chosen]
        )


def tag_keys(view: View, *measurements: str) -> tuple[str, ...]:
    """The tags that make a series of some measurements."""
    keys = {key for name in measurements for key in view.keys("tags", name)}
    return tuple(sorted(keys - {QUALITY_TAG}))


@dataclass(slots=True)
class Source:
    """The rows of one layer's source."""

    view: View
    layer: Layer
    series: Grouping
    groups: Grouping

    def rows(self, start_us: int, stop_us: int) -> RowArray:
        """The rows of a piece of time, in the order of the view."""
        return self.view.rows(self._query(between(start_us, stop_us)), self.layer.source)

    def rows_of(self, query: Query) -> RowArray:
        """The rows that a query asks for, in the order of the view."""
        return self.view.rows(self._query(query), self.layer.source)

    def _query(self, query: Query) -> Query:
        return query if self.layer.query is None else query & self.layer.query

    def piece(self, rows: RowArray) -> Piece:
        """Rows of the view, brought into the order of time."""
        times_us = self.view.times_us(rows)
        order = np.argsort(times_us, kind="stable")
        group, series = (self.view.groups(rows, by) for by in (self.groups, self.series))
        return Piece(rows[order], times_us[order], group[order], series[order])

    def samples(self, piece: Piece, key: str) -> Samples:
        """What the points of a piece have of a field."""
        ascending = np.argsort(piece.rows)
        numbers = np.empty(len(piece.rows))
        states = np.empty(len(piece.rows), dtype=np.uint8)
        numbers[ascending], states[ascending] = self.view.numbers(piece.rows[ascending], key)
        has = states != ABSENT
        return Samples(piece.times_us[has], numbers[has], piece.series[has], piece.group[has])

    def fields(self) -> list[str]:
        """The fields that are rolled up."""
        keys = self.view.keys("fields", self.layer.source)
        if not self.layer.is_raw:
            keys = rolled_fields(keys)
        return [key for key in keys if self.layer.statistics(key) is not None]


def rolled_fields(keys: Sequence[str]) -> list[str]:
    """The fields whose roll-ups have these fields."""
    known = set(keys)
    ending = f"_{COUNT}"
    bases = [key.removesuffix(ending) for key in keys if key.endswith(ending)]
    return [base for base in bases if f"{base}_{SUM}" in known]


PART_NAMES = frozenset().union(*PARTS_OF.values())


def read_rollups(view: View, rows: RowArray, groups: Grouping, fields: Sequence[str]) -> Rollups:
    """Stored rows of a tier with the parts that are kept of some fields, in the order of `rows`."""
    columns = {}
    for key in fields:
        parts = {name: view.numbers(rows, f"{key}_{name}")[0] for name in (COUNT, SUM)}
        for name in PART_NAMES - {INTEGRAL}:
            part, states = view.numbers(rows, f"{key}_{name}")
            if bool((states != ABSENT).any()):
                parts[name] = part
        if HELD in parts:
            mean, _ = view.numbers(rows, f"{key}_time_weighted_mean")
            parts[INTEGRAL] = mean * parts[HELD]
        columns[key] = parts
    return Rollups(view.times_us(rows), view.groups(rows, groups), columns)


def pieces_of_time(
    source: Source, start_us: int, stop_us: int, windows: Windows, edges: Sequence[int] = ()
) -> Iterator[tuple[int, int, RowArray]]:
    """Start, stop and rows of pieces that follow each other, cut where windows are and at `edges`.

    As long as will do for about `PIECE_ROWS` rows, and one window at least.
    """
    at, span_us = start_us, _DAY_US
    while at < stop_us:
        limit = min([edge for edge in edges if edge > at] + [stop_us])
        while True:
            stop = min(max(windows.start_us(at + span_us), windows.next_us(at)), limit)
            rows = source.rows(at, stop)
            if len(rows) <= PIECE_ROWS or stop <= windows.next_us(at):
                break
            span_us //= 2
        yield at, stop, rows
        at = stop
        if len(rows) < PIECE_ROWS // 4:
            span_us = min(span_us * 4, _LONGEST_US)
