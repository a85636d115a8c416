"""When the wall clock is believed, and what is known of it after a restart."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.clock_trust import ClockTrust, Trust, clock_path, is_clock_known
from tests.daemon.boards import SetBoard
from tests.daemon.clocks import EPOCH

RIGHT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def _opened(board: SetBoard, wait_s: float | None = None, path: Path | None = None) -> ClockTrust:
    trust = ClockTrust(board, wait_s, path)
    trust.open()
    return trust


def _monotonic_us(board: SetBoard) -> int:
    return round(board.monotonic_s() * 1e6)


@pytest.mark.parametrize(
    ("wait_s", "is_synchronised", "awaits", "expected"),
    [
        pytest.param(None, True, True, Trust.YES, id="synchronised"),
        pytest.param(None, False, True, Trust.NOT_YET, id="a time service is at work"),
        pytest.param(None, False, False, Trust.YES, id="nobody sets this clock"),
        pytest.param(0.0, False, True, Trust.YES, id="told to believe it"),
        pytest.param(60.0, False, False, Trust.NOT_YET, id="told to wait"),
    ],
)
def test_the_first_look(
    wait_s: float | None, is_synchronised: bool, awaits: bool, expected: Trust
) -> None:
    board = SetBoard(is_synchronised=is_synchronised, awaits=awaits)
    assert _opened(board, wait_s).look() is expected


def test_a_plausible_date_is_no_proof() -> None:
    board = SetBoard(RIGHT)
    trust = _opened(board)
    board.pass_time(300)
    assert trust.look() is Trust.NOT_YET
    board.synchronise(RIGHT)
    board.pass_time(1)
    assert trust.look() is Trust.YES


def test_once_synchronised_it_stays_believed() -> None:
    board = SetBoard(is_synchronised=True)
    trust = _opened(board)
    # The kernel takes its word back when the network is gone for hours.
    board.synchronised = False
    board.pass_time(90_000)
    assert trust.look() is Trust.YES


def test_it_gives_up_after_the_limit_and_says_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    board = SetBoard()
    trust = _opened(board, wait_s=60.0)
    board.pass_time(59)
    assert trust.look() is Trust.NOT_YET
    board.pass_time(2)
    assert trust.look() is Trust.GIVEN_UP
    [error] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "time_quality=unsynced" in error.getMessage()
    assert "collector.clock.wait_for_sync" in error.getMessage()


def test_a_clock_that_is_set_after_all_is_believed_again() -> None:
    board = SetBoard()
    trust = _opened(board, wait_s=60.0)
    board.pass_time(61)
    trust.look()
    board.synchronise(RIGHT)
    board.pass_time(1)
    assert trust.look() is Trust.YES


@pytest.mark.parametrize("step", [timedelta(hours=1), timedelta(hours=-1)], ids=["forth", "back"])
def test_a_step_of_the_wall_clock_does_not_shorten_the_wait(step: timedelta) -> None:
    board = SetBoard()
    trust = _opened(board, wait_s=60.0)
    board.set_wall(board.wall() + step)
    board.pass_time(59)
    assert trust.look() is Trust.NOT_YET
    board.pass_time(2)
    assert trust.look() is Trust.GIVEN_UP


def test_a_moment_before_the_synchronisation_gets_its_right_time() -> None:
    board = SetBoard(datetime(2026, 3, 1, tzinfo=UTC))
    trust = _opened(board)
    then_us = _monotonic_us(board)
    board.pass_time(100)
    board.synchronise(RIGHT)
    trust.look()
    assert trust.was_doubtful(then_us)
    assert EPOCH + timedelta(microseconds=trust.wall_us(then_us)) == RIGHT - timedelta(seconds=100)


def test_the_next_process_of_the_same_boot_knows_it(tmp_path: Path) -> None:
    path = clock_path(tmp_path / "data.csv")
    board = SetBoard()
    trust = _opened(board, path=path)
    then_us = _monotonic_us(board)
    board.synchronise(RIGHT)
    trust.look()
    board.synchronised = False
    again = _opened(board, path=path)
    assert again.look() is Trust.YES
    assert EPOCH + timedelta(microseconds=again.wall_us(then_us)) == RIGHT


def test_the_next_boot_waits_anew_and_still_knows_the_one_before(tmp_path: Path) -> None:
    path = clock_path(tmp_path / "data.csv")
    board = SetBoard(boot_id="boot-1")
    trust = _opened(board, path=path)
    then_us = _monotonic_us(board)
    board.synchronise(RIGHT)
    trust.look()
    again = _opened(SetBoard(boot_id="boot-2"), path=path)
    assert again.look() is Trust.NOT_YET
    assert again.wall_us_of("boot-1", then_us) == (RIGHT - EPOCH) // timedelta(microseconds=1)
    assert again.wall_us_of("boot-0", then_us) is None


def test_a_restart_after_giving_up_does_not_wait_again(tmp_path: Path) -> None:
    path = clock_path(tmp_path / "data.csv")
    board = SetBoard()
    trust = _opened(board, 60.0, path)
    board.pass_time(61)
    trust.look()
    assert _opened(board, 60.0, path).look() is Trust.GIVEN_UP


@pytest.mark.parametrize("content", ["", "[]", '{"version": 9}', '{"version": 1, "boots": 3}'])
def test_a_file_that_cannot_be_used_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    path = tmp_path / "data.clock.json"
    path.write_text(content, encoding="ascii")
    assert _opened(SetBoard(), path=path).look() is Trust.NOT_YET
    assert str(path) in caplog.text


@pytest.mark.parametrize(
    ("wait_s", "is_synchronised", "awaits", "is_known"),
    [
        pytest.param(None, True, True, True, id="synchronised"),
        pytest.param(None, False, True, False, id="a time service is at work"),
        pytest.param(None, False, False, True, id="nobody sets this clock"),
        pytest.param(0.0, False, True, True, id="told to believe it"),
        pytest.param(60.0, False, False, False, id="told to wait"),
    ],
)
def test_what_is_old_is_judged_by_a_known_clock_only(
    tmp_path: Path, wait_s: float | None, is_synchronised: bool, awaits: bool, is_known: bool
) -> None:
    board = SetBoard(is_synchronised=is_synchronised, awaits=awaits)
    assert is_clock_known(board, wait_s, tmp_path / "data.clock.json") is is_known


def test_the_system_clock_answers_everything() -> None:
    clock = SystemClock()
    assert isinstance(clock.is_synchronised(), bool)
    assert not (clock.is_synchronised() and clock.awaits_synchronisation())
    assert clock.boot_id == SystemClock().boot_id
