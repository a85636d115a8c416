"""Keeps a table in line with a CSV file that others may change too.

At each operation the file's identity is compared with the last one seen. The same: nothing to do.
One that our writers marked, of the same generation: read from where the columns end. Anything else
is foreign: the bytes that the columns cover are compared by checksum, and read anew if they differ.
"""

from __future__ import annotations

import logging
import time
import zlib
from collections.abc import Iterator

from tinyflux import cache, progress
from tinyflux.cache import PUBLISH_ROWS, Checksum, Coverage
from tinyflux.csvfile import CsvFile, State
from tinyflux.errors import DamageError
from tinyflux.marks import Identity, new_generation
from tinyflux.open_quotes import hides_rows
from tinyflux.parsing import Parsed, parse
from tinyflux.records import Chunk
from tinyflux.rewrite import end_of
from tinyflux.segment import Segment, concatenate
from tinyflux.stored_segment import StoredSegment
from tinyflux.table import SEGMENT_ROWS, Table
from tinyflux.tails import begins_with_nuls, nul_end

logger = logging.getLogger(__name__)

CHUNK_BYTES = 2 << 20
_CHECKSUM_BYTES = 1 << 20
_SETTLED_NS = 2_000_000_000
"""A write within the same tick of the clock leaves the same time: a younger one proves nothing."""


class FileColumns:
    """The columns of one file, as far as they were read."""

    def __init__(self, file: CsvFile) -> None:
        self._file = file
        self.forget()

    def forget(self) -> None:
        """Drop the columns; the next use reads the file or its cache."""
        self._table: Table | None = None
        self._identity: Identity | None = None
        self._generation: bytes | None = None
        self._is_settled = False
        self._start = self._end = 0
        self._checksums: list[Checksum] = []

    def discard_cache(self) -> None:
        """Drop the columns and the cache on disk: it was found damaged."""
        cache.discard(self._file.path)
        self.forget()

    def adopt(self, table: Table, generation: bytes) -> None:
        """Take the columns of a file that this process has just rewritten, as that generation."""
        self.forget()
        if self._file.generation_of(self._file.current()) != generation:
            return  # somebody else has changed the file already: read it
        self._generation = generation
        self._table = table
        self._start = self._file.header_size()
        self._end = end_of(table, self._file)
        self._publish_if_worth()

    def current(self) -> Table:
        """The columns of every complete row that the file holds now."""
        self._file.take_in_late_rows()
        if self._table is not None and self._is_settled and self._file.current() == self._identity:
            return self._table
        state = self._file.state()
        table = self._table
        if table is None or not self.is_continued(state.identity, state.generation):
            table = self._table = self._opened(state)
        try:
            self._read_on(table, state.end)
        except BaseException:
            self.forget()  # some rows may be read and not yet in the table
            raise
        self._identity, self._generation = state.identity, state.generation
        self._is_settled = state.generation is not None or _is_old(state.identity)
        if self._is_settled and state.generation is None:
            self._recognise(table, state.identity)
        self._publish_if_worth()
        return table

    def _recognise(self, table: Table, identity: Identity) -> None:
        """Mark a state that others have made and that is at rest: the next look at it is quick."""
        if table.n_rows < PUBLISH_ROWS or self._end != identity.size_bytes:
            return  # it is read in no time, or not to its end
        generation = new_generation()
        if self._file.mark_unchanged(identity, generation):
            self._generation = generation
            self._publish(table)  # the manifest names the generation

    def is_continued(self, identity: Identity, generation: bytes | None) -> bool:
        """Whether what was read is still the beginning of the file.

        Reads the file as far as it was read where the generation does not tell.
        """
        if identity.size_bytes < self._end:
            return False
        if generation is not None and generation == self._generation:
            return True
        return self._matches(Coverage(b"", self._start, tuple(self._checksums)), self._end)

    def _matches(self, coverage: Coverage, end: int) -> bool:
        return cache.matches(coverage, end, self._file.read)

    def _opened(self, state: State) -> Table:
        """The columns of the cache, where it is of this file; none otherwise."""
        self._start = self._end = self._file.header_size()
        self._checksums = []
        cached = cache.load(self._file.path, self._file.codec.key)
        if cached is None or cached.end > state.end:
            return Table()
        coverage = cached.coverage
        if state.generation != coverage.generation and not self._matches(coverage, cached.end):
            logger.info("%s: the index cache is of another state of the file", self._file.path)
            return Table()
        self._start, self._end = coverage.start, cached.end
        self._checksums = list(coverage.checksums)
        return Table(cached.segments)

    def _read_on(self, table: Table, size_bytes: int) -> None:
        if not table.n_rows and not self._checksums:
            # The file was empty: its first writer may have begun it with a byte order mark.
            self._start = self._end = self._file.header_size()
        with progress.shown(f"reading {self._file.path.name}", size_bytes):
            for segment in self._segments(size_bytes):
                table.append(segment)
                if table.n_rows - _n_stored(table) >= SEGMENT_ROWS:
                    # What is published leaves the heap: memory is bounded whatever the size.
                    self._publish(table)

    def _segments(self, size_bytes: int) -> Iterator[Segment]:
        """The rows behind the columns, in segments of full size; keeps the checksums."""
        waiting: list[Segment] = []
        n_waiting = 0
        for parsed, data in parsed_chunks(self._file, self._end, size_bytes):
            self._add_checksum(data[: parsed.n_bytes])
            self._end += parsed.n_bytes
            progress.reached(self._end)
            if parsed.segment.n_rows:
                waiting.append(parsed.segment)
                n_waiting += parsed.segment.n_rows
            if n_waiting >= SEGMENT_ROWS * 3 // 4:
                yield concatenate(waiting)
                waiting, n_waiting = [], 0
        if waiting:
            yield concatenate(waiting)

    def _add_checksum(self, data: bytes) -> None:
        if self._end > self._start and not self._checksums:
            return  # columns of a rewrite, whose bytes nobody has read
        last = self._checksums[-1] if self._checksums else None
        if last is None or last.size_bytes >= _CHECKSUM_BYTES:
            self._checksums.append(Checksum(len(data), zlib.crc32(data)))
        else:
            crc = zlib.crc32(data, last.crc)
            self._checksums[-1] = Checksum(last.size_bytes + len(data), crc)

    def _publish_if_worth(self) -> None:
        if self._table is not None and self._table.n_rows - _n_stored(self._table) >= PUBLISH_ROWS:
            self._publish(self._table)

    def publish(self) -> None:
        """Write every row that the cache lacks to it, whatever their number."""
        table = self.current()
        if table.n_rows > _n_stored(table):
            self._publish(table)

    def _publish(self, table: Table) -> None:
        """Write what the cache lacks; from then on the columns are mapped from its files."""
        path, codec_key = self._file.path, self._file.codec.key
        end = end_of(table, self._file) if table.segments else self._end
        if not self._file.has_name():
            return  # replaced while it was read: what is read goes on in the open file
        identity = self._file.opened()
        # One that no mark has yet is taken for the file's when the checksums say so.
        generation = self._file.generation_of(identity) or new_generation()
        is_whole = sum(part.size_bytes for part in self._checksums) == end - self._start
        checksums = tuple(self._checksums) if is_whole else ()
        coverage = Coverage(generation, self._start, checksums)
        table.replace(cache.publish(path, table.segments, end, coverage, codec_key))


def _n_stored(table: Table) -> int:
    return sum(seg.n_rows for seg in table.segments if isinstance(seg, StoredSegment))


def _is_old(identity: Identity) -> bool:
    return time.time_ns() - identity.mtime_ns > _SETTLED_NS


def scan(file: CsvFile) -> Iterator[Segment]:
    """Every complete row of the file as it is now, in small segments.

    It has a descriptor of its own: `file` goes over to another file when this one is replaced
    meanwhile.
    """
    file.take_in_late_rows()
    with CsvFile(file.path, file.codec, is_writable=False) as held:
        end = held.state().end
        for parsed, _ in parsed_chunks(held, held.header_size(), end):
            if parsed.segment.n_rows:
                yield parsed.segment


def parsed_chunks(file: CsvFile, start: int, stop: int) -> Iterator[tuple[Parsed, bytes]]:
    """The complete rows from byte `start` (where a row begins) on, and the bytes of each piece."""
    offset = start
    size_bytes = CHUNK_BYTES
    while offset < stop:
        data = file.read(offset, min(offset + size_bytes, stop))
        if begins_with_nuls(data, file.codec):
            behind = nul_end(file.read, offset, stop)
            if behind >= stop:
                return  # a torn tail
            reason = f"{behind - offset} NUL bytes, as a power cut leaves them"
            raise DamageError(str(file.path), offset, reason)
        parsed = parse(Chunk(data, offset, str(file.path)), file.codec)
        if parsed.n_bytes:
            yield parsed, data
            offset += parsed.n_bytes
            size_bytes = CHUNK_BYTES
        elif hides_rows(
            data,
            file.codec,
            is_all=not data or offset + len(data) >= stop,
            is_cut=file.may_be_cut(),
        ):
            raise DamageError(
                str(file.path), offset, "a quote that it opens is never closed, and rows follow"
            )
        elif data and offset + len(data) < stop:
            size_bytes *= 2
        else:
            return  # a torn tail
