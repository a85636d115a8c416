"""One CSV file on disk: opened, identified, appended to under its lock, cut back when that fails.

Knows bytes and rows' ends, never what a row means. The file may be replaced at any moment by a
rewrite in another process: every operation looks first whether the open file is still the one
that has the name.
"""

from __future__ import annotations

import codecs
import errno
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tinyflux import files
from tinyflux.codec import RowCodec
from tinyflux.errors import DamageError, StorageError
from tinyflux.marks import Identity, Mark, new_generation, read_mark, stamp, write_mark
from tinyflux.records import Chunk, complete_size, row_start

logger = logging.getLogger(__name__)

_TAIL_BYTES = 1 << 16


class CsvFile:
    """An open CSV file. Descriptors follow the name: a replaced file is opened anew."""

    def __init__(self, path: Path, codec: RowCodec, *, is_writable: bool) -> None:
        self.path = path
        self.codec = codec
        self.is_writable = is_writable
        self._mark: Mark | None = None
        self._own_end = ((0, 0), 0)  # where the rows ended when this handle had last added some
        self._fd = -1
        self._fd = self._open()

    def __del__(self) -> None:
        # A program that never closes its databases has as many descriptors as it uses.
        self.close()

    def _open(self) -> int:
        flags = (os.O_RDWR | os.O_APPEND) if self.is_writable else os.O_RDONLY
        if self.path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "the data file is a directory", str(self.path))
        return os.open(self.path, flags | os.O_CLOEXEC)

    @property
    def fd(self) -> int:
        """The open descriptor, in O_APPEND mode where it is writable."""
        if self._fd < 0:
            raise ValueError(f"{self.path}: the database is closed")
        return self._fd

    def close(self) -> None:
        """Close the descriptor; twice is fine."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def current(self) -> Identity:
        """The identity of the file that has the name now, which is open when this returns."""
        while True:
            named = os.stat(self.path)
            opened = os.fstat(self.fd)
            if (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino):
                return Identity.of(opened)
            self.close()
            self._fd = self._open()

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from `start` to before `stop`, fewer where the file ends."""
        return files.read_at(self.fd, start, stop - start)

    def header_size(self) -> int:
        """The bytes of a byte order mark before the first row."""
        head = self.read(0, 4)
        for mark in (self.codec.bom, codecs.BOM_UTF8 if self.codec.encoding == "utf-8" else b""):
            if mark and head.startswith(mark):
                return len(mark)
        return 0

    def adopt(self, fd: int) -> None:
        """Go on with `fd`, which has the file's name now."""
        self.close()
        self._fd = fd

    @contextmanager
    def locked(self, timeout_s: float = files.LOCK_TIMEOUT_S) -> Iterator[Identity]:
        """Within it no other process appends to the file or replaces it."""
        while True:
            fd = self.fd
            files.lock(fd, self.path, timeout_s)
            try:
                named = os.stat(self.path)
                opened = os.fstat(fd)
            except OSError:
                files.unlock(fd)
                raise
            if (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino):
                break
            self.close()
            self._fd = self._open()
        try:
            yield Identity.of(opened)
        finally:
            # A rewrite has put another file in the place of this one: its lock went with it.
            if self._fd == fd:
                files.unlock(fd)

    def append(self, data: bytes, *, is_durable: bool) -> None:
        """Add whole rows to the end; on disk when this returns if `is_durable`.

        Raises StorageError after cutting the file back to what it was. Holds the lock meanwhile.
        """
        with self.locked() as identity:
            generation = self.generation_of(identity) or new_generation()
            end = self.mend_tail(identity.size_bytes)
            if end == 0 and self.codec.bom:
                data = self.codec.bom + data
            try:
                files.write_all(self.fd, data, self.path)
                # Before the sync, which may take long: readers see the rows already.
                self.leave_mark(generation)
                if is_durable:
                    files.sync(self.fd, self.path)
            except OSError as error:
                self._cut_back(end)
                self.leave_mark(generation)
                doing = f"{self.path}: could not append {len(data)} bytes"
                raise storage_error(error, doing) from error
            self._own_end = (identity.file, end + len(data))

    def generation_of(self, identity: Identity) -> bytes | None:
        """The generation of a state that one of our writers made; None for any other."""
        if self._mark is None or self._mark.identity != identity:
            self._mark = read_mark(self.path)
        if self._mark is None or self._mark.identity != identity:
            return None
        return self._mark.generation

    def leave_mark(self, generation: bytes) -> None:
        """Mark the present state as ours. Only under the lock, after a write."""
        if stamp(self.fd):
            self._mark = Mark(generation, Identity.of(os.fstat(self.fd)))
            write_mark(self.path, self._mark)

    def mark_unchanged(self, identity: Identity, generation: bytes) -> None:
        """Mark `identity` as known if it still is the file's, and if nobody writes just now."""
        if not self.is_writable or not files.try_lock(self.fd, self.path):
            return
        try:
            if Identity.of(os.fstat(self.fd)) == identity:
                self._mark = Mark(generation, identity)
                write_mark(self.path, self._mark)
        finally:
            files.unlock(self.fd)

    def _cut_back(self, size_bytes: int) -> None:
        try:
            files.truncate(self.fd, size_bytes, self.path)
        except OSError as error:
            logger.error(
                "%s: a torn row could not be cut off at byte %d (%s); the next writer will",
                self.path,
                size_bytes,
                error,
            )

    def sync(self) -> None:
        """Every row written so far is on disk when this returns; StorageError otherwise."""
        try:
            files.sync(self.fd, self.path)
        except OSError as error:
            raise storage_error(error, f"{self.path}: could not be synced to disk") from error

    def mend_tail(self, size_bytes: int) -> int:
        """Cut off what no writer finished, keeping it beside the file; the size then.

        Only under the lock. A power cut leaves a row without its end, or a run of NUL bytes.
        """
        end = self._rows_end(size_bytes)
        if end == size_bytes:
            return end
        torn = self.read(end, size_bytes)
        if torn.strip(b"\0"):
            self._set_aside(torn)
        logger.warning(
            "%s: %d bytes behind byte %d were no complete row (a power cut?); they are cut off%s",
            self.path,
            size_bytes - end,
            end,
            f" and kept in {self.torn_path}" if torn.strip(b"\0") else "",
        )
        files.truncate(self.fd, end, self.path)
        return end

    @property
    def torn_path(self) -> Path:
        """Where torn rows are kept."""
        return self.path.with_name(self.path.name + ".torn")

    def _set_aside(self, torn: bytes) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
        fd = os.open(self.torn_path, flags, 0o666)
        try:
            files.write_all(fd, torn.rstrip(b"\0") + b"\n", self.torn_path)
            files.sync(fd, self.torn_path)
        finally:
            os.close(fd)

    def _rows_end(self, size_bytes: int) -> int:
        """Where the last complete row ends."""
        start = self._row_boundary(size_bytes)
        if start == size_bytes:
            return start
        chunk = Chunk(self.read(start, size_bytes), start, str(self.path))
        try:
            end = start + complete_size(chunk, self.codec)
        except DamageError:
            return self._last_line_end(size_bytes)
        if row_start(chunk.data[end - start :]) is not None:
            # A quote that is never closed, with rows behind it: no tail to cut off.
            return self._last_line_end(size_bytes)
        return end

    def _row_boundary(self, size_bytes: int) -> int:
        """Where a row begins or the last one ends, at or not far before `size_bytes`."""
        file = Identity.of(os.fstat(self.fd)).file
        ends = [self._own_end]
        if self._mark is not None:
            ends.append((self._mark.identity.file, self._mark.identity.size_bytes))
        width = len(self.codec.row_ends[0])
        known = [
            end
            for of, end in ends
            if of == file
            and end <= size_bytes
            and self.read(max(0, end - width), end) in self.codec.row_ends
        ]
        boundary = max(known, default=self.header_size())
        window = _TAIL_BYTES
        while window < size_bytes - boundary and self.codec.is_plain:
            begin = row_start(self.read(size_bytes - window, size_bytes))
            if begin is not None:
                return size_bytes - window + begin
            window *= 2
        return boundary

    def _last_line_end(self, size_bytes: int) -> int:
        """Behind the last newline, whatever it stands in."""
        ends = self.codec.row_ends
        width = len(ends[0])
        window = _TAIL_BYTES
        while True:
            start = max(0, size_bytes - window)
            block = self.read(start, size_bytes)
            place = max(_last_place(block, end, -start % width) for end in ends)
            if place >= 0:
                return start + place + width
            if start == 0:
                return self.header_size()
            window *= 2


def _last_place(block: bytes, character: bytes, first: int) -> int:
    """Where `character` stands last in `block`, whose first whole one is at `first`; or -1."""
    place = block.rfind(character)
    while place >= 0 and (place - first) % len(character):
        place = block.rfind(character, 0, place + len(character) - 1)
    return place


def storage_error(error: OSError, doing: str) -> StorageError:
    """`error` with what was being done, what holds now and what to do."""
    remedy = {
        errno.ENOSPC: "the disk is full: free some room, then the next call works",
        errno.EDQUOT: "the quota is used up: free some room, then the next call works",
        errno.EIO: "the disk reports an error: look at the kernel's log, and at the card or cable",
        errno.EROFS: "the file system is read-only: remount it, or check the card",
    }.get(error.errno or 0, "nothing was stored: mend the cause and call again")
    return StorageError(error.errno, f"{doing}: {error.strerror}; the file is as before; {remedy}")
