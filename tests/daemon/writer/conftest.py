"""A running writer on a real file, with a mapping and a broker that tests see through."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.messages import Acknowledger, Mapped, Mapper, Message, Outcome, Reading, Receipt
from daemon.writer import (
    ClockHold,
    CommitRule,
    DuplicateMemory,
    Files,
    Inbox,
    Journal,
    Ledger,
    Observer,
    RejectFile,
    Store,
    ThinningStage,
    Writer,
)
from daemon.writer.commit import Sync
from tinyflux import MeasurementQuery, Point, TinyFlux


class NumberMapper:
    """A payload that is a number becomes a point; `bug` raises; `refused` makes a bad point."""

    def map(self, item: Message | Reading) -> Mapped:
        if isinstance(item, Message) and item.is_seen:
            return Mapped(Outcome.RETAINED_SEEN, rule="sources[0]")
        text = item.payload.decode() if isinstance(item, Message) else str(item.value)
        if text == "bug":
            raise LookupError("a fault of the mapping")
        if text == "refused":
            return Mapped(Outcome.STORED, points=(_unusable_point(),), rule="sources[0]")
        try:
            number = float(text)
        except ValueError:
            return Mapped(
                Outcome.REJECTED, rule="sources[0]", reason=f"{text!r} is no number", kind="type"
            )
        point = Point(time=_arrival(item), measurement="numbers", fields={"value": number})
        return Mapped(Outcome.STORED, points=(point,), rule="sources[0]")


def _arrival(item: Message | Reading) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=item.received_us)


def _unusable_point() -> Point:
    point = Point(measurement="numbers", fields={"value": 1.0})
    # Changed in place, which the engine notices only when the point is inserted.
    point.fields["value"] = "text"  # type: ignore[assignment]
    return point


@dataclass
class Acknowledgements:
    """A source's other side, which remembers what was acknowledged."""

    receipts: list[Receipt] = field(default_factory=list)
    before: Callable[[], None] = lambda: None

    def acknowledge(self, receipts: Sequence[Receipt]) -> None:
        self.before()
        self.receipts.extend(receipts)

    @property
    def packet_ids(self) -> list[int]:
        return [receipt.packet_id for receipt in self.receipts]


class RunningWriter:
    """A writer with all that belongs to it, in a folder of its own."""

    def __init__(
        self,
        folder: Path,
        *,
        interval_s: float = 60.0,
        sync: Sync = "commit",
        observers: Sequence[Observer] = (),
        hold: ClockHold | None = None,
        mapper: Mapper | None = None,
        boot_id: str = "",
        inbox: Inbox | None = None,
        source: Acknowledger | None = None,
        thinning: ThinningStage | None = None,
    ) -> None:
        """With `boot_id` it remembers across processes what it has written; a `source` gets the
        acknowledgements of what it has put into the inbox."""
        clock = SystemClock()
        self.path = folder / "data.csv"
        self.ledger_path = folder / "data.ledger.json"
        self.rejects = RejectFile(folder / "rejects.jsonl", 1_000_000)
        self.inbox = inbox or Inbox()
        self.ledger = Ledger(clock)
        self.acknowledged = Acknowledgements()
        self.writer = Writer(
            files=Files(
                Store(self.path, compact_keys=True),
                self.rejects,
                sync,
                duplicates=DuplicateMemory(folder / "data.received" if boot_id else None, boot_id),
                hold=hold,
                thinning=thinning,
            ),
            inbox=self.inbox,
            mapper=mapper or NumberMapper(),
            rule=CommitRule(clock, interval_s=interval_s, points=500, sync=sync),
            journal=Journal(self.ledger, self.ledger_path, clock),
            acknowledgers={"home": source or self.acknowledged},
            clock=clock,
            observers=observers,
        )

    def values(self) -> list[float]:
        """The stored numbers, in the order of the file, read as another program would."""
        with TinyFlux(str(self.path)) as db:
            points = db.search(MeasurementQuery() == "numbers", sorted=False)
        return [float(point.fields["value"] or 0) for point in points]

    def rejected_payloads(self) -> list[str]:
        if not self.rejects.path.exists():
            return []
        lines = self.rejects.path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line)["payload"] for line in lines]


StartWriter = Callable[..., RunningWriter]


@pytest.fixture
def start_writer(tmp_path: Path) -> Iterator[StartWriter]:
    """Starts a writer, in `folder` or the test's own; those left running are stopped."""
    started: list[RunningWriter] = []

    def start(
        folder: Path = tmp_path,
        *,
        interval_s: float = 60.0,
        sync: Sync = "commit",
        observers: Sequence[Observer] = (),
    ) -> RunningWriter:
        running = RunningWriter(folder, interval_s=interval_s, sync=sync, observers=observers)
        running.writer.start()
        started.append(running)
        return running

    yield start
    for running in started:
        running.writer.stop(0.0)
