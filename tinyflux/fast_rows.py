"""Many plain CSV lines at once: byte columns to numpy columns.

Lines of the same number of cells whose key cells hold the same bytes are one shape. Their value
cells are gathered into byte matrices and converted together. What does not fit (an odd number, a
time of another form) is given back for the slow road. Knows bytes and columns, no files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tinyflux.codec import NONE_TEXT, parse_number, split_key
from tinyflux.columns import (
    FLOAT,
    INT,
    FieldColumn,
    RowArray,
    TextColumn,
    code_array,
    field_column,
    uniform,
)
from tinyflux.segment import Segment
from tinyflux.times import parse_iso_cells

_COMMA, _QUOTE, _NEWLINE, _RETURN, _NUL, _UNDERSCORE = b',"\n\r\0_'
_WIDEST_GATHER = 64
"""Longer texts are sliced one by one: a byte matrix is as wide as its longest cell."""
_WIDEST_FLOAT = 32
"""Python writes no float with more characters."""
_MOST_DIGITS = 15
"""A decimal of so many digits and its power of ten are exact in float64, so is their quotient
rounded right: Clinger, "How to read floating point numbers accurately" (1990), the fast path."""
_MOST_SHAPES = 48
"""Beyond so many shapes in one chunk the rest goes one by one."""
_POWERS = 10.0 ** np.arange(_MOST_DIGITS + 8)


@dataclass(frozen=True, slots=True)
class Lines:
    """Where the lines of a chunk stand."""

    data: NDArray[np.uint8]
    """The chunk, with padding behind it for gathers."""
    starts: RowArray
    stops: RowArray
    """Behind the last byte of each line, its end left out."""
    ends: RowArray
    """Behind the end of each line."""
    commas: RowArray
    size: int

    @classmethod
    def of(cls, data: bytes) -> Lines:
        """The complete lines of `data`."""
        size = len(data)
        padded = np.zeros(size + 2 * _WIDEST_GATHER, dtype=np.uint8)
        padded[:size] = np.frombuffer(data, dtype=np.uint8)
        newlines = np.flatnonzero(padded[:size] == _NEWLINE)
        ends = newlines + 1
        starts = np.concatenate(([0], ends[:-1])) if len(ends) else ends
        has_return = (newlines > starts) & (padded[newlines - 1] == _RETURN)
        commas = np.flatnonzero(padded[:size] == _COMMA)
        return cls(padded, starts, newlines - has_return, ends, commas, size)

    @property
    def n_lines(self) -> int:
        """The number of complete lines."""
        return len(self.starts)

    def lines_with_marks(self) -> RowArray:
        """Lines that begin with a blank, or hold a quote, a NUL or a stray carriage return."""
        data = self.data[: self.size]
        places = [np.flatnonzero(data == _QUOTE), np.flatnonzero(data == _NUL)]
        returns = np.flatnonzero(data == _RETURN)
        places.append(returns[self.data[returns + 1] != _NEWLINE])
        marks = np.concatenate(places)
        marked = np.searchsorted(self.ends, marks, "right")
        first_bytes = self.data[self.starts]
        indented = np.flatnonzero((first_bytes == 32) | (first_bytes == 9))
        lines = np.unique(np.concatenate((marked, indented)))
        return lines[lines < self.n_lines]

    def gather(self, starts: RowArray, width: int) -> NDArray[np.uint8]:
        """The `width` bytes from each start, shape (n, width)."""
        # As items of `width` bytes at every byte offset: one copy an item, not one a byte.
        n_items = len(self.data) - width + 1
        items = np.ndarray((n_items,), f"V{width}", self.data, strides=(1,))
        return items[starts].view(np.uint8).reshape(len(starts), width)


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of one shape with their columns; without, they are to be read one by one."""

    lines: RowArray
    segment: Segment | None


def group_by_shape(lines: Lines, numbers: RowArray) -> Iterator[Group]:
    """The lines `numbers` (ascending, without quotes), each in exactly one group."""
    first_comma = np.searchsorted(lines.commas, lines.starts[numbers])
    n_commas = np.searchsorted(lines.commas, lines.stops[numbers]) - first_comma
    shapes_left = _MOST_SHAPES
    for count in np.unique(n_commas).tolist():
        is_count = n_commas == count
        if count % 2 == 0:
            yield Group(numbers[is_count], None)
            continue
        commas = lines.commas[first_comma[is_count][:, None] + np.arange(count)]
        rows = _Rows(lines, numbers[is_count], commas)
        while rows.n_rows:
            is_alike = rows.like_first()
            if shapes_left == 0 or (shapes_left < _MOST_SHAPES // 2 and is_alike.sum() < 8):
                yield Group(rows.numbers, None)
                break
            shapes_left -= 1
            yield from _columns_of(rows.only(is_alike))
            rows = rows.only(~is_alike)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Lines of one number of cells and the commas of each, shape (n, cells - 1)."""

    lines: Lines
    numbers: RowArray
    commas: RowArray

    @property
    def n_rows(self) -> int:
        return len(self.numbers)

    def only(self, chosen: NDArray[np.bool_]) -> _Rows:
        return _Rows(self.lines, self.numbers[chosen], self.commas[chosen])

    def bounds(self, cell: int) -> tuple[RowArray, RowArray]:
        """Start and stop of one cell in each row."""
        last = self.commas.shape[1]
        starts = self.lines.starts[self.numbers] if cell == 0 else self.commas[:, cell - 1] + 1
        stops = self.lines.stops[self.numbers] if cell == last else self.commas[:, cell]
        return starts, stops

    def first_cell(self, cell: int) -> bytes:
        starts, stops = self.bounds(cell)
        return self.lines.data[int(starts[0]) : int(stops[0])].tobytes()

    def like_first(self) -> NDArray[np.bool_]:
        """The rows whose key cells hold what those of the first row hold."""
        is_alike = np.ones(self.n_rows, dtype=np.bool_)
        for cell in range(2, self.commas.shape[1], 2):
            before, after = self.commas[:, cell - 1], self.commas[:, cell]
            key = self.first_cell(cell)
            is_alike &= after - before == len(key) + 1
            if len(key) <= _WIDEST_GATHER:
                near = np.flatnonzero(is_alike)
                found = self.lines.gather(before[near] + 1, max(len(key), 1))
                wanted = np.frombuffer(key or b",", dtype=np.uint8)
                is_alike[near] = (found == wanted).all(axis=1)
            else:
                is_alike &= np.arange(self.n_rows) == 0
        return is_alike


def _columns_of(rows: _Rows) -> Iterator[Group]:
    """The columns of rows of one shape; rows that do not fit, in a group without."""
    try:
        keys = [
            split_key(rows.first_cell(cell).decode()) for cell in range(2, rows.commas.shape[1], 2)
        ]
    except ValueError:
        yield Group(rows.numbers, None)
        return
    if len(set(keys)) < len(keys):
        yield Group(rows.numbers, None)
        return
    times_us, is_good = _times(rows)
    if not is_good.all():
        yield Group(rows.numbers[~is_good], None)
        rows, times_us = rows.only(is_good), times_us[is_good]
    if not rows.n_rows:
        return
    tags: dict[str, TextColumn] = {}
    fields: dict[str, FieldColumn] = {}
    try:
        measurement = _texts(rows, 1, none_text=None)
        for place, (is_tag, key) in enumerate(keys):
            cell = 3 + 2 * place
            if is_tag:
                tags[key] = _texts(rows, cell, none_text=NONE_TEXT)
            else:
                fields[key] = _numbers(rows, cell)
    except ValueError:
        # Some value is damaged: the slow road says which.
        yield Group(rows.numbers, None)
        return
    yield Group(rows.numbers, Segment(times_us, measurement, tags, fields))


def _times(rows: _Rows) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    starts, stops = rows.bounds(0)
    sizes = stops - starts
    times_us = np.zeros(rows.n_rows, dtype=np.int64)
    is_good = np.zeros(rows.n_rows, dtype=np.bool_)
    for width in (26, 19):
        of_width = np.flatnonzero(sizes == width)
        if len(of_width):
            cells = rows.lines.gather(starts[of_width], width)
            times_us[of_width], is_good[of_width] = parse_iso_cells(cells, width == 26)
    return times_us, is_good


def _texts(rows: _Rows, cell: int, none_text: str | None) -> TextColumn:
    """One text cell of each row as codes; UnicodeDecodeError for bytes that are no UTF-8."""
    starts, stops = rows.bounds(cell)
    width = int((stops - starts).max())
    if width > _WIDEST_GATHER:
        data = rows.lines.data
        cells = [
            data[start:stop].tobytes()
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
        ]
    elif width <= 8:
        return _short_texts(rows, starts, stops - starts, none_text)
    else:
        found = _masked(rows.lines.gather(starts, width), stops - starts)
        cells = found.view(f"S{width}").ravel().tolist()
    codes = {text: code for code, text in enumerate(dict.fromkeys(cells))}
    values = tuple(_decoded(text, none_text) for text in codes)
    return TextColumn(None, code_array(list(map(codes.__getitem__, cells)), len(codes)), values)


def _short_texts(
    rows: _Rows, starts: RowArray, sizes: RowArray, none_text: str | None
) -> TextColumn:
    """Texts of up to eight bytes, compared as one integer each."""
    found = _masked(rows.lines.gather(starts, 8), sizes)
    words = found.view(np.uint64).ravel()
    if (words == words[0]).all():
        distinct, codes = words[:1], np.zeros(len(words), dtype=np.int64)
    else:
        distinct, codes = np.unique(words, return_inverse=True)
    texts = [word.tobytes().rstrip(b"\0") for word in distinct]
    values = tuple(_decoded(text, none_text) for text in texts)
    return TextColumn(None, code_array(codes, len(values)), values)


def _masked(cells: NDArray[np.uint8], sizes: RowArray) -> NDArray[np.uint8]:
    """`cells` with NULs behind each cell's own size."""
    cells[np.arange(cells.shape[1]) >= sizes[:, None]] = 0
    return cells


def _decoded(text: bytes, none_text: str | None) -> str | None:
    value = text.decode("utf-8")
    return None if value == none_text else value


def _numbers(rows: _Rows, cell: int) -> FieldColumn:
    """One field cell of each row; ValueError where one is no number."""
    starts, stops = rows.bounds(cell)
    sizes = stops - starts
    width = int(min(sizes.max(), _MOST_DIGITS + 2))
    decimals = _Decimals.of(rows.lines.gather(starts, max(width, 1)), sizes)
    odd = np.flatnonzero(~decimals.is_exact)
    kinds = np.where(decimals.is_integer, np.uint8(INT), np.uint8(FLOAT))
    if not len(odd):
        return FieldColumn(None, decimals.numbers, uniform(kinds))
    slow = _odd_numbers(rows.lines, starts[odd], sizes[odd])
    numbers = decimals.numbers
    numbers[odd] = slow.numbers
    kinds[odd] = slow.kinds_at(slice(None))
    exact = {int(odd[place]): number for place, number in slow.exact.items()}
    return FieldColumn(None, numbers, uniform(kinds), exact)


def _odd_numbers(lines: Lines, starts: RowArray, sizes: RowArray) -> FieldColumn:
    """Numbers of any form: many digits, exponents, None; ValueError where one is no number."""
    if int(sizes.max()) <= _WIDEST_FLOAT:
        cells = _masked(lines.gather(starts, _WIDEST_FLOAT), sizes)
        is_digit = (cells - np.uint8(48)) < 10
        is_integer = (is_digit | (cells == 0) | (cells == 43) | (cells == 45)).all(axis=1)
        if not bool((is_integer | (sizes == 0) | (cells[:, 0] == _UNDERSCORE)).any()):
            texts = cells.view(f"S{_WIDEST_FLOAT}").ravel().tolist()
            return FieldColumn(None, np.array(list(map(float, texts))), FLOAT)
    data = lines.data
    return field_column(
        None,
        [
            parse_number(data[start:stop].tobytes().decode())
            for start, stop in zip(starts.tolist(), (starts + sizes).tolist(), strict=True)
        ],
    )


@dataclass(frozen=True, slots=True)
class _Decimals:
    """Cells of the form -123.456 as numbers, each rounded right."""

    numbers: NDArray[np.float64]
    is_integer: NDArray[np.bool_]
    is_exact: NDArray[np.bool_]
    """Whether the cell had this form and few enough digits; the number means nothing elsewhere."""

    @classmethod
    def of(cls, cells: NDArray[np.uint8], sizes: RowArray) -> _Decimals:
        n_rows = len(cells)
        mantissa = np.zeros(n_rows, dtype=np.int64)
        n_digits = np.zeros(n_rows, dtype=np.int64)
        n_decimals = np.zeros(n_rows, dtype=np.int64)
        has_point = np.zeros(n_rows, dtype=np.bool_)
        is_exact = sizes <= cells.shape[1]
        is_negative = (cells[:, 0] == 45) & (sizes > 0)
        for column in range(cells.shape[1]):
            inside = sizes > column
            digit = cells[:, column] - np.uint8(48)
            is_digit = inside & (digit < 10)
            mantissa[is_digit] = mantissa[is_digit] * 10 + digit[is_digit]
            n_digits += is_digit
            n_decimals += is_digit & has_point
            is_point = inside & (cells[:, column] == 46) & ~has_point & (n_digits > 0)
            has_point |= is_point
            is_sign = is_negative if column == 0 else np.False_
            is_exact &= is_digit | is_point | is_sign | ~inside
        is_exact &= (n_digits > 0) & (n_digits <= _MOST_DIGITS) & (has_point == (n_decimals > 0))
        numbers = mantissa / _POWERS[n_decimals]
        # An integer -0 is 0; a float -0.0 keeps its sign.
        numbers[is_negative] = np.where(
            has_point[is_negative], -numbers[is_negative], 0.0 - numbers[is_negative]
        )
        return cls(numbers, ~has_point, is_exact)
