"""Keeps a table in line with a CSV file that others may change too.

At each operation the file's identity is compared with the last one seen: the same is not read
again, a longer one is read from where the columns end, anything else is read anew.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator

from tinyflux.csvfile import CsvFile, Identity
from tinyflux.errors import DamageError
from tinyflux.parsing import Chunk, parse
from tinyflux.rewrite import end_of
from tinyflux.segment import Segment, concatenate
from tinyflux.table import SEGMENT_ROWS, Table

logger = logging.getLogger(__name__)

CHUNK_BYTES = 2 << 20
_SAMPLE_BYTES = 512
_ROW_START = re.compile(rb"\n[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+,")


class FileColumns:
    """The columns of one file, as far as they were read."""

    def __init__(self, file: CsvFile) -> None:
        self._file = file
        self._table: Table | None = None
        self._end = 0
        self._identity: Identity | None = None
        self._sample = b""

    @property
    def is_loaded(self) -> bool:
        """Whether the columns have been read."""
        return self._table is not None

    def forget(self) -> None:
        """Drop the columns; the next use reads the file."""
        self._table = None
        self._identity = None

    def adopt(self, table: Table) -> None:
        """Take the columns of a file that this process has just rewritten."""
        self._table = table
        self._end = end_of(table, self._file)
        self._identity = None
        self._sample = self._sample_before(self._end)

    def current(self) -> Table:
        """The columns of every complete row that the file holds now."""
        identity = self._file.current()
        if self._table is not None and identity == self._identity:
            return self._table
        if self._table is None or not self._is_continued(identity):
            self._table = Table()
            self._end = 0
        self._read_on(self._table, identity.size_bytes)
        self._identity = identity
        return self._table

    def _is_continued(self, identity: Identity) -> bool:
        """Whether what was read is still the beginning of the file."""
        seen = self._identity
        if seen is not None:
            if seen.file != identity.file or identity.size_bytes < self._end:
                return False
            if seen.size_bytes == identity.size_bytes:
                logger.info("%s was changed in place by another program", self._file.path)
                return False
        elif identity.size_bytes < self._end:
            return False
        return self._sample_before(self._end) == self._sample

    def _sample_before(self, end: int) -> bytes:
        return self._file.read(max(0, end - _SAMPLE_BYTES), end)

    def _read_on(self, table: Table, size_bytes: int) -> None:
        for segment in read_segments(self._file, self._end, size_bytes):
            table.append(segment)
        if table.segments:
            self._end = end_of(table, self._file)
        self._sample = self._sample_before(self._end)


def scan(file: CsvFile) -> Iterator[Segment]:
    """Every complete row of the file as it is now, in small segments."""
    size_bytes = file.current().size_bytes
    yield from _parsed(file, 0, size_bytes)


def read_segments(file: CsvFile, start: int, stop: int) -> Iterator[Segment]:
    """The complete rows from byte `start` (where a row begins) on, in segments of full size."""
    waiting: list[Segment] = []
    n_waiting = 0
    for segment in _parsed(file, start, stop):
        waiting.append(segment)
        n_waiting += segment.n_rows
        if n_waiting >= SEGMENT_ROWS // 2:
            yield concatenate(waiting)
            waiting, n_waiting = [], 0
    if waiting:
        yield concatenate(waiting)


def _parsed(file: CsvFile, start: int, stop: int) -> Iterator[Segment]:
    offset = start or file.header_size()
    size_bytes = CHUNK_BYTES
    while offset < stop:
        data = file.read(offset, min(offset + size_bytes, stop))
        parsed = parse(Chunk(data, offset, str(file.path)), file.codec)
        if parsed.n_bytes:
            if parsed.segment.n_rows:
                yield parsed.segment
            offset += parsed.n_bytes
            size_bytes = CHUNK_BYTES
        elif offset + len(data) < stop and data:
            size_bytes *= 2
        else:
            _require_torn(file, offset, data)
            return


def _require_torn(file: CsvFile, offset: int, data: bytes) -> None:
    """Let a torn tail pass; raise DamageError for an open quote that swallows whole rows."""
    if _ROW_START.search(data):
        raise DamageError(
            str(file.path), offset, "a quote that it opens is never closed, and rows follow"
        )
