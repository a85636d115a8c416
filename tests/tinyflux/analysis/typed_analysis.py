"""Analysis as a typed program writes it; mypy --strict checks that all of it fits.

Nothing here runs. tests/tinyflux/test_typed_uses.py runs mypy on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, assert_type
from zoneinfo import ZoneInfo

from numpy.typing import NDArray

from tinyflux import FieldQuery, Point, TagQuery, TinyFlux

Columns = dict[str, NDArray[Any]]


def looking_back(db: TinyFlux) -> None:
    """The latest points."""
    query = TagQuery().room == "kitchen"
    assert_type(db.search(query, limit=10, reverse=True), list[Point])
    assert_type(db.latest(), list[Point])
    assert_type(db.latest(query, by=("room", "device")), list[Point])
    assert_type(db.latest(by="room", measurement="climate"), list[Point])
    assert_type(db.measurement("climate").latest(query, ["room"]), list[Point])


def summing_up(db: TinyFlux, fields: Iterator[str]) -> None:
    """Statistics, with every kind of argument."""
    warm = (FieldQuery().temperature > 20) & ~(TagQuery().room == "cellar")
    assert_type(db.aggregate(None, "temperature"), Columns)
    assert_type(db.aggregate(warm, fields, every="1h", how=("mean", "max"), by="room"), Columns)
    assert_type(db.aggregate(None, ["x"], timedelta(minutes=5), "last", ["room"], UTC), Columns)
    assert_type(db.aggregate(None, "x", "1d", tz="Europe/Oslo", measurement="m"), Columns)
    daily = db.measurement("m").aggregate(warm, {"x": 1}, "1d", tz=ZoneInfo("Europe/Oslo"))
    first_us: int = int(daily["time"][0])
    datetime.fromtimestamp(first_us / 1e6, UTC)


def arrays(db: TinyFlux) -> float:
    """Arrays and frames; the types of pandas and polars are known where these are installed."""
    columns = db.to_numpy(TagQuery().room.exists(), fields=("x", "y"), measurement="m")
    assert_type(columns, Columns)
    assert_type(db.measurement("m").to_numpy(fields="x", tags=()), Columns)
    db.to_pandas(None, "x").describe()
    db.measurement("m").to_polars(fields=["x"]).head()
    return float(columns["x"].mean())


def lines(points: Iterator[Point]) -> list[Point]:
    """Out as text, and in again."""
    texts: list[str] = [point.to_line_protocol() for point in points]
    return [Point.from_line_protocol(text) for text in texts]
