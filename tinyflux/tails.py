"""What stands behind the last complete row: where it begins, and what of it can be kept.

A power cut leaves half a row, a run of NUL bytes, or both with whole rows behind them. A newline
may stand inside a quoted value, so that row ends are found only from a place where one is known.
Knows bytes and rows' ends, never locks.
"""

from __future__ import annotations

from collections.abc import Callable
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


def tail_after_power_cut(source: Source, start: int, stop: int) -> Tail:
    """The tail where what is behind `start` may not all have reached the disk.

    A run of NUL bytes there are pages that did not: the row that they cut is no row, and whole
    rows behind them are kept.
    """
    if source.codec.encoding != "utf-8":
        return Tail(finished_end(source, start, stop))
    if stop - start > SALVAGE_BYTES:
        start = _walked(source, start, stop, stop - SALVAGE_BYTES)
    data = source.read(start, stop)
    if b"\0" not in data:
        return Tail(finished_end(source, start, stop))
    end = _finished(source, data, start, is_cut_by_nuls=True)
    kept: list[bytes] = []
    place = data.find(b"\0", end)
    while place >= 0:
        behind = place + len(data[place:]) - len(data[place:].lstrip(b"\0"))
        place = data.find(b"\0", behind + _salvage(source, data[behind:], start + behind, kept))
    return Tail(start + end, b"".join(kept))


def _salvage(source: Source, data: bytes, offset: int, kept: list[bytes]) -> int:
    """Add the whole rows of `data` to `kept` up to the next run of NULs; how far it was read.

    `data` begins somewhere in a row.
    """
    n_bytes = 0
    for record in records(Chunk(data, offset, source.path), source.codec, is_lenient=True):
        text = data[record.start : record.stop]
        if _is_row(record, text, source.codec):
            kept.append(text)
        elif b"\0" in text:
            break
        n_bytes = record.stop
    return n_bytes


def _finished(source: Source, data: bytes, offset: int, *, is_cut_by_nuls: bool = False) -> int:
    """How far complete rows reach into `data`, which begins at the start of a row."""
    codec = source.codec
    if codec.is_plain and b'"' not in data and not (is_cut_by_nuls and b"\0" in data):
        return data.rfind(b"\n") + 1
    end = 0
    try:
        for record in records(Chunk(data, offset, source.path), codec, is_lenient=True):
            text = data[record.start : record.stop]
            if is_cut_by_nuls and b"\0" in text and not _is_row(record, text, codec):
                return end
            end = record.stop
    except DamageError as error:
        # Bytes that are no text: damage for `check`, but the rows behind it are complete.
        end = line_end(data, error.offset - offset, codec)
    if data.endswith(codec.row_ends) and not data[end:].strip(_BLANKS):
        return len(data)  # blank lines
    return end


def line_end(data: bytes, start: int, codec: RowCodec) -> int:
    """Behind the line that holds byte `start` of `data`; `start` where it does not end in it."""
    if codec.is_plain:
        return data.find(b"\n", start) + 1 or start
    width = len(codec.row_ends[0])
    for place in range(start - start % width, len(data) - width + 1, width):
        if data[place : place + width] in codec.row_ends:
            return place + width
    return start


def _is_row(record: Record, text: bytes, codec: RowCodec) -> bool:
    """Whether a record is a row; one with NUL bytes only as this engine writes it.

    A cut row whose quote goes on into the next one may look like a row, too.
    """
    try:
        point = point_of(record.cells)
        return b"\0" not in text or codec.encode(point, is_compact_row(record.cells)) == text
    except ValueError:
        return False
