"""Thousands of points: the roads that are taken only where much is found, against the slow ones."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.tinyflux.analysis import naive
from tinyflux import FieldQuery, Point, TagQuery, TinyFlux

START = datetime(2025, 1, 1, tzinfo=UTC)


def household(n_points: int) -> list[Point]:
    """Points of two measurements, some late, some without a room, a field or a value."""
    chance = random.Random(7)
    points = []
    for number in range(n_points):
        late = chance.choice((0, 0, 0, 90))
        tags = {"id": str(number % 40)} | ({"room": f"r{number % 7}"} if number % 5 else {})
        fields = {"x": chance.choice((None, number, number / 7))} if number % 3 else {"y": number}
        points.append(
            Point(
                time=START + timedelta(minutes=number - late),
                measurement="mn"[number % 2],
                tags=tags,
                fields=fields,
            )
        )
    return points


POINTS = household(6000)
QUERIES = {
    "all": (None, None),
    "a measurement": (None, "m"),
    "many": (FieldQuery().x > 100, None),
    "half": (TagQuery().room.exists(), "n"),
    "few": (TagQuery().id == "3", None),
    "one": (FieldQuery().y == 3000, None),
    "none": (TagQuery().id == "none", None),
}


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> TinyFlux:
    """A file of several segments."""
    path: Path = tmp_path_factory.mktemp("big") / "db.csv"
    db = TinyFlux(path)
    for start in range(0, len(POINTS), 1700):
        db.insert_multiple(POINTS[start : start + 1700])
        len(db)
    return db


def chosen(name: str) -> list[Point]:
    """By hand: the matching points by time."""
    query, measurement = QUERIES[name]
    return [
        point
        for point in sorted(POINTS, key=naive.utc)
        if measurement in (None, point.measurement) and (query is None or query(point))
    ]


@pytest.mark.parametrize("name", QUERIES)
def test_arrays_are_those_of_the_points(db: TinyFlux, name: str) -> None:
    query, measurement = QUERIES[name]
    columns = db.to_numpy(query, measurement=measurement)
    points = chosen(name)
    assert columns.pop("time").tolist() == [naive.microseconds(naive.utc(p)) for p in points]
    for key in ("x", "y"):
        values = [point.fields.get(key) for point in points]
        wanted = np.array([np.nan if value is None else value for value in values], dtype=float)
        assert (key in columns) == any(key in point.fields for point in points)
        np.testing.assert_array_equal(columns.pop(key, wanted), wanted)
    assert {key: column.tolist() for key, column in columns.items()} == {
        key: [point.tags.get(key) for point in points]
        for key in ("id", "room")
        if any(key in point.tags for point in points)
    }


@pytest.mark.parametrize("name", QUERIES)
@pytest.mark.parametrize("by", [("room",), ("room", "id"), None])
def test_the_latest_are_those_of_the_points(
    db: TinyFlux, name: str, by: tuple[str, ...] | None
) -> None:
    query, measurement = QUERIES[name]
    assert db.latest(query, by, measurement) == naive.newest(chosen(name), by)


@pytest.mark.parametrize("name", QUERIES)
def test_statistics_are_those_of_the_points(db: TinyFlux, name: str) -> None:
    query, measurement = QUERIES[name]
    how = ["count", "sum", "min", "max", "first", "last"]
    answer = db.aggregate(query, "x", "6h", how, "room", "Europe/Oslo", measurement)
    groups: dict[tuple[int, str | None], list[float]] = {}
    for point in chosen(name):
        value = point.fields.get("x")
        if value is not None:
            hour = naive.utc(point) + timedelta(hours=1)
            window = hour.replace(hour=hour.hour // 6 * 6, minute=0) - timedelta(hours=1)
            key = (naive.microseconds(window), point.tags.get("room"))
            groups.setdefault(key, []).append(float(value))
    keys = list(zip(answer["time"].tolist(), answer["room"], strict=True))
    assert keys == sorted(groups, key=lambda key: (key[0], key[1] is None, key[1] or ""))
    for each in how:
        wanted = [naive.SIMPLE[each](groups[key]) for key in keys]
        np.testing.assert_allclose(answer[f"x_{each}"], wanted, rtol=1e-12)
