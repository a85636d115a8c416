"""A segment as a file: blocks of bytes with a checksum each, read only where they are touched.

FORMAT.md says what stands where. A file is written once, mapped into memory, and removed; never
changed or cut, since a cut mapped file kills its reader.
"""

from __future__ import annotations

import json
import mmap
import os
import zlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyflux.columns import FieldColumn, Presence, TextColumn
from tinyflux.errors import TinyFluxError
from tinyflux.segment import Extent, Segment, TimeOrder

_MAGIC = b"TFXSEG01"
_ALIGNMENT = 64


class CacheDamageError(TinyFluxError):
    """A block of the index cache does not hold what was written; the cache is made anew."""


class _BlockWriter:
    """Collects blocks and describes them."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self.blocks: list[tuple[int, int, int, str]] = []
        self.presences: dict[int, int] = {}

    def add(self, array: NDArray[Any]) -> int:
        """The number of the block that holds `array`."""
        return self._add(np.ascontiguousarray(array).tobytes(), array.dtype.str)

    def add_json(self, value: Any) -> int:
        """The number of the block that holds `value` as JSON."""
        return self._add(json.dumps(value).encode(), "json")

    def _add(self, data: bytes, kind: str) -> int:
        padding = -self.size % _ALIGNMENT
        self.parts.append(b"\0" * padding + data)
        self.blocks.append((self.size + padding, len(data), zlib.crc32(data), kind))
        self.size += padding + len(data)
        return len(self.blocks) - 1

    def add_presence(self, rows: Presence) -> int:
        """The number of the block of `rows`; -1 for every row. Columns with the same rows share."""
        if rows is None:
            return -1
        if id(rows) not in self.presences:
            self.presences[id(rows)] = self.add(rows)
        return self.presences[id(rows)]


def segment_bytes(segment: Segment) -> bytes:
    """The whole file of a segment that has an extent."""
    writer = _BlockWriter()
    order = segment.time_order
    if segment.extent is None:
        raise ValueError("these columns are not of a file")
    header: dict[str, Any] = {
        "n_rows": segment.n_rows,
        "times": writer.add(segment.times_us),
        "offsets": writer.add(segment.extent.offsets),
        "order": [
            writer.add(order.block_max_us),
            writer.add(order.late_rows),
            writer.add(order.late_times_us),
            order.first_us,
            order.last_us,
        ],
        "measurement": _text(writer, segment.measurement),
        "tags": {key: _text(writer, column) for key, column in segment.tags.items()},
        "fields": {key: _field(writer, column) for key, column in segment.fields.items()},
    }
    header["blocks"] = writer.blocks
    text = json.dumps(header, separators=(",", ":")).encode()
    head = _MAGIC + len(text).to_bytes(8, "little") + zlib.crc32(text).to_bytes(8, "little") + text
    return b"".join([head, b"\0" * (-len(head) % _ALIGNMENT), *writer.parts])


def _text(writer: _BlockWriter, column: TextColumn) -> list[int]:
    return [
        writer.add_presence(column.rows),
        writer.add(column.codes),
        writer.add_json(list(column.values)),
    ]


def _field(writer: _BlockWriter, column: FieldColumn) -> list[int]:
    kinds = column.kinds
    exact = [[place, hex(number)] for place, number in column.exact.items()]
    return [
        writer.add_presence(column.rows),
        writer.add(column.numbers),
        -1 - kinds if isinstance(kinds, int) else writer.add(kinds),
        writer.add_json(exact) if exact else -1,
    ]


class SegmentFile:
    """A mapped segment file. Raises CacheDamageError for a block that is not what was written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            if os.fstat(fd).st_size < 24:
                raise CacheDamageError(f"{path} is too short to be a segment")
            self._map = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
        finally:
            os.close(fd)

    @cached_property
    def header(self) -> dict[str, Any]:
        """The checked header."""
        size = int.from_bytes(self._map[8:16], "little")
        text = self._map[24 : 24 + size]
        checksum = int.from_bytes(self._map[16:24], "little")
        if self._map[:8] != _MAGIC or len(text) != size or zlib.crc32(text) != checksum:
            raise CacheDamageError(f"{self.path}: its header is damaged or of another version")
        header: dict[str, Any] = json.loads(text)
        return header

    @cached_property
    def _start(self) -> int:
        size = 24 + int.from_bytes(self._map[8:16], "little")
        return size + -size % _ALIGNMENT

    @cached_property
    def _loaded(self) -> dict[int, Any]:
        return {}

    def block(self, number: int) -> Any:
        """The array or JSON value of one block; checked when it is touched first."""
        if number not in self._loaded:
            offset, size, checksum, kind = self.header["blocks"][number]
            offset += self._start
            view = memoryview(self._map)[offset : offset + size]
            if len(view) != size or zlib.crc32(view) != checksum:
                raise CacheDamageError(f"{self.path}: the block at byte {offset} is damaged")
            if kind == "json":
                self._loaded[number] = json.loads(bytes(view))
            else:
                self._loaded[number] = np.frombuffer(view, dtype=np.dtype(kind))
        return self._loaded[number]

    def presence(self, number: int) -> Presence:
        """The rows of a column."""
        return None if number < 0 else self.block(number)

    def text(self, numbers: list[int]) -> TextColumn:
        """A text column."""
        rows, codes, values = numbers
        return TextColumn(self.presence(rows), self.block(codes), tuple(self.block(values)))

    def field(self, numbers: list[int]) -> FieldColumn:
        """A field column."""
        rows, values, kinds, exact = numbers
        return FieldColumn(
            self.presence(rows),
            self.block(values),
            -1 - kinds if kinds < 0 else self.block(kinds),
            {} if exact < 0 else {place: int(text, 16) for place, text in self.block(exact)},
        )


class _LazyColumns(Mapping[str, Any]):
    """Columns by key, read when they are asked for; keys cost nothing."""

    def __init__(self, described: dict[str, list[int]], load: Any) -> None:
        self._described = described
        self._load = load
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        if key not in self._loaded:
            self._loaded[key] = self._load(self._described[key])
        return self._loaded[key]

    def __contains__(self, key: object) -> bool:
        return key in self._described

    def __iter__(self) -> Iterator[str]:
        return iter(self._described)

    def __len__(self) -> int:
        return len(self._described)


class StoredSegment(Segment):
    """A segment whose columns are read from its file when they are touched."""

    def __init__(
        self, file: SegmentFile, start: int, n_rows: int, span_us: tuple[int, int]
    ) -> None:
        self.__dict__.update(file=file, start=start, rows_told=n_rows, span_told=span_us)

    file: SegmentFile
    start: int
    rows_told: int
    span_told: tuple[int, int]

    @property
    def n_rows(self) -> int:
        """The number of rows, as the manifest tells."""
        return self.rows_told

    @property
    def span_us(self) -> tuple[int, int]:
        """The least and the greatest time, as the manifest tells."""
        return self.span_told

    def at(self, extent: Extent | None) -> StoredSegment:
        """The same rows standing elsewhere."""
        start = self.start if extent is None else extent.start
        return StoredSegment(self.file, start, self.rows_told, self.span_told)

    @cached_property
    def times_us(self) -> NDArray[np.int64]:
        """The times, in insertion order."""
        times_us: NDArray[np.int64] = self.file.block(self.file.header["times"])
        return times_us

    @cached_property
    def extent(self) -> Extent:
        """Where the rows stand."""
        return Extent(self.start, self.file.block(self.file.header["offsets"]))

    @cached_property
    def measurement(self) -> TextColumn:
        """The measurement of each row."""
        return self.file.text(self.file.header["measurement"])

    @cached_property
    def tags(self) -> Mapping[str, TextColumn]:
        """The tag columns."""
        return _LazyColumns(self.file.header["tags"], self.file.text)

    @cached_property
    def fields(self) -> Mapping[str, FieldColumn]:
        """The field columns."""
        return _LazyColumns(self.file.header["fields"], self.file.field)

    @cached_property
    def time_order(self) -> TimeOrder:
        """What finds a time range."""
        block_max, late_rows, late_times, first_us, last_us = self.file.header["order"]
        block = self.file.block
        return TimeOrder(block(block_max), block(late_rows), block(late_times), first_us, last_us)
