"""The reject file: what could not be mapped, one JSON object a line, bounded in size.

When the file has half of its allowed size it becomes the predecessor (`rejects.1.jsonl`) and a new
one begins. Another process may take both away, to try them under other rules (`reject_replay.py`):
so every line is written under the file's lock, into the file that has the name at that moment.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from daemon.errors import EX_IOERR, EX_NOPERM, StartError
from daemon.messages import Mapped
from daemon.writer.inbox import Item
from daemon.writer.reject_lines import encode_reject
from tinyflux import files

_LOCK_TIMEOUT_S = 5.0
_LOCK_POLL_S = 0.01
# Kept in memory until they are synced; more are synced early.
_MOST_UNSYNCED_BYTES = 1 << 20


def predecessor_of(path: Path) -> Path:
    """Where the lines before those of a reject file are."""
    return path.with_name(f"{path.stem}.1{path.suffix}")


def working_paths(path: Path) -> tuple[Path, Path]:
    """Where a replay has the older and the newer lines while it works."""
    return (
        path.with_name(f"{path.stem}.replay.1{path.suffix}"),
        path.with_name(f"{path.stem}.replay{path.suffix}"),
    )


class RejectFile:
    """Appends rejected items. Writer thread only; every method may raise OSError."""

    def __init__(self, path: Path, max_size_bytes: int) -> None:
        self.path = path
        self._half_bytes = max_size_bytes // 2
        self._file: IO[bytes] | None = None
        self._unsynced: list[tuple[int, bytes]] = []
        """Where what was written since the last sync begins, and what it was."""
        self._unsynced_bytes = 0
        self._is_doubtful = False
        self._is_name_durable = False

    @property
    def predecessor(self) -> Path:
        """Where the lines before these are."""
        return predecessor_of(self.path)

    def open(self) -> None:
        """What earlier processes have left in the page cache is on disk. Raises StartError."""
        try:
            for path in (self.path, self.predecessor, *working_paths(self.path)):
                with suppress(FileNotFoundError), path.open("rb") as file:
                    files.sync(file.fileno(), path)
                    files.sync_directory(path.parent)
        except OSError as error:
            raise StartError(
                f"cannot use {self.path}, where rejected messages are kept: {error.strerror}; give "
                "the collector's user the right to read and write it, or move it away",
                EX_NOPERM if isinstance(error, PermissionError) else EX_IOERR,
            ) from error

    def append(self, item: Item, mapped: Mapped) -> None:
        """Write one line; it is on disk after `sync`. A failed append leaves no half line."""
        line = encode_reject(item, mapped, self._half_bytes)
        if self._unsynced_bytes > _MOST_UNSYNCED_BYTES:
            self.sync()
        file = self._lock()
        try:
            size_bytes = file.seek(0, os.SEEK_END)
            if size_bytes and size_bytes + len(line) > self._half_bytes:
                self._rotate()
                file = self._lock()
            self._write(file, line)
        finally:
            if self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def lines(self) -> Iterator[bytes]:
        """Every line that is here, oldest first."""
        for path in (self.predecessor, self.path):
            with suppress(FileNotFoundError), path.open("rb") as file:
                yield from file

    def sync(self) -> None:
        """Every line so far is on disk when this returns.

        After one that failed the kernel may call pages clean that never reached the disk: the next
        one writes the same lines again in their places before it believes the disk.
        """
        if not self._unsynced or self._file is None:
            return
        descriptor = self._file.fileno()
        if self._is_doubtful:
            for offset, line in self._unsynced:
                files.write_at(descriptor, line, offset, self.path)
        self._is_doubtful = True
        files.sync(descriptor, self.path)
        if not self._is_name_durable:
            files.sync_directory(self.path.parent)
            self._is_name_durable = True
        self._is_doubtful = False
        self._unsynced.clear()
        self._unsynced_bytes = 0

    def close(self) -> None:
        """Release the file; safe twice."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, file: IO[bytes], line: bytes) -> None:
        """Only under the lock, so that the end stays where it is."""
        size_bytes = file.seek(0, os.SEEK_END)
        try:
            files.write_all(file.fileno(), line, self.path)
        except OSError:
            files.truncate(file.fileno(), size_bytes, self.path)
            raise
        self._unsynced.append((size_bytes, line))
        self._unsynced_bytes += len(line)

    def _lock(self) -> IO[bytes]:
        """The file that has the name now, locked, with its last line ended."""
        while True:
            is_opened = self._file is None
            if self._file is None:
                self._file = self._open()
            lock(self._file.fileno(), self.path)
            if is_named(self._file.fileno(), self.path):
                if is_opened:
                    self._end_last_line(self._file)
                return self._file
            # Taken away for a replay, with lines in it that are not on disk yet.
            self.sync()
            self.close()

    def _open(self) -> IO[bytes]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        # Without O_APPEND, which knows no place but the end: a sync may have to write again.
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        self._is_name_durable = False
        return os.fdopen(descriptor, "r+b", buffering=0)

    def _end_last_line(self, file: IO[bytes]) -> None:
        """A power cut may have left half a line: the next one must not continue it."""
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                self._write(file, b"\n")

    def _rotate(self) -> None:
        """The file becomes the predecessor; called under its lock, which goes with it."""
        self.sync()
        files.rename(self.path, self.predecessor)
        files.sync_directory(self.path.parent)
        self.close()


def lock(descriptor: int, path: Path) -> None:
    """Take the lock of an open reject file; OSError when somebody holds it for seconds."""
    deadline_s = time.monotonic() + _LOCK_TIMEOUT_S
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        if time.monotonic() >= deadline_s:
            raise OSError(
                errno.EWOULDBLOCK,
                "another process holds its lock (a replay that hangs?)",
                str(path),
            )
        time.sleep(_LOCK_POLL_S)


def is_named(descriptor: int, path: Path) -> bool:
    """Whether an open file is the one that has this name now."""
    try:
        named, opened = path.stat(), os.fstat(descriptor)
    except FileNotFoundError:
        return False
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)


@contextmanager
def locked(path: Path, like: os.stat_result) -> Iterator[None]:
    """Within it nobody appends to the reject file, made with the rights of `like` if it is missing.

    The name may be given to another file meanwhile: whoever waits for the lock looks again.
    """
    while True:
        descriptor = _open_or_make(path, like)
        try:
            lock(descriptor, path)
            if is_named(descriptor, path):
                yield
                return
        finally:
            os.close(descriptor)


def _open_or_make(path: Path, like: os.stat_result) -> int:
    with suppress(FileNotFoundError):
        return os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        descriptor = files.create(path, 0o600)
    except FileExistsError:
        return _open_or_make(path, like)
    # Root may replay what the service's user must go on with.
    files.give_rights(descriptor, path, like)
    return descriptor
