"""The next version of a data file: made beside it, given its name at once.

Holds the rewrite lock while it is open, so that two rewrites cannot undo each other. The new file
has the owner, group, mode and extended attributes of the old one, or nothing is done. Readers see
the old file or the new one.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tinyflux import files, locks
from tinyflux.csvfile import CsvFile
from tinyflux.errors import StorageError
from tinyflux.marks import new_generation

logger = logging.getLogger(__name__)

_KEPT_ATTRIBUTES = ("user.", "system.posix_acl_access")


@contextmanager
def replacing(file: CsvFile) -> Iterator[Replacement]:
    """Hold the rewrite lock; take it before reading the rows that decide the change.

    Raises LockTimeoutError. What was begun and not put in place is removed at the end.
    """
    lock = _locked_descriptor(file)
    replacement = Replacement(file)
    try:
        _require_name(file)
        yield replacement
    finally:
        replacement.close()
        os.close(lock)


def _require_name(file: CsvFile) -> None:
    """A change that finds nothing to do must not hide that an earlier one is not on disk."""
    try:
        file.sync_name()
    except OSError as error:
        doing = f"{file.path}: the name of the file could not be synced"
        raise files.storage_error(error, doing) from error


def _locked_descriptor(file: CsvFile) -> int:
    """A descriptor of the file that has the name, which holds the rewrite lock."""
    deadline = locks.Deadline(file.lock_timeout_s)
    while True:
        file.current()
        file.require_place()
        fd = os.open(file.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            locks.lock_rewrite(fd, file.path, deadline)
            opened = os.fstat(fd)
            if file.current().file == (opened.st_dev, opened.st_ino):
                return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)


def temporary_path(path: Path) -> Path:
    """Where the next version of `path` is made."""
    return path.with_name(f".{path.name}.rewrite")


def remove_left_over(file: CsvFile) -> None:
    """Remove what a killed rewrite left, which may be as large as the data; nothing else."""
    path = temporary_path(file.path)
    if not os.path.lexists(path):
        return
    try:
        fd = os.open(file.path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return
    try:
        opened = os.fstat(fd)
        is_free = locks.try_lock_rewrite(fd, file.path)
        if is_free and file.current().file == (opened.st_dev, opened.st_ino):
            files.unlink(path)
    except OSError as error:
        logger.info("%s: what a killed rewrite left is not removed: %s", path, error)
    finally:
        os.close(fd)


class Replacement:
    """The next version of one data file, while the rewrite lock is held."""

    def __init__(self, file: CsvFile) -> None:
        self._file = file
        self._fd = -1
        self._placed_fd = -1
        self.path = temporary_path(file.path)

    @property
    def fd(self) -> int:
        """The new file's descriptor; made when it is asked for first. StorageError if it cannot."""
        if self._fd < 0:
            self._fd = self._create()
        return self._fd

    @property
    def is_waiting(self) -> bool:
        """Whether a new file was made and is not yet put in place."""
        return self._fd >= 0

    def _create(self) -> int:
        try:
            # Whoever left one was killed: the rewrite lock is ours.
            files.unlink(self.path)
            fd = files.create(self.path, 0o600)
        except OSError as error:
            raise StorageError(
                error.errno,
                f"{self.path}: a rewrite makes its new file here and could not: {error.strerror}; "
                f"nothing was changed: make {self.path.parent} writable for user {os.geteuid()}, "
                f"and remove a file of this name that belongs to somebody else",
            ) from error
        try:
            # Nobody may append to it before the rename is on disk, nor rewrite it before this
            # process knows what it has become.
            locks.try_lock_append(fd, self.path)
            locks.try_lock_rewrite(fd, self.path)
            self._give_rights(fd)
        except BaseException:
            os.close(fd)
            with suppress(OSError):
                files.unlink(self.path)
            raise
        return fd

    def _give_rights(self, fd: int) -> None:
        """The rights of the old file; StorageError beforehand where they cannot be given."""
        old = os.fstat(self._file.fd)
        try:
            files.give_rights(fd, self.path, old)
            for name in os.listxattr(self._file.fd):
                if name.startswith(_KEPT_ATTRIBUTES):
                    os.setxattr(fd, name, os.getxattr(self._file.fd, name))
        except PermissionError as error:
            raise StorageError(
                errno.EPERM,
                f"{self._file.path} belongs to user {old.st_uid}, group {old.st_gid}, which a "
                f"rewrite by user {os.geteuid()} could not keep; nothing was changed: run it as "
                f"the owner, who must be in that group",
            ) from error
        except OSError as error:
            if error.errno != errno.ENOTSUP:  # a file system without extended attributes
                raise

    def require_room(self, needed_bytes: int) -> None:
        """Raise StorageError with the figures where the disk has no room for the new file."""
        self._file.forget_replaced()  # its room is needed
        free_bytes = shutil.disk_usage(self._file.path.parent).free
        if free_bytes < needed_bytes:
            raise StorageError(
                errno.ENOSPC,
                f"{self._file.path}: a rewrite needs room for the new file beside the old one, "
                f"{needed_bytes:,} bytes, and {free_bytes:,} are free; nothing was changed: free "
                f"{needed_bytes - free_bytes:,} bytes first, or remove more points at once",
            )

    def put_in_place(self, taken_to: int) -> bytes:
        """Give the new file the name of the data; its generation. Under the append lock.

        `taken_to` is how far the old file's rows were taken over. The lock is held until the new
        name is on disk: an append that was acknowledged before could vanish with it.
        """
        fd, file = self.fd, self._file
        files.sync(fd, self.path)
        if not _has_name(fd, self.path):
            raise StorageError(
                errno.ENOENT, f"{self.path} was removed by another program; nothing was changed"
            )
        if os.fstat(file.fd).st_nlink > 1:
            logger.warning(
                "%s has other names (hard links), which keep the old rows after this change: let a "
                "symbolic link stand for it instead",
                file.path,
            )
        fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) | os.O_APPEND)
        file.require_place()  # a link that was put there would be replaced
        files.rename(self.path, file.path)
        self._fd, self._placed_fd = -1, fd
        file.adopt(fd, taken_to)
        generation = new_generation()
        try:
            file.leave_mark(generation)
            self._sync_name()
        finally:
            locks.unlock_append(fd)
        return generation

    def _sync_name(self) -> None:
        try:
            self._file.sync_name()
        except OSError as error:
            raise files.storage_error(
                error,
                f"{self._file.path}: the change is made, but the disk did not confirm it",
                "everybody sees it, and a power cut may undo it as a whole; whoever writes next "
                "asks the disk again first",
            ) from error

    def close(self) -> None:
        """Remove what was not put in place; let others rewrite what was. Twice is fine."""
        if self._placed_fd >= 0:
            with suppress(OSError):  # closed with its file, if that was replaced again already
                locks.unlock_rewrite(self._placed_fd)
            self._placed_fd = -1
        if self._fd >= 0:
            if _has_name(self._fd, self.path):
                with suppress(OSError):
                    files.unlink(self.path)
            os.close(self._fd)
            self._fd = -1


def _has_name(fd: int, path: Path) -> bool:
    try:
        named = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    opened = os.fstat(fd)
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)
