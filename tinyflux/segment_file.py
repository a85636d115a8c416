"""A segment as a file: blocks of bytes with a checksum each, read only where they are touched.

FORMAT.md says what stands where. A file is written once, mapped into memory, and removed; never
changed or cut, since a cut mapped file kills its reader.
"""

from __future__ import annotations

import json
import mmap
import os
import zlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tinyflux import files
from tinyflux.columns import FieldColumn, Presence, TextColumn
from tinyflux.errors import CacheDamageError
from tinyflux.segment import Segment
from tinyflux.segment_checks import (
    KINDS,
    checked_field,
    checked_text,
    require,
)

_MAGIC = b"TFXSEG01"
_ALIGNMENT = 64
_CHECK_BYTES = 1 << 20
Loaded = TypeVar("Loaded")
_ODD = (KeyError, IndexError, TypeError, ValueError, OverflowError, RecursionError, OSError)
"""What reading raises where the file says something that cannot be."""


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


def header_checksum(data: bytes) -> int:
    """The checksum of the header of a whole file; it stands for all of it."""
    return int.from_bytes(data[16:24], "little")


class SegmentFile:
    """A mapped segment file, which `checksum` (of its header) tells from any other.

    Raises OSError where there is none, CacheDamageError for a part that is not what was written.
    """

    def __init__(self, path: Path, checksum: int) -> None:
        self.path = path
        self.checksum = checksum
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            if os.fstat(self._fd).st_size < 24:
                raise CacheDamageError(f"{path} is too short to be a segment")
            self._map = mmap.mmap(self._fd, 0, prot=mmap.PROT_READ)
        except BaseException:
            os.close(self._fd)
            self._fd = -1
            raise

    def __del__(self) -> None:
        if getattr(self, "_fd", -1) >= 0:
            os.close(self._fd)

    @cached_property
    def header(self) -> dict[str, Any]:
        """The checked header."""
        try:
            head = files.read_at(self._fd, 0, 24)
            size = int.from_bytes(head[8:16], "little")
            require(size <= len(self._map) - 24, "its header is longer than the file")
            text = files.read_at(self._fd, 24, size)
            checksum = int.from_bytes(head[16:24], "little")
            require(head[:8] == _MAGIC, "it is of another version")
            require(checksum == self.checksum, "it is not the file that was written under the name")
            require(zlib.crc32(text) == checksum, "its header is damaged")
            header: dict[str, Any] = json.loads(text)
            require(isinstance(header, dict), "its header is none")
            return header
        except (*_ODD, CacheDamageError) as error:
            raise CacheDamageError(f"{self.path}: {error}") from error

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
            require(number >= 0, "a block has no number")
            offset, size, checksum, kind = self.header["blocks"][number]
            offset += self._start
            require(kind in KINDS and 0 <= offset <= len(self._map) - size, "a block is elsewhere")
            self._check(offset, size, checksum)
            view = memoryview(self._map)[offset : offset + size]
            if kind == "json":
                self._loaded[number] = json.loads(bytes(view))
            else:
                self._loaded[number] = np.frombuffer(view, dtype=np.dtype(kind))
        return self._loaded[number]

    def _check(self, offset: int, size: int, checksum: int) -> None:
        """Compare a block's checksum, read through the descriptor.

        A disk that cannot read it raises an error here; the mapped bytes would end the process.
        """
        found, stop = 0, offset + size
        for place in range(offset, stop, _CHECK_BYTES):
            part = files.read_at(self._fd, place, min(_CHECK_BYTES, stop - place))
            found = zlib.crc32(part, found)
        require(found == checksum, f"the block at byte {offset} is damaged")

    def read(self, load: Callable[[], Loaded]) -> Loaded:
        """What `load` makes of blocks; CacheDamageError where they do not hold what they should."""
        try:
            return load()
        except (*_ODD, CacheDamageError) as error:
            raise CacheDamageError(f"{self.path}: {error!s:.200}") from error

    def presence(self, number: int) -> Presence:
        """The rows of a column."""
        return None if number == -1 else self.block(number)

    def text(self, numbers: list[int], n_rows: int) -> TextColumn:
        """A text column of a segment of `n_rows`."""
        rows, codes, values = numbers
        column = TextColumn(self.presence(rows), self.block(codes), tuple(self.block(values)))
        checked_text(column, n_rows)
        return column

    def field(self, numbers: list[int], n_rows: int) -> FieldColumn:
        """A field column of a segment of `n_rows`."""
        rows, values, kinds, exact = numbers
        digits = [] if exact == -1 else self.block(exact)
        column = FieldColumn(
            self.presence(rows),
            self.block(values),
            -1 - kinds if kinds < 0 else self.block(kinds),
            {int(place): int(text, 16) for place, text in digits},
        )
        checked_field(column, n_rows)
        return column
