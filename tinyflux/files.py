"""Every durable step: create, write, fsync, rename, truncate, unlink. The one door to them.

A test can watch each step, make it fail, cut it short or kill the process in it: see `intercepted`.
Knows bytes and paths, never rows.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from tinyflux.errors import StorageError

Hook: TypeAlias = Callable[[str, str], "int | None"]
"""Called with a step's name and its path before the step is done; what it raises fails the step.

For a `write` it may return how many bytes the disk takes of it.
"""

_hooks: list[Hook] = []


@contextmanager
def intercepted(hook: Hook) -> Iterator[None]:
    """Within it `hook` sees every durable step of this process first."""
    _hooks.append(hook)
    try:
        yield
    finally:
        _hooks.remove(hook)


def step(name: str, path: Path) -> int | None:
    """Say that a step comes; how many bytes of a write the disk takes, None for all."""
    taken: int | None = None
    for hook in _hooks:
        limit = hook(name, str(path))
        taken = taken if limit is None else limit
    return taken


def create(path: Path, mode: int, flags: int = os.O_RDWR) -> int:
    """A descriptor of a new file, whose mode is less the umask; FileExistsError where one is."""
    step("create", path)
    flags |= os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.open(path, flags, mode)


def make_directory(path: Path, mode: int = 0o777) -> None:
    """A new directory; FileExistsError where something is."""
    step("make directory", path)
    os.mkdir(path, mode)


def write_all(fd: int, data: bytes | memoryview, path: Path) -> None:
    """Write all of `data` at the descriptor's place; OSError when the disk takes less."""
    view = memoryview(data)
    while view:
        limit = step("write", path)
        view = view[os.write(fd, view[:limit]) :]


def write_at(fd: int, data: bytes, offset: int, path: Path) -> None:
    """Write all of `data` at `offset`; the descriptor must not be in O_APPEND mode."""
    view = memoryview(data)
    while view:
        limit = step("write", path)
        n_written = os.pwrite(fd, view[:limit], offset)
        view, offset = view[n_written:], offset + n_written


def sync(fd: int, path: Path) -> None:
    """The file's content and size are on disk when this returns."""
    step("fsync", path)
    os.fdatasync(fd)


def sync_directory(directory: Path) -> None:
    """The names in `directory` are on disk when this returns."""
    step("fsync directory", directory)
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except PermissionError:
        # A directory that may be entered but not listed cannot be opened: sync everything.
        os.sync()
        return
    try:
        os.fsync(fd)
    except OSError as error:
        # File systems that do not know it (CIFS, some of FUSE) say so.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(fd)


def truncate(fd: int, size_bytes: int, path: Path) -> None:
    """Cut the file to `size_bytes`."""
    step("truncate", path)
    os.ftruncate(fd, size_bytes)


def rename(source: Path, target: Path) -> None:
    """Put `source` in the place of `target`; nobody sees anything in between."""
    step("rename", target)
    os.rename(source, target)


def unlink(path: Path) -> None:
    """Remove a name; nothing happens where there is none."""
    step("unlink", path)
    path.unlink(missing_ok=True)


def give_rights(fd: int, path: Path, like: os.stat_result) -> None:
    """Give a file the owner, group and mode of `like`; PermissionError where not allowed."""
    step("rights", path)
    now = os.fstat(fd)
    if (now.st_uid, now.st_gid) != (like.st_uid, like.st_gid):
        os.fchown(fd, like.st_uid, like.st_gid)
    mode = stat.S_IMODE(like.st_mode)
    if stat.S_IMODE(os.fstat(fd).st_mode) != mode:
        os.fchmod(fd, mode)


def write_file(path: Path, data: bytes) -> None:
    """Write a new file with `data`; on disk, name included, when this returns."""
    fd = create(path, 0o666)
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


def open_aside(path: Path, like: os.stat_result) -> int:
    """A descriptor that appends to a file beside the data, made if there is none.

    It is as private as the data, `like`, and belongs to the data's owner if root makes it: whoever
    goes on with the data must not be locked out. Its name is on disk when this returns.
    PermissionError where more users may read it than the data, and this one cannot change that.
    """
    flags = os.O_WRONLY | os.O_APPEND
    try:
        step("open", path)
        fd = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return _created_aside(path, flags, like)
    try:
        take_rights(fd, path, like)
    except OSError as error:
        os.close(fd)
        reason = "more users may read it than may read the data, and its owner is another user"
        raise PermissionError(error.errno, reason, str(path)) from error
    return fd


def _created_aside(path: Path, flags: int, like: os.stat_result) -> int:
    fd = create(path, 0o600, flags)
    try:
        make_as_private(fd, path, like)
        sync_directory(path.parent)
    except OSError:
        os.close(fd)
        with suppress(OSError):
            path.unlink()
        raise
    return fd


def take_rights(fd: int, path: Path, like: os.stat_result) -> bool:
    """Take the rights from a file, or a directory of such, that `like` gives nobody (any more).

    Whether there were any. PermissionError where they cannot be taken.
    """
    now = os.fstat(fd)
    allowed = stat.S_IMODE(like.st_mode) & 0o666
    if now.st_gid != like.st_gid:
        # Its group is some of the others.
        allowed = allowed & ~0o060 | (allowed & 0o006) << 3
    if stat.S_ISDIR(now.st_mode):
        allowed |= (allowed & 0o444) >> 2
    excess = stat.S_IMODE(now.st_mode) & 0o077 & ~allowed
    if excess:
        step("rights", path)
        os.fchmod(fd, stat.S_IMODE(now.st_mode) & ~excess)
    return excess != 0


def make_as_private(fd: int, path: Path, like: os.stat_result) -> None:
    """Let those who may read or write a file be those who may `like`; a directory of it, too.

    Never executable. Where the group cannot be given, the group gets no right.
    """
    step("rights", path)
    mode = stat.S_IMODE(like.st_mode) & 0o666
    now = os.fstat(fd)
    if os.geteuid() == 0:
        os.fchown(fd, like.st_uid, like.st_gid)
    elif now.st_gid != like.st_gid:
        try:
            os.fchown(fd, -1, like.st_gid)
        except PermissionError:
            mode &= ~0o060
    if stat.S_ISDIR(now.st_mode):
        mode |= (mode & 0o444) >> 2 | 0o700
    os.fchmod(fd, mode)


def storage_error(error: OSError, doing: str, state: str = "the file is as before") -> StorageError:
    """`error` with what was being done, what holds now and what to do."""
    remedy = {
        errno.ENOSPC: "the disk is full: free some room, then the next call works",
        errno.EDQUOT: "the quota is used up: free some room, then the next call works",
        errno.EFBIG: "the file may not grow further (ulimit -f, or the file system's limit): raise "
        "the limit or remove old points",
        errno.EIO: "the disk reports an error: look at the kernel's log, and at the card or cable",
        errno.EROFS: "the file system is read-only: remount it, or check the card",
        errno.EACCES: f"let user {os.geteuid()} write the file and its directory",
        errno.EPERM: f"let user {os.geteuid()} write the file and its directory",
    }.get(error.errno or 0, "mend the cause and call again")
    return StorageError(error.errno, f"{doing}: {error.strerror}; {state}; {remedy}")
