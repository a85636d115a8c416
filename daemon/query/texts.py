"""Cells as text: times, numbers, and what would steer a terminal. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def utc_text(time_us: int) -> str:
    """ISO 8601 in UTC, with a Z; microseconds only where there are any."""
    return (_EPOCH + timedelta(microseconds=time_us)).replace(tzinfo=None).isoformat() + "Z"


def local_text(time_us: int, zone: tzinfo, *, has_millis: bool = False) -> str:
    """A time on the zone's clock, for people: `2025-06-01 14:00:00`."""
    try:
        moment = (_EPOCH + timedelta(microseconds=time_us)).astimezone(zone)
    except OverflowError:  # at the edge of year 1 or 9999
        return utc_text(time_us)
    return moment.replace(tzinfo=None).isoformat(" ", "milliseconds" if has_millis else "seconds")


def number_text(number: float) -> str:
    """A number for people: eight digits at most where it is no integer."""
    return str(number) if isinstance(number, int) else format(number, ".8g")


def plain(text: str) -> str:
    """On one line, and without what could steer a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def zone_name(zone: tzinfo) -> str:
    """As `Europe/Oslo`."""
    return str(getattr(zone, "key", zone))


def span_texts(first_us: int, last_us: int, zone: tzinfo) -> list[str]:
    """First and last time for people, to the second."""
    return [local_text(first_us, zone), local_text(last_us, zone)]
