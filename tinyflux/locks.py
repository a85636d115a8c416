"""Locks on a data file: one to append, one to rewrite. A process that ends leaves none behind.

The append lock is an flock on the file, the rewrite lock an open-file-description lock on one byte
far behind its end (Linux, fcntl(2) F_OFD_SETLK): both belong to the open file, so that closing
another descriptor drops neither, and no lock file is needed that somebody could leave or remove.
"""

from __future__ import annotations

import errno
import fcntl
import os
import random
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tinyflux import files
from tinyflux.errors import LockTimeoutError

LOCK_TIMEOUT_S = 60.0

_FLOCK = struct.Struct("@hhqqi")
"""struct flock of fcntl(2) with 64-bit offsets: type, whence, start, length, pid."""
_APPEND_QUEUE, _REWRITE_QUEUE, _REWRITE = ((1 << 62) + byte for byte in range(3))
_NO_LOCKS = (errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS)
_TAKEN, _FREED = (
    {
        byte: _FLOCK.pack(kind, os.SEEK_SET, byte, 1, 0)
        for byte in (_APPEND_QUEUE, _REWRITE_QUEUE, _REWRITE)
    }
    for kind in (fcntl.F_WRLCK, fcntl.F_UNLCK)
)
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.0002, 0.002


class Deadline:
    """When a wait for locks is over; one for all the locks of an operation."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._end_s = time.monotonic() + timeout_s

    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self._end_s


def lock_append(fd: int, path: Path, deadline: Deadline) -> None:
    """Take the append lock; LockTimeoutError names the holder.

    Whoever waits is next: one waits for the lock and the others behind it, so that a writer
    without a pause starves nobody.
    """
    wait = None
    if not _try_byte(fd, _APPEND_QUEUE):
        wait = _Wait(fd, path, deadline, "appended to", append_holders)
        wait.until(lambda: _try_byte(fd, _APPEND_QUEUE))
    try:
        if not try_lock_append(fd, path):
            wait = wait or _Wait(fd, path, deadline, "appended to", append_holders)
            wait.until(lambda: try_lock_append(fd, path))
    finally:
        _free_byte(fd, _APPEND_QUEUE)


def try_lock_append(fd: int, path: Path) -> bool:
    """Take the append lock if nobody holds it."""
    files.step("lock", path)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock_append(fd: int) -> None:
    """Give the append lock back; a closed descriptor has none."""
    fcntl.flock(fd, fcntl.LOCK_UN)


def lock_rewrite(fd: int, path: Path, deadline: Deadline) -> None:
    """Take the rewrite lock, for which `fd` must be writable; LockTimeoutError names the holder."""
    wait = _Wait(fd, path, deadline, "rewritten", rewrite_holders)
    wait.until(lambda: _try_byte(fd, _REWRITE_QUEUE))
    try:
        wait.until(lambda: try_lock_rewrite(fd, path))
    finally:
        _free_byte(fd, _REWRITE_QUEUE)


def try_lock_rewrite(fd: int, path: Path) -> bool:
    """Take the rewrite lock if nobody holds it."""
    files.step("lock", path)
    return _try_byte(fd, _REWRITE)


def unlock_rewrite(fd: int) -> None:
    """Give the rewrite lock back."""
    _free_byte(fd, _REWRITE)


def _try_byte(fd: int, byte: int) -> bool:
    try:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _TAKEN[byte])
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        # A queue is a courtesy; a rewrite without its lock could undo another one.
        if byte == _REWRITE or error.errno not in _NO_LOCKS:
            raise
    return True


def _free_byte(fd: int, byte: int) -> None:
    with suppress(OSError):  # where it could not be taken
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FREED[byte])


class _Wait:
    def __init__(
        self,
        fd: int,
        path: Path,
        deadline: Deadline,
        doing: str,
        holders: Callable[[int], str],
    ) -> None:
        self._fd = fd
        self._path = path
        self._deadline = deadline
        self._doing = doing
        self._holders = holders

    def until(self, is_taken: Callable[[], bool]) -> None:
        wait_s = _FIRST_WAIT_S
        while not is_taken():
            if self._deadline.is_over():
                raise LockTimeoutError(
                    errno.EAGAIN,
                    f"{self._path} is being {self._doing} by {self._holders(self._fd)} for more "
                    f"than {self._deadline.timeout_s:g} s; nothing was written: try again, or end "
                    f"that process",
                )
            time.sleep(wait_s * (0.5 + random.random()))
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)


def append_holders(fd: int) -> str:
    """Which other processes append to this file, as far as /proc tells this user."""
    name = _name_in_proc(fd)
    found = _holders_by_name(name)
    # Of a lock that a child has kept alone, /proc/locks names the dead; then those who queue.
    found = found or _holders_by_descriptor(name, "FLOCK", fd)
    return _listed(found or _holders_by_descriptor(name, "OFDLCK", fd))


def rewrite_holders(fd: int) -> str:
    """Which other processes rewrite this file, as far as /proc tells this user."""
    return _listed(_holders_by_descriptor(_name_in_proc(fd), "OFDLCK", fd))


def _listed(pids: set[int]) -> str:
    return " and ".join(f"process {pid}" for pid in sorted(pids)) or "another process"


def _name_in_proc(fd: int) -> str:
    state = os.fstat(fd)
    return f"{os.major(state.st_dev):02x}:{os.minor(state.st_dev):02x}:{state.st_ino}"


def _holders_by_name(name: str) -> set[int]:
    found = set()
    for words in _lock_lines(Path("/proc/locks")):
        if "FLOCK" in words and "->" not in words and name in words:
            found.add(int(words[words.index(name) - 1]))
    return {pid for pid in found if _may_hold(Path(f"/proc/{pid}"), name)}


def _may_hold(process: Path, name: str) -> bool:
    """False where the process is gone, or its number is another's now."""
    try:
        descriptors = list((process / "fdinfo").iterdir())
    except PermissionError:
        return True
    except OSError:
        return False
    return any(_is_holding(descriptor, name, "FLOCK") for descriptor in descriptors)


def _holders_by_descriptor(name: str, kind: str, fd: int) -> set[int]:
    """Locks of an open file description have no process in /proc/locks, but a descriptor has."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            descriptors = list((process / "fdinfo").iterdir())
        except OSError:
            continue  # another user's, or gone
        for descriptor in descriptors:
            if process.name == str(os.getpid()) and descriptor.name == str(fd):
                continue
            if _is_holding(descriptor, name, kind):
                found.add(int(process.name))
    return found


def _is_holding(descriptor: Path, name: str, kind: str) -> bool:
    return any(kind in words and name in words for words in _lock_lines(descriptor))


def _lock_lines(path: Path) -> list[list[str]]:
    try:
        return [line.split() for line in path.read_text().splitlines()]
    except (OSError, ValueError):
        return []
