"""What became of every message: one outcome each, and the sum must balance.

Counts of one run, by outcome, rule and topic, and the totals of all runs; saved beside the data so
that they can be read without the collector. Logs nothing: it answers whether the balance holds.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from daemon.clock import Clock
from daemon.files import replace_file
from daemon.messages import Mapped, Message, Outcome
from daemon.writer.carried import Carried, Covered
from daemon.writer.inbox import OTHERS, InboxCounts, Item
from tinyflux import Point

_VERSION = 1
_MAX_TOPICS = 1000
_MAX_RULES = 1000
_MAX_UNMATCHED = 200
_LONGEST_NAME = 300


@dataclass(slots=True)
class _Tally:
    """Counters of one topic, poll or rule."""

    outcomes: dict[Outcome, int] = field(default_factory=dict)
    points: int = 0
    by_qos: list[int] = field(default_factory=lambda: [0, 0])

    def as_json(self) -> dict[str, object]:
        counted: dict[str, object] = {outcome.value: n for outcome, n in self.outcomes.items()}
        return counted | {"points": self.points, "qos0": self.by_qos[0], "qos1": self.by_qos[1]}


Runs: TypeAlias = Callable[[], Mapping[str, Mapping[str, int]]]
"""What became of the runs of each poll and other job: a run that fails gives no item to settle."""


class Ledger:
    """Settled by the writer thread; read by any thread."""

    def __init__(
        self, clock: Clock, runs: Runs = dict, replayed: Callable[[], int] = lambda: 0
    ) -> None:
        """`replayed` says how many points replays have stored."""
        self._clock = clock
        self._runs = runs
        self.replayed = replayed
        self._run = secrets.token_hex(8)
        self._started_us = clock.now_us()
        self._started_s = clock.monotonic_s()
        self._outcomes: dict[Outcome, int] = dict.fromkeys(Outcome, 0)
        self._points = 0
        self._topics: dict[str, _Tally] = {}
        self._unmatched: dict[str, int] = {}
        self._rules: dict[str, _Tally] = {}
        self._measurements: dict[str, int] = {}
        # Kinds are a closed list of words.
        self._kinds: dict[str, int] = {}
        self._carried = Carried()
        self._resumed = 0
        self._lock = threading.Lock()

    def resume(self, carried: Carried, resumed: int = 0) -> None:
        """Go on from the runs before; `resumed` items were received then and wait still."""
        with self._lock:
            self._carried = carried
            self._resumed = resumed

    def settle(self, item: Item, mapped: Mapped) -> None:
        """One item has its outcome, for good."""
        name = item.topic if isinstance(item, Message) else f"poll {item.poll}"
        qos = min(item.qos, 1) if isinstance(item, Message) else None
        with self._lock:
            self._outcomes[mapped.outcome] += 1
            self._points += len(mapped.points)
            if mapped.kind:
                self._kinds[mapped.kind] = self._kinds.get(mapped.kind, 0) + 1
            if mapped.outcome is Outcome.NO_RULE:
                # A table of its own: topics that nobody asked for must not push the others out.
                self._count_unmatched(name)
                return
            for tally in (
                _tally(self._topics, name, _MAX_TOPICS),
                _tally(self._rules, mapped.rule or "(no rule)", _MAX_RULES),
            ):
                tally.outcomes[mapped.outcome] = tally.outcomes.get(mapped.outcome, 0) + 1
                tally.points += len(mapped.points)
                if qos is not None:
                    tally.by_qos[qos] += 1
            self._count_measurements(mapped.points)

    def add_points(self, mapped: Mapped) -> None:
        """Points are durable whose item has its outcome at another time, or which have no item."""
        with self._lock:
            self._points += len(mapped.points)
            tally = _tally(self._rules, mapped.rule or "(no rule)", _MAX_RULES)
            tally.points += len(mapped.points)
            self._count_measurements(mapped.points)

    def _count_measurements(self, points: Sequence[Point]) -> None:
        for point in points:
            name = point.measurement
            if name not in self._measurements and len(self._measurements) >= _MAX_RULES:
                name = OTHERS
            self._measurements[name] = self._measurements.get(name, 0) + 1

    def _count_unmatched(self, name: str) -> None:
        name = name[:_LONGEST_NAME]
        if name not in self._unmatched and len(self._unmatched) >= _MAX_UNMATCHED:
            name = OTHERS
        self._unmatched[name] = self._unmatched.get(name, 0) + 1

    def difference(self, counts: InboxCounts, held: int) -> int:
        """Received less dropped, settled and waiting; 0 when the ledger balances.

        `held` counts the items that the writer has taken and not settled. Writer thread only.
        """
        with self._lock:
            received = counts.received + self._resumed
            settled = sum(self._outcomes.values())
        return received - counts.dropped - settled - counts.waiting - held

    def points_by_measurement(self) -> dict[str, int]:
        """How many points of each measurement became durable in this run."""
        with self._lock:
            return dict(sorted(self._measurements.items()))

    def outcomes(self) -> dict[Outcome, int]:
        """How many items have each outcome so far; those in the inbox are not among them."""
        with self._lock:
            return dict(self._outcomes)

    def counted(self, counts: InboxCounts) -> dict[str, object]:
        """What this run has counted, to be kept at each commit; `carried.py` reads it."""
        with self._lock:
            outcomes = {outcome.value: number for outcome, number in self._outcomes.items()}
            outcomes[Outcome.DROPPED] += counts.dropped
            return {"run": self._run, "outcomes": outcomes, "points": self._points}

    def snapshot(self, count: Callable[[], InboxCounts]) -> dict[str, object]:
        """Everything at one moment, as JSON would have it; `count` asks the inbox.

        What has arrived and has no outcome yet is waiting, wherever it is: a thread that asks sees
        items between two places. The writer counts them in their places, see `difference`.
        """
        replayed = self.replayed()
        with self._lock:
            # Within the lock nothing is settled, so nothing has an outcome that is not counted yet.
            counts = count()
            outcomes = {outcome.value: number for outcome, number in self._outcomes.items()}
            n_settled = sum(outcomes.values())
            outcomes[Outcome.DROPPED] += counts.dropped
            outcomes[Outcome.WAITING] = max(
                0, counts.received + self._resumed - counts.dropped - n_settled
            )
            return {
                "version": _VERSION,
                "run": self._run,
                "started": _iso(self._started_us),
                "saved": _iso(self._clock.now_us()),
                # The two times before may be those of a clock that was set in between.
                "seconds": round(self._clock.monotonic_s() - self._started_s, 1),
                "received": counts.received,
                "resumed": self._resumed,
                "outcomes": outcomes,
                "points": self._points,
                "kinds": dict(self._kinds),
                "measurements": dict(self._measurements),
                "rules": _as_json(self._rules),
                "topics": _with_dropped(_as_json(self._topics), counts.dropped_by),
                "unmatched": dict(self._unmatched),
                "dropped": dict(counts.dropped_by),
                "total": self._total(outcomes) | {"replayed": replayed},
            }

    def _total(self, outcomes: Mapping[str, int]) -> dict[str, object]:
        carried = self._carried
        all_outcomes = {
            name: number + carried.outcomes.get(Outcome(name), 0)
            for name, number in outcomes.items()
        }
        return {
            "since": carried.since or _iso(self._started_us),
            # What a killed process had received and not settled comes again or is lost with it.
            "received": sum(all_outcomes.values()),
            "outcomes": all_outcomes,
            "points": carried.points + self._points,
            "recovered": carried.recovered_points,
            "recovered_now": carried.recovered_now,
            "crashes": carried.crashes,
        }

    def save(
        self,
        path: Path,
        counts: InboxCounts,
        covered: Covered,
        *,
        has_ended: bool = False,
    ) -> None:
        """Write the snapshot, and how far it has come in the files. May raise OSError."""
        content = self.snapshot(lambda: counts)
        content |= {"jobs": self._runs(), "ended": has_ended}
        content |= covered.as_json()
        replace_file(path, json.dumps(content, indent=1, ensure_ascii=True).encode() + b"\n")


def _tally(table: dict[str, _Tally], name: str, limit: int) -> _Tally:
    tally = table.get(name)
    if tally is None:
        if len(table) >= limit:
            name = OTHERS
        tally = table.setdefault(name, _Tally())
    return tally


def _with_dropped(
    topics: dict[str, dict[str, object]], dropped: Mapping[str, int]
) -> dict[str, dict[str, object]]:
    """What was dropped of a topic has arrived too, all of it at QoS 0."""
    for name, number in dropped.items():
        if (topic := topics.get(name)) is not None:
            topic["dropped"] = number
            topic["qos0"] = int(str(topic["qos0"])) + number
    return topics


def _as_json(table: Mapping[str, _Tally]) -> dict[str, dict[str, object]]:
    return {name: tally.as_json() for name, tally in table.items()}


def _iso(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, tz=UTC).isoformat(timespec="milliseconds")
