"""Every durable step: write, fsync, rename, truncate, lock. The one door to them.

A test can watch each step, make it fail or kill the process in it: see `intercepted`. Knows bytes
and paths, never rows.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from tinyflux.errors import LockTimeoutError, StorageError

Hook: TypeAlias = Callable[[str, str], None]
"""Called with a step's name and its path before the step is done; what it raises fails the step."""

COPY_BYTES = 1 << 20
SYNC_BYTES = 4 << 20
"""A long copy is synced in steps of so many bytes, so that appends beside it do not stall."""
KERNEL_COPY_BYTES = 256 << 10
"""Ranges from this length on are copied by the kernel."""
LOCK_TIMEOUT_S = 60.0

_hooks: list[Hook] = []


@contextmanager
def intercepted(hook: Hook) -> Iterator[None]:
    """Within it `hook` sees every durable step of this process first."""
    _hooks.append(hook)
    try:
        yield
    finally:
        _hooks.remove(hook)


def _step(name: str, path: Path) -> None:
    for hook in _hooks:
        hook(name, str(path))


def write_all(fd: int, data: bytes | memoryview, path: Path) -> None:
    """Write all of `data` at the descriptor's place; OSError when the disk takes less."""
    view = memoryview(data)
    while view:
        _step("write", path)
        view = view[os.write(fd, view) :]


def sync(fd: int, path: Path) -> None:
    """The file's content and size are on disk when this returns."""
    _step("fsync", path)
    os.fdatasync(fd)


def sync_directory(directory: Path) -> None:
    """The names in `directory` are on disk when this returns."""
    _step("fsync directory", directory)
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def truncate(fd: int, size_bytes: int, path: Path) -> None:
    """Cut the file to `size_bytes`."""
    _step("truncate", path)
    os.ftruncate(fd, size_bytes)


def rename(source: Path, target: Path) -> None:
    """Put `source` in the place of `target`; nobody sees anything in between."""
    _step("rename", target)
    os.rename(source, target)


def write_file(path: Path, data: bytes) -> None:
    """Write a new file with `data`; on disk, name included, when this returns."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    try:
        write_all(fd, data, path)
        sync(fd, path)
    finally:
        os.close(fd)
    sync_directory(path.parent)


def read_at(fd: int, offset: int, size_bytes: int) -> bytes:
    """Up to `size_bytes` from `offset`; fewer only where the file ends."""
    parts = []
    while size_bytes > 0:
        part = os.pread(fd, size_bytes, offset)
        if not part:
            break
        parts.append(part)
        offset += len(part)
        size_bytes -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


class Copier:
    """Copies byte ranges of one file to the end of another, joining short ones."""

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
            part = read_at(self._source, start, min(stop - start, COPY_BYTES))
            if not part:
                raise StorageError(
                    errno.EIO, f"{self._path}: the source became shorter while it was copied"
                )
            self.write(part)
            start += len(part)

    def _copy_in_kernel(self, start: int, size_bytes: int) -> int:
        _step("write", self._path)
        try:
            n_copied = os.copy_file_range(self._source, self._target, size_bytes, start)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                raise
            n_copied = 0
        if n_copied == 0:
            part = read_at(self._source, start, min(size_bytes, COPY_BYTES))
            if not part:
                raise StorageError(
                    errno.EIO, f"{self._path}: the source became shorter while it was copied"
                )
            write_all(self._target, part, self._path)
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
            write_all(self._target, data, self._path)
            self._count(len(data))

    def _count(self, n_bytes: int) -> None:
        self._unsynced_bytes += n_bytes
        if self._unsynced_bytes >= SYNC_BYTES:
            sync(self._target, self._path)
            self._unsynced_bytes = 0


def try_lock(fd: int, path: Path) -> bool:
    """Take an exclusive flock if nobody holds one."""
    _step("lock", path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock(fd: int, path: Path, timeout_s: float = LOCK_TIMEOUT_S) -> None:
    """Take an exclusive flock; LockTimeoutError names the holder after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    wait_s = 0.0002
    while not try_lock(fd, path):
        if time.monotonic() >= deadline:
            raise LockTimeoutError(
                errno.EAGAIN,
                f"{path} is locked by {_holder(fd)} for more than {timeout_s:g} s; "
                f"nothing was written: try again, or end that process",
            )
        time.sleep(wait_s)
        wait_s = min(wait_s * 2, 0.01)


def unlock(fd: int) -> None:
    """Give an flock back; a closed descriptor has none."""
    fcntl.flock(fd, fcntl.LOCK_UN)


def _holder(fd: int) -> str:
    """Who holds the flock, as /proc/locks tells."""
    state = os.fstat(fd)
    wanted = f"{os.major(state.st_dev):02x}:{os.minor(state.st_dev):02x}:{state.st_ino}"
    try:
        lines = Path("/proc/locks").read_text().splitlines()
    except OSError:
        return "another process"
    for line in lines:
        parts = line.split()
        if len(parts) > 5 and parts[1] == "FLOCK" and parts[5] == wanted:
            return f"process {parts[4]}"
    return "another process"
