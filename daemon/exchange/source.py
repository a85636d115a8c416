"""The points of a data file in pieces, from any place of it on, in bounded memory.

Takes no lock and needs no index; the file may grow, or be replaced, while it is read.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from daemon.query import Selection
from tinyflux import Point
from tinyflux.checking import open_for_check
from tinyflux.file_columns import parsed_chunks
from tinyflux.materialize import points_of
from tinyflux.table import Table

_PRINT_BYTES = 1 << 16
_PIECE_ROWS = 8192


@dataclass(frozen=True, slots=True)
class Piece:
    """Some points that follow each other in the file."""

    points: list[Point]
    stop: int
    """The byte behind the last row that was looked at."""


@dataclass(slots=True)
class Survey:
    """What the selected points carry."""

    tags: set[str] = field(default_factory=set)
    fields: dict[str, set[int]] = field(default_factory=dict)
    """Key to the kinds of its values (`tinyflux.columns.FLOAT`, `INT`, `NONE`, `EXACT`)."""


class DataSource:
    """One data file, as it is when this is made; use as a context manager."""

    def __init__(self, path: Path, selection: Selection) -> None:
        """Raises OSError and ValueError for what is no readable file."""
        self._file = open_for_check(path)
        self._query = selection.query()
        self._measurement = selection.measurement
        self._is_everything = self._query is None and self._measurement is None
        self.start = self._file.header_size()
        """The byte of the first row."""
        self.end = self._file.state().end
        """The byte behind the last finished row."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def survey(self) -> Survey:
        """The keys of all selected points; reads the whole file."""
        found = Survey()
        for table, _ in self._tables(self.start):
            found.tags |= table.keys("tags", self._measurement)
            fields = table.keys("fields", self._measurement)
            for segment in table.segments:
                for key in fields:
                    kinds = segment.fields[key].kinds
                    met = {kinds} if isinstance(kinds, int) else set(np.unique(kinds).tolist())
                    found.fields.setdefault(key, set()).update(met)
        return found

    def pieces(self, start: int) -> Iterator[Piece]:
        """The selected points from byte `start` on, where a row begins. Raises DamageError."""
        for table, stop in self._tables(start):
            [segment] = table.segments
            rows = table.rows(self._query, self._measurement)
            for first in range(0, len(rows), _PIECE_ROWS):
                part = rows[first : first + _PIECE_ROWS]
                is_last = first + _PIECE_ROWS >= len(rows)
                last = (
                    stop
                    if is_last or segment.extent is None
                    else (segment.extent.bounds(int(part[-1]))[1])
                )
                yield Piece(points_of(segment, part), last)
            if not len(rows):
                yield Piece([], stop)

    def fingerprint(self, stop: int) -> int:
        """A checksum by which the file is known again that began with these bytes."""
        head = self._file.read(0, min(_PRINT_BYTES, stop))
        return zlib.crc32(self._file.read(max(0, stop - _PRINT_BYTES), stop), zlib.crc32(head))

    def _tables(self, start: int) -> Iterator[tuple[Table, int]]:
        at = start
        for parsed, _ in parsed_chunks(self._file, start, self.end):
            at += parsed.n_bytes
            if parsed.segment.n_rows:
                table = Table()
                table.append(parsed.segment)
                yield table, at
