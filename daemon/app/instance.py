"""One collector per data file: the second one is refused.

Two writers on one file would be safe for the file, but they would throw each other out at the
broker and keep two ledgers.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
from pathlib import Path

from daemon.errors import EX_CANTCREAT, EX_NOPERM, EX_UNAVAILABLE, StartError


class InstanceLock:
    """An flock on a file beside the data; the kernel gives it back with the process.

    The file itself means nothing: one that root left behind is opened for reading and locked.
    """

    def __init__(self, path: Path, data_path: Path) -> None:
        self._path = path
        self._data_path = data_path
        self._descriptor = -1

    def acquire(self) -> None:
        """Hold the lock from now on. StartError names the process that has it, or the user whom
        root would lock out."""
        self._refuse_root()
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            process = _holder(descriptor)
            holder = "process unknown" if process is None else f"process {process}"
            os.close(descriptor)
            raise StartError(
                f"another collector ({holder}) already writes {self._data_path}: stop it first, "
                "or give this one a storage.path of its own",
                EX_UNAVAILABLE,
            ) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the lock back. Safe twice and before `acquire`."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _refuse_root(self) -> None:
        """What root makes in a user's folder, that user cannot write any more."""
        folder = self._path.parent
        try:
            owner = folder.stat().st_uid
        except OSError:
            return
        if os.geteuid() == 0 and owner != 0:
            name = _user_name(owner)
            raise StartError(
                f"{folder} belongs to the user {name}, and files that root makes there would lock "
                f"that user's collector out: start it as {name} (runuser -u {name} -- "
                "tinyflux-collector run ...), or as the service (systemctl start)",
                EX_NOPERM,
            )

    def _open(self) -> int:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                descriptor = os.open(
                    self._path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644
                )
                # Whatever the umask: every user who may write the data may lock.
                with contextlib.suppress(PermissionError):
                    os.fchmod(descriptor, 0o644)
                return descriptor
        except PermissionError as error:
            raise StartError(
                f"cannot open {self._path}: {error.strerror}; give user id {os.geteuid()} the "
                f"right to read it and to write in {self._path.parent}",
                EX_NOPERM,
            ) from error
        except OSError as error:
            raise StartError(
                f"cannot make {self._path}: {error.strerror}; set storage.path to a file in a "
                "folder on a disk with room",
                EX_CANTCREAT,
            ) from error


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def lock_path(data: Path) -> Path:
    """The lock file of a data file."""
    return data.with_suffix(".lock")


def holder_of(path: Path) -> int | None:
    """The process that holds this lock; None where nobody does. Takes no lock itself."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return _holder(descriptor)
    finally:
        os.close(descriptor)


def _holder(descriptor: int) -> int | None:
    """Who has the lock, as the kernel lists it (proc(5), /proc/locks)."""
    state = os.fstat(descriptor)
    wanted = f"{os.major(state.st_dev):02x}:{os.minor(state.st_dev):02x}:{state.st_ino}"
    with contextlib.suppress(OSError):
        for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
            parts = line.split()
            if len(parts) > 5 and parts[1] == "FLOCK" and parts[5] == wanted:
                return int(parts[4])
    return None
