"""The live table: what it shows of the stored points, and that it fits its terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.health import SeriesBoard, SeriesRow, table_lines
from daemon.health.table import age_text, rate_text
from tests.daemon.clocks import SetClock
from tinyflux import Point


def point(measurement: str, tags: dict[str, str | None], **fields: float) -> Point:
    return Point(measurement=measurement, tags=tags, fields=fields)


def test_series_shows_its_last_values_age_and_rate() -> None:
    clock = SetClock()
    board = SeriesBoard(clock, hidden_tags={"host"})
    for number in range(5):
        board.observe([point("climate", {"room": "kitchen", "host": "pi"}, t=20.0 + number, h=48)])
        clock.pass_time(10)
    assert board.rows() == [
        SeriesRow("climate kitchen", "t=24 h=48", age_s=10.0, rate_hz=4 / 50, points=5)
    ]


def test_fields_that_come_in_turn_are_all_shown() -> None:
    board = SeriesBoard(SetClock())
    board.observe([point("m", {}, a=1.25), point("m", {}, b=2), point("m", {}, a=1.5)])
    assert board.rows()[0].values == "a=1.5 b=2"


def test_series_differ_by_every_tag_and_are_sorted_by_name() -> None:
    board = SeriesBoard(SetClock(), hidden_tags={"host"})
    board.observe(
        [point("power", {"d": "b"}, w=1), point("power", {"d": "a"}, w=2), point("board", {}, x=3)]
    )
    board.observe([point("power", {"d": "a", "host": "other"}, w=4)])
    assert [(row.name, row.values) for row in board.rows()] == [
        ("board", "x=3"),
        ("power a", "w=2"),
        ("power a", "w=4"),
        ("power b", "w=1"),
    ]


def test_rate_falls_while_nothing_comes_and_is_none_for_one_point() -> None:
    clock = SetClock()
    board = SeriesBoard(clock)
    board.observe([point("m", {}, v=1)])
    clock.pass_time(1)
    assert board.rows()[0].rate_hz == 0
    board.observe([point("m", {}, v=2)])
    clock.pass_time(1)
    before = board.rows()[0].rate_hz
    clock.pass_time(100)
    assert 0 < board.rows()[0].rate_hz < before


def test_board_remembers_a_bounded_number_of_series_and_counts_every_point() -> None:
    board = SeriesBoard(SetClock(), limit=50)
    board.observe([point("m", {"id": str(number)}, v=1) for number in range(500)])
    assert len(board.rows()) == 50
    assert board.points == 500


def test_table_fits_a_terminal_of_80_by_24() -> None:
    rows = [
        SeriesRow(f"zigbee climate in a room with a long name {n}", "t=21.5 " * 20, 3.0, 0.2, 9)
        for n in range(40)
    ]
    lines = table_lines(rows, title="cabin", width=80, height=24, status="2000 points")
    assert len(lines) == 24
    assert max(len(line) for line in lines) <= 80
    assert lines[-1] == "and 19 more series  2000 points"


def test_table_of_few_series_says_nothing_of_more() -> None:
    row = SeriesRow("climate kitchen", "temperature=21.5 humidity=48", 3.2, 0.2, 9)
    assert table_lines([row], title="cabin", width=79, height=22) == [
        "cabin",
        "series           last values                                     age       rate",
        "climate kitchen  temperature=21.5 humidity=48                     3s     12/min",
        "",
    ]


@given(
    names=st.lists(st.text(max_size=60), max_size=30),
    width=st.integers(46, 200),
    height=st.integers(4, 60),
)
def test_no_line_is_wider_and_no_table_higher_than_its_terminal(
    names: list[str], width: int, height: int
) -> None:
    rows = [SeriesRow(name, name * 3, 1e9, 1e-9, 1) for name in names]
    lines = table_lines(rows, title="x" * 300, width=width, height=height)
    assert len(lines) <= height
    assert all(len(line) <= width and line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("age_s", "text"),
    [
        pytest.param(0.4, "0s", id="now"),
        pytest.param(99.9, "99s", id="seconds"),
        pytest.param(100, "1m", id="minutes"),
        pytest.param(6000, "1h", id="hours"),
        pytest.param(400_000, "4d", id="days"),
    ],
)
def test_age_is_short(age_s: float, text: str) -> None:
    assert age_text(age_s) == text


@pytest.mark.parametrize(
    ("rate_hz", "text"),
    [
        pytest.param(0, "-", id="none"),
        pytest.param(250.4, "250/s", id="fast"),
        pytest.param(1.0, "1.0/s", id="a-second"),
        pytest.param(0.2, "12/min", id="a-minute"),
        pytest.param(1 / 3600, "1.0/h", id="an-hour"),
        pytest.param(1 / 86400, "1.0/d", id="a-day"),
    ],
)
def test_rate_has_the_unit_that_fits(rate_hz: float, text: str) -> None:
    assert rate_text(rate_hz) == text
