"""One handle's dealings with the mark: reading it, leaving it, announcing a batch in it."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from tinyflux import files
from tinyflux.marks import (
    Identity,
    Mark,
    Read,
    boot_id,
    read_mark,
    stamp,
    tail_checksum,
    write_mark,
)

_NOT_TOLD = b"\xff" * 16
"""As the boot of a mark that proves no identity, because the file could not be stamped."""


class Marking:
    """The mark of one data file. Writers call it under the append lock only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: Mark | None = None

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

    def leave(self, fd: int, generation: bytes, *, is_synced: bool = False) -> None:
        """Mark the present state as ours, after a write. Where that cannot be, nothing happens."""
        before = self._known
        is_stamped = stamp(fd)
        try:
            mark = _mark(fd, generation, boot_id() if is_stamped else _NOT_TOLD)
        except OSError:
            self._known = None
            return
        if is_synced:
            mark = mark.synced()
        elif before is not None and before.generation == generation:
            mark = replace(mark, synced_bytes=before.synced_bytes, synced_tail=before.synced_tail)
        self._known = mark
        if is_stamped:
            write_mark(self._path, mark)

    def accept(self, fd: int, generation: bytes) -> None:
        """Mark a state that others made as known, where it has not changed for seconds."""
        self._known = _mark(fd, generation, boot_id())
        write_mark(self._path, self._known)

    def say_synced(self, identity: Identity) -> None:
        """Say that this state is on disk, if it is the one that was marked last."""
        mark = self._known
        if mark is not None and mark.is_of(identity) and not mark.is_synced:
            self._known = mark.synced()
            write_mark(self._path, self._known)

    def announce(self, fd: int, generation: bytes, data: bytes) -> None:
        """Say that the rows `data` are about to be written behind what is there."""
        known = self._known
        if known is None or known.identity != Identity.of(os.fstat(fd)):
            known = _mark(fd, generation, boot_id())
        write_mark(self._path, replace(known, generation=generation).announcing(data))

    def refuse(self, fd: int, before: Identity, generation: bytes, data: bytes) -> None:
        """Say that what stands behind `before` is no data, though it could not be cut off."""
        self._known = None
        tail = _tail(fd, before.size_bytes)
        write_mark(self._path, Mark(generation, before, tail).refusing(data))


def _mark(fd: int, generation: bytes, boot: bytes) -> Mark:
    identity = Identity.of(os.fstat(fd))
    return Mark(generation, identity, _tail(fd, identity.size_bytes), boot=boot)


def _tail(fd: int, end: int) -> int:
    return tail_checksum(end, lambda start, stop: files.read_at(fd, start, stop - start))
