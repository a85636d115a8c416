"""Seventy thousand points: many segments, wide codes, the index cache; answers as from a list."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.tinyflux.backends import Backend
from tests.tinyflux.exact import contents
from tinyflux import FieldQuery, MeasurementQuery, Point, TagQuery, TimeQuery, TinyFlux
from tinyflux.predicates import Query

TIME = datetime(2025, 1, 1, tzinfo=UTC)
N_POINTS = 70_000


def point(n: int) -> Point:
    """Points of several shapes; each ninth comes late."""
    late = timedelta(hours=5) if n % 9 == 0 else timedelta(0)
    fields: dict[str, int | float | None] = {"n": n}
    if n % 3 == 0:
        fields["t"] = None if n % 30 == 0 else n / 7
    if n % 1000 == 0:
        fields["big"] = 2**60 + n
    tags: dict[str, str | None] = {"id": f"id-{n}", "room": f"room {n % 5}"}
    if n % 4 == 0:
        tags["odd"] = None if n % 8 == 0 else 'a, "b"'
    return Point(
        time=TIME + timedelta(seconds=n) - late,
        measurement=f"m{n % 3}",
        tags=tags,
        fields=fields,
    )


@pytest.fixture(scope="module")
def points() -> list[Point]:
    return [point(n) for n in range(N_POINTS)]


@pytest.fixture(scope="module")
def path(points: list[Point], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("db") / "data.csv"
    with TinyFlux(path) as db:
        for start in range(0, N_POINTS, 30_000):
            db.insert_multiple(points[start : start + 30_000], batch_size=7000)
            assert len(db) == min(start + 30_000, N_POINTS)
    return path


@pytest.fixture(params=["fresh", "cached"])
def db(path: Path, request: pytest.FixtureRequest) -> Iterator[TinyFlux]:
    with TinyFlux(path) as db:
        if request.param == "cached":
            db.publish_index()
        else:
            db.reindex()
        yield db


HOUR = timedelta(hours=1)
QUERIES: dict[str, Query] = {
    "one id": TagQuery().id == "id-55555",
    "ids by a regex": TagQuery().id.matches("id-6.9.."),
    "a room of an hour": (TagQuery().room == "room 3")
    & (TimeQuery() >= TIME + HOUR)
    & (TimeQuery() < TIME + 2 * HOUR),
    "late ones": TimeQuery() < TIME,
    "big": FieldQuery().big > 2**60 + 50_000,
    "no t": ~FieldQuery().t.exists() & (MeasurementQuery() == "m1"),
    "t is None": FieldQuery().t == None,  # noqa: E711
    "odd": TagQuery().odd == 'a, "b"',
    "odd is None, or a sine": (TagQuery().odd == None)  # noqa: E711
    & FieldQuery().n.test(lambda n: math.sin(n) > 0.9),
}


@pytest.mark.parametrize("name", QUERIES)
def test_queries(db: TinyFlux, points: list[Point], name: str) -> None:
    query = QUERIES[name]
    expected = [p.fields["n"] for p in points if query(p)]
    assert expected
    assert db.count(query) == len(expected)
    assert db.select("fields.n", query) == expected
    found = db.search(query)
    assert contents(found) == sorted(
        contents(points[int(n or 0)] for n in expected), key=lambda content: content[0]
    )
    latest = db.search(query, limit=3, reverse=True)
    assert contents(latest) == contents(found[:-4:-1])


def test_values(db: TinyFlux, points: list[Point]) -> None:
    assert db.get_field_values("t") == [p.fields["t"] for p in points if "t" in p.fields]
    assert len(db.get_tag_values(["id"])["id"]) == N_POINTS
    assert db.get_timestamps() == [p.time for p in points]
    assert sum(1 for _ in db) == N_POINTS


def test_changes(tmp_path: Path, path: Path, points: list[Point]) -> None:
    copy = tmp_path / "data.csv"
    copy.write_bytes(path.read_bytes())
    with TinyFlux(copy) as db:
        assert db.remove(TagQuery().room == "room 1") == N_POINTS // 5
        assert db.update(TagQuery().room == "room 2", tags={"room": "hall"}) == N_POINTS // 5
        assert db.remove(TimeQuery() < TIME) > 0
        kept = [
            p
            for p in points
            if p.tags["room"] != "room 1" and p.time is not None and p.time >= TIME
        ]
        numbers = [p.fields["n"] for p in kept]
        assert db.get_field_values("n") == numbers
    for auto_index in (True, False):
        with TinyFlux(copy, auto_index=auto_index) as db:
            assert db.get_field_values("n") == numbers
            assert db.count(TagQuery().room == "hall") == sum(
                p.tags["room"] == "room 2" for p in kept
            )


def test_late_points_far_behind_are_found_in_the_order_of_insertion(backend: Backend) -> None:
    times = [*range(5000), *range(40, 20, -1), 30, 25, 4500]
    db = backend.holding(
        *(Point(time=TIME + timedelta(seconds=t), fields={"n": n}) for n, t in enumerate(times))
    )
    low, high = TIME + timedelta(seconds=22), TIME + timedelta(seconds=35)
    query = (TimeQuery() >= low) & (TimeQuery() <= high)
    expected = [n for n, t in enumerate(times) if 22 <= t <= 35]
    assert db.select("fields.n", query) == expected
    assert [p.fields["n"] for p in db.search(query)] == sorted(expected, key=times.__getitem__)
