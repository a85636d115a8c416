"""Points as lines of text: line protocol and JSON. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.exchange.form import Losses, NoPointError
from daemon.query import point_as_json
from tinyflux import Point
from tinyflux.line_protocol import from_line

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORDS = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def protocol_bytes(points: Iterable[Point], losses: Losses) -> bytes:
    """Lines of InfluxDB's line protocol; what they cannot say is counted in `losses`."""
    lines = []
    for point in points:
        try:
            lines.append(point.to_line_protocol())
        except ValueError as error:
            losses.left_out(str(error))
            continue
        if not _is_sayable(point):
            losses.shortened("None, NaN, infinity and empty tags have no word in line protocol")
    return "".join(f"{line}\n" for line in lines).encode()


def _is_sayable(point: Point) -> bool:
    return all(point.tags.values()) and all(
        number is not None and number - number == 0 for number in point.fields.values()
    )


def point_of_protocol(line: str, losses: Losses) -> Point | None:
    """The point of a line, None for one without (blank, a comment, or nothing but texts).

    Raises NoPointError.
    """
    if not line.strip() or line.lstrip().startswith("#"):
        return None
    texts: dict[str, str] = {}
    try:
        parts = from_line(line, texts=texts)
    except ValueError as error:
        raise NoPointError(str(error)) from None
    if texts:
        losses.shortened(f"fields that are texts ({', '.join(sorted(texts))})")
        if not parts.fields:
            losses.left_out("nothing but texts in a line")
            return None
    if parts.time_us is None:
        raise NoPointError("the line has no time, and the time of now would be wrong")
    try:
        return Point(
            time=_EPOCH + timedelta(microseconds=parts.time_us),
            measurement=parts.measurement,
            tags=parts.tags,
            fields=parts.fields,
        )
    except (ValueError, OverflowError) as error:
        raise NoPointError(str(error)) from None


def json_bytes(points: Sequence[Point], losses: Losses) -> bytes:
    """An object a line: time, measurement, tags, fields; everything a point can hold."""
    del losses  # JSON has a word for everything
    return "".join(
        json.dumps(point_as_json(point), ensure_ascii=False, allow_nan=False) + "\n"
        for point in points
    ).encode()


def point_of_json(line: str, losses: Losses) -> Point | None:
    """The point of a line, None for a blank one. Raises NoPointError."""
    del losses
    if not line.strip():
        return None
    try:
        said = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise NoPointError(f"this is no JSON: {error}") from None
    if not isinstance(said, dict):
        raise NoPointError(f"an object is needed, found {line.strip()[:40]!r}")
    unknown = set(said) - {"time", "measurement", "tags", "fields"}
    if unknown or not isinstance(said.get("time"), str):
        raise NoPointError(
            "an object has the keys time (ISO 8601, a text), measurement, tags and fields; found "
            + ", ".join(sorted(map(repr, said)))
        )
    try:
        time = datetime.fromisoformat(said["time"])
        return Point(
            time=time if time.tzinfo is not None else time.replace(tzinfo=UTC),
            measurement=said.get("measurement", Point.default_measurement_name),
            tags=said.get("tags") or {},
            fields={key: _number(value) for key, value in (said.get("fields") or {}).items()},
        )
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise NoPointError(str(error)) from None


def _number(value: Any) -> Any:
    return _WORDS.get(value, value) if isinstance(value, str) else value
