"""Which messages a broker sent again because our acknowledgement did not reach it.

The acknowledgement of a message is lost when the connection or the process ends before it is sent;
the broker then sends the message again, marked, with its old packet id (MQTT 3.1.1 section 4.4).
What was written is remembered in a file beside the data, so that a new process knows it too.

The file: `TFRECEIV`, a version byte, then records of 19 bytes: kind, packet id, broker (CRC-32 of
its name), a hash of topic and payload (BLAKE2b, 8 bytes), the CRC-32 of all that. It is written
after the rows and never synced. A record counts once a later one says that a commit followed it, or
as long as the machine has not restarted: what the page cache had of the rows is then still there.
So a power cut may let a message be stored twice, and never lets one be taken for stored that is
not. Full, it becomes the predecessor (`.received.1`) and a new one begins.
"""

from __future__ import annotations

import enum
import os
import struct
import zlib
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path

from daemon.errors import EX_IOERR, EX_NOPERM, StartError
from daemon.messages import Message
from tinyflux import files

# A strict broker has no more unacknowledged than its window; Mosquitto 2.0.11 may have thousands,
# because acknowledgements that it has not read are lost with a killed process's connection. Less
# than half of the packet ids there are: one that is given out anew means another message.
_MAX_MESSAGES = 30_000
_PACKET_IDS = 65_536
_HEAD = b"TFRECEIV\x01"
_RECORD = struct.Struct("<BHI8sI")
_MAX_BYTES = _MAX_MESSAGES * _RECORD.size


class _Kind(enum.IntEnum):
    WRITTEN = 1
    COMMITTED = 2
    BOOT = 3
    """From here on this boot of the machine has written; its hash stands in the digest."""


class _Table:
    """Packet id to a hash of topic and payload, of the newest messages; 0.8 MB whatever happens."""

    def __init__(self) -> None:
        self._hashes = array("Q", bytes(8 * _PACKET_IDS))
        self._numbers = array("Q", bytes(8 * _PACKET_IDS))
        self._count = 0

    def put(self, packet_id: int, digest: bytes) -> None:
        self._count += 1
        self._hashes[packet_id] = int.from_bytes(digest, "little")
        self._numbers[packet_id] = self._count

    def has(self, packet_id: int, digest: bytes) -> bool:
        number = self._numbers[packet_id]
        is_recent = number > 0 and self._count - number < _MAX_MESSAGES
        return is_recent and self._hashes[packet_id] == int.from_bytes(digest, "little")


@dataclass(slots=True)
class _Received:
    """What was written of one broker's messages."""

    connection: int = 0
    table: _Table = field(default_factory=_Table)
    may_repeat: bool = True
    """On this connection nothing but what was sent again has come."""


class DuplicateMemory:
    """Writer thread only. Without a path it lasts as long as the process."""

    def __init__(self, path: Path | None = None, boot_id: str = "") -> None:
        self._path = path
        # Where the kernel does not say which boot this is, each process is its own.
        self._boot = _hash(boot_id.encode()) if boot_id else os.urandom(8)
        self._received: dict[int, _Received] = {}
        self._unwritten: list[bytes] = []
        self._is_committed = True
        self._fd = -1

    def open(self) -> None:
        """Recall what earlier processes have written. Raises StartError."""
        if self._path is None:
            return
        try:
            self._recall()
        except OSError as error:
            raise StartError(
                f"cannot use {self._path}, the memory of messages that are written but may come "
                f"again: {error.strerror}; give the collector's user the right to read and write "
                "it, or remove it: some messages may then be stored twice",
                EX_NOPERM if isinstance(error, PermissionError) else EX_IOERR,
            ) from error
        self._unwritten.append(_record(_Kind.BOOT, 0, 0, self._boot))

    def is_seen(self, message: Message) -> bool:
        """Whether this message was written before and is now sent again. Once for each message.

        Only what the broker marks as sent again is recognised: the same value twice is two
        readings.
        """
        receipt = message.receipt
        if receipt is None:
            return False
        broker = _name(message.source)
        received = self._of(broker)
        if received.connection != receipt.connection:
            received.connection = receipt.connection
            received.may_repeat = True
        packet_id, digest = receipt.packet_id, _digest(message)
        # What is sent again comes first (MQTT 3.1.1 section 4.6): behind a new message there is no
        # more of it, and packet ids may have been given out anew.
        received.may_repeat = received.may_repeat and message.is_duplicate
        is_seen = received.may_repeat and received.table.has(packet_id, digest)
        received.table.put(packet_id, digest)
        self._unwritten.append(_record(_Kind.WRITTEN, broker, packet_id, digest))
        return is_seen

    def write(self) -> None:
        """What was asked for so far has been written; a killed process knows it from now on.

        May raise OSError; the next call tries again.
        """
        if self._path is None:
            self._unwritten.clear()
        elif self._unwritten:
            self._append(self._path, b"".join(self._unwritten))
            self._unwritten.clear()
            self._is_committed = False

    def commit(self) -> None:
        """What was written is on disk. May raise OSError."""
        if self._path is not None and not self._is_committed:
            self._append(self._path, _record(_Kind.COMMITTED, 0, 0, self._boot))
            self._is_committed = True

    def close(self) -> None:
        """Release the file; safe twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    @staticmethod
    def predecessor(path: Path) -> Path:
        """Where the records before those of `path` are."""
        return path.with_name(f"{path.name}.1")

    def _of(self, broker: int) -> _Received:
        received = self._received.get(broker)
        if received is None:
            received = self._received[broker] = _Received()
        return received

    def _recall(self) -> None:
        recalled: list[tuple[int, int, bytes]] = []
        doubtful: list[tuple[int, int, bytes]] = []
        boot = b""
        for kind, broker, packet_id, digest in self._records():
            if kind == _Kind.WRITTEN:
                doubtful.append((broker, packet_id, digest))
            elif kind == _Kind.COMMITTED:
                recalled += doubtful
                doubtful.clear()
            elif digest != boot:
                # The boot before has not said that its last ones are on disk.
                doubtful.clear()
                boot = digest
        if boot == self._boot:
            recalled += doubtful
        for broker, packet_id, digest in recalled:
            self._of(broker).table.put(packet_id, digest)

    def _append(self, path: Path, records: bytes) -> None:
        if self._fd < 0:
            self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
            self._cut_torn(path)
        size_bytes = os.fstat(self._fd).st_size
        if size_bytes > _MAX_BYTES:
            self.close()
            files.rename(path, self.predecessor(path))
            records = _record(_Kind.BOOT, 0, 0, self._boot) + records
            self._append(path, records)
            return
        try:
            files.write_all(self._fd, records if size_bytes else _HEAD + records, path)
        except OSError:
            with suppress(OSError):
                files.truncate(self._fd, size_bytes, path)
            raise

    def _cut_torn(self, path: Path) -> None:
        """What follows the last whole record: a killed process or a power cut has left it."""
        whole = sum(_RECORD.size for _ in _whole_records(path.read_bytes()))
        size_bytes = len(_HEAD) + whole if whole else 0
        if size_bytes != os.fstat(self._fd).st_size:
            files.truncate(self._fd, size_bytes, path)

    def _records(self) -> Iterator[tuple[int, int, int, bytes]]:
        assert self._path is not None
        for path in (self.predecessor(self._path), self._path):
            with suppress(FileNotFoundError):
                yield from _whole_records(path.read_bytes())


def _name(source: str) -> int:
    return zlib.crc32(source.encode())


def _digest(message: Message) -> bytes:
    return _hash(message.topic.encode("utf-8", "surrogatepass") + b"\0" + message.payload)


def _hash(content: bytes) -> bytes:
    return blake2b(content, digest_size=8).digest()


def _record(kind: _Kind, broker: int, packet_id: int, digest: bytes) -> bytes:
    body = _RECORD.pack(kind, packet_id, broker, digest, 0)[:-4]
    return body + zlib.crc32(body).to_bytes(4, "little")


def _whole_records(content: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """The records before the first that is no record: a power cut may have left anything."""
    if not content.startswith(_HEAD):
        return
    for start in range(len(_HEAD), len(content) - _RECORD.size + 1, _RECORD.size):
        kind, packet_id, broker, digest, checksum = _RECORD.unpack_from(content, start)
        if zlib.crc32(content[start : start + _RECORD.size - 4]) != checksum:
            return
        if kind not in (_Kind.WRITTEN, _Kind.COMMITTED, _Kind.BOOT):
            return
        yield kind, broker, packet_id, digest
