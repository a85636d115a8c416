"""One CSV file on disk: appended to under its lock, cut back when that fails, synced, marked.

Knows bytes and rows' ends, never what a row means.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tinyflux import files, locks
from tinyflux.codec import RowCodec
from tinyflux.marking import Marking
from tinyflux.marks import Identity, new_generation
from tinyflux.namedfile import NamedFile
from tinyflux.tails import Source, Tail, finished_end, tail_after_power_cut
from tinyflux.torn import cut_torn
from tinyflux.unsynced import MOST_BYTES, Unsynced, is_same_but_lost

logger = logging.getLogger(__name__)

_QUICK_TRIES = 50
_WAITS = 5
_TAIL_WAITS = 12
_TAIL_WAIT_S = 0.005
_TAIL_REST_NS = 1_000_000_000
_WAIT_S = 0.001


@dataclass(frozen=True, slots=True)
class State:
    """What a file was at one moment."""

    identity: Identity
    generation: bytes | None
    """Of a state that one of our writers made; None for any other."""
    end: int
    """Where the rows end that writers have finished."""


class CsvFile(NamedFile):
    """An open CSV file."""

    def __init__(self, path: Path, codec: RowCodec, *, is_writable: bool) -> None:
        self.codec = codec
        self._marking = Marking(path)
        self._unsynced = Unsynced()
        super().__init__(path, is_writable=is_writable)

    def close(self) -> None:
        """Close the descriptors; twice is fine. What was not synced is not waited for."""
        self._unsynced.clear()
        self._marking.close()
        super().close()

    def state(self) -> State:
        """The file as it is, and how far writers have finished.

        A writer leaves its mark a moment after its bytes: the state in between is waited out.
        """
        self.take_in_late_rows()
        n_quick, n_waits = _QUICK_TRIES, _WAITS
        while True:
            identity = self.current()
            mark = self._marking.of(identity)
            if mark is not None:
                return State(identity, mark.generation, identity.size_bytes)
            stored = self._marking.stored()
            if stored is None or not stored.is_of_this_boot:
                return State(identity, None, identity.size_bytes)
            if stored.is_ahead_of(identity) and n_quick:
                n_quick -= 1
            elif n_waits and stored.tells_identity:
                n_waits -= 1
                time.sleep(_WAIT_S)
            else:
                start = stored.batch_start(identity, self.read)
                return State(identity, None, identity.size_bytes if start is None else start)

    def generation_of(self, identity: Identity) -> bytes | None:
        """The generation of a state that one of our writers made; None for any other."""
        mark = self._marking.of(identity)
        return None if mark is None else mark.generation

    def header_size(self) -> int:
        """The bytes of a byte order mark before the first row; ValueError for a wrong one."""
        try:
            return self.codec.text_encoding.mark_size(self.read(0, 4))
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from None

    def append(self, data: bytes, *, n_rows: int, is_durable: bool) -> None:
        """Add whole rows to the end; on disk when this returns if `is_durable`.

        Holds the lock meanwhile. Raises StorageError with the file as it was before.
        """
        waiting_bytes = self._unsynced.size_bytes
        if waiting_bytes and (is_durable or waiting_bytes + len(data) > MOST_BYTES):
            self.sync()
        self.take_in_late_rows()
        identity = self.lock()
        try:
            self._append_locked(identity, data, n_rows=n_rows, is_durable=is_durable)
        except OSError as error:
            if error.errno != errno.ENOSPC or self.replaced is None:
                raise
            # The old file of a rewrite takes room as long as it is open.
            self.forget_replaced()
            identity = self.opened()
            self._append_locked(identity, data, n_rows=n_rows, is_durable=is_durable)
        finally:
            self.unlock()

    def _append_locked(
        self, identity: Identity, data: bytes, *, n_rows: int, is_durable: bool
    ) -> None:
        before, generation = identity, self.generation_of(identity)
        if generation is None:
            try:
                generation = self.mend(identity)
            except OSError as error:
                raise self._append_error(error, n_rows, data) from error
            before = self.opened()
        if before.size_bytes == 0:
            data = self.codec.text_encoding.mark + data
        is_visible = False
        try:
            if n_rows > 1:
                self._marking.announce(self.fd, generation, data)
            files.write_all(self.fd, data, self.path)
            is_visible = True
            # Before the sync, which may take long: readers see the rows already.
            self._marking.leave(self.fd, generation, data)
            if is_durable:
                self._sync_now()
                self._marking.note_synced()
            else:
                offset = os.lseek(self.fd, 0, os.SEEK_CUR) - len(data)
                self._unsynced.add(before.file, offset, data)
        except BaseException as error:
            # Who has seen the rows must not take what comes next for their continuation.
            self._cut_back(before, new_generation() if is_visible else generation, data)
            if isinstance(error, OSError):
                raise self._append_error(error, n_rows, data) from error
            raise

    def _append_error(self, error: OSError, n_rows: int, data: bytes) -> OSError:
        doing = f"{self.path}: could not append {n_rows} rows of {len(data)} bytes"
        return files.storage_error(error, doing)

    def _cut_back(self, before: Identity, generation: bytes, data: bytes) -> None:
        try:
            files.truncate(self.fd, before.size_bytes, self.path)
        except OSError as error:
            self._marking.refuse(self.fd, before, generation, data)
            logger.error(
                "%s: rows that failed could not be cut off at byte %d (%s); readers pass over "
                "them, and the next writer tries again",
                self.path,
                before.size_bytes,
                error,
            )
            return
        with suppress(OSError):
            # Rows that failed should not be there again after a power cut.
            self._sync_bytes()
        self._marking.leave(self.fd, generation)

    def mend(self, identity: Identity) -> bytes:
        """Cut off what no writer finished, keeping it beside the file; the generation then.

        Only under the lock.
        """
        mark = self._marking.of(identity)
        if mark is not None:
            return mark.generation
        while True:
            identity, tail = self._settled(identity)
            if tail.end == identity.size_bytes:
                break
            if cut_torn(self.fd, self.path, tail, identity.size_bytes):
                break
            identity = self.opened()
        return new_generation()

    def _settled(self, identity: Identity) -> tuple[Identity, Tail]:
        """The tail once nobody is writing it: a program without locks may be in its middle.

        A write that crosses a page is seen in two steps.
        """
        tail = self._tail(identity)
        for _ in range(_TAIL_WAITS):
            is_at_rest = time.time_ns() - identity.mtime_ns > _TAIL_REST_NS
            if tail.end == identity.size_bytes or is_at_rest:
                break
            time.sleep(_TAIL_WAIT_S)
            identity = self.opened()
            tail = self._tail(identity)
        return identity, tail

    def _tail(self, identity: Identity) -> Tail:
        size_bytes = identity.size_bytes
        stored = self._marking.stored()
        start = None if stored is None else stored.batch_start(identity, self.read)
        if start is not None:
            return Tail(start)
        source = Source(self.read, self.codec, str(self.path), self.may_be_cut())
        known = self._marking.row_end(identity, self.read)
        is_restarted = stored is not None and not stored.is_of_this_boot
        if known is not None and not is_restarted:
            return Tail(finished_end(source, known, size_bytes))
        start = known or self.header_size()
        return tail_after_power_cut(source, start, size_bytes, is_restarted=is_restarted)

    def may_be_cut(self) -> bool:
        """Whether the file may have lost its end: the system went down, or somebody cut it."""
        stored = self._marking.stored()
        if stored is None:
            return False
        return not stored.is_of_this_boot or stored.is_ahead_of(self.opened())

    def sync(self) -> None:
        """Every row that this handle has written is on disk when this returns.

        StorageError otherwise; the rows stay, and the next call writes them again before it
        believes the disk.
        """
        if not self._unsynced.pieces:
            self._tell_synced()
            return
        try:
            if self._unsynced.is_doubtful:
                with self.locked() as identity:
                    self._write_again(identity)
                    self._sync_now()
            else:
                self._sync_now()
        except OSError as error:
            self._unsynced.is_doubtful = True
            raise files.storage_error(
                error,
                f"{self.path}: {self._unsynced.size_bytes} bytes of rows could not be synced",
                "they are in the file, but a power cut may lose them",
            ) from error
        self._unsynced.clear()
        self._marking.note_synced()
        self._tell_synced()

    def settle(self) -> None:
        """Sync what an earlier sync has failed for, before it is copied; StorageError as `sync`."""
        if self._unsynced.is_doubtful:
            self.sync()

    def _sync_now(self) -> None:
        """The file's bytes and its name are on disk when this returns."""
        self._sync_bytes()
        self.sync_name()

    def _sync_bytes(self) -> None:
        try:
            files.sync(self.fd, self.path)
        except OSError:
            # The error is told once; a later success says nothing of what was written before.
            self._unsynced.is_doubtful = True
            raise

    def _write_again(self, identity: Identity) -> None:
        """Write what is not known to be on disk in its old places, so that it is written anew."""
        if identity.file != self._unsynced.file:
            return  # whoever replaced the file has synced what it took over
        generation = self.generation_of(identity)
        fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)  # O_APPEND knows no place but the end
        try:
            for offset, data in self._unsynced.pieces:
                if is_same_but_lost(self.read(offset, offset + len(data)), data):
                    files.write_at(fd, data, offset, self.path)
                else:
                    logger.error(
                        "%s: another program changed bytes %d to %d before they were on disk; they "
                        "are left as it made them",
                        self.path,
                        offset,
                        offset + len(data),
                    )
        finally:
            os.close(fd)
        if generation is None:
            generation = self.mend(self.opened())
        self._marking.leave(self.fd, generation)

    def _tell_synced(self) -> None:
        """Say in the mark what is on disk, unless another process is writing just now."""
        if self._marking.is_told or self.is_closed:
            return
        # A lock on a descriptor that a fork copied is the parent's.
        if self.is_inherited:
            return
        try:
            is_free = locks.try_lock_append(self.fd, self.path)
        except OSError:
            return  # it only saves time after a power cut
        if not is_free:
            return
        try:
            identity = self.opened()
            if identity == Identity.of(os.stat(self.path)):
                self._marking.tell(identity)
        except FileNotFoundError:
            pass  # the next operation says so
        finally:
            locks.unlock_append(self.fd)

    def leave_mark(self, generation: bytes) -> None:
        """Mark the present state as ours and on disk. Only under the lock, after a sync."""
        self._marking.leave(self.fd, generation, is_synced=True)

    def mark_unchanged(self, identity: Identity, generation: bytes) -> bool:
        """Mark `identity` as known if it still is the file's, and if nobody writes just now."""
        is_ours = self.is_writable and not self.is_inherited
        if not is_ours or not locks.try_lock_append(self.fd, self.path):
            return False
        try:
            named, opened = os.stat(self.path), os.fstat(self.fd)
            if not Identity.of(named) == Identity.of(opened) == identity:
                return False
            return self._marking.accept(self.fd, generation)
        except FileNotFoundError:
            return False  # the next operation says so
        finally:
            locks.unlock_append(self.fd)

    def take_in_late_rows(self) -> None:
        """Add rows that a program without locks has written into the old file of a rewrite."""
        replaced = self.replaced
        if replaced is None or self.is_locked or not replaced.has_grown():
            return
        source = Source(replaced.read, self.codec, str(self.path))
        end = finished_end(source, replaced.end, replaced.size_bytes())
        if end == replaced.end:
            return
        data = replaced.read(replaced.end, end)
        logger.warning(
            "%s: a program that keeps the file open without locks wrote %d bytes into the old file "
            "of a rewrite; they are added to the new one: let it open the file for each write",
            self.path,
            len(data),
        )
        replaced.took_over(end)
        with self.locked() as identity:
            self._append_locked(identity, data, n_rows=data.count(b"\n"), is_durable=True)
