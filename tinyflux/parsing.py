"""Bytes of the file to segments: where rows end, and which of them can be taken together.

Rows without quotes that have the same keys in the same places are taken column by column
(`fast_rows`); every other row goes one by one through the codec, with the same result.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinyflux.codec import RowCodec, point_of
from tinyflux.columns import RowArray
from tinyflux.errors import DamageError
from tinyflux.fast_rows import Lines, group_by_shape
from tinyflux.materialize import paused_collector
from tinyflux.point import Point
from tinyflux.records import Chunk, may_finish, records
from tinyflux.segment import Extent, Segment, concatenate, segment_of_points, take

FEW_BYTES = 1 << 15
"""Below this many bytes numpy's fixed costs exceed what it saves."""
_NOTHING = np.zeros(1, dtype=np.uint32)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The complete rows of a chunk, and how far they reach."""

    segment: Segment
    n_bytes: int
    """From the chunk's start to behind its last complete row; the rest is no complete row yet."""


def parse(chunk: Chunk, codec: RowCodec) -> Parsed:
    """Every complete row of `chunk`, with offsets; DamageError for one that is none."""
    if not may_finish(chunk.data, codec):
        return Parsed(segment_of_points([], Extent(chunk.offset, _NOTHING)), 0)
    with paused_collector():
        if codec.is_plain and len(chunk.data) > FEW_BYTES:
            try:
                return _parse_plain(chunk, codec)
            except (_OtherLineEndsError, DamageError):
                pass  # the slow road tells which row is the first that is damaged
        return _parse_slowly(chunk, codec)


class _OtherLineEndsError(Exception):
    """A row ends with a lone carriage return: lines are not what ends at a newline."""


def _parse_slowly(chunk: Chunk, codec: RowCodec) -> Parsed:
    points: list[Point] = []
    offsets = [0]
    for record in records(chunk, codec):
        points.append(_point(record.cells, chunk, record.start))
        offsets.append(record.stop)
    extent = Extent.of(chunk.offset, np.array(offsets, dtype=np.int64))
    return Parsed(segment_of_points(points, extent), offsets[-1])


def _point(cells: list[str], chunk: Chunk, start: int) -> Point:
    try:
        return point_of(cells)
    except ValueError as error:
        raise DamageError(chunk.path, chunk.offset + start, str(error)) from error


def _parse_plain(chunk: Chunk, codec: RowCodec) -> Parsed:
    lines = Lines.of(chunk.data)
    unusual = _Unusual.of(lines, chunk, codec)
    is_record = unusual.is_record
    n_lines = unusual.n_lines
    row_of_line = np.cumsum(is_record) - 1
    n_rows = int(row_of_line[-1]) + 1 if n_lines else 0
    plain = np.flatnonzero(is_record & ~unusual.is_unusual)
    parts: list[tuple[RowArray, Segment]] = []
    for group in group_by_shape(lines, plain):
        if group.segment is None:
            unusual.add_plain_lines(group.lines)
        else:
            parts.append((row_of_line[group.lines], group.segment))
    if unusual.points:
        slow = dict(sorted(unusual.points.items()))
        slow_rows = row_of_line[np.fromiter(slow, np.int64, len(slow))]
        parts.append((slow_rows, segment_of_points(list(slow.values()))))
    starts = lines.starts[:n_lines][is_record]
    end = unusual.n_bytes
    offsets = np.concatenate((starts, [end])).astype(np.int64)
    if n_rows:
        offsets[0] = 0  # blank lines before the first row are its own
    return Parsed(_assembled(parts, Extent.of(chunk.offset, offsets)), end)


def _assembled(parts: list[tuple[RowArray, Segment]], extent: Extent) -> Segment:
    """One segment of parts whose rows lie in between each other."""
    if not parts:
        return segment_of_points([])
    joined = concatenate([segment for _, segment in parts])
    rows = np.concatenate([rows for rows, _ in parts])
    return take(joined, np.argsort(rows, kind="stable"), extent)


class _Unusual:
    """Lines that need the codec: with quotes, lone carriage returns, NULs; blank ones are none."""

    def __init__(self, lines: Lines, chunk: Chunk, codec: RowCodec) -> None:
        self.lines = lines
        self.chunk = chunk
        self.codec = codec
        self.points: dict[int, Point] = {}
        self.n_lines = lines.n_lines
        self.is_unusual = np.zeros(lines.n_lines, dtype=np.bool_)
        self.is_record = lines.stops > lines.starts

    @classmethod
    def of(cls, lines: Lines, chunk: Chunk, codec: RowCodec) -> _Unusual:
        unusual = cls(lines, chunk, codec)
        marked = lines.lines_with_marks()
        swallowed_to = 0
        for line in marked.tolist():
            if line < swallowed_to:
                continue
            swallowed_to = unusual.read_record(line)
            if swallowed_to == 0:
                unusual.cut(line)
                break
        return unusual

    @property
    def n_bytes(self) -> int:
        """How far complete records reach into the chunk."""
        return int(self.lines.ends[self.n_lines - 1]) if self.n_lines else 0

    def cut(self, n_lines: int) -> None:
        """Leave out the lines from `n_lines` on: a record begins there that is not finished."""
        self.n_lines = n_lines
        self.is_unusual = self.is_unusual[:n_lines]
        self.is_record = self.is_record[:n_lines]

    def read_record(self, line: int) -> int:
        """Read the record that begins at `line`; the next line behind it, or 0 if unfinished."""
        lines = self.lines
        reach = 1
        while True:
            last = min(line + reach, lines.n_lines)
            start, stop = int(lines.starts[line]), int(lines.ends[last - 1])
            part = Chunk(self.chunk.data[start:stop], self.chunk.offset + start, self.chunk.path)
            record = next(records(part, self.codec), None)
            if record is not None or last == lines.n_lines:
                break
            reach *= 2
        if record is None:
            if not self.chunk.data[start:stop].strip():
                self.is_record[line] = False
                return line + 1
            return 0
        behind = int(np.searchsorted(lines.ends, start + record.stop)) + 1
        if lines.ends[behind - 1] != start + record.stop:
            raise _OtherLineEndsError
        self.is_unusual[line:behind] = True
        self.is_record[line + 1 : behind] = False
        self.points[line] = _point(record.cells, part, record.start)
        return behind

    def add_plain_lines(self, numbers: RowArray) -> None:
        """Read lines without quotes one by one."""
        data, lines = self.chunk.data, self.lines
        for line in numbers.tolist():
            start, stop = int(lines.starts[line]), int(lines.stops[line])
            try:
                cells = data[start:stop].decode("utf-8").split(",")
            except UnicodeDecodeError as error:
                raise DamageError(
                    self.chunk.path,
                    self.chunk.offset + start,
                    f"its bytes are no utf-8: {error.reason}",
                ) from error
            self.points[line] = _point(cells, self.chunk, start)
