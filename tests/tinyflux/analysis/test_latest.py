"""`latest`: the last point of each series or group, and how it follows what is inserted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tinyflux.analysis import naive
from tests.tinyflux.backends import Backend
from tests.tinyflux.effort import effort
from tinyflux import FieldQuery, MemoryStorage, Point, TagQuery, TinyFlux

START = datetime(2025, 1, 1, tzinfo=UTC)

point_lists = st.lists(
    st.builds(
        lambda minutes, measurement, room, device, value: Point(
            time=START + timedelta(minutes=minutes),
            measurement=measurement,
            tags={**room, **device},
            fields={"x": value},
        ),
        st.integers(0, 20),
        st.sampled_from("mn"),
        st.sampled_from(({}, {"room": None}, {"room": "a"}, {"room": "b"})),
        st.sampled_from(({}, {"id": "1"}, {"id": "2"})),
        st.integers(0, 9),
    ),
    max_size=30,
)


QUERIES: tuple[Any, ...] = (None, FieldQuery().x > 4, TagQuery().room == "a")


@effort(250)
@given(
    points=point_lists,
    by=st.sampled_from((None, (), ("room",), ("room", "id"), ("none", "id"))),
    query=st.sampled_from(QUERIES),
    measurement=st.sampled_from((None, "m", "none")),
)
def test_latest_is_the_last_of_each_group_by_time_and_insertion(
    points: list[Point], by: tuple[str, ...] | None, query: Any, measurement: str | None
) -> None:
    db = TinyFlux(storage=MemoryStorage)
    db.insert_multiple(points)
    wanted = naive.newest(
        [
            point
            for point in points
            if measurement in (None, point.measurement) and (query is None or query(point))
        ],
        by,
    )
    assert list(map(id, db.latest(query, by, measurement))) == list(map(id, wanted))


@effort(25)
@given(batches=st.lists(point_lists, max_size=6), by=st.sampled_from((None, ("room",))))
def test_latest_follows_every_insert(batches: list[list[Point]], by: Any) -> None:
    db = TinyFlux(storage=MemoryStorage)
    inserted: list[Point] = []
    for batch in batches:
        db.insert_multiple(batch)
        inserted += batch
        wanted = naive.newest(inserted, by)
        assert list(map(id, db.latest(by=by))) == list(map(id, wanted))


def at(minutes: float, room: str | None, value: int, measurement: str = "m") -> Point:
    tags = {} if room is None else {"room": room}
    time = START + timedelta(minutes=minutes)
    return Point(time=time, measurement=measurement, tags=tags, fields={"x": value})


def found(points: list[Point]) -> list[Any]:
    return [point.fields["x"] for point in points]


def test_every_storage_gives_the_same_points(backend: Backend) -> None:
    db = backend.holding(at(5, "a", 1), at(3, "b", 2), at(4, "a", 3), at(3, "b", 4), at(1, None, 5))
    assert found(db.latest(by="room")) == [5, 4, 1]
    assert found(db.latest()) == [5, 4, 1]
    assert found(db.latest(by=())) == [1]
    assert found(db.latest(FieldQuery().x > 1, by=("room",))) == [5, 4, 3]


def test_every_storage_follows_its_changes(backend: Backend) -> None:
    db = backend.holding(at(1, "a", 1), at(2, "b", 2))
    assert found(db.latest(by="room")) == [1, 2]
    db.insert(at(3, "a", 3))
    assert found(db.latest(by="room")) == [2, 3]
    db.remove(FieldQuery().x == 3)
    assert found(db.latest(by="room")) == [1, 2]
    db.update(FieldQuery().x == 1, time=START + timedelta(minutes=9))
    assert found(db.latest(by="room")) == [2, 1]
    db.remove_all()
    assert db.latest(by="room") == []


def test_latest_sees_what_another_handle_appended(tmp_path: Path) -> None:
    first, second = TinyFlux(tmp_path / "db.csv"), TinyFlux(tmp_path / "db.csv")
    first.insert_multiple(at(minute, "a", minute) for minute in range(2000))
    assert found(second.latest()) == [1999]
    first.insert(at(5000, "a", 7))
    first.insert(at(100, "b", 8))
    assert found(second.latest()) == [8, 7]
    first.close()
    second.close()


def test_of_a_measurement_only_its_points_count(backend: Backend) -> None:
    db = backend.holding(at(1, "a", 1, "m"), at(2, "a", 2, "n"), at(3, "b", 3, ""))
    assert found(db.measurement("m").latest(by="room")) == [1]
    assert found(db.latest(measurement="")) == [3]
    assert found(db.latest(by="room")) == [2, 3]
    assert found(db.latest()) == [1, 2, 3]
    assert found(db.latest(by="room", measurement="n")) == [2]
    assert found(db.latest(measurement="m")) == [1]


def test_a_tag_that_is_none_and_one_that_is_missing_are_one_series() -> None:
    db = TinyFlux(storage=MemoryStorage)
    db.insert(Point(time=START, tags={"room": None}, fields={"x": 1}))
    db.insert(Point(time=START, fields={"x": 2}))
    assert found(db.latest()) == [2]


def test_many_questions_about_one_database_are_answered_each() -> None:
    db = TinyFlux(storage=MemoryStorage)
    keys = [f"k{number}" for number in range(20)]
    db.insert_multiple(
        Point(time=START, tags={key: "v"}, fields={"x": number}) for number, key in enumerate(keys)
    )
    for _ in range(2):
        assert [len(db.latest(by=key)) for key in keys] == [2] * 20


@pytest.mark.parametrize("n_values", [3, 300, 3000])
def test_wide_tags_keep_their_groups_apart(n_values: int) -> None:
    db = TinyFlux(storage=MemoryStorage)
    db.insert_multiple(
        Point(
            time=START,
            tags={"a": str(number), "b": str(number % 7), "c": str(-number)},
            fields={"x": number},
        )
        for number in range(n_values)
    )
    assert found(db.latest(by=("a", "b", "c"))) == list(range(n_values))
    assert found(db.latest(by="b")) == list(range(n_values))[-7:]
    assert found(db.latest()) == list(range(n_values))
