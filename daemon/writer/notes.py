"""The file of notes: what a batch will write, and how far that has come. Bytes only.

`TFRECEIV`, a version byte, then records: kind (one byte), size of the body (four), body, CRC-32 of
all that. What follows a record with a wrong checksum is not read. A NOTE stands in the file before
its batch is written: the least and the greatest time of its points (int64 µs), then for each
message a head of 17 bytes and its traces of 8 bytes each (`traces.py`). DONE follows the batch,
COMMITTED its fsync, both without a body. FOUND has the form of a NOTE and says which messages of
unfinished batches a later process has found. BOOT names the boot of the machine (8 bytes) in which
what follows was written.

Nothing here is ever synced. Full, the file becomes its predecessor (`.1`) and a new one begins.
"""

from __future__ import annotations

import enum
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tinyflux import files

_HEAD = b"TFRECEIV\x02"
_FRAME = struct.Struct("<BI")
_CHECKSUM = struct.Struct("<I")
_SPAN = struct.Struct("<qq")
_MESSAGE = struct.Struct("<BHIH8s")
_TRACE_BYTES = 8
_MOST_TRACES = 0xFFFF
# One file holds 50,000 messages that came together, two hold so many that came one by one.
_MAX_BYTES = 1_500_000


class Kind(enum.IntEnum):
    """What a record says."""

    NOTE = 1
    DONE = 2
    COMMITTED = 3
    FOUND = 4
    BOOT = 5


_KINDS = frozenset(int(kind) for kind in Kind)


class Mark(enum.IntFlag):
    """What is to be known of a noted message beside its numbers."""

    BEGINS = 1
    """The first that came on its connection."""
    AGAIN = 2
    """The broker says that it has sent it before."""
    KNOWN = 4
    """It was recognised: its fate is older than this note."""
    REJECT = 8
    """One of its traces is in the reject file."""
    SPOOL = 16
    """Its trace is in the spool."""
    SETTLES = 64
    """What came before it is acknowledged: the broker would have sent it again before."""
    LEANS = 128
    """It leaves nothing of its own; its traces are those of a later one that decides the same."""
    TAKEN = 32
    """No message that came, but an item that waited: its number in the spool is its digest."""


class Noted(NamedTuple):
    """One message, and the traces that it leaves where its fate is kept."""

    marks: int
    packet_id: int
    broker: int
    digest: bytes
    traces: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """The messages of one batch; the times of their points lie between these, both included."""

    messages: tuple[Noted, ...]
    earliest_us: int = 0
    latest_us: int = -1
    """Before the earliest where there are no points."""


def note_record(kind: Kind, note: Note) -> bytes:
    """A NOTE or FOUND."""
    parts = [_SPAN.pack(note.earliest_us, note.latest_us)]
    for marks, packet_id, broker, digest, traces in note.messages:
        kept = traces if len(traces) <= _MOST_TRACES else ()
        parts.append(_MESSAGE.pack(marks, packet_id, broker, len(kept), digest))
        parts.extend(kept)
    return record(kind, b"".join(parts))


def record(kind: Kind, body: bytes = b"") -> bytes:
    """Any record."""
    framed = _FRAME.pack(kind, len(body)) + body
    return framed + _CHECKSUM.pack(zlib.crc32(framed))


def note_of(body: bytes) -> Note:
    """What the body of a NOTE or FOUND says."""
    if len(body) < _SPAN.size:
        return Note(())
    earliest_us, latest_us = _SPAN.unpack_from(body)
    messages = []
    offset = _SPAN.size
    while offset + _MESSAGE.size <= len(body):
        marks, packet_id, broker, n_traces, digest = _MESSAGE.unpack_from(body, offset)
        offset += _MESSAGE.size
        stop = offset + n_traces * _TRACE_BYTES
        traces = tuple(body[at : at + _TRACE_BYTES] for at in range(offset, stop, _TRACE_BYTES))
        messages.append(Noted(marks, packet_id, broker, digest, traces))
        offset = stop
    return Note(tuple(messages), earliest_us, latest_us)


class NoteFile:
    """Appends records; every method may raise OSError. What could not be written is cut off."""

    def __init__(self, path: Path, boot: bytes) -> None:
        self._path = path
        self._boot = boot
        self._fd = -1

    @property
    def predecessor(self) -> Path:
        """Where the records before these are."""
        return self._path.with_name(f"{self._path.name}.1")

    def records(self) -> Iterator[tuple[Kind, bytes]]:
        """Kind and body of every record, oldest first."""
        for path in (self.predecessor, self._path):
            with suppress(FileNotFoundError):
                content = path.read_bytes()
                for kind, start, stop in _frames(content):
                    yield kind, content[start:stop]

    def append(self, records: bytes, *, may_rotate: bool = False) -> None:
        """Add records; with `may_rotate` to a new file if this one is full."""
        if self._fd < 0:
            self._fd = os.open(
                self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644
            )
            self._cut_torn()
        size_bytes = os.fstat(self._fd).st_size
        if may_rotate and size_bytes > _MAX_BYTES:
            self.close()
            files.rename(self._path, self.predecessor)
            self.append(record(Kind.BOOT, self._boot) + records)
            return
        try:
            files.write_all(self._fd, records if size_bytes else _HEAD + records, self._path)
        except OSError:
            with suppress(OSError):
                files.truncate(self._fd, size_bytes, self._path)
            raise

    def close(self) -> None:
        """Release the file; safe twice."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _cut_torn(self) -> None:
        """What follows the last whole record: a killed process or a power cut has left it."""
        whole = 0
        for _, _, stop in _frames(self._path.read_bytes()):
            whole = stop + _CHECKSUM.size
        if whole != os.fstat(self._fd).st_size:
            files.truncate(self._fd, whole, self._path)


def _frames(content: bytes) -> Iterator[tuple[Kind, int, int]]:
    """Kind and place of the bodies before the first that is none: a power cut leaves anything."""
    if not content.startswith(_HEAD):
        return
    offset = len(_HEAD)
    while offset + _FRAME.size + _CHECKSUM.size <= len(content):
        kind, size_bytes = _FRAME.unpack_from(content, offset)
        start = offset + _FRAME.size
        stop = start + size_bytes
        if kind not in _KINDS or stop + _CHECKSUM.size > len(content):
            return
        [checksum] = _CHECKSUM.unpack_from(content, stop)
        if zlib.crc32(memoryview(content)[offset:stop]) != checksum:
            return
        yield Kind(kind), start, stop
        offset = stop + _CHECKSUM.size
