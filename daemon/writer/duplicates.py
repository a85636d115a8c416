"""Which messages a broker sent again because our acknowledgement did not reach it.

The acknowledgement of a message is lost when the connection or the process ends before it is sent;
the broker then sends the message again, marked, with its old packet id (MQTT 3.1.1 section 4.4).

So that a new process knows what was written, each batch is noted in a file beside the data before
it is written, with a digest of every row that it will make. A note counts once a later record says
that its commit followed it, or, as long as the machine has not restarted, that the batch was
written: what the page cache had of the rows is then still there. Of the others the rows are looked
for in the data file: a message whose rows are all there is written, any other is not. A message
that was not written is never taken for one that was; a power cut, which may also take the notes,
may let one be stored twice.
"""

from __future__ import annotations

import enum
import os
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from daemon.errors import EX_IOERR, EX_NOPERM, StartError
from daemon.messages import Message
from daemon.writer.notes import Kind, Mark, Note, Noted, NoteFile, note_of, note_record, record
from daemon.writer.received import Received

# Plain numbers: an operation on the enum costs more than all else that is done for a message.
_BEGINS, _SETTLES, _AGAIN, _KNOWN, _TAKEN, _LEANS = (
    int(mark)
    for mark in (Mark.BEGINS, Mark.SETTLES, Mark.AGAIN, Mark.KNOWN, Mark.TAKEN, Mark.LEANS)
)

LookUp = Callable[[Sequence[Note]], Counter[bytes]]
"""How often each trace of these notes is where it should be; see `traces.Evidence`."""


class Sent(NamedTuple):
    """How a broker sent one message at QoS 1."""

    marks: int
    packet_id: int
    broker: int
    digest: bytes

    @property
    def is_known(self) -> bool:
        """Whether it was written before and is now sent again."""
        return bool(self.marks & _KNOWN)


@dataclass(slots=True)
class _Broker:
    number: int
    received: Received
    connection: int = 0


class _State(enum.Enum):
    BEGUN = enum.auto()
    DONE = enum.auto()
    SURE = enum.auto()
    VOID = enum.auto()
    """A later process has looked for it, and has noted anew what it found."""


@dataclass(slots=True)
class _Past:
    note: Note
    state: _State = _State.BEGUN


class DuplicateMemory:
    """Writer thread only. Without a path it lasts as long as the process."""

    def __init__(self, path: Path | None = None, boot_id: str = "") -> None:
        self._path = path
        # Where the kernel does not say which boot this is, each process is its own.
        self._boot = _hash(boot_id.encode()) if boot_id else os.urandom(8)
        self._file = None if path is None else NoteFile(path, self._boot)
        self._brokers: dict[str, _Broker] = {}
        self._received: dict[int, Received] = {}
        self._opening = b""
        self._is_done = True
        self._is_committed = True

    def open(self, look_up: LookUp | None = None) -> list[int]:
        """Recall what earlier processes have written. Raises StartError.

        The numbers of the items that waited in the spool and whose rows were found.
        """
        if self._file is None:
            return []
        try:
            pasts = _pasts(self._file.records(), self._boot)
        except OSError as error:
            raise StartError(
                f"cannot use {self._path}, the memory of messages that are written but may come "
                f"again: {error.strerror}; give the collector's user the right to read and write "
                "it, or remove it: some messages may then be stored twice",
                EX_NOPERM if isinstance(error, PermissionError) else EX_IOERR,
            ) from error
        unsure = [past.note for past in pasts if past.state is _State.BEGUN]
        found = look_up(unsure) if look_up is not None and unsure else Counter[bytes]()
        kept: list[Noted] = []
        for past in pasts:
            kept += self._recall(past, found)
        if there := [one for one in kept if not one.marks & _TAKEN]:
            self._opening = note_record(Kind.FOUND, Note(tuple(there)))
        self._opening += record(Kind.BOOT, self._boot)
        return [int.from_bytes(one.digest, "little") for one in kept if one.marks & _TAKEN]

    def come(self, message: Message) -> Sent | None:
        """How this message was sent; None at QoS 0. Once for each message, in order."""
        receipt = message.receipt
        if receipt is None:
            return None
        broker = self._brokers.get(message.source)
        if broker is None:
            number = zlib.crc32(message.source.encode())
            broker = self._brokers[message.source] = _Broker(number, self._of(number))
        marks = _AGAIN if message.is_duplicate else 0
        if broker.connection != receipt.connection:
            marks |= _BEGINS
            if receipt.connection != broker.connection + 1:
                # A new session, or a connection on which nothing was sent again.
                marks |= _SETTLES
            broker.connection = receipt.connection
        digest = _hash(message.topic.encode("utf-8", "surrogatepass") + b"\0" + message.payload)
        if broker.received.come(marks, receipt.packet_id, digest):
            marks |= _KNOWN
        return Sent(marks, receipt.packet_id, broker.number, digest)

    def note(self, note: Note) -> None:
        """This will be written now. May raise OSError."""
        if self._file is not None and note.messages:
            self._append(note_record(Kind.NOTE, note), may_rotate=True)
            self._is_done = self._is_committed = False

    def done(self) -> None:
        """What was noted has been written; a killed process knows it from now on.

        May raise OSError; the next call tries again.
        """
        if not self._is_done:
            self._append(record(Kind.DONE))
            self._is_done = True

    def commit(self) -> None:
        """What was written is on disk. May raise OSError."""
        if not self._is_committed:
            self._append(record(Kind.COMMITTED))
            self._is_committed = True

    def close(self) -> None:
        """Release the file; safe twice."""
        if self._file is not None:
            self._file.close()

    @staticmethod
    def predecessor(path: Path) -> Path:
        """Where the records before those of `path` are."""
        return NoteFile(path, b"").predecessor

    def _append(self, records: bytes, *, may_rotate: bool = False) -> None:
        assert self._file is not None
        self._file.append(self._opening + records, may_rotate=may_rotate)
        self._opening = b""

    def _of(self, broker: int) -> Received:
        received = self._received.get(broker)
        if received is None:
            received = self._received[broker] = Received()
        return received

    def _recall(self, past: _Past, found: Counter[bytes]) -> list[Noted]:
        """Take these messages as they came; those that were looked for and found."""
        kept = []
        is_sure = past.state in (_State.DONE, _State.SURE)
        for one in past.note.messages:
            is_there = past.state is _State.BEGUN and _takes(
                found, one.traces, is_leaning=bool(one.marks & _LEANS)
            )
            if is_there:
                # Noted anew it begins no connection: whatever came before it came before.
                kept.append(one._replace(marks=one.marks & ~(_BEGINS | _SETTLES)))
            if one.marks & _TAKEN:
                continue
            received = self._of(one.broker)
            received.come(one.marks, one.packet_id, one.digest)
            if not (is_sure or is_there or one.marks & _KNOWN):
                received.forget(one.packet_id)
        return kept


def _pasts(records: Iterable[tuple[Kind, bytes]], boot: bytes) -> list[_Past]:
    """Every note, and how far it came; those to look for are only BEGUN.

    Within one boot what is written stays written, until the commit makes it sure for all.
    """
    pasts: list[_Past] = []
    open_pasts: list[_Past] = []
    at_boot = b""
    for kind, body in records:
        if kind in (Kind.NOTE, Kind.FOUND):
            pasts.append(_Past(note_of(body)))
        if kind is Kind.FOUND:
            pasts[-1].state = _State.SURE
        elif kind is Kind.BOOT:
            is_other = body != at_boot
            for past in open_pasts:
                if is_other or past.state is _State.BEGUN:
                    past.state = _State.VOID
            open_pasts = [past for past in open_pasts if past.state is not _State.VOID]
            at_boot = body
        elif kind is Kind.COMMITTED:
            for past in open_pasts:
                past.state = _State.SURE
            open_pasts.clear()
        else:
            # A note is made when the batch before it is done.
            for past in open_pasts:
                past.state = _State.DONE
            if kind is Kind.NOTE:
                open_pasts.append(pasts[-1])
    if at_boot != boot:
        for past in open_pasts:
            past.state = _State.BEGUN
    return pasts


def _takes(found: Counter[bytes], traces: Sequence[bytes], *, is_leaning: bool) -> bool:
    """Whether all of these are among what was found, and then no more: each row is one message's,
    unless another one only leans on it.

    Two messages with the same row may be told apart only by their number.
    """
    if not traces or any(found[trace] < count for trace, count in Counter(traces).items()):
        return False
    if not is_leaning:
        found.subtract(traces)
    return True


def _hash(content: bytes) -> bytes:
    return blake2b(content, digest_size=8).digest()
