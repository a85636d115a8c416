"""`to_numpy`: one array per tag and field, whatever the points carry."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tinyflux.analysis import naive
from tests.tinyflux.backends import Backend
from tests.tinyflux.effort import effort
from tinyflux import FieldQuery, MemoryStorage, Point, TagQuery, TinyFlux

START = datetime(2025, 1, 1, tzinfo=UTC)
START_US = 1735689600000000

keys = st.sampled_from(("a", "b", "time", "tags.a", "fields.a", ""))
point_lists = st.lists(
    st.builds(
        Point,
        time=st.one_of(
            st.integers(0, 5).map(lambda minutes: START + timedelta(minutes=minutes)),
            st.datetimes(timezones=st.just(UTC)),
        ),
        measurement=st.sampled_from("mn"),
        tags=st.dictionaries(keys, st.sampled_from(("x", "y", "", None)), max_size=3),
        fields=st.dictionaries(
            keys, st.one_of(st.none(), st.integers(-(2**70), 2**70), st.floats()), max_size=3
        ),
    ),
    max_size=15,
)


def database(*points: Point) -> TinyFlux:
    db = TinyFlux(storage=MemoryStorage)
    db.insert_multiple(points)
    return db


def is_wanted(point: Point) -> bool:
    return point.measurement == "m" and "a" not in point.tags


@effort(200)
@given(
    points=point_lists,
    fields=st.sampled_from((None, (), ("a",), ("b", "none", "time"))),
    is_chosen=st.booleans(),
)
def test_arrays_hold_what_the_points_hold(
    points: list[Point], fields: tuple[str, ...] | None, is_chosen: bool
) -> None:
    query = ~TagQuery().a.exists() if is_chosen else None
    columns = database(*points).to_numpy(query, fields, "m" if is_chosen else None)
    ordered = sorted(filter(is_wanted, points) if is_chosen else points, key=naive.utc)
    tag_keys = sorted({key for point in ordered for key in point.tags})
    field_keys = sorted({key for point in ordered for key in point.fields})
    wanted = list(fields) if fields is not None else field_keys
    assert len(columns) == 1 + len(tag_keys) + len(wanted)
    assert next(iter(columns)) == "time"
    arrays = list(columns.values())
    assert arrays[0].tolist() == [naive.microseconds(naive.utc(point)) for point in ordered]
    for key, array in zip(tag_keys, arrays[1:], strict=False):
        assert array.tolist() == [point.tags.get(key) for point in ordered]
    for key, array in zip(wanted, arrays[1 + len(tag_keys) :], strict=True):
        values = [point.fields.get(key) for point in ordered]
        np.testing.assert_equal(array, [math.nan if v is None else float(v) for v in values])


def house() -> list[Point]:
    return [
        Point(time=START + timedelta(hours=1), tags={"room": "a"}, fields={"x": 2, "y": None}),
        Point(time=START, tags={"room": None, "floor": "1"}, fields={"x": 1.5}),
        Point(time=START, tags={"room": "b"}, fields={"x": 3}),
    ]


def test_every_storage_gives_the_same_arrays(backend: Backend) -> None:
    columns = backend.holding(*house()).to_numpy()
    assert list(columns) == ["time", "floor", "room", "x", "y"]
    assert columns["time"].tolist() == [START_US, START_US, START_US + 3_600_000_000]
    assert columns["room"].tolist() == [None, "b", "a"]
    assert columns["floor"].tolist() == ["1", None, None]
    assert columns["x"].tolist() == [1.5, 3.0, 2.0]
    assert np.isnan(columns["y"]).all()


def test_kinds_of_arrays() -> None:
    columns = database(*house()).to_numpy()
    kinds = {name: str(column.dtype) for name, column in columns.items()}
    assert kinds == {
        "time": "int64", "floor": "object", "room": "object", "x": "float64", "y": "float64",
    }  # fmt: skip


def test_only_the_fields_asked_for_are_given() -> None:
    db = database(*house())
    assert list(db.to_numpy(FieldQuery().x == 2, "x")) == ["time", "room", "x"]
    assert list(db.to_numpy(fields=["y", "x"])) == ["time", "floor", "room", "y", "x"]
    assert list(db.to_numpy(fields=())) == ["time", "floor", "room"]
    assert np.isnan(db.to_numpy(fields="none")["none"]).all()


def test_only_the_tags_asked_for_are_given() -> None:
    db = database(*house())
    assert list(db.to_numpy(tags="room")) == ["time", "room", "x", "y"]
    assert list(db.to_numpy(tags=())) == ["time", "x", "y"]
    assert list(db.to_numpy(fields="x", tags=iter(["room", "floor"]))) == [
        "time", "room", "floor", "x",
    ]  # fmt: skip
    assert db.to_numpy(tags="none")["none"].tolist() == [None, None, None]
    assert list(db.measurement("_default").to_numpy(tags="x", fields="x")) == [
        "time", "tags.x", "fields.x",
    ]  # fmt: skip


def test_a_tag_that_no_match_carries_has_no_array() -> None:
    assert list(database(*house()).to_numpy(TagQuery().room == "b")) == ["time", "room", "x"]


@pytest.mark.parametrize(
    ("tags", "fields", "names"),
    [
        ({"x": "t"}, {"x": 1, "y": 2}, ["time", "tags.x", "fields.x", "y"]),
        ({"time": "t"}, {"time": 2}, ["time", "tags.time", "fields.time"]),
        ({"a": "t"}, {"time": 2}, ["time", "a", "fields.time"]),
        (
            {"x": "t", "fields.x": "u"},
            {"x": 1},
            ["time", "tags.fields.x", "tags.x", "fields.x"],
        ),
        (
            {"a": "t", "tags.time": "u", "time": "v"},
            {"b": 1},
            ["time", "tags.a", "tags.tags.time", "tags.time", "fields.b"],
        ),
    ],
)
def test_keys_that_would_name_two_arrays_are_told_apart(
    tags: Any, fields: Any, names: list[str]
) -> None:
    columns = database(Point(time=START, tags=tags, fields=fields)).to_numpy()
    assert list(columns) == names


def test_big_ints_become_the_nearest_float() -> None:
    db = database(Point(time=START, fields={"x": 2**53 + 1, "y": 10**400}))
    columns = db.to_numpy()
    assert (columns["x"][0], columns["y"][0]) == (float(2**53 + 1), math.inf)


def test_changing_an_array_changes_no_point(backend: Backend) -> None:
    db = backend.holding(*house())
    for column in db.to_numpy().values():
        column[:] = 0 if column.dtype != object else "changed"
    assert db.to_numpy()["x"].tolist() == [1.5, 3.0, 2.0]
    assert db.to_numpy()["room"].tolist() == [None, "b", "a"]
    assert len(db.search(FieldQuery().x > 1)) == 3


def test_no_point_gives_an_empty_time() -> None:
    columns = database().to_numpy()
    assert (list(columns), str(columns["time"].dtype), len(columns["time"])) == (
        ["time"], "int64", 0,
    )  # fmt: skip


def test_a_field_asked_for_is_there_without_any_point() -> None:
    columns = database().to_numpy(fields="x")
    assert (str(columns["x"].dtype), len(columns["x"])) == ("float64", 0)
