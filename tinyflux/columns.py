"""Columns: the values of one tag or field over the rows of a segment that carry it.

A column costs only the rows that have it: `rows` lists them, or is None where every row does.
Columns are immutable. They know nothing of files, points or queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

RowArray: TypeAlias = NDArray[np.int64]
"""Row numbers, ascending unless said otherwise."""
Selection: TypeAlias = "slice | RowArray"
"""Rows of a segment: a slice with start and stop, or an ascending array."""
Presence: TypeAlias = "NDArray[np.uint32] | None"
"""The rows of a segment that carry a column, ascending; None: all of them."""

FLOAT, INT, NONE, EXACT = 0, 1, 2, 3
"""What a field value is in Python: a float; an int that a float64 holds; None; any other int."""
FLOAT64_INT_LIMIT = 1 << 53

AnyCodes: TypeAlias = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class TextColumn:
    """Texts (tag values, measurements) as small codes into a dictionary of distinct values."""

    rows: Presence
    codes: AnyCodes
    """Shape (n,), n = number of rows that carry the column."""
    values: tuple[str | None, ...]
    """The distinct values; each is used by at least one row."""

    def pythons(self, positions: Any) -> list[str | None]:
        """The values at `positions` (slice or array) of this column."""
        values = self.values
        return [values[code] for code in self.codes[positions].tolist()]


@dataclass(frozen=True, slots=True)
class FieldColumn:
    """Numbers as float64, with what they are in Python beside them."""

    rows: Presence
    numbers: NDArray[np.float64]
    """Shape (n,); NaN where the value is None, the nearest float64 where it is EXACT."""
    kinds: NDArray[np.uint8] | int
    """FLOAT, INT, NONE or EXACT for each value, or one of them for all."""
    exact: dict[int, int] = field(default_factory=dict)
    """Position in this column to the int that a float64 cannot hold."""

    def pythons(self, positions: Any) -> list[int | float | None]:
        """The values at `positions` (slice or array) as they went in, to the bit."""
        numbers = self.numbers[positions]
        if isinstance(self.kinds, int):
            if self.kinds == FLOAT:
                return numbers.tolist()  # type: ignore[no-any-return]
            if self.kinds == INT:
                return numbers.astype(np.int64).tolist()  # type: ignore[no-any-return]
        values: list[int | float | None] = numbers.tolist()
        kinds = self.kinds_at(positions)
        for place in np.flatnonzero(kinds == INT).tolist():
            values[place] = int(numbers[place])
        for place in np.flatnonzero(kinds == NONE).tolist():
            values[place] = None
        exact = np.flatnonzero(kinds == EXACT)
        if len(exact):
            at = np.arange(len(self.numbers))[positions]
            for place in exact.tolist():
                values[place] = self.exact[int(at[place])]
        return values

    def kinds_at(self, positions: Any) -> NDArray[np.uint8]:
        """The kind of each value at `positions`."""
        if isinstance(self.kinds, int):
            return np.full(len(self.numbers[positions]), self.kinds, dtype=np.uint8)
        kinds: NDArray[np.uint8] = self.kinds[positions]
        return kinds


Column: TypeAlias = TextColumn | FieldColumn


def code_array(codes: Sequence[int] | NDArray[Any], n_values: int) -> AnyCodes:
    """`codes` in the narrowest type that numbers `n_values` distinct values."""
    if n_values <= 1 << 8:
        return np.asarray(codes, dtype=np.uint8)
    if n_values <= 1 << 16:
        return np.asarray(codes, dtype=np.uint16)
    return np.asarray(codes, dtype=np.uint32)


def field_column(rows: Presence, values: Sequence[int | float | None]) -> FieldColumn:
    """A column of plain Python values."""
    if not set(map(type, values)) - {float}:
        return FieldColumn(rows, np.array(values, dtype=np.float64), FLOAT)
    numbers = np.empty(len(values), dtype=np.float64)
    kinds = np.empty(len(values), dtype=np.uint8)
    exact: dict[int, int] = {}
    for place, value in enumerate(values):
        if value is None:
            numbers[place], kinds[place] = np.nan, NONE
        elif isinstance(value, float):
            numbers[place], kinds[place] = value, FLOAT
        elif -FLOAT64_INT_LIMIT <= value <= FLOAT64_INT_LIMIT:
            numbers[place], kinds[place] = value, INT
        else:
            numbers[place], kinds[place] = nearest_float(value), EXACT
            exact[place] = value
    return FieldColumn(rows, numbers, uniform(kinds), exact)


def nearest_float(number: int) -> float:
    """The float64 nearest to `number`, infinite beyond its range."""
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")


def uniform(kinds: NDArray[np.uint8]) -> NDArray[np.uint8] | int:
    """One kind for all where there is only one."""
    if len(kinds) == 0:
        return FLOAT
    first = int(kinds[0])
    return first if bool((kinds == first).all()) else kinds


_CLOSE = 8
"""A selection is close together if its span is at most so many times its number."""


def positions_of(rows: Presence, selection: Selection) -> tuple[Any, Any]:
    """Where a selection meets a column.

    Returns positions in the column (slice or array), and their places within the selection (slice
    or array), both of the same length and order.
    """
    if rows is None:
        if isinstance(selection, slice):
            return selection, slice(0, selection.stop - selection.start)
        return selection, slice(0, len(selection))
    if isinstance(selection, slice):
        first, last = np.searchsorted(rows, (selection.start, selection.stop)).tolist()
        return slice(first, last), rows[first:last].astype(np.int64) - selection.start
    if len(rows) == 0 or len(selection) == 0:
        empty = np.empty(0, dtype=np.int64)
        return empty, empty
    start, stop = int(selection[0]), int(selection[-1]) + 1
    first, last = np.searchsorted(rows, (start, stop)).tolist()
    near = rows[first:last].astype(np.int64)
    if len(near) and stop - start <= _CLOSE * len(selection):
        positions, places = _met_closely(near - start, selection - start, stop - start)
        return positions + first, places
    found = np.searchsorted(near, selection)
    found[found == len(near)] = 0
    is_hit = near[found] == selection if len(near) else np.zeros(len(selection), dtype=np.bool_)
    return found[is_hit] + first, np.flatnonzero(is_hit)


def _met_closely(rows: RowArray, selection: RowArray, size: int) -> tuple[RowArray, RowArray]:
    """What `positions_of` gives of numbers below `size`: in linear time."""
    if len(selection) == size:
        return np.arange(len(rows)), rows
    places = np.full(size, -1)
    places[selection] = np.arange(len(selection))
    met = places[rows]
    positions = np.flatnonzero(met >= 0)
    return positions, met[positions]


def as_rows(selection: Selection) -> RowArray:
    """The rows selected, ascending."""
    if isinstance(selection, slice):
        return np.arange(selection.start, selection.stop)
    return selection


def selection_size(selection: Selection) -> int:
    """The number of rows selected."""
    if isinstance(selection, slice):
        return int(selection.stop - selection.start)
    return len(selection)
