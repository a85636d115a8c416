"""Long copies between files: ranges in order, the disk kept busy evenly."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from tinyflux import files
from tinyflux.errors import StorageError

COPY_BYTES = 1 << 20
SYNC_BYTES = 4 << 20
"""A long copy is synced in steps of so many bytes, so that appends beside it do not stall."""
KERNEL_COPY_BYTES = 256 << 10
"""Ranges from this length on are copied by the kernel."""
_NO_KERNEL_COPY = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


class Copier:
    """Copies byte ranges of one file to the end of another, joining short ones.

    `path` is the target's. Raises OSError, StorageError where the source has become shorter.
    """

    def __init__(self, source: int, target: int, path: Path) -> None:
        self._source = source
        self._target = target
        self._path = path
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._unsynced_bytes = 0

    def copy(self, start: int, stop: int) -> None:
        """Append the source's bytes from `start` to before `stop`."""
        if stop - start >= KERNEL_COPY_BYTES:
            self.flush()
            while start < stop:
                start += self._copy_in_kernel(start, min(stop - start, SYNC_BYTES))
            return
        while start < stop:
            part = self._read(start, min(stop - start, COPY_BYTES))
            self.write(part)
            start += len(part)

    def _read(self, start: int, size_bytes: int) -> bytes:
        part = files.read_at(self._source, start, size_bytes)
        if not part:
            raise StorageError(
                errno.EIO,
                f"{self._path}: another program cut the source to less than {start} bytes while "
                f"it was copied; nothing was changed: call again",
            )
        return part

    def _copy_in_kernel(self, start: int, size_bytes: int) -> int:
        limit = files.step("write", self._path)
        try:
            wanted = size_bytes if limit is None else min(limit, size_bytes)
            n_copied = os.copy_file_range(self._source, self._target, wanted, start)
        except OSError as error:
            if error.errno not in _NO_KERNEL_COPY:
                raise
            n_copied = 0
        if n_copied == 0:
            part = self._read(start, min(size_bytes, COPY_BYTES))
            files.write_all(self._target, part, self._path)
            n_copied = len(part)
        self._count(n_copied)
        return n_copied

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes >= COPY_BYTES:
            self.flush()

    def flush(self) -> None:
        """Give what is waiting to the operating system."""
        if self._waiting:
            data = b"".join(self._waiting)
            self._waiting, self._waiting_bytes = [], 0
            files.write_all(self._target, data, self._path)
            self._count(len(data))

    def _count(self, n_bytes: int) -> None:
        self._unsynced_bytes += n_bytes
        if self._unsynced_bytes >= SYNC_BYTES:
            files.sync(self._target, self._path)
            self._unsynced_bytes = 0
