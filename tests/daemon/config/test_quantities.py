"""Durations and sizes carry units."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.config.quantities import parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        pytest.param("5s", 5.0, id="seconds"),
        pytest.param("250ms", 0.25, id="milliseconds"),
        pytest.param("10m", 600.0, id="m-is-minutes"),
        pytest.param("1h30m", 5400.0, id="two-parts"),
        pytest.param("1.5h", 5400.0, id="fraction"),
        pytest.param("7d", 604800.0, id="days"),
        pytest.param("2w", 1209600.0, id="weeks"),
        pytest.param("1y", 31536000.0, id="year-of-365-days"),
        pytest.param(" 5 s ", 5.0, id="blanks"),
        pytest.param("0s", 0.0, id="zero"),
    ],
)
def test_duration_is_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param(5, "needs a unit, such as 5s or 5m", id="whole-number"),
        pytest.param(1.5, "needs a unit", id="fraction"),
        pytest.param("5", "numbers with units", id="text-without-unit"),
        pytest.param("5 parsecs", "numbers with units", id="unknown-unit"),
        pytest.param("5S", "units: ms, s, m", id="upper-case"),
        pytest.param("-5s", "numbers with units", id="negative"),
        pytest.param("s", "numbers with units", id="unit-alone"),
        pytest.param("", "numbers with units", id="empty"),
        pytest.param("9999y", "at most 1000y", id="too-long"),
        pytest.param(True, "text with a unit", id="boolean"),
        pytest.param(None, "text with a unit", id="nothing"),
        pytest.param(["5s"], "text with a unit", id="list"),
    ],
)
def test_duration_that_is_none_is_refused_with_the_reason(value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_duration(value)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        pytest.param("0B", 0, id="zero"),
        pytest.param("500kB", 500_000, id="thousand"),
        pytest.param("500KB", 500_000, id="upper-case-k"),
        pytest.param("10MB", 10_000_000, id="million"),
        pytest.param("1.5GB", 1_500_000_000, id="fraction"),
        pytest.param("1KiB", 1024, id="binary-kilo"),
        pytest.param("2 MiB", 2_097_152, id="binary-mega"),
    ],
)
def test_size_is_bytes(text: str, size_bytes: int) -> None:
    assert parse_size(text) == size_bytes


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param(10, "needs a unit, such as 10MB", id="bare-number"),
        pytest.param("10", "one number with a unit", id="text-without-unit"),
        pytest.param("10Mbit", "one number with a unit", id="unknown-unit"),
        pytest.param("1MB1kB", "one number with a unit", id="two-parts"),
        pytest.param("-1MB", "one number with a unit", id="negative"),
        pytest.param("99999999999GB", "at most 1 EiB", id="too-large"),
        pytest.param(False, "text with a unit", id="boolean"),
    ],
)
def test_size_that_is_none_is_refused_with_the_reason(value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_size(value)
