"""Moments as a person types them: `24h` (ago), `today`, `08:30`, `2025-06-01`, `2025-06-01T12:00Z`.

Pure; raises ValueError with the text a person should read.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from daemon.query.durations import parse_duration

MOMENTS = (
    "how long ago (24h, 7d, 1mo), now, today, yesterday, a time of today (08:30), a date "
    "(2025-06-01, 2025-06), a date with a time (2025-06-01T12:00, with Z or +02:00 for a zone), "
    "or @ and the seconds since 1970"
)
"""What is allowed, for messages."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = timedelta(microseconds=1)
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")
_MONTH = re.compile(r"[0-9]{4}-[0-9]{2}")
_YEAR = re.compile(r"[0-9]{4}")
_AGO = re.compile(r"(now)?\s*-\s*(?=[0-9])")
_BEGINS_AS_DATE = re.compile(r"[0-9]{4}-[0-9]{2}")


def parse_moment(text: str, now_us: int, zone: tzinfo) -> int:
    """The moment that a text means at `now_us`, in µs UTC; what names no zone is of `zone`.

    Raises:
        ValueError: for what is no moment.
    """
    wanted = text.strip()
    word = wanted.lower()
    today = datetime.fromtimestamp(now_us / 1e6, zone).date()
    if word == "now":
        return now_us
    if word in ("today", "yesterday"):
        return _us_of(today - timedelta(days=word == "yesterday"), time(), zone)
    if word.startswith("@"):
        return _unix_us(text, word[1:])
    try:
        if _CLOCK.fullmatch(wanted):
            padded = wanted if wanted[2] == ":" else f"0{wanted}"
            return _us_of(today, time.fromisoformat(padded), zone)
        if _YEAR.fullmatch(wanted):
            return _us_of(date(int(wanted), 1, 1), time(), zone)
        if _MONTH.fullmatch(wanted):
            return _us_of(date.fromisoformat(wanted + "-01"), time(), zone)
        if _BEGINS_AS_DATE.match(wanted):
            return to_us(datetime.fromisoformat(wanted.replace(" ", "T", 1)), zone)
    except (ValueError, OverflowError):
        raise ValueError(f"found {wanted!r}, which is no time; allowed: {MOMENTS}") from None
    try:
        length = parse_duration(_AGO.sub("", word))
    except ValueError:
        raise ValueError(f"found {wanted[:40]!r}; allowed: {MOMENTS}") from None
    return length.before_us(now_us, zone)


def to_us(moment: datetime, zone: tzinfo) -> int:
    """µs UTC of a datetime; a naive one is of `zone`."""
    aware = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
    return (aware - _EPOCH) // _US


def _us_of(day: date, clock: time, zone: tzinfo) -> int:
    return to_us(datetime.combine(day, clock), zone)


def _unix_us(text: str, number: str) -> int:
    try:
        seconds = float(number)
    except ValueError:
        seconds = float("nan")
    if not -62e9 < seconds < 253e9:
        raise ValueError(f"found {text!r}; allowed: {MOMENTS}")
    return round(seconds * 1e6)
