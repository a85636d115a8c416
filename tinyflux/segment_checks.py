"""Whether what a segment file says can be true: types, lengths, ranges.

A checksum finds what the disk did; this finds what a wrong program wrote. Columns that pass can be
used without fear of an index out of range. Each check raises CacheDamageError.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinyflux.columns import EXACT, FLOAT, FieldColumn, Presence, TextColumn
from tinyflux.errors import CacheDamageError
from tinyflux.segment import BLOCK_ROWS, Extent, TimeOrder

KINDS = ("json", "<i8", "<u4", "<u2", "|u1", "<f8")
"""What a block may be: JSON, or an array of one of these numpy types."""


def require(is_true: object, what: str) -> None:
    """Raise CacheDamageError unless `is_true`."""
    if not is_true:
        raise CacheDamageError(what)


def checked_times(times_us: Any, n_rows: int) -> None:
    """The times of all rows."""
    _require_array(times_us, "<i8", n_rows, "its times")


def checked_extent(extent: Extent, n_rows: int) -> None:
    """Where the rows stand: each behind the one before it."""
    offsets = extent.offsets
    require(getattr(offsets, "dtype", None) in (np.uint32, np.int64), "its offsets are no numbers")
    require(len(offsets) == n_rows + 1 and offsets[0] == 0, "its offsets are not those of its rows")
    require(bool((offsets[1:] > offsets[:-1]).all()), "its offsets do not ascend")


def checked_order(order: TimeOrder, n_rows: int) -> None:
    """What finds a time range."""
    n_blocks = -(-n_rows // BLOCK_ROWS)
    _require_array(order.block_max_us, "<i8", n_blocks, "its time order")
    _require_array(order.late_rows, "<i8", len(order.late_times_us), "its late rows")
    _require_array(order.late_times_us, "<i8", len(order.late_rows), "its late times")
    require(isinstance(order.first_us, int) and isinstance(order.last_us, int), "its time span")
    require(_ascends(order.block_max_us) and _ascends(order.late_times_us), "its time order")
    require(_is_below(order.late_rows, n_rows), "its late rows are beyond its rows")


def checked_text(column: TextColumn, n_rows: int) -> None:
    """A text column: every code has a value."""
    n_values = _checked_presence(column.rows, n_rows)
    require(
        getattr(column.codes, "dtype", None) in (np.uint8, np.uint16, np.uint32)
        and len(column.codes) == n_values,
        "its codes are not those of its rows",
    )
    require(
        all(value is None or isinstance(value, str) for value in column.values),
        "its texts are none",
    )
    require(_is_below(column.codes, len(column.values)), "a code has no text")


def checked_field(column: FieldColumn, n_rows: int) -> None:
    """A field column: every value has a kind, and every exact integer its digits."""
    n_values = _checked_presence(column.rows, n_rows)
    _require_array(column.numbers, "<f8", n_values, "its numbers")
    kinds = column.kinds
    if isinstance(kinds, int):
        require(FLOAT <= kinds <= EXACT, "its kinds of numbers are unknown")
        n_exact = n_values if kinds == EXACT else 0
        is_exact = n_exact == len(column.exact) and _is_within(column, n_values)
    else:
        _require_array(kinds, "|u1", n_values, "its kinds of numbers")
        require(_is_below(kinds, EXACT + 1), "its kinds of numbers are unknown")
        places = np.flatnonzero(kinds == EXACT).tolist()
        is_exact = places == sorted(column.exact)
    require(is_exact, "its exact integers are not those of its values")


def _is_within(column: FieldColumn, n_values: int) -> bool:
    return all(0 <= place < n_values for place in column.exact)


def _checked_presence(rows: Presence, n_rows: int) -> int:
    """How many rows carry a column."""
    if rows is None:
        return n_rows
    _require_array(rows, "<u4", len(rows), "its rows")
    require(bool((rows[1:] > rows[:-1]).all()), "its rows do not ascend")
    require(_is_below(rows, n_rows), "a row is beyond the last one")
    return len(rows)


def _require_array(array: Any, kind: str, length: int, what: str) -> None:
    is_array = isinstance(array, np.ndarray) and array.dtype == np.dtype(kind)
    require(
        is_array and len(array) == length, f"{what} are not as many as told, or of another type"
    )


def _ascends(array: Any) -> bool:
    return bool((array[1:] >= array[:-1]).all())


def _is_below(array: Any, limit: int) -> bool:
    return len(array) == 0 or (int(array.min()) >= 0 and int(array.max()) < limit)
