"""insert and insert_multiple: what they store, write into the caller's points, and refuse."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest

from tests.tinyflux.backends import Backend
from tests.tinyflux.exact import contents
from tinyflux import (
    FieldQuery,
    Insert,
    MeasurementQuery,
    MemoryStorage,
    Point,
    TagQuery,
    TimeQuery,
    TinyFlux,
)

TIME = datetime(2025, 1, 1, tzinfo=UTC)


def point(n: float = 0, **tags: str | None) -> Point:
    return Point(time=TIME + timedelta(hours=n), tags=tags, fields={"n": n})


def test_insert_returns_one(backend: Backend) -> None:
    assert backend.open().insert(point()) == 1


def test_insert_gives_a_point_without_a_time_the_present(backend: Backend) -> None:
    db = backend.holding(point())
    new = Point()
    before = datetime.now(UTC)
    db.insert(new)
    assert new.time is not None
    assert before <= new.time <= datetime.now(UTC)
    assert new.time.tzinfo is UTC
    assert db.get_timestamps() == [TIME, new.time]


@pytest.mark.parametrize(
    "time",
    [
        pytest.param(TIME.astimezone(timezone(timedelta(hours=2))), id="another zone"),
        pytest.param(TIME.astimezone().replace(tzinfo=None), id="naive, local"),
        pytest.param(pandas.Timestamp(TIME).tz_convert("Europe/Oslo"), id="pandas"),
        pytest.param(pandas.Timestamp(TIME.astimezone().replace(tzinfo=None)), id="pandas, naive"),
    ],
)
def test_insert_writes_the_time_in_utc_into_the_point(backend: Backend, time: datetime) -> None:
    new = Point(time=time)
    backend.holding(point()).insert(new)
    assert new.time == TIME
    assert new.time.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("zone", "naive", "utc"),
    [
        ("Europe/Oslo", datetime(2025, 7, 1, 12), datetime(2025, 7, 1, 10)),
        ("Europe/Oslo", datetime(2025, 10, 26, 2, 30), datetime(2025, 10, 26, 0, 30)),
        ("Europe/Oslo", datetime(2025, 10, 26, 2, 30, fold=1), datetime(2025, 10, 26, 1, 30)),
        ("Asia/Kathmandu", datetime(2025, 1, 1), datetime(2024, 12, 31, 18, 15)),
        ("America/Lima", datetime(1, 1, 1), datetime(1, 1, 1, 5, 8, 12)),
    ],
)
def test_a_naive_time_is_local(
    backend: Backend,
    live_in: Callable[[str], None],
    zone: str,
    naive: datetime,
    utc: datetime,
) -> None:
    live_in(zone)
    db = backend.holding(Point(time=naive))
    assert db.get_timestamps() == [utc.replace(tzinfo=UTC)]
    assert db.count(TimeQuery() == naive) == 1


@pytest.mark.parametrize(
    ("zone", "time"),
    [
        pytest.param("Asia/Tokyo", datetime(1, 1, 1), id="naive, before year 1"),
        pytest.param("America/Lima", datetime(9999, 12, 31, 23), id="naive, after year 9999"),
        pytest.param("UTC", datetime.min.replace(tzinfo=timezone(timedelta(hours=1))), id="before"),
        pytest.param("UTC", datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))), id="after"),
    ],
)
def test_a_time_without_a_utc_value_is_refused(
    backend: Backend, live_in: Callable[[str], None], zone: str, time: datetime
) -> None:
    db = backend.holding(point())
    live_in(zone)
    new = Point(time=time)
    with pytest.raises(ValueError, match=r"year 1 (and|to) 9999"):
        db.insert(new, "other")
    assert (new.time, new.measurement) == (time, "_default")
    assert len(db) == 1


@pytest.mark.parametrize("name", ["m", "", "_none", "a,b\n"])
def test_insert_writes_the_measurement_into_the_point(backend: Backend, name: str) -> None:
    db = backend.holding(point())
    new = Point(time=TIME, measurement="own")
    db.insert(new, measurement=name)
    assert new.measurement == name
    assert db.measurement(name).all() == [new]


def test_insert_without_a_measurement_keeps_the_point_s_own(backend: Backend) -> None:
    db = backend.open()
    db.insert(Point(time=TIME, measurement="own"))
    db.insert(Point(time=TIME), measurement=None)
    assert db.get_measurements() == ["_default", "own"]


def test_late_points_stay_where_they_were_inserted(backend: Backend) -> None:
    db = backend.holding(point(5))
    db.insert(point(1))
    db.insert_multiple([point(9), point(3)])
    assert [p.fields["n"] for p in db.all(sorted=False)] == [5, 1, 9, 3]
    assert [p.fields["n"] for p in db.all()] == [1, 3, 5, 9]
    assert db.index.valid == backend.auto_index


SOURCES: dict[str, Callable[[list[Point]], Any]] = {
    "list": list,
    "tuple": tuple,
    "iterator": iter,
    "generator": lambda points: (p for p in points),
    "set": set,
    "dict": dict.fromkeys,
    "array": lambda points: np.array(points, dtype=object),
}


@pytest.mark.parametrize("batch_size", [1, 2, 3, 1000])
@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_insert_multiple_takes_any_iterable(
    backend: Backend, source: Callable[[list[Point]], Any], batch_size: int
) -> None:
    points = [point(n) for n in range(5)]
    db = backend.open()
    assert db.insert_multiple(source(points), "m", batch_size=batch_size) == 5
    assert sorted(db.select("fields.n", TagQuery().noop())) == [0, 1, 2, 3, 4]
    assert {p.measurement for p in points} == {"m"}


@pytest.mark.parametrize("source", [[], (), iter(()), {}])
def test_nothing_to_insert(backend: Backend, source: Any) -> None:
    db = backend.holding(point())
    assert db.insert_multiple(source) == 0
    assert len(db) == 1


@pytest.mark.parametrize("batch_size", [0, -1])
def test_a_batch_holds_at_least_one(backend: Backend, batch_size: int) -> None:
    db = backend.open()
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        db.insert_multiple([point()], batch_size=batch_size)
    assert len(db) == 0


def test_a_copy_of_a_point_for_each_row(backend: Backend) -> None:
    db = backend.open()
    new = point(1, a="b")
    for name in ("x", "y"):
        db.insert(copy.deepcopy(new), measurement=name)
    new.tags["a"] = "c"
    assert [(p.measurement, p.tags["a"]) for p in db] == [("x", "b"), ("y", "b")]
    assert db.count(MeasurementQuery() == "x") == 1


def test_an_object_stored_twice_is_two_rows_of_a_file_but_one_point_in_memory(
    tmp_path: Path,
) -> None:
    found = {}
    for name, db in (
        ("csv", TinyFlux(tmp_path / "data.csv")),
        ("memory", TinyFlux(storage=MemoryStorage)),
    ):
        new = point(1)
        db.insert(new, measurement="x")
        db.insert(new, measurement="y")
        assert new.measurement == "y"
        found[name] = [p.measurement for p in db]
        db.close()
    assert found == {"csv": ["x", "y"], "memory": ["y", "y"]}


NO_POINTS = [None, "point", 3, {"time": TIME}, TinyFlux, [point()]]


@pytest.mark.parametrize("value", NO_POINTS, ids=lambda value: type(value).__name__)
def test_what_is_no_point_is_refused(backend: Backend, value: Any) -> None:
    db = backend.holding(point())
    with pytest.raises(TypeError, match=f"a Point is needed, found {type(value).__name__}"):
        db.insert(value)
    with pytest.raises(TypeError, match="a Point is needed"):
        db.insert_multiple([point(1), value])
    assert contents(db.all()) == contents([point()])


def test_points_of_an_insert_that_fails_stay_as_they_were(backend: Backend) -> None:
    db = backend.open()
    stored, fresh = point(1), Point(fields={"n": 2})
    db.insert(stored, "m")
    with pytest.raises(TypeError, match="a Point is needed"):
        db.insert_multiple([stored, fresh, 5], measurement="q")  # type: ignore[list-item]
    assert (stored.measurement, fresh.measurement, fresh.time) == ("m", "_default", None)
    assert db.get_measurements() == ["m"]


@pytest.mark.parametrize("points", [None, 3, point()])
def test_what_holds_no_points_is_refused(backend: Backend, points: Any) -> None:
    db = backend.holding(point())
    with pytest.raises(TypeError):
        db.insert_multiple(points)
    assert len(db) == 1


def spoilt(attribute: str, key: Any, value: Any) -> Point:
    """A point that was changed in place to hold what it must not."""
    new = point()
    getattr(new, attribute)[key] = value
    return new


SPOILT: dict[str, tuple[Callable[[], Point], str]] = {
    "tag a number": (lambda: spoilt("tags", "a", 1), "tag 'a' must be a str"),
    "tag a list": (lambda: spoilt("tags", "a", [1]), r"tag 'a' must be a str .*list \[1\]"),
    "tag key": (lambda: spoilt("tags", 1, "a"), "tag key 1 must be a str"),
    "field text": (lambda: spoilt("fields", "a", "1"), "field 'a' must be an int"),
    "field bool": (lambda: spoilt("fields", "a", False), "field 'a' must be an int"),
    "field key": (lambda: spoilt("fields", None, 1), "field key None must be a str"),
    "tag _none": (lambda: point(a="_none"), "'_none', which stands for None"),
    "surrogate in a tag": (lambda: point(a="x\ud800"), "tag 'a' .*lone surrogate"),
    "surrogate in a tag key": (lambda: spoilt("tags", "\udc80", "a"), "tag key .*lone surrogate"),
    "surrogate in a field key": (lambda: spoilt("fields", "\udfff", 1), "field key .*lone surr"),
    "surrogate in a name": (
        lambda: Point(time=TIME, measurement="\ud800"),
        "measurement .*lone surrogate",
    ),
}


@pytest.mark.parametrize("name", SPOILT)
def test_what_cannot_be_stored_is_refused_in_every_storage(backend: Backend, name: str) -> None:
    make, text = SPOILT[name]
    db = backend.holding(point(a="good"))  # of the same keys: what was found good is remembered
    with pytest.raises(ValueError, match=text):
        db.insert(make())
    with pytest.raises(ValueError, match=text):
        db.insert_multiple([point(1), make(), point(2)], batch_size=1)
    with pytest.raises(ValueError, match=text):
        db.apply([Insert([point(1), make()])])
    assert contents(db.all()) == contents([point(a="good")])
    assert db.insert(point(3)) == 1
    assert [p.fields["n"] for p in backend.open()] == [0, 3]


@pytest.mark.parametrize("name", ["\ud800", 1, b"m"])
def test_a_measurement_that_cannot_be_stored_is_refused(backend: Backend, name: Any) -> None:
    db = backend.holding(point())
    new = point(1)
    with pytest.raises(ValueError, match="measurement"):
        db.insert(new, measurement=name)
    assert new.measurement == "_default"
    assert len(db) == 1


def test_a_point_changed_in_place_is_stored_as_it_is(backend: Backend) -> None:
    new = point()
    new.tags["a"] = "b"
    new.fields["x"] = np.float64(1.5)
    db = backend.open()
    db.insert(new)
    assert type(db.get_field_values("x")[0]) is float
    assert db.count(TagQuery().a == "b") == 1


def test_what_an_iterator_raises_reaches_the_caller_and_keeps_whole_batches(
    backend: Backend,
) -> None:
    def points() -> Iterator[Point]:
        yield from (point(n) for n in range(5))
        raise OSError("the sensor is gone")

    db = backend.open()
    with pytest.raises(OSError, match="the sensor is gone"):
        db.insert_multiple(points(), batch_size=2)
    assert db.get_field_values("n") == [0, 1, 2, 3]


def test_what_is_stored_does_not_follow_the_caller_s_point(tmp_path: Any) -> None:
    backend = Backend("csv", True, tmp_path)
    new = point(a="b")
    db = backend.open()
    db.insert(new)
    new.tags["a"] = "c"
    assert db.count(TagQuery().a == "b") == 1
    backend.close()


def test_a_memory_storage_gives_the_points_it_was_given(tmp_path: Any) -> None:
    backend = Backend("memory", True, tmp_path)
    new = point()
    db = backend.open()
    db.insert(new)
    assert db.all()[0] is new
    assert db.get(FieldQuery().n == 0) is new
    assert next(iter(db)) is new
