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
from tinyflux.open_quotes import hides_rows
from tinyflux.records import Chunk, Record, may_finish, records, resumption

CHUNK_BYTES = 1 << 20
SALVAGE_BYTES = 16 << 20
"""Whole rows behind a run of NUL bytes are kept if it is within so many bytes of the end: what is
further away is old damage, for `check` and `repair`."""
_NOT_NUL = re.compile(rb"[^\0]")
_BLANKS = b"\r\n\t \0"


@dataclass(frozen=True, slots=True)
class Source:
    """Bytes of a file, and how rows are written in it."""

    read: Callable[[int, int], bytes]
    """The bytes from a start to before a stop."""
    codec: RowCodec
    path: str
    is_cut: bool = False
    """Whether the file may have lost its end: a power cut, or somebody cut it."""


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
        if begins_with_nuls(data, source.codec):
            behind = nul_end(source.read, offset, stop)
            if behind >= stop:
                break
            offset = behind
            continue
        n_bytes = _finished(source, data, offset)
        is_all = not data or offset + len(data) >= stop
        if n_bytes:
            offset, size_bytes = offset + n_bytes, CHUNK_BYTES
        elif hides_rows(data, source.codec, is_all=is_all, is_cut=source.is_cut):
            return _last_line_end(source, offset, stop)
        elif is_all:
            break
        else:
            size_bytes *= 2
    return offset


def nul_end(read: Callable[[int, int], bytes], start: int, stop: int) -> int:
    """Behind the run of NUL bytes that begins at `start`, at most `stop`."""
    while start < stop:
        data = read(start, min(start + CHUNK_BYTES, stop))
        found = _NOT_NUL.search(data)
        if found is not None or not data:
            return start + (found.start() if found is not None else 0)
        start += len(data)
    return start


def begins_with_nuls(data: bytes, codec: RowCodec) -> bool:
    """Whether bytes at the start of a row are what a power cut leaves, and no text."""
    return data[:1] == b"\0" and codec.encoding == "utf-8"


def _last_line_end(source: Source, start: int, stop: int) -> int:
    width = len(source.codec.row_ends[0])
    while stop > start:
        first = max(start, stop - CHUNK_BYTES)
        data = source.read(first, stop)
        end = max(data.rfind(mark) for mark in source.codec.row_ends)
        if end >= 0:
            return first + end + width
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
    if not may_finish(data, codec):
        return end
    try:
        for record in records(Chunk(data, offset, source.path), codec, is_lenient=True):
            end = record.stop
    except DamageError as error:
        # Bytes that are no text: damage for `check`, but the rows behind it are complete.
        end = resumption(data, error.offset - offset, codec)
    return _behind_blank_lines(data, end, codec)


def _behind_blank_lines(data: bytes, end: int, codec: RowCodec) -> int:
    is_blank = data.endswith(codec.row_ends) and not data[end:].strip(_BLANKS)
    return len(data) if is_blank else end


def _is_row(record: Record, text: bytes, codec: RowCodec, *, is_exact: bool) -> bool:
    """Whether a record is a row; with `is_exact`, written to the byte as this engine does.

    A row that was cut in a quoted value goes on into the next one and may look like a row.
    """
    try:
        point = point_of(record.cells)
        return not is_exact or codec.encode(point, is_compact_row(record.cells)) == text
    except ValueError:
        return False
