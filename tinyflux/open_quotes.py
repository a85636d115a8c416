"""A quote that is still open when the bytes end: a torn last row, or damage that hides rows.

A writer that was cut off in a quoted value leaves one, and so does somebody who typed a quote at
the start of a cell. What stands behind it decides; a value may hold anything, so that it is a guess
where the value itself looks like rows.
"""

from __future__ import annotations

from collections.abc import Iterator

from tinyflux.codec import COMPACT_FIELD, FIELD, RowCodec, point_of
from tinyflux.errors import DamageError
from tinyflux.records import Chunk, line_end, next_row_start, records

LONGEST_ROW_BYTES = 64 << 20
"""Beyond so many bytes without a row's end, rows that begin in between are looked for."""
_LONGEST_TORN_BYTES = 1 << 20
_MOST_QUOTED_ROWS = 8
_MOST_QUOTES = 16
_LEAST_CELLS = 2
"""Time and measurement: any line of a log begins so."""


def hides_rows(data: bytes, codec: RowCodec, *, is_all: bool, is_cut: bool) -> bool:
    """Whether bytes that begin a row and do not finish it are damage with rows behind it.

    `is_all` tells that the file ends with them; else only a very long row is looked at. `is_cut`
    tells that the file may have lost its end, so that a torn row may well be there.
    """
    place = next_row_start(data, 0, codec)
    if place is None:
        return False
    if not is_all:
        return len(data) >= LONGEST_ROW_BYTES
    if len(data) > _LONGEST_TORN_BYTES:
        return True
    n_rows = sum(1 for _ in _rows(data[place:], codec))
    if n_rows == 0:
        return False
    if not codec.quote or codec.quote not in data[:place]:
        return True  # a lost byte has moved wide characters out of step
    if is_cut:
        return _is_row_with_a_quote_too_much(data, codec)
    is_finished = data.endswith(codec.row_ends)
    return is_finished or n_rows > _MOST_QUOTED_ROWS or _is_row_with_a_quote_too_much(data, codec)


def _is_row_with_a_quote_too_much(data: bytes, codec: RowCodec) -> bool:
    """Whether the first line is a row that ends with a field once a quote is taken out of it.

    The first line of a torn value ends within a tag.
    """
    line, quote = data[: line_end(data, 0, codec)], codec.quote
    place = line.rfind(quote)
    for _ in range(_MOST_QUOTES):
        if place < 0:
            break
        for cells in _rows(line[:place] + line[place + len(quote) :], codec):
            if cells[-2].startswith((FIELD, COMPACT_FIELD)):
                return True
        place = line.rfind(quote, 0, place)
    return False


def _rows(data: bytes, codec: RowCodec) -> Iterator[list[str]]:
    """Those of the records of `data` that are rows and hold a tag or a field."""
    try:
        for record in records(Chunk(data, 0, ""), codec, is_lenient=True):
            if len(record.cells) > _LEAST_CELLS and _is_row(record.cells):
                yield record.cells
    except DamageError:
        pass  # so far


def _is_row(cells: list[str]) -> bool:
    try:
        point_of(cells)
    except ValueError:
        return False
    return True
