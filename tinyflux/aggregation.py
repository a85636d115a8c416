"""Statistics per window and group, and the last point of each group, from columns.

Knows tables and arrays; never makes a Point of what it only counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyflux.columns import NONE, FieldColumn, RowArray, Selection, as_rows, positions_of
from tinyflux.predicates import Query
from tinyflux.segment import Segment
from tinyflux.statistics import STATISTICS, Samples
from tinyflux.table import Table
from tinyflux.windows import Duration, Windows, distinct, time_zone, windows_of

_ORDERED = {"first", "last", "increase", "time_weighted_mean"}
"""Statistics that depend on the order of values."""
_BY_SERIES = {"increase", "time_weighted_mean"}
"""Statistics that follow each series (measurement and tag set) by itself."""


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
        """The checked question; ValueError names what is not known."""
        question = cls(
            _names(fields),
            None if every is None else Duration.of(every),
            _names(how),
            _names(by),
            time_zone(tz),
        )
        unknown = [name for name in question.how if name not in STATISTICS]
        if unknown:
            raise ValueError(
                f"{unknown[0]!r} is no statistic; how is one of {', '.join(STATISTICS)}"
            )
        if not question.fields or not question.how:
            raise ValueError("aggregate needs at least one field and one statistic")
        return question


def _names(names: str | Iterable[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(dict.fromkeys(names))


def aggregate(
    table: Table, query: Query | None, measurement: str | None, question: Question
) -> dict[str, NDArray[Any]]:
    """The columns of the answer, one row per window and group that holds a value.

    `time` is int64, the start of the window in µs UTC, ascending; one object array of str or None
    per tag of `by` (`tags.time` for one that has the name of another column); one float64 array
    `<field>_<statistic>` each (int64 for `count`), NaN where a field has no value in the group.
    """
    groups = _Numbering(question.by)
    series = _Numbering(sorted(table.keys("tags", None)), with_measurement=True)
    needs_series = bool(_BY_SERIES & set(question.how))
    gathered = [_Gathered() for _ in question.fields]
    for _, segment, selection in table.selections(query, measurement):
        for parts, key in zip(gathered, question.fields, strict=True):
            column = segment.fields.get(key)
            if column is not None:
                carried = _Carried.of(segment, column, selection)
                parts.add(carried, groups, series if needs_series else None)
    return _answer(question, groups, [parts.joined(question.how) for parts in gathered])


@dataclass(frozen=True, slots=True)
class _Values:
    """The values of one field that are numbers."""

    times_us: NDArray[np.int64]
    values: NDArray[np.float64]
    group: NDArray[np.int64]
    series: NDArray[np.int64]


def _answer(
    question: Question, groups: _Numbering, columns: Sequence[_Values]
) -> dict[str, NDArray[Any]]:
    times_us = np.concatenate([column.times_us for column in columns])
    windows = _windows(times_us, question)
    n_groups = max(groups.n_distinct, 1)
    ranks, combinations = groups.ranked()
    group = ranks[np.concatenate([column.group for column in columns])]
    cell = windows.index * n_groups + group
    cells, place = distinct(cell) if len(cell) else (cell, cell)
    window_of_cell, group_of_cell = cells // n_groups, cells % n_groups
    answer: dict[str, NDArray[Any]] = {"time": windows.starts_us[window_of_cell]}
    for number, key in enumerate(question.by):
        texts = np.array([combination[number] for combination in combinations], dtype=object)
        name = f"tags.{key}" if key in _columns_of(question) else key
        answer[name] = texts[group_of_cell] if len(texts) else np.empty(0, dtype=object)
    start = 0
    for key, column in zip(question.fields, columns, strict=True):
        stop = start + len(column.times_us)
        samples = Samples(
            column.values,
            column.times_us,
            place[start:stop],
            column.series,
            windows.starts_us[window_of_cell],
            windows.ends_us[window_of_cell],
            len(cells),
        )
        for name in question.how:
            numbers = STATISTICS[name](samples)
            answer[f"{key}_{name}"] = numbers.astype(np.int64) if name == "count" else numbers
        start = stop
    return answer


def _columns_of(question: Question) -> set[str]:
    """The names of the columns that are no tag."""
    return {"time", *(f"{key}_{name}" for key in question.fields for name in question.how)}


def _windows(times_us: NDArray[np.int64], question: Question) -> Windows:
    if question.every is not None or not len(times_us):
        every = question.every or Duration(us=1)
        return windows_of(times_us, every, question.zone)
    first, last = times_us.min(), times_us.max()
    return Windows(np.array([first]), np.array([last]), np.zeros(len(times_us), dtype=np.int64))


@dataclass(frozen=True, slots=True)
class _Carried:
    """The selected rows of a segment whose value of a field is a number."""

    segment: Segment
    column: FieldColumn
    positions: Any
    """Of the values in the column."""

    @classmethod
    def of(cls, segment: Segment, column: FieldColumn, selection: Selection) -> _Carried:
        positions, _ = positions_of(column.rows, selection)
        kinds = column.kinds
        has_none = kinds == NONE if isinstance(kinds, int) else bool((kinds == NONE).any())
        if has_none:
            if isinstance(positions, slice):
                positions = as_rows(slice(*positions.indices(len(column.numbers))))
            positions = positions[column.kinds_at(positions) != NONE]
        return cls(segment, column, positions)

    @property
    def times_us(self) -> NDArray[np.int64]:
        times_us: NDArray[np.int64] = self.segment.times_us[self.rows]
        return times_us

    @property
    def rows(self) -> Any:
        """Their rows in the segment."""
        return self.positions if self.column.rows is None else self.column.rows[self.positions]

    def codes(self, key: str) -> tuple[NDArray[np.int64], tuple[str | None, ...]]:
        """The tag `key` of each row as codes into the values given; a row without it has None."""
        tag = self.segment.tags.get(key)
        if tag is None:
            return np.zeros(len(self.column.numbers[self.positions]), dtype=np.int64), (None,)
        if tag.rows is self.column.rows:
            return tag.codes[self.positions].astype(np.int64), tag.values
        codes = np.full(self.segment.n_rows, len(tag.values), dtype=np.int64)
        codes[slice(None) if tag.rows is None else tag.rows] = tag.codes
        return codes[self.rows], (*tag.values, None)

    def measurement_codes(self) -> tuple[NDArray[np.int64], tuple[str | None, ...]]:
        measurement = self.segment.measurement
        return measurement.codes[self.rows].astype(np.int64), measurement.values


class _Numbering:
    """Numbers combinations of tag values, the same in every segment."""

    def __init__(self, keys: Sequence[str], *, with_measurement: bool = False) -> None:
        self._keys = keys
        self._with_measurement = with_measurement
        self._known: dict[tuple[str | None, ...], int] = {}

    @property
    def combinations(self) -> list[tuple[str | None, ...]]:
        """The combinations in the order of their numbers."""
        return list(self._known)

    def ranked(self) -> tuple[NDArray[np.int64], list[tuple[str | None, ...]]]:
        """The rank of each number among the sorted combinations (None last), and these."""
        known = self.combinations
        order = sorted(
            range(len(known)), key=lambda number: [(t is None, t or "") for t in known[number]]
        )
        ranks = np.empty(len(known), dtype=np.int64)
        ranks[order] = np.arange(len(known))
        return ranks, [known[number] for number in order]

    @property
    def n_distinct(self) -> int:
        return len(self._known)

    def numbers(self, carried: _Carried) -> NDArray[np.int64]:
        """The number of each row's combination."""
        parts = [carried.codes(key) for key in self._keys if self._is_of_use(carried, key)]
        if self._with_measurement:
            parts.append(carried.measurement_codes())
        names = [key for key in self._keys if self._is_of_use(carried, key)]
        n_rows = len(carried.column.numbers[carried.positions])
        mixed = np.zeros(n_rows, dtype=np.int64)
        table: list[tuple[int, ...]] = [()]
        for codes, values in parts:
            mixed = mixed * len(values) + codes
            cells, mixed = distinct(mixed) if n_rows else (mixed, mixed)
            table = [(*table[cell // len(values)], cell % len(values)) for cell in cells.tolist()]
        numbers = [
            self._number(names, parts, combination) for combination in (table if n_rows else [])
        ]
        return np.array(numbers, dtype=np.int64)[mixed] if n_rows else mixed

    def _is_of_use(self, carried: _Carried, key: str) -> bool:
        """A tag that no row of the segment has need not be looked up."""
        return key in carried.segment.tags

    def _number(
        self,
        names: Sequence[str],
        parts: Sequence[tuple[NDArray[np.int64], tuple[str | None, ...]]],
        combination: tuple[int, ...],
    ) -> int:
        texts = [values[code] for (_, values), code in zip(parts, combination, strict=True)]
        tags = dict(zip(names, texts, strict=False))
        whole = tuple(tags.get(key) for key in self._keys)
        if self._with_measurement:
            whole = (*whole, texts[-1])
        return self._known.setdefault(whole, len(self._known))


class _Gathered:
    """Collects the values of one field over all segments."""

    def __init__(self) -> None:
        self._parts: list[_Values] = []

    def add(self, carried: _Carried, groups: _Numbering, series: _Numbering | None) -> None:
        group = groups.numbers(carried)
        self._parts.append(
            _Values(
                carried.times_us,
                carried.column.numbers[carried.positions],
                group,
                group if series is None else series.numbers(carried),
            )
        )

    def joined(self, how: Sequence[str]) -> _Values:
        """All values; in time order, equal times in insertion order, if a statistic needs it."""
        if not self._parts:
            nothing = np.empty(0, dtype=np.int64)
            return _Values(nothing, np.empty(0), nothing, nothing)
        joined = _Values(
            np.concatenate([part.times_us for part in self._parts]),
            np.concatenate([part.values for part in self._parts]),
            np.concatenate([part.group for part in self._parts]),
            np.concatenate([part.series for part in self._parts]),
        )
        times_us = joined.times_us
        if not _ORDERED & set(how) or bool((times_us[1:] >= times_us[:-1]).all()):
            return joined
        order = np.argsort(times_us, kind="stable")
        return _Values(
            times_us[order], joined.values[order], joined.group[order], joined.series[order]
        )


def latest_rows(
    table: Table, query: Query | None, measurement: str | None, by: Iterable[str] | None
) -> RowArray:
    """The row of the latest point of each group, of equal times the one inserted last.

    A group is a combination of values of the tags `by`, or with None a series: measurement and
    tag set. The rows are in the order of their times.
    """
    keys = sorted(table.keys("tags", None)) if by is None else _names(by)
    newest: dict[tuple[str | None, ...], tuple[int, int]] = {}
    for start, segment, selection in table.selections(query, measurement):
        rows = as_rows(selection)
        numbering = _Numbering(keys, with_measurement=by is None)
        number = numbering.numbers(_all_rows(segment, rows))
        times_us = segment.times_us[rows]
        order = np.argsort(times_us, kind="stable")
        place = np.full(numbering.n_distinct, -1, dtype=np.int64)
        place[number[order]] = order  # of equal indices numpy keeps the last assignment
        for combination, at in zip(numbering.combinations, place.tolist(), strict=True):
            found = (int(times_us[at]), start + int(rows[at]))
            newest[combination] = max(newest.get(combination, found), found)
    return np.array([row for _, row in sorted(newest.values())], dtype=np.int64)


def _all_rows(segment: Segment, rows: RowArray) -> _Carried:
    """Rows as the carriers of a field that every row has."""
    everywhere = FieldColumn(None, np.zeros(segment.n_rows), 0)
    return _Carried(segment, everywhere, rows)
