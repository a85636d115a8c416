"""Which group each row belongs to: combinations of tag values, or series.

A series is a measurement and a tag set. A tag that is None and one that is missing are alike here.
Knows columns; never makes a Point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tinyflux.columns import AnyCodes, Presence, Selection, code_array, positions_of
from tinyflux.segment import Segment

Group: TypeAlias = "tuple[str | tuple[str, str] | None, ...]"
"""The values of the tags asked for; of a series, pairs of tag and value, and the measurement."""

_RARE = 32
"""One row in so many is found by searching, more by looking at all."""
_FEW = 1 << 6
"""Up to so many combinations are counted through, whether they occur or not."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a segment, chosen by their positions in a column."""

    segment: Segment
    presence: Presence
    """The rows that the column has."""
    positions: Any
    """Slice or array: which of these are meant."""

    @property
    def places(self) -> Any:
        """Their row numbers, as slice or array."""
        return self.positions if self.presence is None else self.presence[self.positions]

    @property
    def times_us(self) -> NDArray[np.int64]:
        """Their times."""
        times_us: NDArray[np.int64] = self.segment.times_us[self.places]
        return times_us

    def codes(self, key: str) -> tuple[NDArray[np.int64], tuple[str | None, ...]]:
        """The tag `key` of each row as codes into the values given; a row without it has None."""
        tag = self.segment.tags[key]
        if tag.rows is self.presence:
            return tag.codes[self.positions].astype(np.int64), tag.values
        if tag.rows is None:
            return tag.codes[self.places].astype(np.int64), tag.values
        values = (*tag.values, None)
        narrow = code_array([len(tag.values)], len(values)).dtype
        codes = np.full(self.segment.n_rows, len(tag.values), dtype=narrow)
        codes[tag.rows] = tag.codes
        return codes[self.places].astype(np.int64), values

    def measurement_codes(self) -> tuple[NDArray[np.int64], tuple[str | None, ...]]:
        """The measurement of each row as codes into the values given."""
        measurement = self.segment.measurement
        return measurement.codes[self.places].astype(np.int64), measurement.values


class Grouping:
    """Numbers the groups as they are met, the same in every segment."""

    def __init__(self, by: Sequence[str] | None) -> None:
        """`by`: the tags that make a group; None for series."""
        self._by = by
        self._known: dict[Group, int] = {}

    def __len__(self) -> int:
        return len(self._known)

    @property
    def groups(self) -> list[Group]:
        """The groups in the order of their numbers; not each of them need have a row."""
        return list(self._known)

    def numbers(self, rows: Rows) -> AnyCodes:
        """The number of each row's group, in a type as narrow as will do."""
        tags = rows.segment.tags
        keys = [key for key in (sorted(tags) if self._by is None else self._by) if key in tags]
        parts = [rows.codes(key) for key in keys]
        if self._by is None:
            parts.append(rows.measurement_codes())
        n_rows = len(rows.times_us) if not parts else len(parts[0][0])
        mixed, combinations = _combined(parts, n_rows)
        groups = [self._group(keys, combination) for combination in combinations]
        known = [self._known.setdefault(group, len(self._known)) for group in groups]
        numbers = code_array(known, len(self._known))
        return numbers[mixed]

    def _group(self, keys: Sequence[str], values: tuple[str | None, ...]) -> Group:
        if self._by is None:
            tags_of = zip(keys, values, strict=False)
            return (*((key, text) for key, text in tags_of if text is not None), values[-1])
        tags = dict(zip(keys, values, strict=True))
        return tuple(tags.get(key) for key in self._by)


def _combined(
    parts: Sequence[tuple[NDArray[np.int64], tuple[str | None, ...]]], n_rows: int
) -> tuple[NDArray[np.int64], list[tuple[str | None, ...]]]:
    """Several codes of each row as one, and the values that each such code means."""
    combinations: list[tuple[str | None, ...]] = [()]
    mixed = np.zeros(n_rows, dtype=np.int64)
    for codes, values in parts:
        mixed = codes if len(combinations) == 1 else mixed * len(values) + codes
        if len(combinations) * len(values) <= _FEW or len(combinations) == 1:
            combinations = [(*before, value) for before in combinations for value in values]
        else:
            cells, mixed = distinct(mixed)
            combinations = [
                (*combinations[cell // len(values)], values[cell % len(values)])
                for cell in cells.tolist()
            ]
    return mixed, combinations


def positions_in(presence: Presence, selection: Selection, n_rows: int) -> tuple[Any, Any]:
    """What `positions_of` gives, in linear time where much of a segment is selected."""
    if presence is None or isinstance(selection, slice) or len(selection) * _RARE < n_rows:
        return positions_of(presence, selection)
    is_in = np.zeros(n_rows, dtype=np.bool_)
    is_in[selection] = True
    positions = np.flatnonzero(is_in[presence])
    if len(positions) == len(selection):
        places: Any = slice(0, len(selection))
    else:
        is_in[:] = False
        is_in[presence] = True
        places = np.flatnonzero(is_in[selection])
    return (slice(0, len(presence)) if len(positions) == len(presence) else positions), places


def distinct(numbers: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The distinct numbers, ascending, and the place of each item among them."""
    if not len(numbers):
        return numbers, numbers
    first, last = int(numbers.min()), int(numbers.max())
    if is_dense(last - first + 1, len(numbers)):
        is_present = np.bincount(numbers - first) > 0
        places = np.cumsum(is_present) - 1
        return np.flatnonzero(is_present) + first, places[numbers - first]
    values, places = np.unique(numbers, return_inverse=True)
    return values, places


def is_dense(n_cells: int, n_items: int) -> bool:
    """Whether an array of all cells costs no more than sorting the items."""
    return n_cells <= 4 * n_items + 1024
