"""Thinning between mapping and store: clocks that cannot be believed, and what waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from daemon.clock_trust import ClockTrust, clock_path
from daemon.messages import Mapped, Message, Origin, Outcome, Reading
from daemon.spool import Spool
from daemon.thinning import Policy, SeriesMemory, Thinner
from daemon.writer import ClockHold, Intake, Item, SeriesFile, ThinningStage, WaitingPoints
from daemon.writer.entry import Entry
from tests.daemon.boards import SetBoard
from tests.daemon.writer.conftest import NumberMapper
from tests.daemon.writer.items import message
from tinyflux import Point

MINUTE_US = 60_000_000


class OneRule(NumberMapper):
    """All points come from one rule that thins."""

    def map(self, item: Message | Reading) -> Mapped:
        mapped = super().map(item)
        origins = (Origin("sources[0]", {}),) * len(mapped.points)
        return replace(mapped, origins=origins)


class Stage:
    """An intake with a board whose clock is set by hand."""

    def __init__(self, folder: Path, policy: Policy, *, waits_s: float) -> None:
        self.board = SetBoard()
        data = folder / "data.csv"
        spool = Spool(folder / "spool", self.board.boot_id)
        self.hold = ClockHold(self.board, ClockTrust(self.board, waits_s, clock_path(data)), spool)
        memory = SeriesMemory()
        self.stage = ThinningStage(
            Thinner(lambda _: policy, memory),
            WaitingPoints(spool),
            SeriesFile(folder / "series.json", data, memory, self.board),
            self.board,
        )
        self.hold.open()
        self.stage.open()
        self.hold.resume([])
        self.stage.resume([])
        self.intake = Intake(OneRule(), hold=self.hold, thinning=self.stage)

    def message(self, text: str, packet_id: int = 0) -> Message:
        now_us = round(self.board.monotonic_s() * 1e6)
        received_us = self.board.now_us()
        return message(
            payload=text.encode(),
            packet_id=packet_id,
            received_us=received_us,
            monotonic_us=now_us,
        )

    def turn(self, *items: Item, is_ending: bool = False) -> list[Entry]:
        """As the writer takes them; what waits for others is in the spool then."""
        due = self.intake.due(100)
        entries = self.intake.gather(due, items, is_ending=is_ending)
        self.stage.keep(
            [
                share
                for entry in entries
                if entry.ticket is not None
                for share in entry.ticket.shares
                if not share.number
            ]
        )
        return entries


def points_of(entries: Sequence[Entry]) -> list[Point]:
    return [point for entry in entries for point in entry.mapped.points]


EXPIRY = Policy(leaves_out=False, expire_us=MINUTE_US)


def test_a_series_expires_at_the_time_of_a_clock_that_is_believed(tmp_path: Path) -> None:
    stage = Stage(tmp_path, EXPIRY, waits_s=0)
    stage.board.synchronised = True
    stage.turn(stage.message("1"))
    stage.board.pass_time(60)
    [entry] = stage.turn()
    assert not entry.is_message
    [point] = points_of([entry])
    assert (point.time, point.fields, point.tags) == (stage.board.wall(), {"value": None}, {})


def test_what_expires_after_the_clock_was_given_up_says_so(tmp_path: Path) -> None:
    stage = Stage(tmp_path, EXPIRY, waits_s=10)
    stage.board.pass_time(11)
    [entry] = stage.turn(stage.message("1"))
    assert points_of([entry])[0].tags == {"time_quality": "unsynced"}
    stage.board.pass_time(60)
    [point] = points_of(stage.turn())
    assert (point.fields, point.tags) == ({"value": None}, {"time_quality": "unsynced"})


def test_while_messages_wait_for_the_clock_nothing_expires(tmp_path: Path) -> None:
    stage = Stage(tmp_path, EXPIRY, waits_s=3600)
    [entry] = stage.turn(stage.message("1"))
    assert entry.mapped.outcome is Outcome.WAITING
    stage.board.pass_time(120)
    assert stage.turn() == []


def test_the_mark_of_a_doubtful_time_makes_no_other_series(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Policy(leaves_out=True), waits_s=10)
    stage.board.pass_time(11)
    stage.turn(stage.message("1"))
    stage.board.synchronise(stage.board.wall())
    [entry] = stage.turn(stage.message("1"))
    assert entry.mapped.outcome is Outcome.UNCHANGED


def test_what_has_waited_for_the_clock_is_thinned_by_its_right_times(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Policy(leaves_out=False, window_us=10 * MINUTE_US), waits_s=3600)
    held = []
    for minute in range(25):
        item = stage.message(str(minute))
        [entry] = stage.turn(item)
        assert entry.mapped.outcome is Outcome.WAITING
        held.append(item)
        stage.board.pass_time(60)
    stage.hold.hold(held)
    stage.board.synchronise(stage.board.wall().replace(year=2027))
    entries = stage.turn()
    assert [point.fields["value"] for point in points_of(entries)] == [9, 19]
    assert [point.fields["value"] for point in points_of(stage.turn(is_ending=True))] == [24]


def test_the_receipt_goes_with_the_message_and_not_with_what_waits(tmp_path: Path) -> None:
    """Late, it would acknowledge another message with the same packet id."""
    stage = Stage(tmp_path, Policy(leaves_out=False, window_us=MINUTE_US), waits_s=0)
    stage.board.synchronised = True
    [entry] = stage.turn(stage.message("1", packet_id=7))
    assert isinstance(entry.item, Message)
    assert entry.item.receipt is not None
    stage.board.pass_time(60)
    [part] = stage.turn()
    assert isinstance(part.item, Message)
    assert part.item.receipt is None
    assert part.item.payload == b"1"
