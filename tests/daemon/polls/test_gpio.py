"""GPIO polls on a line that the test plays; there are no pins here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from daemon.config import PollOptions
from daemon.mapping import compile_mapper
from daemon.messages import Reading
from daemon.polls import SensorError
from daemon.polls.gpio import GpioSensor
from tests.daemon.polls.opened import configured, opened


class PlayedLine:
    """A pin whose level and edges the test decides."""

    def __init__(self) -> None:
        self.now = 0
        self.edges: int | None = None
        self.is_released = False

    def level(self) -> int:
        return self.now

    def last_edge(self) -> int | None:
        edges, self.edges = self.edges, None
        return edges

    def release(self) -> None:
        self.is_released = True


def test_level_is_that_of_the_pin() -> None:
    line = PlayedLine()
    sensor = GpioSensor(line, counts=False)
    assert sensor.read(1) == {"level": 0}
    line.now = 1
    assert sensor.read(1) == {"level": 1}


def test_count_is_the_number_of_the_last_edge_also_of_those_that_had_no_room() -> None:
    line = PlayedLine()
    sensor = GpioSensor(line, counts=True)
    assert sensor.read(1) == {"count": 0}
    line.edges = 5000
    assert [sensor.read(1), sensor.read(1)] == [{"count": 5000}, {"count": 5000}]


def test_counter_goes_on_after_a_restart(tmp_path: Path) -> None:
    config = configured(tmp_path, "gpio: {line: 17, mode: counter}")
    mapper = compile_mapper(config)
    counts = [mapper.map(Reading("gpio", {"count": n}, 1)).points for n in (3, 10, 0, 4)]
    assert [point.fields["count"] for [point] in counts] == [3, 10, 10, 14]


def test_line_is_let_go() -> None:
    line = PlayedLine()
    GpioSensor(line, counts=False).close()
    assert line.is_released


def test_board_without_pins_says_so(tmp_path: Path) -> None:
    with pytest.raises(SensorError, match="no GPIO controller /dev/gpiochip99") as failure:
        opened(tmp_path, "gpio: {chip: /dev/gpiochip99, line: 17}")
    assert failure.value.kind == "no-chip"


def test_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gpiod", None)
    with pytest.raises(SensorError, match=r"pip install 'tinyflux-collector\[gpio\]'"):
        opened(tmp_path, "gpio: {line: 17}")


def test_kinds_are_polls_like_any_other(tmp_path: Path) -> None:
    [poll] = configured(tmp_path, "gpio: {line: 17, debounce: 20ms, bias: up}").polls
    assert isinstance(poll, PollOptions)
    assert (poll.kind, poll.interval_s) == ("gpio", 60.0)
