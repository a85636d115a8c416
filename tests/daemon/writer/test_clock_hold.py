"""Points that arrive before the clock is right get their right time, or are marked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.clock_trust import ClockTrust, clock_path
from daemon.messages import Mapped, Message, Outcome, Reading
from daemon.spool import Spool
from daemon.writer import ClockHold, HoldLimits
from tests.daemon.boards import SetBoard
from tests.daemon.waiting import wait_until
from tests.daemon.writer.conftest import RunningWriter
from tests.daemon.writer.items import message
from tinyflux import Point, TinyFlux

WRONG = datetime(2026, 3, 1, tzinfo=UTC)
RIGHT = datetime(2026, 11, 24, 12, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ArrivalMapper:
    """A number becomes a point at its arrival; `@` in front: at a time of its own."""

    def map(self, item: Message | Reading) -> Mapped:
        assert isinstance(item, Message)
        text = item.payload.decode()
        time = EPOCH + timedelta(microseconds=item.received_us)
        if text.startswith("@"):
            time = datetime(2020, 1, 1, tzinfo=UTC)
        point = Point(time=time, measurement="numbers", fields={"value": float(text.lstrip("@"))})
        return Mapped(Outcome.STORED, (point,), "sources[0]")


class HoldingWriter(RunningWriter):
    """A writer on a board whose clock a test sets."""

    def __init__(self, folder: Path, board: SetBoard, **limits: int) -> None:
        self.board = board
        self._packet_id = 0
        path = folder / "data.csv"
        self.spool_path = folder / "data.spool"
        hold = ClockHold(
            board,
            ClockTrust(board, 60.0, clock_path(path)),
            Spool(self.spool_path, board.boot_id),
            HoldLimits(**limits),
        )
        super().__init__(folder, interval_s=0.05, hold=hold, mapper=ArrivalMapper())

    def put(self, text: str) -> None:
        self._packet_id += 1
        now_us = round(self.board.monotonic_s() * 1e6)
        self.inbox.put(
            message(
                payload=text.encode(),
                packet_id=self._packet_id,
                received_us=self.board.now_us(),
                monotonic_us=now_us,
            )
        )

    def wait_for_acknowledgements(self, count: int) -> None:
        wait_until(lambda: len(self.acknowledged.packet_ids) >= count, f"{count} acknowledgements")

    def wait_for_rows(self, count: int) -> list[tuple[float, datetime, bool]]:
        """Value, time and whether it is marked, in the order of the file."""
        wait_until(lambda: len(self._rows()) >= count, f"{count} rows")
        return self._rows()

    def _rows(self) -> list[tuple[float, datetime, bool]]:
        with TinyFlux(str(self.path)) as db:
            return [
                (
                    float(point.fields["value"] or 0),
                    point.time or EPOCH,
                    point.tags.get("time_quality") == "unsynced",
                )
                for point in db.all(sorted=False)
            ]


StartHolding = Callable[..., HoldingWriter]


@pytest.fixture
def start_holding(tmp_path: Path) -> Iterator[StartHolding]:
    """Starts a writer in the test's folder; those left running are stopped."""
    started: list[HoldingWriter] = []

    def start(board: SetBoard, **limits: int) -> HoldingWriter:
        running = HoldingWriter(tmp_path, board, **limits)
        running.writer.start()
        started.append(running)
        return running

    yield start
    for running in started:
        running.writer.stop(0.0)


def test_what_waits_is_acknowledged_and_not_stored(start_holding: StartHolding) -> None:
    running = start_holding(SetBoard(WRONG))
    running.put("1")
    running.wait_for_acknowledgements(1)
    assert running.wait_for_rows(0) == []
    assert running.writer.spooled() == 1
    assert not running.writer.is_clock_believed()
    snapshot = running.ledger.snapshot(running.inbox.counts)
    assert snapshot["outcomes"]["waiting"] == 1  # type: ignore[index]


def test_synchronised_every_point_gets_its_right_time(start_holding: StartHolding) -> None:
    board = SetBoard(WRONG)
    running = start_holding(board)
    for number in (1, 2):
        running.put(str(number))
        board.pass_time(10)
    running.wait_for_acknowledgements(2)
    board.synchronise(RIGHT)
    board.pass_time(1)
    running.put("3")
    rows = running.wait_for_rows(3)
    second = timedelta(seconds=1)
    assert sorted(rows) == [
        (1.0, RIGHT - 20 * second, False),
        (2.0, RIGHT - 10 * second, False),
        (3.0, RIGHT + second, False),
    ]
    wait_until(lambda: running.ledger.outcomes()[Outcome.STORED] == 3, "the outcomes")
    assert running.spool_path.stat().st_size == 0


def test_a_killed_process_leaves_them_to_the_next(
    start_holding: StartHolding, tmp_path: Path
) -> None:
    board = SetBoard(WRONG)
    first = start_holding(board)
    first.put("1")
    first.wait_for_acknowledgements(1)
    first.writer.stop(5.0)
    board.pass_time(30)
    board.synchronise(RIGHT)
    again = start_holding(board)
    assert again.wait_for_rows(1) == [(1.0, RIGHT - timedelta(seconds=30), False)]
    assert again.ledger.difference(again.inbox.counts(), again.writer.held()) == 0


def test_after_the_limit_they_are_stored_and_marked(start_holding: StartHolding) -> None:
    board = SetBoard(WRONG)
    running = start_holding(board)
    running.put("1")
    running.wait_for_acknowledgements(1)
    board.pass_time(61)
    running.put("2")
    assert sorted(running.wait_for_rows(2)) == [
        (1.0, WRONG, True),
        (2.0, WRONG + timedelta(seconds=61), True),
    ]


def test_a_time_of_its_own_is_not_marked(start_holding: StartHolding) -> None:
    board = SetBoard(WRONG)
    running = start_holding(board)
    board.pass_time(61)
    running.put("@1")
    [(_, time, is_marked)] = running.wait_for_rows(1)
    assert (time.year, is_marked) == (2020, False)


def test_beyond_the_bound_they_are_stored_and_marked(start_holding: StartHolding) -> None:
    board = SetBoard(WRONG)
    running = start_holding(board, items=2)
    for number in (1, 2, 3):
        running.put(str(number))
        running.wait_for_acknowledgements(number)
    assert running.wait_for_rows(1) == [(3.0, WRONG, True)]
    board.synchronise(RIGHT)
    board.pass_time(1)
    assert sorted(running.wait_for_rows(3))[:2] == [(1.0, RIGHT, False), (2.0, RIGHT, False)]


def test_after_a_reboot_that_never_knew_the_time_they_are_marked(
    start_holding: StartHolding,
) -> None:
    first = start_holding(SetBoard(WRONG, boot_id="boot-1"))
    first.put("1")
    first.wait_for_acknowledgements(1)
    first.writer.stop(5.0)
    again = start_holding(SetBoard(WRONG + timedelta(hours=5), boot_id="boot-2"))
    # Stored at once: nothing that happens now can tell when they came.
    assert again.wait_for_rows(1) == [(1.0, WRONG, True)]


def test_a_reboot_after_the_synchronisation_keeps_the_right_time(
    start_holding: StartHolding, tmp_path: Path
) -> None:
    board = SetBoard(WRONG, boot_id="boot-1")
    first = start_holding(board)
    first.put("1")
    first.wait_for_acknowledgements(1)
    first.writer.stop(5.0)
    # Power was cut after the clock had been set and before the point was stored.
    knowledge = ClockTrust(board, 60.0, clock_path(tmp_path / "data.csv"))
    knowledge.open()
    board.pass_time(40)
    board.synchronise(RIGHT)
    knowledge.look()
    again = start_holding(SetBoard(WRONG, boot_id="boot-2"))
    assert again.wait_for_rows(1) == [(1.0, RIGHT - timedelta(seconds=40), False)]


@pytest.mark.parametrize("hours", [1, -1], ids=["forth", "back"])
def test_a_step_while_running_loses_nothing(start_holding: StartHolding, hours: int) -> None:
    board = SetBoard(RIGHT, is_synchronised=True)
    running = start_holding(board)
    running.put("1")
    running.wait_for_rows(1)
    board.set_wall(RIGHT + timedelta(hours=hours))
    running.put("2")
    assert running.wait_for_rows(2) == [
        (1.0, RIGHT, False),
        (2.0, RIGHT + timedelta(hours=hours), False),
    ]
    with TinyFlux(str(running.path)) as db:
        assert [point.fields["value"] for point in db.all()] == ([1, 2] if hours > 0 else [2, 1])
