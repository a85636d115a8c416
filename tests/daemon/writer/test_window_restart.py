"""Windows of throttle and merge_within over a kill: they end when they would have ended."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.messages import Mapped, Origin, Outcome
from daemon.spool import Spool
from daemon.thinning import Policy, SeriesMemory, Thinner
from daemon.writer import SeriesFile, ThinningStage, WaitingPoints
from tests.daemon.boards import SetBoard
from tests.daemon.writer.items import message
from tinyflux import Point

TEN_S_US = 10_000_000
THROTTLE = Policy(leaves_out=False, window_us=TEN_S_US)
MERGE = Policy(leaves_out=False, window_us=TEN_S_US, keeps_last=False)


class Life:
    """One process after the other, on a board whose clocks are set by hand."""

    def __init__(self, folder: Path, policy: Policy = THROTTLE, boot_id: str = "boot-1") -> None:
        self.board = SetBoard(boot_id=boot_id)
        self.spool_path = folder / "spool"
        self.rows: list[dict[str, int | float | None]] = []
        self._folder = folder
        self._policy = policy
        self._stage = self._started(is_clock_believed=True)

    def send(self, **fields: float) -> None:
        """A message of the one series, in a turn of its own; what waits of it is in the spool."""
        item = message(received_us=self.board.now_us(), payload=json.dumps(fields).encode())
        point = Point(time=self.board.wall(), measurement="m", fields=dict(fields))
        origins = (Origin("sources[0]", {}),)
        ticket = self._stage.take(item, Mapped(Outcome.STORED, (point,), "s", origins=origins))
        assert ticket is not None
        self.turn()
        self.rows += [point.fields for point in ticket.points]
        self._stage.keep([share for share in ticket.shares if not share.number])

    def turn(self) -> None:
        """As the writer makes them: what need not wait any more is written."""
        entries = self._stage.over(is_all=False, has_time=True)
        self.rows += [point.fields for entry in entries for point in entry.mapped.points]
        self._stage.done([entry.spooled for entry in entries])

    def wait(self, seconds: float) -> None:
        self.board.pass_time(seconds)
        self.turn()

    def restart(self, down_s: float = 0.0) -> None:
        """It is killed, and another process begins in the same boot."""
        self._stage.close(is_all_written=False)
        self.board.pass_time(down_s)
        self._stage = self._started(is_clock_believed=True)

    def reboot(self, wall_passed_s: float, *, is_clock_believed: bool = True) -> None:
        """A power cut; the monotonic clock begins anew, the wall clock says so much later."""
        self._stage.close(is_all_written=False)
        wall = self.board.wall() + timedelta(seconds=wall_passed_s)
        self.board = SetBoard(wall, boot_id="boot-2")
        self._stage = self._started(is_clock_believed=is_clock_believed)

    @property
    def due_in_s(self) -> float | None:
        """When the first window ends."""
        return self._stage.due_in_s(has_time=True)

    def _started(self, *, is_clock_believed: bool) -> ThinningStage:
        memory = SeriesMemory()
        data = self._folder / "data.csv"
        stage = ThinningStage(
            Thinner(lambda _: self._policy, memory),
            WaitingPoints(Spool(self.spool_path, self.board.boot_id)),
            SeriesFile(self._folder / "series.json", data, memory, self.board),
            self.board,
        )
        stage.open()
        stage.resume([], is_clock_believed=is_clock_believed)
        return stage


def test_kills_within_every_window_leave_one_row_a_window(tmp_path: Path) -> None:
    """Though only the last message waits: the one that opened the window is gone by then."""
    life = Life(tmp_path)
    for second in range(24):
        life.send(value=second)
        life.wait(1)
        if second in (6, 13):
            life.restart()
    life.wait(10)
    assert life.rows == [{"value": 9}, {"value": 19}, {"value": 23}]


def test_a_process_that_never_lives_for_a_window_stores_all_the_same(tmp_path: Path) -> None:
    life = Life(tmp_path)
    for second in range(40):
        life.send(value=second)
        life.wait(1)
        life.restart()
    assert life.rows == [{"value": 9}, {"value": 19}, {"value": 29}, {"value": 39}]


def test_messages_after_a_kill_are_merged_until_the_window_ends(tmp_path: Path) -> None:
    life = Life(tmp_path, MERGE)
    for name in ("a", "b", "c", "d"):
        life.send(**{name: 1})
        life.wait(3)
        life.restart()
    life.wait(10)
    assert life.rows == [{"a": 1, "b": 1, "c": 1, "d": 1}]
    life.send(a=2)
    life.wait(7)
    life.restart()
    life.send(b=2)
    life.wait(3)
    assert life.rows[1:] == [{"a": 2, "b": 2}]


def test_a_window_that_ended_while_nothing_ran_is_over_at_the_start(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.send(value=1)
    life.wait(4)
    life.restart(down_s=7)
    life.send(value=2)
    life.turn()
    assert life.rows == [{"value": 1}]
    assert life.due_in_s == 10


@pytest.mark.parametrize("step_s", [-3600, 5, 3600])
def test_in_the_same_boot_a_set_clock_moves_no_end(tmp_path: Path, step_s: int) -> None:
    life = Life(tmp_path)
    life.send(value=1)
    life.wait(4)
    life.board.set_wall(life.board.wall() + timedelta(seconds=step_s))
    life.restart()
    assert life.due_in_s == 6


def test_after_a_reboot_the_wall_clock_says_when_a_window_ends(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.send(value=1)
    life.wait(2)
    life.send(value=2)
    life.reboot(3)
    assert life.due_in_s == 5
    life.send(value=3)
    # And so it stays for what came in the new boot.
    life.wait(1)
    life.restart()
    assert life.due_in_s == 4
    life.wait(4)
    assert life.rows == [{"value": 3}]


@pytest.mark.parametrize(
    ("passed_s", "is_clock_believed"),
    [
        pytest.param(10, True, id="it ended in between"),
        pytest.param(-60, True, id="the clock shows a time before it"),
        pytest.param(3, False, id="the clock is not believed"),
    ],
)
def test_after_a_reboot_a_window_without_a_known_end_ends_at_once(
    tmp_path: Path, passed_s: float, is_clock_believed: bool
) -> None:
    life = Life(tmp_path, MERGE)
    life.send(a=1)
    life.wait(1)
    life.send(b=1)
    life.reboot(passed_s, is_clock_believed=is_clock_believed)
    life.turn()
    assert life.rows == [{"a": 1, "b": 1}]
    assert life.due_in_s is None


def test_where_the_boot_has_no_name_the_wall_clock_counts(tmp_path: Path) -> None:
    life = Life(tmp_path, boot_id="")
    life.send(value=1)
    life.board.set_wall(life.board.wall() + timedelta(seconds=4))
    life.restart()
    assert life.due_in_s == 6


def test_windows_that_were_over_but_not_written_stay_apart(tmp_path: Path) -> None:
    """Though the times of their points are near each other, by a clock that was set back."""
    life = Life(tmp_path)
    life.send(value=1)
    life.wait(10)
    life.board.set_wall(life.board.wall() - timedelta(seconds=5))
    life.send(value=2)
    # The step that takes the first out of the spool is not done when the process is killed.
    lines = life.spool_path.read_bytes().splitlines(keepends=True)
    life.spool_path.write_bytes(b"".join(line for line in lines if b'"done"' not in line))
    life.rows.clear()
    life.restart()
    life.wait(10)
    assert life.rows == [{"value": 1}, {"value": 2}]


def test_what_an_earlier_version_has_kept_ends_by_the_wall_clock(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.send(value=1)
    spool = Spool(tmp_path / "old", "boot-1")
    spool.open()
    new = Spool(life.spool_path, "boot-1")
    new.open()
    [number] = new.waiting("window")
    body = dict(new.get(number) or {})
    del body["opened"]
    new.close()
    spool.put("window", [body])
    spool.close()
    life.spool_path = tmp_path / "old"
    life.restart(down_s=4)
    assert life.due_in_s == 6
