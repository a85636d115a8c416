"""The mark that a writer of this engine leaves: which state of the file was the last one it made.

A file whose identity equals the mark was changed by nobody else since. The generation says more:
while it stays the same, rows were only appended. Every writer, under the lock, compares before it
writes; what it finds changed by others gets a new generation. The mark is a hint and may be lost:
then columns are compared with the file instead.
"""

from __future__ import annotations

import os
import secrets
import struct
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

_FORMAT = struct.Struct("<8s8sQQQqq")
_MAGIC = b"TFXMARK1"


@dataclass(frozen=True, slots=True)
class Identity:
    """What tells one state of a file from another."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, state: os.stat_result) -> Identity:
        """The identity that a stat shows."""
        return cls(state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns)

    @property
    def file(self) -> tuple[int, int]:
        """Device and inode: the open file, whatever it holds."""
        return self.device, self.inode


@dataclass(frozen=True, slots=True)
class Mark:
    """The last state that a writer made, and the generation it belongs to."""

    generation: bytes
    """Eight random bytes; the same as long as rows were only appended by writers that know it."""
    identity: Identity

    @classmethod
    def of_bytes(cls, data: bytes) -> Mark | None:
        """The mark that `data` holds, or None where it holds none whole."""
        if len(data) != _FORMAT.size + 4:
            return None
        body, checksum = data[:-4], data[-4:]
        if zlib.crc32(body).to_bytes(4, "little") != checksum:
            return None
        magic, generation, *numbers = _FORMAT.unpack(body)
        return cls(generation, Identity(*numbers)) if magic == _MAGIC else None

    def to_bytes(self) -> bytes:
        """The mark as it is stored: magic, generation, identity, CRC-32, little-endian."""
        identity = self.identity
        body = _FORMAT.pack(
            _MAGIC,
            self.generation,
            identity.device,
            identity.inode,
            identity.size_bytes,
            identity.mtime_ns,
            identity.ctime_ns,
        )
        return body + zlib.crc32(body).to_bytes(4, "little")


def new_generation() -> bytes:
    """A generation that no file had before."""
    return secrets.token_bytes(8)


def sidecar(path: Path) -> Path:
    """The directory of the mark and the index cache of a data file."""
    return path.with_name(f".{path.name}.index")


def read_mark(path: Path) -> Mark | None:
    """The mark beside the data file `path`, or None."""
    try:
        fd = os.open(sidecar(path) / "mark", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        return Mark.of_bytes(os.read(fd, 256))
    finally:
        os.close(fd)


def write_mark(path: Path, mark: Mark) -> bool:
    """Store the mark; False where it cannot be, which costs speed and nothing else.

    It is written in place and not synced: one page of the page cache, whatever the write rate.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    name = sidecar(path) / "mark"
    try:
        try:
            fd = os.open(name, flags, 0o666)
        except FileNotFoundError:
            make_sidecar(path)
            fd = os.open(name, flags, 0o666)
        except PermissionError:
            os.unlink(name)  # another user's; the directory is ours
            fd = os.open(name, flags, 0o666)
    except OSError:
        return False
    try:
        os.pwrite(fd, mark.to_bytes(), 0)
        give_to_owner(fd, path)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def make_sidecar(path: Path) -> Path:
    """The sidecar directory, made if there is none; it belongs to the data's owner."""
    directory = sidecar(path)
    directory.mkdir(exist_ok=True)
    if os.geteuid() == 0:
        owner = os.stat(path)
        os.chown(directory, owner.st_uid, owner.st_gid)
    return directory


def give_to_owner(fd: int, path: Path) -> None:
    """Let what root writes beside a data file belong to the data's owner, who goes on with it."""
    if os.geteuid() == 0:
        owner = os.stat(path)
        os.fchown(fd, owner.st_uid, owner.st_gid)


def stamp(fd: int) -> bool:
    """Give the file a modification time that no other write has; False without the right to.

    The kernel stamps writes at ticks of some ms: two writes within one leave the same time. A time
    of our own, to the ns, tells ours from any that follows.
    """
    now_ns = time.time_ns()
    try:
        os.utime(fd, ns=(now_ns, now_ns))
    except PermissionError:
        return False
    return True
