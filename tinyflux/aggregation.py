"""Statistics per window and group, from columns.

Knows tables and arrays; never makes a Point of what it only counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tinyflux.arguments import names_of
from tinyflux.columns import NONE, FieldColumn, Selection, as_rows
from tinyflux.grouping import Group, Grouping, Rows, distinct, is_dense, positions_in
from tinyflux.predicates import Query
from tinyflux.segment import Segment
from tinyflux.statistics import BY_SERIES, ORDERED, STATISTICS, Cells, Samples
from tinyflux.table import Table
from tinyflux.windows import Duration, Windows
from tinyflux.zones import time_zone

N = TypeVar("N", bound=np.generic)

_NOTHING = np.empty(0, dtype=np.int64)
_NO_CODES = np.empty(0, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Question:
    """What to compute; names and texts as `TinyFlux.aggregate` takes them, checked."""

    fields: tuple[str, ...]
    every: Duration | None
    how: tuple[str, ...]
    by: tuple[str, ...]
    zone: tzinfo

    @classmethod
    def of(
        cls,
        fields: str | Iterable[str],
        every: str | timedelta | None,
        how: str | Iterable[str],
        by: str | Iterable[str],
        tz: str | tzinfo | None,
    ) -> Question:
        """The checked question; ValueError or TypeError names what is not known."""
        question = cls(
            names_of("fields", fields),
            None if every is None else Duration.of(every),
            names_of("how", how),
            names_of("by", by),
            time_zone(tz),
        )
        unknown = [name for name in question.how if name not in STATISTICS]
        if unknown:
            raise ValueError(
                f"{unknown[0]!r} is no statistic; how is one of {', '.join(STATISTICS)}"
            )
        if not question.fields or not question.how:
            raise ValueError("aggregate needs at least one field and one statistic")
        columns = Counter(["time", *question.tag_columns, *question.field_columns])
        twice = [name for name, times in columns.items() if times > 1]
        if twice:
            raise ValueError(
                f"two columns of the answer would be named {twice[0]!r}: ask for them one by one"
            )
        return question

    @property
    def field_columns(self) -> list[str]:
        """The names of the columns of statistics."""
        return [f"{key}_{name}" for key in self.fields for name in self.how]

    @property
    def tag_columns(self) -> list[str]:
        """The names of the columns of tags: `tags.key` where another column is named `key`."""
        taken = {"time", *self.field_columns}
        return [f"tags.{key}" if key in taken else key for key in self.by]


def aggregate(
    table: Table, query: Query | None, measurement: str | None, question: Question
) -> dict[str, NDArray[Any]]:
    """The columns of the answer, one row per window and group that holds a value.

    Rows are in the order of time, then of the tags' values, None last. `time` is int64, the start
    of the window in µs UTC (without `every` the time of the first value); one object array of str
    or None per tag of `by`; one float64 array `<field>_<statistic>` each (int64 for `count`), NaN
    where a field has no value in that window and group.
    """
    groups, series = Grouping(question.by), Grouping(None)
    needs_series = not BY_SERIES.isdisjoint(question.how)
    gathered: list[list[_Values]] = [[] for _ in question.fields]
    for _, segment, found in table.selections(query, measurement):
        selection = found.selection
        for parts, key in zip(gathered, question.fields, strict=True):
            column = segment.fields.get(key)
            if column is not None:
                rows, values = _numbers(segment, column, selection)
                group = groups.numbers(rows)
                of_series = series.numbers(rows) if needs_series else _NO_CODES
                parts.append(_Values(rows.times_us, values, group, of_series))
    return _answer(question, groups, [_joined(parts, question.how) for parts in gathered])


@dataclass(frozen=True, slots=True)
class _Values:
    """Values of one field that are numbers."""

    times_us: NDArray[np.int64]
    values: NDArray[np.float64]
    group: NDArray[Any]
    """Unsigned, as wide as it need be."""
    series: NDArray[Any]
    """Empty where no statistic needs it."""

    def at(self, order: NDArray[np.int64]) -> _Values:
        series = self.series[order] if len(self.series) else self.series
        return _Values(self.times_us[order], self.values[order], self.group[order], series)


def _numbers(
    segment: Segment, column: FieldColumn, selection: Selection
) -> tuple[Rows, NDArray[np.float64]]:
    """The selected rows that have a number in a column, and these numbers."""
    positions, _ = positions_in(column.rows, selection, segment.n_rows)
    kinds = column.kinds
    if kinds == NONE if isinstance(kinds, int) else bool((kinds == NONE).any()):
        if isinstance(positions, slice):
            positions = as_rows(slice(*positions.indices(len(column.numbers))))
        positions = positions[column.kinds_at(positions) != NONE]
    return Rows(segment, column.rows, positions), column.numbers[positions]


def _joined(parts: Sequence[_Values], how: Sequence[str]) -> _Values:
    """All values; in time order, equal times in insertion order, if a statistic needs it."""
    if not parts:
        return _Values(_NOTHING, np.empty(0), _NO_CODES, _NO_CODES)
    joined = _Values(
        _together([part.times_us for part in parts]),
        _together([part.values for part in parts]),
        _together([part.group for part in parts]),
        _together([part.series for part in parts]),
    )
    times_us = joined.times_us
    if ORDERED.isdisjoint(how) or bool((times_us[1:] >= times_us[:-1]).all()):
        return joined
    return joined.at(np.argsort(times_us, kind="stable"))


def _together(parts: Sequence[NDArray[N]]) -> NDArray[N]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _answer(
    question: Question, groups: Grouping, columns: Sequence[_Values]
) -> dict[str, NDArray[Any]]:
    grid = _Grid.of(columns, len(groups), question)
    samples = [
        Samples(column.values, column.times_us, place, column.series, grid.cells)
        for column, place in zip(columns, grid.places, strict=True)
    ]
    held = np.flatnonzero(sum((each.counts for each in samples), np.zeros(len(grid.cells))))
    ranks = _ranks(groups.groups)
    held = held[np.lexsort((ranks[grid.cells.group[held]], grid.cells.starts_us[held]))]
    answer: dict[str, NDArray[Any]] = {"time": grid.cells.starts_us[held]}
    for number, name in enumerate(question.tag_columns):
        texts = np.empty(len(groups), dtype=object)
        texts[:] = [group[number] for group in groups.groups]
        answer[name] = texts[grid.cells.group[held]]
    for each, key in zip(samples, question.fields, strict=True):
        for how in question.how:
            numbers = STATISTICS[how](each)[held]
            answer[f"{key}_{how}"] = numbers.astype(np.int64) if how == "count" else numbers
    return answer


def _ranks(groups: Sequence[Group]) -> NDArray[np.int64]:
    """The rank of each group when they are sorted, None last."""
    order = sorted(
        range(len(groups)),
        key=lambda number: [(text is None, text or "") for text in groups[number]],
    )
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[order] = np.arange(len(groups))
    return ranks


@dataclass(frozen=True, slots=True)
class _Grid:
    """The cells of an answer, by window, and where each value lies."""

    cells: Cells
    places: list[NDArray[np.int64]]
    """For each field the cell of each of its values."""

    @classmethod
    def of(cls, columns: Sequence[_Values], n_groups: int, question: Question) -> _Grid:
        times_us = [column.times_us for column in columns if len(column.times_us)]
        if not times_us:
            return cls(Cells(_NOTHING, _NOTHING, _NOTHING), [_NOTHING for _ in columns])
        first_us = min(int(times.min()) for times in times_us)
        last_us = max(int(times.max()) for times in times_us)
        if question.every is None:
            starts, ends = np.array([first_us]), np.array([last_us])
            window = np.zeros(sum(map(len, times_us)), dtype=np.int64)
        else:
            windows = Windows.over(first_us, last_us, question.every, question.zone)
            numbers, window = _places(_together([windows.numbers(times) for times in times_us]))
            starts, ends = windows.starts_us(numbers), windows.starts_us(numbers + 1)
        window *= n_groups
        window += _together([column.group for column in columns])
        cell, place = _places(window, len(starts) * n_groups)
        window_of, group_of = cell // n_groups, cell % n_groups
        cuts = np.cumsum([len(column.times_us) for column in columns])[:-1]
        return cls(Cells(group_of, starts[window_of], ends[window_of]), np.split(place, cuts))


def _places(
    numbers: NDArray[np.int64], n_numbers: int | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ascending numbers, all that occur among them, and the place of each item among these.

    Where few lie between the least and the greatest number, all are given, which spares a search;
    with `n_numbers` these are 0 and that.
    """
    low, high = (
        (int(numbers.min()), int(numbers.max()) + 1) if n_numbers is None else (0, n_numbers)
    )
    if is_dense(high - low, len(numbers)):
        return np.arange(low, high), numbers - low if low else numbers
    return distinct(numbers)
