"""A file that is followed by its name: opened, told from any other, locked, replaced.

Knows descriptors and names, never what stands in the file. It may be replaced at any moment by a
rewrite in another process: every operation looks first whether the open file is still the one
that has the name.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from tinyflux import files, locks
from tinyflux.errors import MissingError, StorageError
from tinyflux.marks import Identity
from tinyflux.mounts import warn_if_remote
from tinyflux.replaced import ReplacedFile


class NamedFile:
    """An open file. Descriptors follow the name: a replaced file is opened anew.

    Raises MissingError where no file has the name, StorageError for what is no regular file.
    """

    def __init__(self, path: Path, *, is_writable: bool) -> None:
        self.path = path
        self.asked_path = path
        """By which name the caller knows it: symbolic links in it must lead to `path` for good."""
        self.is_writable = is_writable
        self.lock_timeout_s = locks.LOCK_TIMEOUT_S
        self._replaced: ReplacedFile | None = None
        self._locked_fd = -1
        self._fd = -1
        self._n_opened = 0
        self._open()

    def __del__(self) -> None:
        # A program that never closes its databases has as many descriptors as it uses.
        self.close()

    def _open(self) -> None:
        """Open the file that has the name; its name is not known to be on disk."""
        flags = (os.O_RDWR | os.O_APPEND) if self.is_writable else os.O_RDONLY
        if self.path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "the data file is a directory", str(self.path))
        try:
            # Not to wait for the other end of a pipe.
            fd = os.open(self.path, flags | os.O_CLOEXEC | os.O_NONBLOCK)
        except FileNotFoundError as error:
            raise self._missing() from error
        state = os.fstat(fd)
        if not stat.S_ISREG(state.st_mode):
            os.close(fd)
            raise StorageError(errno.EINVAL, f"{self.path} is no regular file")
        warn_if_remote(self.path, state)
        self._close()
        self._fd = fd
        self._n_opened += 1
        self._pid = os.getpid()
        self._is_named = False

    def _missing(self) -> MissingError:
        return MissingError(
            errno.ENOENT,
            f"No such file: {self.asked_path} was deleted or renamed; put it back, or open the "
            f"database again, which begins an empty one",
        )

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        return self._fd < 0

    @property
    def is_inherited(self) -> bool:
        """Whether a fork copied the descriptor: its locks are the parent's."""
        return self._pid != os.getpid()

    @property
    def fd(self) -> int:
        """The open descriptor, in O_APPEND mode where it is writable."""
        if self._fd < 0:
            raise ValueError(f"{self.path}: the database is closed")
        return self._fd

    def _close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def close(self) -> None:
        """Close the descriptors; twice is fine. Nothing is synced."""
        self._close()
        self.forget_replaced()

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
        """The identity of the file that has the name now, which is open when this returns.

        Raises MissingError where none has it, StorageError where the name leads elsewhere now.
        """
        while True:
            try:
                named = os.stat(self.asked_path)
            except FileNotFoundError as error:
                raise self._missing() from error
            opened = os.fstat(self.fd)
            if (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino):
                return Identity.of(opened)
            self.require_place()
            if self.is_locked:
                raise StorageError(
                    errno.EBUSY,
                    f"{self.path} was replaced by another program in the middle of a change; "
                    f"nothing was changed: call again",
                )
            self._open()

    def require_place(self) -> None:
        """Raise StorageError where a symbolic link leads elsewhere than when it was opened.

        What this handle knows is of another file then, and a rewrite would replace the link.
        """
        place = os.path.realpath(self.asked_path)
        if place != str(self.path):
            raise StorageError(
                errno.ESTALE,
                f"{self.asked_path} leads to {place} now; it led to {self.path} when it was "
                f"opened; nothing was changed: open the database again to go on there",
            )

    def opened(self) -> Identity:
        """The identity of the open file, whether it still has the name or not."""
        return Identity.of(os.fstat(self.fd))

    def has_name(self) -> bool:
        """Whether the open file still has the name."""
        try:
            named = os.stat(self.path)
        except FileNotFoundError:
            return False
        return (named.st_dev, named.st_ino) == self.opened().file

    def read(self, start: int, stop: int) -> bytes:
        """The bytes from `start` to before `stop`, fewer where the file ends."""
        return files.read_at(self.fd, start, stop - start)

    @contextmanager
    def locked(self) -> Iterator[Identity]:
        """Within it no other process appends to the file or replaces it.

        Raises LockTimeoutError after `lock_timeout_s`.
        """
        identity = self.lock()
        try:
            yield identity
        finally:
            self.unlock()

    def lock(self) -> Identity:
        """From now on until `unlock` no other process appends to the file or replaces it.

        Raises LockTimeoutError after `lock_timeout_s`.
        """
        deadline = locks.Deadline(self.lock_timeout_s)
        while True:
            if self.is_inherited:
                self._open()  # a lock on a descriptor that a fork copied excludes nobody
            fd, n_opened = self.fd, self._n_opened
            locks.lock_append(fd, self.path, deadline)
            try:
                identity = self.current()
            except BaseException:
                locks.unlock_append(fd)
                raise
            if self._n_opened == n_opened:
                break
            # Opened anew: the lock went with the old descriptor.
        self._locked_fd = fd
        return identity

    def unlock(self) -> None:
        """End what `lock` began."""
        fd, self._locked_fd = self._locked_fd, -1
        locks.unlock_append(fd)

    def sync_name(self) -> None:
        """The file's name is on disk when this returns; done once for an open file.

        Whoever made or replaced the file may have died before that.
        """
        if not self._is_named:
            files.sync_directory(self.path.parent)
            self._is_named = True

    @property
    def is_locked(self) -> bool:
        """Whether this handle holds the lock."""
        return self._locked_fd >= 0

    @property
    def replaced(self) -> ReplacedFile | None:
        """The old file of the last rewrite by this handle, while it is watched."""
        return self._replaced

    def adopt(self, fd: int, taken_to: int) -> None:
        """Go on with `fd`, which has the file's name now; the old file stays open and watched.

        Its rows before `taken_to` stand in the new one.
        """
        self.forget_replaced()
        self._replaced = ReplacedFile(self._fd, taken_to)
        self._fd = fd
        self._is_named = False

    def forget_replaced(self) -> None:
        """Let go of the old file of a rewrite, which gives its room on the disk back."""
        if self._replaced is not None:
            self._replaced.close()
            self._replaced = None
