"""What a typed duration means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from daemon.query import Length, parse_duration

SECOND = 1_000_000


@pytest.mark.parametrize(
    ("text", "us"),
    [
        ("250ms", 250_000),
        ("30s", 30 * SECOND),
        ("10min", 600 * SECOND),
        ("10m", 600 * SECOND),
        ("1h30m", 5400 * SECOND),
        ("1.5h", 5400 * SECOND),
        (" 7 d ", 7 * 86400 * SECOND),
        ("2W", 14 * 86400 * SECOND),
    ],
)
def test_a_duration_is_a_number_and_a_unit_or_several(text: str, us: int) -> None:
    assert parse_duration(text) == Length(us)


@pytest.mark.parametrize(("text", "months"), [("1mo", 1), ("3months", 3), ("1y", 12), ("1.5y", 18)])
def test_months_and_years_are_calendar_months(text: str, months: int) -> None:
    assert parse_duration(text) == Length(0, months)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "30s, 10min"),
        ("5", "30s, 10min"),
        ("h", "30s, 10min"),
        ("-5m", "30s, 10min"),
        ("5m!", "30s, 10min"),
        ("3x", "units are ms, s, m or min"),
        ("0s", "longer than 0"),
        ("1mo2d", "stand alone"),
        ("1.3mo", "whole"),
        ("1001y", "at most 1000y"),
        ("9" * 500 + "s", "30s, 10min"),
    ],
)
def test_what_is_no_duration_is_answered_with_what_is(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        parse_duration(text)


def test_months_go_back_on_the_calendar_of_the_zone() -> None:
    oslo = ZoneInfo("Europe/Oslo")
    now = datetime(2025, 3, 31, 12, tzinfo=oslo)
    then = Length(0, 1).before_us(round(now.timestamp() * 1e6), oslo)
    assert datetime.fromtimestamp(then / 1e6, oslo) == datetime(2025, 2, 28, 12, tzinfo=oslo)


def test_a_window_is_as_the_engine_takes_it() -> None:
    assert parse_duration("10min").window == timedelta(minutes=10)
    assert parse_duration("1y").window == "12mo"


def test_going_back_beyond_the_first_year_is_refused() -> None:
    now = datetime(2025, 1, 1, tzinfo=UTC)
    with pytest.raises(ValueError, match="year"):
        Length(0, 12_000 * 3).before_us(round(now.timestamp() * 1e6), UTC)
