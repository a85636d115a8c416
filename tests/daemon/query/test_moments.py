"""What a typed moment means."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from daemon.query import parse_moment, utc_text

OSLO = ZoneInfo("Europe/Oslo")
NOW_US = round(datetime(2025, 6, 15, 14, 30, tzinfo=OSLO).timestamp() * 1e6)


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("now", "2025-06-15T12:30:00Z"),
        ("24h", "2025-06-14T12:30:00Z"),
        ("-24h", "2025-06-14T12:30:00Z"),
        ("now-90m", "2025-06-15T11:00:00Z"),
        ("now - 1mo", "2025-05-15T12:30:00Z"),
        ("1y", "2024-06-15T12:30:00Z"),
        ("today", "2025-06-14T22:00:00Z"),
        ("Yesterday", "2025-06-13T22:00:00Z"),
        ("08:30", "2025-06-15T06:30:00Z"),
        ("8:30", "2025-06-15T06:30:00Z"),
        ("08:30:15.5", "2025-06-15T06:30:15.500000Z"),
        ("2025", "2024-12-31T23:00:00Z"),
        ("2025-02", "2025-01-31T23:00:00Z"),
        ("2025-02-03", "2025-02-02T23:00:00Z"),
        ("2025-06-01T12:00", "2025-06-01T10:00:00Z"),
        ("2025-06-01 12:00:01", "2025-06-01T10:00:01Z"),
        ("2025-06-01T12:00Z", "2025-06-01T12:00:00Z"),
        ("2025-06-01T12:00+05:30", "2025-06-01T06:30:00Z"),
        ("@1748779200", "2025-06-01T12:00:00Z"),
    ],
)
def test_a_moment_is_of_the_zone_unless_it_names_one(text: str, utc: str) -> None:
    assert utc_text(parse_moment(text, NOW_US, OSLO)) == utc


@pytest.mark.parametrize(
    "text",
    ["", "soon", "25:00", "8:61", "2025-13", "2025-02-30", "2025-06-01T25:00", "@x", "@1e30", "5"],
)
def test_what_is_no_moment_is_answered_with_what_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"allowed: how long ago \(24h"):
        parse_moment(text, NOW_US, OSLO)
