"""What the writer says of its work: the ledger, saved every minute, and the lines in the log."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

from daemon.clock import Clock
from daemon.logs import Repeats
from daemon.messages import Mapped, Message, Outcome
from daemon.writer.carried import Covered, carry_over, position_of
from daemon.writer.counts import CountsFile, counts_path
from daemon.writer.inbox import InboxCounts, Item
from daemon.writer.ledger import Ledger

_log = logging.getLogger("daemon.writer")

_SAVE_EVERY_S = 60.0


class Journal:
    """Writer thread only."""

    def __init__(self, ledger: Ledger, path: Path, clock: Clock) -> None:
        self._ledger = ledger
        self._path = path
        self._clock = clock
        self._repeats = Repeats(_log, clock)
        self._saved_s = clock.monotonic_s()
        self._said_dropped = 0
        self._known_empty: set[tuple[str, str]] = set()
        self._counts = CountsFile(counts_path(path))
        self._covered = Covered()
        self._saved_covered = Covered()
        self._saved_counts: InboxCounts | None = None

    def open(self, data: Path, rejects: Path, counts: InboxCounts, resumed: int = 0) -> None:
        """Go on with the ledger of the runs before; say what a crash has left out of it."""
        carried = carry_over(self._path, data, rejects, self._ledger.replayed())
        self._ledger.resume(carried, resumed)
        if carried.recovered_now is None:
            _log.warning(
                "the last run ended before it could save %s, and %s was rewritten since: how many "
                "of its points the ledger does not have is unknown",
                self._path,
                data,
            )
        elif carried.recovered_now:
            _log.warning(
                "the last run ended before it could save %s: %d points behind its last entry are "
                "in %s and count as recovered",
                self._path,
                carried.recovered_now,
                data,
            )
        self._look(data, rejects)
        self._save(counts)

    def covered(self, data: Path, rejects: Path, counts: InboxCounts) -> None:
        """All rows and rejects that are in the files now have been settled; a kill does not undo
        what was counted."""
        self._look(data, rejects)
        try:
            self._counts.write(self._ledger.counted(counts) | self._covered.as_json())
        except OSError as error:
            self._repeats.log(
                logging.WARNING, "counts", f"cannot save the counts to {self._counts.path}: {error}"
            )

    def _look(self, data: Path, rejects: Path) -> None:
        # The replay first: what it stores meanwhile must not be subtracted from what is behind.
        replayed = self._ledger.replayed()
        self._covered = Covered(position_of(data), position_of(rejects), replayed)

    def settle(self, item: Item, mapped: Mapped) -> None:
        """One item has its outcome, durably."""
        self._ledger.settle(item, mapped)
        if mapped.outcome is Outcome.STORED and mapped.reason:
            text = f"{_name_of(item)} by {mapped.rule}: {mapped.reason} ({mapped.kind})"
            self._repeats.log(logging.WARNING, f"{mapped.rule} {mapped.kind}", _shortened(text))

    def add_points(self, mapped: Mapped) -> None:
        """Points are durable that belong to no item that is settled now."""
        if mapped.points:
            self._ledger.add_points(mapped)

    def rejected(self, item: Item, mapped: Mapped) -> None:
        """Say it once for each rule and kind; the repeats are summed."""
        rule = mapped.rule or "no rule"
        text = f"rejected a message of {_name_of(item)} by {rule}: {mapped.reason} ({mapped.kind})"
        self._repeats.log(logging.WARNING, f"{rule} {mapped.kind}", _shortened(text))

    def is_news(self, item: Item, mapped: Mapped) -> bool:
        """Whether a rule gets a kind of item without a value for the first time.

        What a device sends for "no value" is no fault and may come every minute: one sample of
        each kind is kept in the reject file and logged, the rest is counted.
        """
        if mapped.outcome is not Outcome.NO_VALUE or mapped.kind:
            # What has a kind already, as what is ignored and announcements have, was no reading.
            return False
        name = (mapped.rule, _emptiness(item))
        is_news = name not in self._known_empty
        self._known_empty.add(name)
        return is_news

    def empty(self, item: Item, mapped: Mapped) -> Mapped:
        """Say that a rule got an item without a value; the outcome with that as its reason."""
        kind = _emptiness(item)
        reason = "it is empty" if kind == "empty" else "it says that there is no value"
        text = f"nothing to store of {_name_of(item)} by {mapped.rule}: {reason} ({kind})"
        _log.info("%s; more of this kind are only counted", _shortened(text))
        return replace(mapped, reason=reason, kind=kind)

    def check(self, counts: InboxCounts, held: int) -> None:
        """Say it if the ledger does not balance, which is a fault of the collector."""
        if difference := self._ledger.difference(counts, held):
            self._repeats.log(
                logging.ERROR,
                "balance",
                f"the ledger does not balance: {difference} items have no outcome; please report "
                f"this with {self._path}",
            )

    def tick(self, counts: InboxCounts) -> None:
        """Each minute, or at once when the data file was rewritten: save the ledger."""
        now_s = self._clock.monotonic_s()
        is_rewritten = self._covered.data.inode != self._saved_covered.data.inode
        if now_s - self._saved_s >= _SAVE_EVERY_S or is_rewritten:
            self._say_dropped(counts)
            if counts != self._saved_counts or self._covered != self._saved_covered:
                # A quiet minute costs the card nothing.
                self._save(counts)
            self._saved_s = now_s

    def close(self, counts: InboxCounts) -> None:
        """Save the ledger a last time and say the sums that are left."""
        self._say_dropped(counts)
        self._repeats.flush()
        self._save(counts, has_ended=True)
        self._counts.close()

    def _save(self, counts: InboxCounts, *, has_ended: bool = False) -> None:
        self._saved_s = self._clock.monotonic_s()
        self._saved_counts = counts
        self._saved_covered = self._covered
        try:
            self._ledger.save(self._path, counts, self._covered, has_ended=has_ended)
        except OSError as error:
            self._repeats.log(
                logging.WARNING, "save", f"cannot save the ledger to {self._path}: {error}"
            )

    def _say_dropped(self, counts: InboxCounts) -> None:
        new = counts.dropped - self._said_dropped
        if new:
            self._said_dropped = counts.dropped
            _log.warning(
                "dropped %d items that nobody sends again (QoS 0 messages, poll results): they "
                "came faster than they could be written; most: %s",
                new,
                max(counts.dropped_by, key=lambda name: counts.dropped_by[name], default="?"),
            )


def _shortened(text: str, longest: int = 500) -> str:
    return text if len(text) <= longest else f"{text[:longest]}…"


def _name_of(item: Item) -> str:
    return f"topic {item.topic!r}" if isinstance(item, Message) else f"poll {item.poll}"


def _emptiness(item: Item) -> str:
    value = item.payload.strip() if isinstance(item, Message) else item.value
    return "no-value" if value else "empty"
