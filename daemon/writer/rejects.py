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

from daemon.messages import Mapped
from daemon.writer.inbox import Item
from daemon.writer.reject_lines import encode_reject
from tinyflux import files

_LOCK_TIMEOUT_S = 5.0
_LOCK_POLL_S = 0.01


def predecessor_of(path: Path) -> Path:
    """Where the lines before those of a reject file are."""
    return path.with_name(f"{path.stem}.1{path.suffix}")


class RejectFile:
    """Appends rejected items. Writer thread only; every method may raise OSError."""

    def __init__(self, path: Path, max_size_bytes: int) -> None:
        self.path = path
        self._half_bytes = max_size_bytes // 2
        self._file: IO[bytes] | None = None
        self._is_dirty = False

    @property
    def predecessor(self) -> Path:
        """Where the lines before these are."""
        return predecessor_of(self.path)

    def append(self, item: Item, mapped: Mapped) -> None:
        """Write one line; it is on disk after `sync`. A failed append leaves no half line."""
        line = encode_reject(item, mapped, self._half_bytes)
        file = self._lock()
        try:
            size_bytes = file.seek(0, os.SEEK_END)
            if size_bytes and size_bytes + len(line) > self._half_bytes:
                self._rotate()
                file = self._lock()
                size_bytes = file.seek(0, os.SEEK_END)
            self._is_dirty = True
            try:
                files.write_all(file.fileno(), line, self.path)
            except OSError:
                files.truncate(file.fileno(), size_bytes, self.path)
                raise
        finally:
            if self._file is not None:
                fcntl.flock(self._file, fcntl.LOCK_UN)

    def sync(self) -> None:
        """Every line so far is on disk when this returns."""
        if self._is_dirty and self._file is not None:
            files.sync(self._file.fileno(), self.path)
            self._is_dirty = False

    def close(self) -> None:
        """Release the file; safe twice."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _lock(self) -> IO[bytes]:
        """The file that has the name now, locked."""
        while True:
            if self._file is None:
                self._file = self._open()
            lock(self._file.fileno(), self.path)
            if is_named(self._file.fileno(), self.path):
                return self._file
            # Taken away for a replay, with lines in it that are not on disk yet.
            self.sync()
            self.close()

    def _open(self) -> IO[bytes]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not self.path.exists()
        file = self.path.open("a+b", buffering=0)
        try:
            if is_new:
                files.sync_directory(self.path.parent)
            self._end_last_line(file)
        except OSError:
            file.close()
            raise
        return file

    @staticmethod
    def _end_last_line(file: IO[bytes]) -> None:
        """A power cut may have left half a line: the next one must not continue it."""
        if file.seek(0, os.SEEK_END):
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                file.write(b"\n")

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
