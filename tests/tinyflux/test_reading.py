"""What reading gives, and in which order: search, all, get, select, keys, values, timestamps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.tinyflux.backends import Backend
from tests.tinyflux.exact import contents, exact
from tinyflux import FieldQuery, MeasurementQuery, Point, TagQuery, TimeQuery, TinyFlux

TIME = datetime(2025, 1, 1, tzinfo=UTC)
EVERY = TagQuery().noop()


def point(no: int, hour: int, measurement: str = "m", **tags: str | None) -> Point:
    return Point(
        time=TIME + timedelta(hours=hour), measurement=measurement, tags=tags, fields={"no": no}
    )


HOURS = (3, 1, 2, 1, 5, 3, 0)
POINTS = [point(no, hour) for no, hour in enumerate(HOURS)]
BY_TIME = [6, 1, 3, 2, 0, 5, 4]


def numbers(points: list[Point]) -> list[Any]:
    return [p.fields["no"] for p in points]


@pytest.fixture
def db(backend: Backend) -> TinyFlux:
    """Points that came out of order, some at the same time."""
    return backend.holding(*POINTS)


def test_all_sorts_by_time_and_equal_times_as_inserted(db: TinyFlux) -> None:
    assert numbers(db.all()) == BY_TIME
    assert numbers(db.all(sorted=True)) == BY_TIME
    assert numbers(db.all(sorted=False)) == [*range(7)]


def test_search_sorts_like_all(db: TinyFlux) -> None:
    assert numbers(db.search(EVERY)) == BY_TIME
    assert numbers(db.search(EVERY, sorted=False)) == [*range(7)]
    assert numbers(db.search(FieldQuery().no < 4)) == [1, 3, 2, 0]
    assert db.search(FieldQuery().no > 9) == []


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        pytest.param({"limit": 3}, BY_TIME[:3], id="the first"),
        pytest.param({"limit": 0}, [], id="none"),
        pytest.param({"limit": 99}, BY_TIME, id="more than there are"),
        pytest.param({"reverse": True}, BY_TIME[::-1], id="backwards"),
        pytest.param({"limit": 2, "reverse": True}, BY_TIME[:-3:-1], id="the latest"),
        pytest.param({"sorted": False, "limit": 2}, [0, 1], id="the first inserted"),
        pytest.param(
            {"sorted": False, "limit": 2, "reverse": True}, [6, 5], id="the last inserted"
        ),
        pytest.param({"limit": None}, BY_TIME, id="no limit"),
    ],
)
def test_limit_and_reverse(db: TinyFlux, arguments: dict[str, Any], found: list[int]) -> None:
    assert numbers(db.search(EVERY, **arguments)) == found
    assert numbers(db.measurement("m").search(EVERY, **arguments)) == found


def test_a_negative_limit_is_refused(db: TinyFlux) -> None:
    with pytest.raises(ValueError, match="limit must be at least 0, found -1"):
        db.search(EVERY, limit=-1)


def test_get_gives_the_first_inserted(db: TinyFlux) -> None:
    found = db.get(FieldQuery().no >= 2)
    assert found is not None
    assert contents([found]) == contents([POINTS[2]])
    assert db.get(FieldQuery().no > 9) is None


def test_contains_and_count(db: TinyFlux) -> None:
    query = TimeQuery() == TIME + timedelta(hours=3)
    assert db.contains(query)
    assert db.count(query) == 2
    assert db.count(EVERY) == len(db) == 7
    assert not db.contains(FieldQuery().no > 9)


def test_timestamps_are_as_inserted_aware_and_utc(db: TinyFlux) -> None:
    found = db.get_timestamps()
    assert found == [p.time for p in POINTS]
    assert {time.tzinfo for time in found} == {UTC}


def test_iteration_is_as_inserted(db: TinyFlux) -> None:
    assert numbers(list(db)) == [*range(7)]
    assert numbers(list(db.measurement("m"))) == [*range(7)]


SELECTED: dict[str, tuple[Any, list[Any]]] = {
    "time": ("time", [TIME, TIME + timedelta(hours=1)]),
    "measurement": ("measurement", ["m", ""]),
    "tag": ("tags.a", ["x", None]),
    "field": ("fields.n", [1, None]),
    "missing tag": ("tags.none such", [None, None]),
    "missing field": ("fields.a", [None, None]),
    "key with a dot": ("tags.a.b", [None, "y"]),
    "one key in a list": (["tags.a"], [("x",), (None,)]),
    "one key in a tuple": (("fields.n",), [(1,), (None,)]),
    "several": (["fields.n", "time"], [(1, TIME), (None, TIME + timedelta(hours=1))]),
    "the same twice": (["tags.a", "tags.a"], [("x", "x"), (None, None)]),
    "none": ([], [(), ()]),
}


@pytest.mark.parametrize("name", SELECTED)
def test_select(backend: Backend, name: str) -> None:
    keys, expected = SELECTED[name]
    db = backend.holding(
        Point(time=TIME, measurement="m", tags={"a": "x"}, fields={"n": 1}),
        Point(time=TIME + timedelta(hours=1), measurement="", tags={"a.b": "y", "a": None}),
        Point(time=TIME + timedelta(hours=2), measurement="z"),
    )
    query = MeasurementQuery() != "z"
    assert exact(db.select(keys, query)) == exact(expected)
    assert exact(db.select(keys, query, measurement="m")) == exact(expected[:1])
    assert exact(db.measurement("m").select(keys, query)) == exact(expected[:1])


def test_select_takes_an_iterator_and_follows_insertion_order(db: TinyFlux) -> None:
    assert db.select(iter(["fields.no"]), EVERY) == [(no,) for no in range(7)]
    assert db.select("fields.no", EVERY) == [*range(7)]


@pytest.mark.parametrize("keys", ["tags", "fields", "tags.", "room", "", "Time", ["time", "tag.a"]])
def test_select_names_what_can_be_selected(db: TinyFlux, keys: Any) -> None:
    with pytest.raises(ValueError, match="a key is 'time', 'measurement', 'tags"):
        db.select(keys, EVERY)


@pytest.mark.parametrize("keys", [1, None, b"time", [1], [None], ["time", b"tags.a"]])
def test_a_key_to_select_is_a_str(db: TinyFlux, keys: Any) -> None:
    with pytest.raises(ValueError, match="select takes a str or several, found") as caught:
        db.select(keys, EVERY)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("limit", ["1", 1.5, [1]])
def test_a_limit_is_a_whole_number(db: TinyFlux, limit: Any) -> None:
    with pytest.raises(TypeError, match="limit must be a whole number of 0 or more, found"):
        db.search(EVERY, limit=limit)


MIXED = [
    Point(time=TIME, measurement="b", tags={"x": "2", "y": None}, fields={"n": 1}),
    Point(time=TIME, measurement="", tags={"x": "1"}, fields={"n": None, "f": 2.5}),
    Point(time=TIME, measurement="b", tags={"x": "2", "": "e"}, fields={"n": 1.0}),
    Point(time=TIME, measurement="a", tags={"x": None, "y": "1"}),
    Point(time=TIME, measurement="b", fields={"n": 10**30, "": 0}),
    Point(time=TIME, measurement="b", tags={"x": ""}, fields={"n": 1}),
]
READS: dict[str, tuple[Callable[[TinyFlux], Any], Any]] = {
    "measurements": (lambda db: db.get_measurements(), ["", "a", "b"]),
    "tag keys": (lambda db: db.get_tag_keys(), ["", "x", "y"]),
    "tag keys of one": (lambda db: db.get_tag_keys("a"), ["x", "y"]),
    "tag keys of the empty name": (lambda db: db.get_tag_keys(""), ["x"]),
    "tag keys of nobody": (lambda db: db.get_tag_keys("z"), []),
    "field keys": (lambda db: db.get_field_keys(), ["", "f", "n"]),
    "field keys of one": (lambda db: db.get_field_keys(measurement="a"), []),
    "field values": (lambda db: db.get_field_values("n"), [1, None, 1.0, 10**30, 1]),
    "field values of one": (lambda db: db.get_field_values("n", "b"), [1, 1.0, 10**30, 1]),
    "field values of nobody": (lambda db: db.get_field_values("z"), []),
    "values of a tag as of a field": (lambda db: db.get_field_values("x"), []),
    "tag values": (
        lambda db: db.get_tag_values(),
        {"": ["e"], "x": ["", "1", "2", None], "y": ["1", None]},
    ),
    "tag values of some keys": (
        lambda db: db.get_tag_values(["y", "z"]),
        {"y": ["1", None], "z": []},
    ),
    "tag values, keys from an iterator": (
        lambda db: db.get_tag_values(iter(["x"]), "b"),
        {"x": ["", "2"]},
    ),
    "tag values of one key": (lambda db: db.get_tag_values("x", "a"), {"x": [None]}),
    "tag values of the empty name": (lambda db: db.get_tag_values([], ""), {"x": ["1"]}),
    "timestamps of one": (lambda db: db.get_timestamps("a"), [TIME]),
    "number of the empty name": (lambda db: len(db.measurement("")), 1),
    "count in the empty name": (lambda db: db.count(EVERY, measurement=""), 1),
}


@pytest.mark.parametrize("name", READS)
def test_keys_and_values(backend: Backend, name: str) -> None:
    read, expected = READS[name]
    assert exact(read(backend.holding(*MIXED))) == exact(expected)


EMPTY: dict[str, tuple[Callable[[TinyFlux], Any], Any]] = {
    "all": (lambda db: db.all(), []),
    "len": (len, 0),
    "iteration": (list, []),
    "search": (lambda db: db.search(EVERY), []),
    "select": (lambda db: db.select("time", EVERY), []),
    "select several": (lambda db: db.select(("time", "tags.a"), EVERY), []),
    "get": (lambda db: db.get(EVERY), None),
    "count": (lambda db: db.count(EVERY), 0),
    "contains": (lambda db: db.contains(EVERY), False),
    "measurements": (lambda db: db.get_measurements(), []),
    "tag keys": (lambda db: db.get_tag_keys(), []),
    "tag values": (lambda db: db.get_tag_values(), {}),
    "field values": (lambda db: db.get_field_values("a"), []),
    "timestamps": (lambda db: db.get_timestamps(), []),
    "remove": (lambda db: db.remove(EVERY), 0),
    "update": (lambda db: db.update(EVERY, measurement="a"), 0),
    "drop": (lambda db: db.drop_measurement("a"), 0),
    "latest time": (lambda db: db.index.latest_time, None),
    "index": (lambda db: db.index.empty, True),
}


@pytest.mark.parametrize("name", EMPTY)
def test_an_empty_database(backend: Backend, name: str) -> None:
    read, expected = EMPTY[name]
    assert read(backend.open()) == expected


@pytest.mark.parametrize("name", EMPTY)
def test_an_emptied_database(backend: Backend, name: str) -> None:
    read, expected = EMPTY[name]
    db = backend.holding(*MIXED)
    db.remove_all()
    assert read(db) == expected
