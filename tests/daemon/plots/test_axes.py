"""Ticks at round numbers and round times."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from daemon.plots import number_ticks, time_ticks
from daemon.plots.axes import number_labels

OSLO = ZoneInfo("Europe/Oslo")


def _us(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=OSLO).timestamp() * 1e6)


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (17.3, 25.2, ["18", "20", "22", "24"]),
        (0.0, 1.0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-0.013, 0.011, ["-0.010", "-0.005", "0.000", "0.005", "0.010"]),
        (0.0, 1e9, ["0", "2e+08", "4e+08", "6e+08", "8e+08", "1e+09"]),
    ],
)
def test_numbers_are_round_and_have_the_decimals_they_need(
    low: float, high: float, labels: list[str]
) -> None:
    assert number_labels(number_ticks(low, high, 5)) == labels


@given(st.floats(-1e12, 1e12), st.floats(1e-9, 1e12), st.integers(2, 20))
def test_ticks_lie_within_and_are_few(low: float, span: float, most: int) -> None:
    assume(span > abs(low) * 1e-9)  # closer numbers have no round ones between them
    high = low + span
    ticks = number_ticks(low, high, most)
    slack = max(abs(low), abs(high)) * 1e-8
    assert len(ticks) <= most + 1
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    assert all(a <= b for a, b in pairwise(ticks))


@pytest.mark.parametrize(
    ("first", "last", "labels"),
    [
        ("2025-06-01T08:03", "2025-06-01T12:00", ["09:00", "10:00", "11:00", "12:00"]),
        ("2025-06-01T20:00", "2025-06-02T05:00", ["21:00", "02 Jun", "03:00"]),
        ("2025-03-29T12:00", "2025-03-31T12:00", ["12:00", "30 Mar", "12:00", "31 Mar", "12:00"]),
        ("2025-06-01T10:00:03", "2025-06-01T10:00:30", ["10:00:10", "10:00:20", "10:00:30"]),
        ("2024-01-15T00:00", "2025-12-15T00:00", ["2024-07", "2025-01", "2025-07"]),
        ("1990-01-01T00:00", "2025-01-01T00:00", ["1990", "2000", "2010", "2020"]),
    ],
)
def test_times_are_round_on_the_clock_of_the_zone(first: str, last: str, labels: list[str]) -> None:
    found = [label for _, label in time_ticks(_us(first), _us(last), 4, OSLO)]
    assert found == labels
