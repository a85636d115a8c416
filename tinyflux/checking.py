"""What is wrong with a data file: every byte that is no row, and every column that differs.

Reads only, a piece at a time, however much is wrong. Answers with places, so that a person or
`repairing` can act.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyflux import cache
from tinyflux.codec import RowCodec, point_of
from tinyflux.csvfile import CsvFile
from tinyflux.errors import CacheDamageError, DamageError
from tinyflux.materialize import points_of
from tinyflux.open_quotes import hides_rows
from tinyflux.parsing import parse
from tinyflux.point import Point
from tinyflux.progress import Progress
from tinyflux.records import Chunk, Record, may_finish, next_row_start, records, resumption
from tinyflux.stored_segment import StoredSegment
from tinyflux.tails import Source, begins_with_nuls, finished_end, nul_end
from tinyflux.text_encoding import first_bytes

_CHUNK_BYTES = 2 << 20
_WINDOW_BYTES = 16 << 10
_COMPARED_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes of the file that are no row."""

    start: int
    stop: int
    reason: str
    is_tail: bool = False
    """Whether it is what stands behind the last complete row."""


@dataclass(frozen=True, slots=True)
class Good:
    """Rows that can be read, without a gap between them."""

    start: int
    stop: int
    n_rows: int


Piece = Good | Damage


def examine(file: CsvFile) -> Iterator[Piece]:
    """The whole file in order, as runs of rows and what lies between them."""
    state = file.state()
    offset, size_bytes = file.header_size(), _CHUNK_BYTES
    with Progress(f"checking {file.path.name}", state.end) as progress:
        while offset < state.end:
            data = file.read(offset, min(offset + size_bytes, state.end))
            if not data:
                break  # cut by another program meanwhile
            if begins_with_nuls(data, file.codec):
                behind = nul_end(file.read, offset, state.end)
                yield _nuls(offset, behind, is_tail=behind >= state.end)
                offset = behind
                continue
            chunk = Chunk(data, offset, str(file.path))
            is_all = offset + len(data) >= state.end
            n_bytes = 0
            for piece in _pieces(chunk, file.codec, is_all=is_all, is_cut=file.may_be_cut()):
                yield piece
                n_bytes = piece.stop - offset
            if is_all:
                offset += n_bytes
                source = Source(file.read, file.codec, str(file.path), file.may_be_cut())
                if finished_end(source, offset, state.end) < state.end:
                    yield _tail(file, offset, state.end)
                break
            size_bytes = _CHUNK_BYTES if n_bytes else size_bytes * 2
            offset += n_bytes
            progress.reached(offset)
    if state.end < state.identity.size_bytes:
        reason = "rows that a writer has begun and not finished; it was killed, or is at work"
        yield Damage(state.end, state.identity.size_bytes, reason, is_tail=True)


def _pieces(chunk: Chunk, codec: RowCodec, *, is_all: bool, is_cut: bool) -> Iterator[Piece]:
    """What stands in a chunk, as far as rows are finished in it."""
    try:
        parsed = parse(chunk, codec)
    except DamageError:
        yield from _joined(_OneByOne(chunk, codec, is_all=is_all, is_cut=is_cut).pieces())
        return
    if parsed.n_bytes:
        yield Good(chunk.offset, chunk.offset + parsed.n_bytes, parsed.segment.n_rows)
    rest = chunk.data[parsed.n_bytes :]
    if hides_rows(rest, codec, is_all=is_all, is_cut=is_cut):
        rest_chunk = Chunk(rest, chunk.offset + parsed.n_bytes, chunk.path)
        yield from _joined(_OneByOne(rest_chunk, codec, is_all=is_all, is_cut=is_cut).pieces())


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """Neighbouring rows as one run."""
    run: Good | None = None
    for piece in pieces:
        if isinstance(piece, Good):
            run = piece if run is None else Good(run.start, piece.stop, run.n_rows + piece.n_rows)
            continue
        if run is not None:
            yield run
            run = None
        yield piece
    if run is not None:
        yield run


class _OneByOne:
    """Rows of a damaged chunk, each by itself, from small windows so that many do not add up."""

    def __init__(self, chunk: Chunk, codec: RowCodec, *, is_all: bool, is_cut: bool) -> None:
        self._data = chunk.data
        self._chunk = chunk
        self._codec = codec
        self._is_all = is_all
        self._is_cut = is_cut
        self._place = 0

    def pieces(self) -> Iterator[Piece]:
        """Each row and each damage, up to what is not finished."""
        size_bytes = _WINDOW_BYTES
        while self._place < len(self._data):
            before = self._place
            window = self._data[before : before + size_bytes]
            if may_finish(window, self._codec):
                yield from self._window_pieces(window)
            if self._place > before:
                size_bytes = _WINDOW_BYTES
            elif before + len(window) < len(self._data):
                size_bytes *= 2
            elif hides_rows(window, self._codec, is_all=self._is_all, is_cut=self._is_cut):
                yield self._bad_line("a quote that it opens is never closed, and rows follow")
            else:
                return

    def _window_pieces(self, window: bytes) -> Iterator[Piece]:
        start = self._place
        offset = self._chunk.offset + start
        try:
            for record in records(Chunk(window, offset, self._chunk.path), self._codec):
                reason = _fault(record)
                if reason is None:
                    self._place = start + record.stop
                    yield Good(offset + record.start, offset + record.stop, 1)
                elif self._skip_nuls(window, record.start):
                    yield self._nuls(start + record.start)
                    return
                elif next_row_start(window[: record.stop], record.start, self._codec) is not None:
                    yield self._bad_line(f"{reason}, and it swallows rows by a quote")
                    return
                else:
                    self._place = start + record.stop
                    yield Damage(offset + record.start, offset + record.stop, reason)
        except DamageError as error:
            # The rest of the window may be whole: only this line is left out.
            self._place = error.offset - self._chunk.offset
            if self._is_finished_line():
                yield self._bad_line(error.reason)

    def _skip_nuls(self, window: bytes, start: int) -> int:
        rest = window[start:]
        n_nuls = len(rest) - len(rest.lstrip(b"\0"))
        return n_nuls if self._codec.encoding == "utf-8" and n_nuls < len(rest) else 0

    def _nuls(self, start: int) -> Damage:
        rest = self._data[start:]
        n_nuls = len(rest) - len(rest.lstrip(b"\0"))
        self._place = start + n_nuls
        return _nuls(self._chunk.offset + start, self._chunk.offset + self._place)

    def _is_finished_line(self) -> bool:
        return resumption(self._data, self._place, self._codec) > self._place

    def _bad_line(self, reason: str) -> Damage:
        start = self._place
        self._place = resumption(self._data, start, self._codec)
        if self._place == start:
            self._place = len(self._data)  # nothing behind it can be told from it
        return Damage(self._chunk.offset + start, self._chunk.offset + self._place, reason)


def _nuls(start: int, stop: int, *, is_tail: bool = False) -> Damage:
    where = " behind the last row" if is_tail else ""
    reason = f"{stop - start} NUL bytes{where}, as a power cut leaves them"
    return Damage(start, stop, reason, is_tail)


def _fault(record: Record) -> str | None:
    """Why a record is no row; None where it is one."""
    try:
        point_of(record.cells)
    except ValueError as error:
        return str(error)
    return None


def _tail(file: CsvFile, offset: int, size_bytes: int) -> Damage:
    head = file.read(offset, min(size_bytes, offset + _CHUNK_BYTES))
    if not head.strip(b"\0"):
        return _nuls(offset, size_bytes, is_tail=True)
    reason = "the last row has no end: a write was cut off, or a person typed no newline"
    return Damage(offset, size_bytes, reason, is_tail=True)


def cache_disagreements(file: CsvFile) -> Iterator[str]:
    """Where the index cache says something else than the file, a line each."""
    try:
        cached = cache.opened(file.path, file.codec.key)
    except CacheDamageError as error:
        yield f"index cache: {error}"
        return
    if cached is None:
        return
    state = file.state()
    if state.generation != cached.coverage.generation and not cache.matches(
        cached.coverage, cached.end, file.read
    ):
        return  # of another state: it is not used, and says nothing wrong
    with Progress(f"comparing the index cache of {file.path.name}", cached.end) as progress:
        for segment in cached.segments:
            yield from _segment_disagreements(file, segment)
            progress.reached(segment.start)


def _segment_disagreements(file: CsvFile, segment: StoredSegment) -> Iterator[str]:
    """The first difference of one segment."""
    name = segment.file.path.name
    try:
        for first in range(0, segment.n_rows, _COMPARED_ROWS):
            last = min(first + _COMPARED_ROWS, segment.n_rows)
            difference = _difference(file, segment, first, last)
            if difference is not None:
                yield f"index cache: {name} {difference}"
                return
    except CacheDamageError as error:
        yield f"index cache: {error}"
    except DamageError as error:
        yield f"index cache: {name} covers a damaged row: {error}"


def _difference(file: CsvFile, segment: StoredSegment, first: int, last: int) -> str | None:
    extent = segment.extent
    start, stop = extent.bounds(first)[0], extent.bounds(last - 1)[1]
    parsed = parse(Chunk(file.read(start, stop), start, str(file.path)), file.codec).segment
    if parsed.n_rows != last - first:
        return f"holds {last - first} rows for bytes {start} to {stop}, the file {parsed.n_rows}"
    in_file = points_of(parsed, np.arange(parsed.n_rows))
    in_cache = points_of(segment, np.arange(first, last))
    for row, (wanted, found) in enumerate(zip(in_file, in_cache, strict=True), first):
        if _content(wanted) != _content(found):
            return f"differs from the file in the row at byte {extent.bounds(row)[0]}"
    return None


def _content(point: Point) -> tuple[object, ...]:
    """All of a point to the bit, NaN equal to NaN; the order of its keys is not kept in columns."""
    numbers = {
        key: number.hex() if isinstance(number, float) else number
        for key, number in point.fields.items()
    }
    return point.time, point.measurement, point.tags, numbers


def open_for_check(path: str | Path, encoding: str | None = None) -> CsvFile:
    """The file, for reading; FileNotFoundError or ValueError says what it is instead."""
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a directory, no data file")
    csv.field_size_limit(max(csv.field_size_limit(), 1 << 20))
    path = path.resolve(strict=True)
    return CsvFile(path, RowCodec(encoding, head=first_bytes(path)), is_writable=False)
