"""The mark that a writer of this engine leaves: which state of the file was the last one it made.

A file whose identity equals the mark was changed by nobody else since. The generation says more:
while it stays the same, rows were only appended. Every writer, under the lock, compares before it
writes; what it finds changed by others gets a new generation. A mark that announces a batch says
where it begins and where it will end: what a killed writer left of it is no part of the data. The
mark is a hint and may be lost: then columns are compared with the file instead.
"""

from __future__ import annotations

import os
import secrets
import struct
import time
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tinyflux import files
from tinyflux.sidecar import is_trusted, make_sidecar, sidecar

_FORMAT = struct.Struct("<8s8s16sQQQqqQI32sIQI")
_MAGIC = b"TFXMARK1"
TAIL_BYTES = 256
"""How many bytes before a place a mark knows by their checksum."""
_HEAD_BYTES = 32
NO_TIME = -1
"""As the times of an identity: the file could not be stamped, so that no state is recognised."""
NEVER = (1 << 64) - 1
"""As the end of a batch: it failed and could not be cut off, so no size of the file makes it
whole."""

Read = Callable[[int, int], bytes]
"""The bytes of a file from a start to before a stop."""


class Identity(NamedTuple):
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


class Mark(NamedTuple):
    """The last state that a writer made, and the generation it belongs to."""

    generation: bytes
    """Eight random bytes; the same as long as rows were only appended by writers that know it."""
    identity: Identity
    tail: int = 0
    """CRC-32 of the last 256 bytes (or all) before the identity's size: what a row's end was."""
    synced_bytes: int = 0
    """How much of the file was on disk, ending with a row."""
    synced_tail: int = 0
    """As `tail`, before that place."""
    boot: bytes = b"\0" * 16
    """Which start of the system it was written in; a power cut may have torn what it names."""
    batch_end: int = 0
    """Where rows end that are being written behind the identity's size; 0 where none are."""
    batch_head: bytes = b""
    """The first bytes of these rows, at most 32."""

    @classmethod
    def of_bytes(cls, data: bytes) -> Mark | None:
        """The mark that `data` holds, or None where it holds none whole."""
        if len(data) != _FORMAT.size + 4:
            return None
        body, checksum = data[:-4], data[-4:]
        if zlib.crc32(body).to_bytes(4, "little") != checksum:
            return None
        magic, generation, boot, *rest = _FORMAT.unpack(body)
        *numbers, end, n_head, head, tail, synced_bytes, synced_tail = rest
        if magic != _MAGIC or n_head > _HEAD_BYTES:
            return None
        identity = Identity(*numbers)
        head = head[:n_head]
        return cls(generation, identity, tail, synced_bytes, synced_tail, boot, end, head)

    def to_bytes(self) -> bytes:
        """The mark as FORMAT.md says, little-endian, with its CRC-32 behind it."""
        identity = self.identity
        body = _FORMAT.pack(
            _MAGIC,
            self.generation,
            self.boot,
            identity.device,
            identity.inode,
            identity.size_bytes,
            identity.mtime_ns,
            identity.ctime_ns,
            self.batch_end,
            len(self.batch_head),
            self.batch_head,
            self.tail,
            self.synced_bytes,
            self.synced_tail,
        )
        return body + zlib.crc32(body).to_bytes(4, "little")

    @property
    def is_synced(self) -> bool:
        """Whether the file was on disk as it is."""
        return self.synced_bytes == self.identity.size_bytes

    @property
    def tells_identity(self) -> bool:
        """Whether the writer could give the file a time of its own."""
        return self.identity.mtime_ns != NO_TIME

    @property
    def is_of_this_boot(self) -> bool:
        """Whether no power cut can have torn what it names."""
        return self.boot == boot_id() and any(self.boot)

    def synced(self) -> Mark:
        """The same state, known to be on disk."""
        return self._replace(synced_bytes=self.identity.size_bytes, synced_tail=self.tail)

    def is_of(self, identity: Identity) -> bool:
        """Whether `identity` is the state that a writer left, whole.

        A mark of before a restart proves nothing of bytes that were not on disk then.
        """
        is_told = self.is_of_this_boot or self.is_synced
        return self.identity == identity and is_told and self.batch_end != NEVER

    def is_ahead_of(self, identity: Identity) -> bool:
        """Whether a writer has gone on since `identity` was looked at."""
        return self.is_of_file(identity) and self.identity.size_bytes > identity.size_bytes

    def is_of_file(self, identity: Identity) -> bool:
        """Whether it speaks of an earlier or later state of the same open file."""
        return self.identity.file == identity.file

    def batch_start(self, identity: Identity, read: Read) -> int | None:
        """Where rows begin that a writer has not finished; None where there are none.

        Only within one start of the system: then nothing that was written is lost, and what stands
        there is what the writer wrote.
        """
        start = self.identity.size_bytes
        if not self.is_of_file(identity) or not self.is_of_this_boot:
            return None
        if not start < identity.size_bytes < self.batch_end:
            return None
        head = read(start, min(start + len(self.batch_head), identity.size_bytes))
        return start if self.batch_head.startswith(head) else None

    def row_end(self, identity: Identity, read: Read) -> int | None:
        """A place in the file where a row ends and what is before is there; None if unknown.

        After a restart of the system that is where the last sync left it.
        """
        end, tail = self.synced_bytes, self.synced_tail
        if self.is_of_this_boot:
            end, tail = self.identity.size_bytes, self.tail
        if not self.is_of_file(identity) or not 0 < end <= identity.size_bytes:
            return None
        return end if tail_checksum(end, read) == tail else None

    def announcing(self, data: bytes) -> Mark:
        """The mark that is left before the rows `data` are written."""
        end = self.identity.size_bytes + len(data)
        return self._replace(batch_end=end, batch_head=data[:_HEAD_BYTES], boot=boot_id())

    def refusing(self, data: bytes) -> Mark:
        """The mark that is left where `data` was written, failed, and could not be cut off."""
        return self.announcing(data)._replace(batch_end=NEVER)


def tail_checksum(end: int, read: Read) -> int:
    """CRC-32 of the bytes before `end` that a mark names."""
    return zlib.crc32(read(max(0, end - TAIL_BYTES), end))


def new_generation() -> bytes:
    """A generation that no file had before."""
    return secrets.token_bytes(8)


@cache
def boot_id() -> bytes:
    """Which start of the system this is; zeros where it cannot be told."""
    try:
        text = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8")
        return bytes.fromhex(text.strip().replace("-", ""))
    except (OSError, ValueError):
        return b"\0" * 16


def read_mark(path: Path) -> Mark | None:
    """The mark beside the data file `path`, or None."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    if not is_trusted(path):
        return None
    try:
        fd = os.open(mark_path(path), flags)
    except OSError:
        return None
    try:
        return Mark.of_bytes(os.read(fd, 256))
    except OSError:
        return None
    finally:
        os.close(fd)


def write_mark(path: Path, mark: Mark) -> bool:
    """Store the mark; False where it cannot be, which costs speed and nothing else.

    It is written in place and not synced: one page of the page cache, whatever the write rate.
    """
    try:
        fd = open_mark(path)
    except OSError:
        return False
    try:
        files.write_at(fd, mark.to_bytes(), 0, mark_path(path))
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def mark_path(path: Path) -> Path:
    """Where the mark of the data file `path` is."""
    return sidecar(path) / "mark"


def open_mark(path: Path) -> int:
    """A descriptor to write the mark with, made if there is none; OSError where that cannot be."""
    name = mark_path(path)
    flags = os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    if not is_trusted(path):
        make_sidecar(path)
    try:
        return os.open(name, flags)
    except FileNotFoundError:
        pass
    except PermissionError:
        files.unlink(name)  # another user's; the directory is ours
    fd = files.create(name, 0o600, os.O_WRONLY)
    files.make_as_private(fd, name, os.stat(path))
    return fd


def stamp(fd: int) -> bool:
    """Give the file a modification time that no other write has; False where that cannot be.

    The kernel stamps writes at ticks of some ms: two writes within one leave the same time. A time
    of our own, to the ns, tells ours from any that follows.
    """
    now_ns = time.time_ns()
    try:
        os.utime(fd, ns=(now_ns, now_ns))
    except OSError:
        return False
    return True
