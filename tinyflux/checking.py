"""What is wrong with a data file: every byte that is no row, and every column that differs.

Reads only. Answers with places, so that a person or `repairing` can act.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tinyflux import cache
from tinyflux.codec import RowCodec
from tinyflux.csvfile import CsvFile
from tinyflux.errors import DamageError
from tinyflux.file_columns import parsed_chunks
from tinyflux.marks import read_mark
from tinyflux.materialize import points_of
from tinyflux.parsing import parse
from tinyflux.progress import Progress
from tinyflux.records import Chunk
from tinyflux.segment import Segment
from tinyflux.segment_file import CacheDamageError, StoredSegment

_SEARCH_BYTES = 1 << 16


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

    segment: Segment
    start: int
    stop: int


def examine(file: CsvFile) -> Iterator[Good | Damage]:
    """The whole file in order, as runs of rows and what lies between them."""
    size_bytes = file.current().size_bytes
    offset = file.header_size()
    with Progress(f"checking {file.path.name}", size_bytes) as progress:
        while offset < size_bytes:
            damage: Damage | None = None
            try:
                for parsed, _ in parsed_chunks(file, offset, size_bytes):
                    if parsed.n_bytes:
                        yield Good(parsed.segment, offset, offset + parsed.n_bytes)
                    offset += parsed.n_bytes
                    progress.reached(offset)
                if offset < size_bytes:
                    damage = _tail(file, offset, size_bytes)
            except DamageError as error:
                # Rows of the same chunk before the damaged one were not given yet.
                if error.offset > offset:
                    yield from _rows_before(file, offset, error.offset)
                damage = _damaged_line(file, error, size_bytes)
            if damage is not None:
                yield damage
                offset = damage.stop


def _rows_before(file: CsvFile, start: int, stop: int) -> Iterator[Good]:
    for parsed, _ in parsed_chunks(file, start, stop):
        yield Good(parsed.segment, start, start + parsed.n_bytes)
        start += parsed.n_bytes


def _tail(file: CsvFile, offset: int, size_bytes: int) -> Damage:
    tail = file.read(offset, size_bytes)
    if not tail.strip(b"\0"):
        reason = f"{len(tail)} NUL bytes behind the last row, as a power cut leaves them"
    else:
        reason = "the last row has no end: a write was cut off, or a person typed no newline"
    return Damage(offset, size_bytes, reason, is_tail=True)


def _damaged_line(file: CsvFile, error: DamageError, size_bytes: int) -> Damage:
    """The damaged row up to the end of its line; a run of NULs before a row ends before it."""
    start = error.offset
    head = file.read(start, min(start + _SEARCH_BYTES, size_bytes))
    n_nuls = len(head) - len(head.lstrip(b"\0"))
    if 0 < n_nuls < len(head):
        return Damage(start, start + n_nuls, f"{n_nuls} NUL bytes, as a power cut leaves them")
    newline = "\n".encode(file.codec.encoding)
    at = start
    while at < size_bytes:
        block = file.read(at, min(at + _SEARCH_BYTES, size_bytes))
        place = block.find(newline)
        if place >= 0:
            return Damage(start, at + place + len(newline), error.reason)
        at += len(block)
    return Damage(start, size_bytes, error.reason)


def cache_disagreements(file: CsvFile) -> Iterator[str]:
    """Where the index cache says something else than the file, a line each."""
    cached = cache.load(file.path, file.codec.key)
    if cached is None:
        return
    identity = file.current()
    mark = read_mark(file.path)
    is_marked = mark is not None and mark.identity == identity
    is_current = is_marked and mark is not None and mark.generation == cached.coverage.generation
    if not is_current and not cache.matches(cached.coverage, cached.end, file.read):
        return  # of another state: it is not used, and says nothing wrong
    for segment in cached.segments:
        yield from _segment_disagreements(file, segment)


def _segment_disagreements(file: CsvFile, segment: StoredSegment) -> Iterator[str]:
    name = segment.file.path.name
    try:
        extent = segment.extent
        stored = points_of(segment, np.arange(segment.n_rows))
    except CacheDamageError as error:
        yield f"index cache: {error}"
        return
    start, stop = extent.start, extent.stop
    try:
        parsed = parse(Chunk(file.read(start, stop), start, str(file.path)), file.codec)
    except DamageError as error:
        yield f"index cache: {name} covers a damaged row: {error}"
        return
    rows = points_of(parsed.segment, np.arange(parsed.segment.n_rows))
    if len(rows) != len(stored):
        yield (
            f"index cache: {name} holds {len(stored)} rows for bytes {start} to {stop}, "
            f"the file {len(rows)}"
        )
        return
    for row, (in_file, in_cache) in enumerate(zip(rows, stored, strict=True)):
        if repr(in_file) != repr(in_cache):
            place = extent.bounds(row)[0]
            yield f"index cache: {name} differs from the file in the row at byte {place}"
            return


def open_for_check(path: str | Path, encoding: str | None = None) -> CsvFile:
    """The file, for reading; FileNotFoundError or ValueError says what it is instead."""
    path = Path(path)
    if path.is_dir():
        raise ValueError(f"{path} is a directory, no data file")
    csv.field_size_limit(max(csv.field_size_limit(), 1 << 20))
    return CsvFile(path.resolve(strict=True), RowCodec(encoding), is_writable=False)
