"""A point as a person or a program reads it. Pure."""

from __future__ import annotations

from datetime import UTC, tzinfo
from typing import Any

from daemon.query.moments import to_us
from daemon.query.texts import local_text, number_text, plain, utc_text
from tinyflux import Point


def point_text(point: Point, zone: tzinfo) -> str:
    """One line: time on the zone's clock, measurement, tags and fields in the alphabet's order."""
    assert point.time is not None  # what is stored has one
    tags = "".join(f" {key}={text}" for key, text in sorted(point.tags.items()) if text is not None)
    fields = "".join(
        f" {key}={'none' if number is None else number_text(number)}"
        for key, number in sorted(point.fields.items())
    )
    return f"{local_text(to_us(point.time, UTC), zone)} {plain(point.measurement + tags + fields)}"


def point_as_json(point: Point) -> dict[str, Any]:
    """The whole point, as JSON can say it: what is no number there (NaN, infinity) is a text."""
    assert point.time is not None  # what is stored has one
    return {
        "time": utc_text(to_us(point.time, UTC)),
        "measurement": point.measurement,
        "tags": dict(sorted(point.tags.items())),
        "fields": {
            key: number if number is None or number - number == 0 else _word(number)
            for key, number in sorted(point.fields.items())
        },
    }


def _word(number: float) -> str:
    return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"
