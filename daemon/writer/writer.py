"""The writer thread: takes what arrived, maps it, appends it, makes it durable, acknowledges it.

In that order and no other: an acknowledged message is on disk. The only thread that writes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile

from daemon.clock import Clock
from daemon.messages import Acknowledger, Mapper, Outcome
from daemon.writer.clock_hold import ClockHold
from daemon.writer.commit import CommitRule, Sync
from daemon.writer.duplicates import DuplicateMemory
from daemon.writer.entry import Batch, Entry, points_of, receipts_of
from daemon.writer.inbox import Inbox
from daemon.writer.intake import Intake, is_known
from daemon.writer.journal import Journal
from daemon.writer.outage import Outage
from daemon.writer.rejects import RejectFile
from daemon.writer.retained import RetainedMemory
from daemon.writer.store import Store
from daemon.writer.thinning_stage import ThinningStage
from daemon.writer.traces import Evidence, note_for
from daemon.writer.waiting_room import WaitingRoom
from tinyflux import Point
from tinyflux.errors import DamageError

_log = logging.getLogger("daemon.writer")

Observer = Callable[[Sequence[Point]], None]
"""Gets the points that were just written; called in the writer thread, must be quick."""

# In quiet hours messages are gathered this long before a write, well below the second in which
# they must be visible.
_LINGER_S = 0.2
_LONGEST_WAIT_S = 30.0
# While something waits for the clock, it is looked at as often as this.
_CLOCK_LOOK_S = 1.0
# So many that have waited are written beside what arrives.
_SPOOLED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Files:
    """Where the writer writes."""

    store: Store
    rejects: RejectFile
    sync: Sync = "commit"
    retained: RetainedMemory = field(default_factory=RetainedMemory)
    duplicates: DuplicateMemory = field(default_factory=DuplicateMemory)
    hold: ClockHold | None = None
    """None: the clock is believed as it is."""
    thinning: ThinningStage | None = None
    """None: all points are stored as they are."""


class Writer:
    """Starts one thread; `stop` ends it with everything written, durable and acknowledged."""

    def __init__(
        self,
        *,
        files: Files,
        inbox: Inbox,
        mapper: Mapper,
        rule: CommitRule,
        journal: Journal,
        acknowledgers: Mapping[str, Acknowledger],
        clock: Clock,
        observers: Sequence[Observer] = (),
    ) -> None:
        self._files = files
        self._inbox = inbox
        self._room = WaitingRoom(files.hold, files.thinning)
        self._intake = Intake(mapper, files.retained, files.duplicates, files.hold, files.thinning)
        self._rule = rule
        self._journal = journal
        self._acknowledgers = acknowledgers
        self._clock = clock
        self._observers = tuple(observers)
        self._outage = Outage(clock)
        self._batch: Batch | None = None
        self._later: list[Entry] = []
        self._written: list[Entry] = []
        self._n_parts = 0
        self._turns = 0
        self._doing = ""
        self._stopping = threading.Event()
        self._deadline_s = float("inf")
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def start(self) -> None:
        """Open the data file and begin. Raises StartError."""
        files = self._files
        files.store.open()
        # What a killed process wrote is in the files, and may be acknowledged as sent again; the
        # spool forgets what was written of it.
        files.store.make_durable()
        files.rejects.open()
        self._room.open()
        evidence = Evidence(files.store.path, files.rejects, self._room)
        written = files.duplicates.open(evidence.of)
        files.retained.open()
        self._room.resume(written)
        self._journal.open(
            files.store.path, files.rejects.path, self._inbox.counts(), self._room.n_items
        )
        self._thread.start()

    def stop(self, timeout_s: float) -> bool:
        """Write, make durable and acknowledge what waits, then end; whether all of it was done.

        Closes the inbox. What a refusing disk does not take within the timeout is given up and
        said in the log. Safe twice and before `start`.
        """
        self._deadline_s = self._clock.monotonic_s() + timeout_s
        self._inbox.close()
        self._stopping.set()
        if self._thread.ident is None:
            return True
        # The thread gives up by itself at the deadline; the join is for an fsync that hangs.
        self._thread.join(timeout_s + 2.0)
        return not self._thread.is_alive() and self._in_hand() == 0

    def is_alive(self) -> bool:
        """Whether the thread runs; once started it ends only by `stop`."""
        return self._thread.is_alive()

    @property
    def is_refused(self) -> bool:
        """Whether the disk refused the last attempt to write."""
        return self._outage.is_on

    @property
    def turns(self) -> int:
        """How often its loop has turned, with or without success; at least every 30 s unless it
        hangs. Any thread."""
        return self._turns

    def held(self) -> int:
        """How many items were taken from the inbox and have no outcome yet; those that wait in the
        spool are among them."""
        return self._in_hand() + self._room.n_items

    def spooled(self) -> int:
        """How many items wait in the spool, acknowledged, for the clock."""
        return self._room.for_clock

    def gathered(self) -> int:
        """How many messages wait in the spool, acknowledged, for others of their series."""
        return self._room.for_others

    def is_clock_believed(self) -> bool:
        """Whether points get their time from the wall clock, unmarked."""
        return self._files.hold is None or self._files.hold.is_clock_believed

    def is_clock_given_up(self) -> bool:
        """Whether the wall clock was waited for in vain, so that points are stored and marked."""
        return self._files.hold is not None and self._files.hold.is_given_up

    def _in_hand(self) -> int:
        batch = self._batch
        n_begun = len(batch.entries) if batch is not None else 0
        return len(self._written) + n_begun + len(self._later) - self._n_parts

    def lag_s(self) -> float:
        """How long the oldest item that is not durable yet has waited; 0 where none does.

        Of those that it has taken; any thread, so it may be out of date by a turn.
        """
        batch = self._batch
        begun = batch.entries[:1] if batch is not None else []
        oldest = [*self._written[:1], *begun, *self._later[:1]]
        arrivals_us = [entry.item.monotonic_us for entry in oldest if not entry.spooled]
        known = [arrival_us for arrival_us in arrivals_us if arrival_us is not None]
        return max(0.0, self._clock.monotonic_s() - min(known) / 1e6) if known else 0.0

    def _run(self) -> None:
        while not self._is_finished():
            self._turns += 1
            try:
                self._turn()
            except Exception:  # noqa: BLE001 - the writer loop must outlive whatever goes wrong
                _log.exception("the writer met an error that it does not know; it tries again")
                self._rest(1.0)
        self._close()

    def _is_finished(self) -> bool:
        if not self._stopping.is_set():
            return False
        is_done = (
            not self._inbox.counts().waiting
            and not self._room.has_due(is_ending=True)
            and self._batch is None
            and not self._later
            and not self._written
        )
        return is_done or self._clock.monotonic_s() >= self._deadline_s

    def _turn(self) -> None:
        if self._batch is None and not self._later:
            self._await_items()
        try:
            if self._batch is None:
                self._doing = "take what waited for the clock"
                self._batch = self._next_batch()
            if self._batch is not None:
                self._append(self._batch)
            if self._written and self._is_commit_due():
                self._commit()
        except (OSError, DamageError) as error:
            wait_s = self._outage.failed(f"cannot {self._doing}", error)
            self._inbox.refuse(is_refused=True)
            self._rest(wait_s)
        else:
            self._outage.over()
            self._inbox.refuse(is_refused=False)
        self._journal.tick(self._inbox.counts())

    def _next_batch(self) -> Batch | None:
        entries, self._later = self._later, []
        if not entries:
            is_ending = self._stopping.is_set()
            due = [] if is_ending else self._intake.due(_SPOOLED_AT_ONCE)
            entries = self._intake.gather(due, self._inbox.take(), is_ending=is_ending)
            self._n_parts += sum(not entry.is_message for entry in entries)
            self._room.left(entries)
        # What was stored before must not wait for its acknowledgement until others are stored: on a
        # slow disk the connection may be gone by then, and all of it would come a third time.
        n_known = sum(1 for _ in takewhile(is_known, entries))
        if n_known:
            entries, self._later = entries[:n_known], entries[n_known:]
        return Batch.of(entries) if entries else None

    def _await_items(self) -> None:
        if (self._is_commit_due() and self._written) or self._has_due():
            return
        longest_s = self._room.longest_wait_s(_LONGEST_WAIT_S, _CLOCK_LOOK_S)
        if not self._inbox.wait(min(self._rule.wait_s(), longest_s)):
            return
        if self._files.sync == "commit" and not self._rule.is_loaded():
            self._inbox.wait_urgent(min(self._rule.wait_s(), _LINGER_S))

    def _has_due(self) -> bool:
        return self._room.has_due(is_ending=self._stopping.is_set())

    def _is_commit_due(self) -> bool:
        if self._later or (self._stopping.is_set() and not self._inbox.counts().waiting):
            return True
        return self._rule.is_due(is_urgent=self._inbox.is_urgent())

    def _append(self, batch: Batch) -> None:
        if not batch.is_noted:
            self._doing = "note what will be written"
            self._files.duplicates.note(note_for(batch.entries))
            batch.is_noted = True
        self._doing = f"write to {self._files.store.path}"
        self._append_points(batch)
        self._doing = f"write to {self._files.rejects.path}"
        while batch.unrejected:
            entry = batch.unrejected[0]
            if entry.mapped.outcome is Outcome.REJECTED:
                self._files.rejects.append(entry.item, entry.mapped)
                self._journal.rejected(entry.item, entry.mapped)
            else:
                self._files.rejects.append(
                    entry.item, self._journal.empty(entry.item, entry.mapped)
                )
            batch.unrejected.popleft()
        # Last of all: what is out of the spool is nowhere else.
        self._doing = "write to the spool"
        self._room.keep(batch)
        self._doing = "remember what is written"
        self._files.duplicates.done()
        self._files.retained.write()
        self._written.extend(batch.entries)
        came = [entry for entry in batch.entries if not entry.spooled and not entry.is_part]
        self._inbox.release([entry.item for entry in came])
        self._rule.written(
            items=len(batch.entries),
            points=sum(len(entry.mapped.points) for entry in batch.entries),
            receipts=sum(len(receipts) for receipts in receipts_of(batch.entries).values()),
        )
        self._batch = None

    def _append_points(self, batch: Batch) -> None:
        if batch.unwritten:
            points = points_of(batch.unwritten)
            try:
                self._files.store.append(points)
            except DamageError:
                raise
            except (ValueError, TypeError):
                points = self._append_one_by_one(batch)
            batch.unwritten.clear()
            for observer in self._observers:
                observer(points)
        if not batch.unrejected:
            batch.unrejected.extend(
                entry
                for entry in batch.entries
                if entry.mapped.outcome is Outcome.REJECTED
                or self._journal.is_news(entry.item, entry.mapped)
            )

    def _append_one_by_one(self, batch: Batch) -> list[Point]:
        """The points that the engine takes; entries with one that it refuses become rejects."""
        points: list[Point] = []
        while batch.unwritten:
            entry = batch.unwritten[0]
            try:
                self._files.store.append(entry.mapped.points)
                points.extend(entry.mapped.points)
            except DamageError:
                raise
            except (ValueError, TypeError) as error:
                entry.refuse(str(error))
            batch.unwritten.popleft()
        return points

    def _commit(self) -> None:
        if self._files.sync != "never":
            self._doing = f"make {self._files.rejects.path} durable"
            self._files.rejects.sync()
            self._doing = f"make {self._files.store.path} durable"
            self._files.store.sync()
            self._doing = "make the spool durable"
            self._room.sync()
        self._room.commit(is_all_written=self._batch is None and not self._later)
        self._doing = "remember retained values"
        self._files.retained.commit()
        self._files.duplicates.commit()
        done, self._written = self._written, []
        self._rule.committed()
        for source, receipts in receipts_of(done).items():
            if source in self._acknowledgers:
                self._acknowledgers[source].acknowledge(receipts)
            self._inbox.acknowledged(source, receipts)
        self._n_parts -= sum(not entry.is_message for entry in done)
        self._room.came(done)
        for entry in done:
            if entry.is_message and entry.mapped.outcome is not Outcome.WAITING:
                self._journal.settle(entry.item, entry.mapped)
            else:
                self._journal.add_points(entry.mapped)
        counts = self._inbox.counts()
        self._journal.covered(self._files.store.path, self._files.rejects.path, counts)
        self._journal.check(counts, self.held())

    def _rest(self, wait_s: float) -> None:
        if self._stopping.is_set():
            # The stop must not wait for a long pause between two tries.
            time.sleep(min(wait_s, 0.2))
        else:
            self._stopping.wait(wait_s)

    def _close(self) -> None:
        counts = self._inbox.counts()
        if left := counts.waiting + self._in_hand():
            _log.error(
                "stopped with %d items that %s did not take: QoS 1 messages among them come again, "
                "QoS 0 messages and poll results are lost",
                left,
                self._files.store.path,
            )
        self._journal.close(counts)
        self._files.rejects.close()
        self._files.retained.close()
        self._files.duplicates.close()
        self._room.close(is_all_written=not self._in_hand())
        self._files.store.close()
