"""A real collector that boots months ago, is killed while points wait, and then learns the time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import main
from daemon.health import ask_status
from tests.daemon.app.processes import CollectorProcess, configuration_for
from tests.daemon.waiting import wait_until
from tests.support.mosquitto import Mosquitto
from tinyflux import Point, TinyFlux

MONTHS_AGO_S = -200 * 86_400
CONNECTED = "connected (MQTT"
POLL = "polls:\n  - command: {every: 200ms, run: [echo, '42'], measurement: answers}"


class BoardProcess(CollectorProcess):
    """A collector whose wall clock is off, and whose system says whether it is synchronised."""

    def __init__(self, folder: Path, configuration: str) -> None:
        super().__init__(folder, configuration)
        self.control = folder / "clock"
        self.command = (
            *("-m", "tests.daemon.delivery.clock_process"),
            *(str(self.config_path), str(self.control)),
        )

    def set_clock(self, offset_s: float, *, boot: str = "boot-1", is_synchronised: bool) -> None:
        temporary = self.control.with_name("clock.new")
        temporary.write_text(f"{offset_s} {boot} {int(is_synchronised)}", encoding="ascii")
        temporary.rename(self.control)

    def configure(self, old: str, new: str) -> None:
        """The next start finds this in the place of that."""
        text = self.config_path.read_text(encoding="utf-8")
        assert old in text
        self.config_path.write_text(text.replace(old, new), encoding="utf-8")

    def wait_for_spooled(self, text: str) -> None:
        spool = self.data_path.with_suffix(".spool")
        wait_until(lambda: spool.exists() and text in spool.read_text(), f"{text} to be spooled")

    def points(self, measurement: str) -> list[Point]:
        """In the order of the file."""
        if not self.data_path.exists():
            return []
        with TinyFlux(str(self.data_path), access_mode="r") as db:
            return [point for point in db.all(sorted=False) if point.measurement == measurement]

    def wait_for_points(self, measurement: str, count: int) -> list[Point]:
        wait_until(lambda: len(self.points(measurement)) >= count, f"{count} of {measurement}")
        return self.points(measurement)


@pytest.fixture
def board(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[BoardProcess]:
    """Not started yet; killed at the end."""
    rules = [
        "{topic: n/+publisher, measurement: numbers}",
        "{topic: t/+publisher, measurement: timed, time: $.ts, fields: {value: $.v}}",
    ]
    process = BoardProcess(
        tmp_path, configuration_for(mosquitto, interval="100ms", sources=rules, extra=POLL)
    )
    yield process
    process.kill()
    print(process.log_text())


def _is_now(point: Point, within: timedelta = timedelta(minutes=1)) -> bool:
    assert point.time is not None
    return abs(datetime.now(UTC) - point.time) < within


def test_no_row_carries_a_wrong_time_although_it_was_killed(
    board: BoardProcess, mosquitto: Mosquitto
) -> None:
    board.set_clock(MONTHS_AGO_S, is_synchronised=False)
    board.start(says=CONNECTED)
    for number in range(3):
        began_s = time.time()
        mosquitto.publish("n/one", str(number))
        board.wait_for_spooled(f'"text":"{number}"')
        board.kill()
        board.start(says=CONNECTED)
        assert board.points("numbers") == []
    board.set_clock(0, is_synchronised=True)
    points = board.wait_for_points("numbers", 3)
    mosquitto.publish("n/one", "3")
    points = board.wait_for_points("numbers", 4)
    assert sorted(point.fields["value"] or 0.0 for point in points) == [0, 1, 2, 3]
    assert all(_is_now(point) and "time_quality" not in point.tags for point in points)
    by_value = {point.fields["value"]: point.time for point in points}
    assert by_value[2] is not None
    assert abs(by_value[2].timestamp() - began_s) < 10
    assert all(_is_now(point) for point in board.wait_for_points("answers", 3))
    status: dict[str, Any] = ask_status(board.data_path) or {}
    assert status["brokers"]["home"]["for_s"] < 3600
    assert board.end() == 0


@pytest.mark.parametrize("step_s", [3600, -3600], ids=["forwards", "backwards"])
def test_a_step_of_an_hour_stops_neither_messages_nor_polls(
    board: BoardProcess, mosquitto: Mosquitto, step_s: int
) -> None:
    board.set_clock(0, is_synchronised=True)
    board.start(says=CONNECTED)
    mosquitto.publish("n/one", "1")
    board.wait_for_points("numbers", 1)
    before = len(board.wait_for_points("answers", 2))
    board.set_clock(step_s, is_synchronised=True)
    mosquitto.publish("n/one", "2")
    first, second = board.wait_for_points("numbers", 2)
    assert first.time is not None
    assert second.time is not None
    assert abs((second.time - first.time).total_seconds() - step_s) < 60
    # Intervals run on the monotonic clock: no pause of an hour, and no burst to make up for one.
    after = len(board.wait_for_points("answers", before + 3))
    assert after < before + 100
    assert board.end() == 0


def test_where_the_time_is_never_told_what_comes_is_marked_in_the_reject_file_too(
    board: BoardProcess, mosquitto: Mosquitto
) -> None:
    board.configure("{name: test}", "{name: test, clock: {wait_for_sync: 200ms}}")
    board.set_clock(MONTHS_AGO_S, is_synchronised=False)
    board.start(says=CONNECTED)
    board.wait_for_log("not synchronised within")
    now_s = round(time.time())
    mosquitto.publish("n/one", "many")
    mosquitto.publish("n/one", "1")
    mosquitto.publish("t/one", f'{{"ts": {now_s}, "v": 2}}')
    mosquitto.publish("t/one", '{"ts": 12, "v": 3}')
    first, second = board.wait_for_points("timed", 2)
    # The device knows the time, our clock does not; a device that shows 1970 knows it neither.
    assert (first.time, first.tags.get("time_quality")) == (
        datetime.fromtimestamp(now_s, UTC),
        None,
    )
    assert not _is_now(second)
    assert second.tags["time_quality"] == "unsynced"
    status: dict[str, Any] = ask_status(board.data_path) or {}
    assert status["clock"] == {"believed": False, "given_up": True}
    assert board.end() == 0
    board.configure("numbers}", "numbers, fields: {n: {enum: {many: 9}}}}")
    assert main(["replay", "-c", str(board.config_path)]) == 0
    *_, replayed = board.points("numbers")
    assert (replayed.fields, replayed.tags["time_quality"]) == ({"n": 9}, "unsynced")
