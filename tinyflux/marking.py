"""One handle's dealings with the mark: reading it, leaving it, announcing a batch in it."""

from __future__ import annotations

import os
import zlib
from contextlib import suppress
from pathlib import Path

from tinyflux import files
from tinyflux.marks import (
    NO_TIME,
    TAIL_BYTES,
    Identity,
    Mark,
    Read,
    boot_id,
    mark_path,
    open_mark,
    read_mark,
    stamp,
    tail_checksum,
)
from tinyflux.sidecar import keep_private


class Marking:
    """The mark of one data file. Writers call it under the append lock only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark_path = mark_path(path)
        self._known: Mark | None = None
        self._end: tuple[Identity, bytes] | None = None
        """A state that this handle has marked, and the last bytes of it."""
        self._is_told = True
        self._is_announced = False
        self._fd = -1

    def close(self) -> None:
        """Release the mark; twice is fine."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _write(self, mark: Mark) -> bool:
        """Store the mark, through a descriptor that stays open: it is done for every append."""
        try:
            if self._fd >= 0 and os.fstat(self._fd).st_nlink == 0:
                self.close()  # somebody has deleted what stands beside the data
            if self._fd < 0:
                self._fd = open_mark(self._path)
            files.write_at(self._fd, mark.to_bytes(), 0, self._mark_path)
        except OSError:
            self.close()  # costs speed and nothing else
            return False
        return True

    def _withdraw(self) -> None:
        """Let no announcement stand that is over: rows that come next could be taken for its."""
        if self._is_announced:
            with suppress(OSError):
                files.unlink(self._mark_path)
        self._is_announced = False

    def of(self, identity: Identity) -> Mark | None:
        """The mark of exactly this state; None where none of our writers has made it."""
        if self._known is not None and self._known.is_of(identity):
            return self._known
        mark = read_mark(self._path)
        if mark is None or not mark.is_of(identity):
            return None
        self._known = mark
        return mark

    def stored(self) -> Mark | None:
        """The mark beside the file, whatever state it is of."""
        return read_mark(self._path)

    def row_end(self, identity: Identity, read: Read) -> int | None:
        """A place in this state of the file where a row ends; None where none is known."""
        ends = [
            mark.row_end(identity, read)
            for mark in (self.stored(), self._known)
            if mark is not None
        ]
        return max((end for end in ends if end is not None), default=None)

    def leave(
        self, fd: int, generation: bytes, data: bytes = b"", *, is_synced: bool = False
    ) -> None:
        """Mark the present state as ours, after a write of `data` behind what was there, or of
        anything if that is empty. Where that cannot be, nothing happens."""
        before = self._known
        is_stamped = stamp(fd)
        try:
            identity = Identity.of(os.fstat(fd))
            end = self._end_with(data, before, identity)
            if end is None:
                size_bytes = identity.size_bytes
                end = files.read_at(
                    fd, max(0, size_bytes - TAIL_BYTES), min(size_bytes, TAIL_BYTES)
                )
        except OSError:
            self._known = None
            self._withdraw()
            return
        tail = zlib.crc32(end)
        if not is_stamped:
            identity = identity._replace(mtime_ns=NO_TIME, ctime_ns=NO_TIME)
        self._end = identity, end
        synced = (0, 0)
        if is_synced:
            synced = (identity.size_bytes, tail)
        elif before is not None and before.generation == generation:
            synced = (before.synced_bytes, before.synced_tail)
        if before is None or before.generation != generation:
            keep_private(self._path)  # somebody else has changed the file, or its rights
        self._known = Mark(generation, identity, tail, *synced, boot=boot_id())
        self._is_told = True
        if self._write(self._known):
            self._is_announced = False
        else:
            self._withdraw()

    def _end_with(self, data: bytes, before: Mark | None, identity: Identity) -> bytes | None:
        """The last bytes of `identity`, which `data` has made of the state before it; None where
        that is not known, or not certain."""
        if before is None or self._end is None or not data:
            return None
        known, end = self._end
        if known is not before.identity or known.size_bytes + len(data) != identity.size_bytes:
            return None
        return (end + data)[-TAIL_BYTES:]

    def accept(self, fd: int, generation: bytes) -> bool:
        """Mark a state that others made as known, where it has not changed for seconds."""
        keep_private(self._path)
        mark = _mark(fd, generation)
        if not self._write(mark):
            return False
        self._known = mark
        return True

    def note_synced(self) -> None:
        """Know that the state that was marked last is on disk; the next mark says so."""
        mark = self._known
        if mark is not None and not mark.is_synced:
            self._known = mark.synced()
            self._is_told = False

    @property
    def is_told(self) -> bool:
        """Whether the mark says all that is known to be on disk."""
        return self._is_told

    def tell(self, identity: Identity) -> None:
        """Say what is known to be on disk, if this state was the last to be marked."""
        mark = self._known
        if not self._is_told and mark is not None and mark.is_of(identity):
            self._write(mark)
        self._is_told = True

    def announce(self, fd: int, generation: bytes, data: bytes) -> None:
        """Say that the rows `data` are about to be written behind what is there."""
        known = self._known
        if known is None or known.identity != Identity.of(os.fstat(fd)):
            known = _mark(fd, generation)
        announcement = known._replace(generation=generation).announcing(data)
        self._is_announced = self._write(announcement) or self._is_announced

    def refuse(self, fd: int, before: Identity, generation: bytes, data: bytes) -> None:
        """Say that what stands behind `before` is no data, though it could not be cut off."""
        self._known = None
        tail = _tail(fd, before.size_bytes)
        self._write(Mark(generation, before, tail).refusing(data))


def _mark(fd: int, generation: bytes) -> Mark:
    identity = Identity.of(os.fstat(fd))
    return Mark(generation, identity, _tail(fd, identity.size_bytes), boot=boot_id())


def _tail(fd: int, end: int) -> int:
    return tail_checksum(end, lambda start, stop: files.read_at(fd, start, stop - start))
