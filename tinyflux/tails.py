"""What stands behind the last complete row: where it begins, and what of it can be kept.

A power cut leaves half a row, a run of NUL bytes, or both with whole rows behind them. A newline
may stand inside a quoted value, so that row ends are found only from a place where one is known.
Knows bytes and rows' ends, never locks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tinyflux.codec import RowCodec, is_compact_row, point_of
from tinyflux.errors import DamageError
from tinyflux.records import Chunk, Record, records, row_start

CHUNK_BYTES = 1 << 20
SALVAGE_BYTES = 16 << 20
"""Whole rows behind a run of NUL bytes are kept if it is within so many bytes of the end: what is
further away is old damage, for `check` and `repair`."""
LONGEST_ROW_BYTES = 64 << 20
"""Beyond so many bytes without a row's end, rows that begin in between are looked for."""
_NOT_NUL = re.compile(rb"[^\0]")
_BLANKS = b"\r\n\t \0"


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes of a file, and how rows are written in it."""

    read: Callable[[int, int], bytes]
    """The bytes from a start to before a stop."""
    codec: RowCodec
    path: str


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of a file as the next writer should make it: cut at `end`, then `kept` added."""

    end: int
    kept: bytes = b""
    """Whole rows that stood behind what a power cut left."""


def finished_end(source: Source, start: int, stop: int) -> int:
    """Behind the last complete row of the bytes from `start`, where a row begins, to `stop`.

    It is `stop` where all is well. Reads all of them, a piece at a time. A quote that is never
    closed, with rows behind it, is damage in the middle and no tail: then only an unfinished last
    line is.
    """
    return _walked(source, start, stop, stop)


def _walked(source: Source, start: int, stop: int, reach: int) -> int:
    """As `finished_end`, but no further than the first row's end at or behind `reach`."""
    offset, size_bytes = start, CHUNK_BYTES
    while offset < reach:
        data = source.read(offset, min(offset + size_bytes, stop))
        n_bytes = _finished(source, data, offset)
        is_all = not data or offset + len(data) >= stop
        if n_bytes:
            offset, size_bytes = offset + n_bytes, CHUNK_BYTES
        elif has_swallowed_rows(data, is_all=is_all):
            return _last_line_end(source, offset, stop)
        elif is_all:
            break
        else:
            size_bytes *= 2
    return offset


def has_swallowed_rows(data: bytes, *, is_all: bool) -> bool:
    """Whether bytes that begin a row and do not finish it hold the start of another.

    `is_all` tells that the file ends with them; else only a very long row is looked at.
    """
    return (is_all or len(data) >= LONGEST_ROW_BYTES) and row_start(data) is not None


def _last_line_end(source: Source, start: int, stop: int) -> int:
    ends = source.codec.row_ends
    width = len(ends[0])
    stop -= (stop - start) % width
    while stop > start:
        first = max(start, stop - CHUNK_BYTES)
        data = source.read(first, stop)
        for place in range(len(data) - width, -1, -width):
            if data[place : place + width] in ends:
                return first + place + width
        stop = first
    return start


def tail_after_power_cut(source: Source, start: int, stop: int, *, is_restarted: bool) -> Tail:
    """The tail where what is behind `start` may not all have reached the disk.

    A run of NUL bytes there are pages that did not: the row that they cut is no row, and whole
    rows behind them are kept. `is_restarted` tells that the system went down since the last write
    that is known.
    """
    if source.codec.encoding != "utf-8":
        return Tail(finished_end(source, start, stop))
    if stop - start > SALVAGE_BYTES:
        start = _walked(source, start, stop, stop - SALVAGE_BYTES)
    data = source.read(start, stop)
    if b"\0" not in data:
        return Tail(finished_end(source, start, stop))
    end = _uncut(source, data, start, is_restarted=is_restarted)
    kept: list[bytes] = []
    place = data.find(b"\0", end)
    while place >= 0:
        behind = _NOT_NUL.search(data, place)
        if behind is None:
            break
        place = data.find(b"\0", behind.start())
        piece = data[behind.start() : place if place >= 0 else len(data)]
        kept.extend(_whole_rows(source, piece, start + behind.start()))
    return Tail(start + end, b"".join(kept))


def _uncut(source: Source, data: bytes, offset: int, *, is_restarted: bool) -> int:
    """How far the rows of `data` reach that no run of NULs has cut."""
    codec = source.codec
    end = 0
    for record in records(Chunk(data, offset, source.path), codec, is_lenient=True):
        text = data[record.start : record.stop]
        if b"\0" in text and not _is_row(record, text, codec, is_exact=is_restarted):
            return end
        end = record.stop
    return _behind_blank_lines(data, end, codec)


def _whole_rows(source: Source, piece: bytes, offset: int) -> Iterator[bytes]:
    """The rows of a piece that begins somewhere in a row and holds no NULs."""
    for record in records(Chunk(piece, offset, source.path), source.codec, is_lenient=True):
        text = piece[record.start : record.stop]
        if _is_row(record, text, source.codec, is_exact=False):
            yield text


def _finished(source: Source, data: bytes, offset: int) -> int:
    """How far complete rows reach into `data`, which begins at the start of a row."""
    codec = source.codec
    if codec.is_plain and b'"' not in data:
        return data.rfind(b"\n") + 1
    end = 0
    try:
        for record in records(Chunk(data, offset, source.path), codec, is_lenient=True):
            end = record.stop
    except DamageError as error:
        # Bytes that are no text: damage for `check`, but the rows behind it are complete.
        end = line_end(data, error.offset - offset, codec)
    return _behind_blank_lines(data, end, codec)


def _behind_blank_lines(data: bytes, end: int, codec: RowCodec) -> int:
    is_blank = data.endswith(codec.row_ends) and not data[end:].strip(_BLANKS)
    return len(data) if is_blank else end


def line_end(data: bytes, start: int, codec: RowCodec) -> int:
    """Behind the line that holds byte `start` of `data`; `start` where it does not end in it."""
    if codec.is_plain:
        return data.find(b"\n", start) + 1 or start
    width = len(codec.row_ends[0])
    for place in range(start - start % width, len(data) - width + 1, width):
        if data[place : place + width] in codec.row_ends:
            return place + width
    return start


def _is_row(record: Record, text: bytes, codec: RowCodec, *, is_exact: bool) -> bool:
    """Whether a record is a row; with `is_exact`, written to the byte as this engine does.

    A row that was cut in a quoted value goes on into the next one and may look like a row.
    """
    try:
        point = point_of(record.cells)
        return not is_exact or codec.encode(point, is_compact_row(record.cells)) == text
    except ValueError:
        return False
