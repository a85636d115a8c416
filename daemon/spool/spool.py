"""A durable store of small values that wait: one text file, a line for each step.

A line is the CRC-32 of what follows in eight hex digits, a blank, and a JSON object:
`{"put": 17, "kind": "clock", "body": …}` keeps a value, `{"done": [17], "boot": …}` says that what
came of it has been written, `{"committed": true}` that it is on disk. So a value comes back after
a power cut until what came of it is on disk, and after a kill until it is written: within the same
boot the page cache still has it. Lines that a power cut has torn are left out.
"""

from __future__ import annotations

import json
import logging
import os
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from daemon.errors import EX_IOERR, EX_NOPERM, StartError
from daemon.files import replace_file
from daemon.messages import JsonValue
from tinyflux import files

_log = logging.getLogger("daemon.writer")

# Rewritten when so much of it is done, and more than that of the rest.
_SLACK_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class _Place:
    offset: int
    size_bytes: int
    kind: str


class Spool:
    """One thread. Methods that write may raise OSError; what they were asked for is then undone."""

    def __init__(self, path: Path, boot_id: str = "") -> None:
        self.path = path
        self._boot_id = boot_id
        self._places: dict[int, _Place] = {}
        self._counts: Counter[str] = Counter()
        self._live_bytes = 0
        self._next = 1
        self._fd = -1
        self._size_bytes = 0
        self._is_dirty = False
        self._is_doubtful = False
        self._is_on_disk = False
        """Whether lines were synced since the file was empty."""
        self._has_uncommitted = False

    def __len__(self) -> int:
        """How many values wait."""
        return len(self._places)

    @property
    def boot_id(self) -> str:
        """Names the boot in which this process runs; empty: nobody knows."""
        return self._boot_id

    @property
    def size_bytes(self) -> int:
        """How much of the file the waiting values take."""
        return self._live_bytes

    def count(self, kind: str) -> int:
        """How many of a kind wait."""
        return self._counts[kind]

    def open(self) -> None:
        """Take up what waits; safe twice. Raises StartError.

        What has been written of it must be on disk by now, whoever wrote it.
        """
        try:
            if self._fd < 0 and self.path.exists():
                self._fd = self._opened()
                self._take_up()
                self._is_on_disk = True
                # What a killed process put here may be acknowledged as sent again.
                files.sync(self._fd, self.path)
        except OSError as error:
            raise StartError(
                f"cannot use {self.path}, where points wait: {error.strerror}; give the "
                "collector's user the right to read and write it",
                EX_NOPERM if isinstance(error, PermissionError) else EX_IOERR,
            ) from error

    def put(self, kind: str, bodies: Sequence[Mapping[str, JsonValue]]) -> list[int]:
        """Keep these; their numbers, ascending. Durable after `sync`."""
        numbers = list(range(self._next, self._next + len(bodies)))
        lines = [
            _line({"put": number, "kind": kind, "body": dict(body)})
            for number, body in zip(numbers, bodies, strict=True)
        ]
        offset = self._append(b"".join(lines))
        for number, line in zip(numbers, lines, strict=True):
            self._add(number, _Place(offset, len(line), kind))
            offset += len(line)
        self._next += len(bodies)
        return numbers

    def waiting(self, kind: str) -> Iterator[int]:
        """The numbers of what waits, the oldest first."""
        return (number for number, place in self._places.items() if place.kind == kind)

    def get(self, number: int) -> Mapping[str, JsonValue] | None:
        """A value that waits; None where the disk has spoiled it. May raise OSError."""
        place = self._places[number]
        content = _content(files.read_at(self._fd, place.offset, place.size_bytes))
        body = None if content is None else content.get("body")
        return body if isinstance(body, dict) else None

    def done(self, numbers: Sequence[int]) -> None:
        """What came of these has been written."""
        if not numbers:
            return
        self._append(_line({"done": list(numbers), "boot": self._boot_id}))
        self._forget(numbers)
        self._has_uncommitted = True

    def sync(self) -> None:
        """Every value that waits is on disk when this returns."""
        if not self._places:
            # Nothing to keep; what is done with will be cut off by `commit`.
            return
        if self._is_doubtful:
            # After a failed fsync the kernel may call pages clean that never reached the disk.
            self._rewrite()
        elif self._is_dirty:
            self._is_doubtful = True
            files.sync(self._fd, self.path)
            self._is_doubtful = self._is_dirty = False
            self._is_on_disk = True

    def commit(self) -> None:
        """What came of all that is done is on disk: it need not be kept any more."""
        if not self._has_uncommitted:
            return
        if not self._places:
            files.truncate(self._fd, 0, self.path)
            self._size_bytes = 0
            if self._is_on_disk or self._is_doubtful:
                # What came and went between two commits was never synced: to sync its end would
                # cost the card more than all the rest.
                files.sync(self._fd, self.path)
            self._is_on_disk = self._is_doubtful = self._is_dirty = False
        elif self._size_bytes > _SLACK_BYTES + 2 * self._live_bytes:
            self._rewrite()
        else:
            self._append(_line({"committed": True}))
        self._has_uncommitted = False

    def close(self) -> None:
        """Release the file; safe twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _opened(self) -> int:
        if self._fd < 0:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            is_new = not self.path.exists()
            self._fd = os.open(self.path, flags, 0o666)
            if is_new:
                files.sync_directory(self.path.parent)
            self._size_bytes = os.fstat(self._fd).st_size
        return self._fd

    def _append(self, lines: bytes) -> int:
        """Where the lines begin."""
        descriptor = self._opened()
        offset = self._size_bytes
        try:
            files.write_all(descriptor, lines, self.path)
        except OSError:
            with suppress(OSError):
                files.truncate(descriptor, offset, self.path)
            raise
        self._size_bytes += len(lines)
        self._is_dirty = True
        return offset

    def _add(self, number: int, place: _Place) -> None:
        self._places[number] = place
        self._counts[place.kind] += 1
        self._live_bytes += place.size_bytes

    def _forget(self, numbers: Sequence[int]) -> None:
        for number in numbers:
            place = self._places.pop(number, None)
            if place is not None:
                self._counts[place.kind] -= 1
                self._live_bytes -= place.size_bytes

    def _rewrite(self) -> None:
        parts = [
            files.read_at(self._fd, place.offset, place.size_bytes)
            for place in self._places.values()
        ]
        replace_file(self.path, b"".join(parts))
        self.close()
        self._opened()
        self._is_on_disk = True
        offset = 0
        for (number, place), part in zip(list(self._places.items()), parts, strict=True):
            self._places[number] = _Place(offset, len(part), place.kind)
            offset += len(part)
        self._is_dirty = self._is_doubtful = False

    def _take_up(self) -> None:
        doubtful: list[tuple[str, list[int]]] = []
        offset = n_torn = 0
        with self.path.open("rb") as file:
            for line in file:
                content = _content(line)
                if content is None:
                    n_torn += 1
                elif isinstance(number := content.get("put"), int):
                    self._add(number, _Place(offset, len(line), str(content.get("kind"))))
                    self._next = max(self._next, number + 1)
                elif isinstance(numbers := content.get("done"), list):
                    doubtful.append((str(content.get("boot")), numbers))
                else:
                    self._forget([number for _, numbers in doubtful for number in numbers])
                    doubtful.clear()
                offset += len(line)
        for boot_id, numbers in doubtful:
            if self._boot_id and boot_id == self._boot_id:
                self._forget(numbers)
        if n_torn:
            _log.warning("%s: left out %d lines that a power cut has torn", self.path, n_torn)
        if n_torn or doubtful:
            # A later `committed` must not speak for what another boot has left.
            self._rewrite()


def _line(content: Mapping[str, JsonValue]) -> bytes:
    text = json.dumps(content, separators=(",", ":")).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _content(line: bytes) -> dict[str, JsonValue] | None:
    """What a line says; None for one that is torn."""
    checksum, _, text = line.rstrip(b"\n").partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(text):
            return None
        content = json.loads(text)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None
