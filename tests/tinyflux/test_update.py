"""update and update_all: values and callables, counts, validation; nothing by halves."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from tests.tinyflux.backends import Backend
from tests.tinyflux.exact import contents, exact
from tinyflux import FieldQuery, MemoryStorage, Point, TagQuery, TimeQuery, TinyFlux

TIME = datetime(2025, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVERY = TagQuery().noop()


def point(number: int = 0, **changed: Any) -> Point:
    """The point of hour `number`."""
    content = {
        "time": TIME + number * HOUR,
        "measurement": "m",
        "tags": {"room": "a", "floor": None},
        "fields": {"n": number, "x": 1.5},
    }
    return Point(**{**content, **changed})


CHANGES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "time": ({"time": TIME}, {"time": TIME}),
    "time in another zone": (
        {"time": datetime(2025, 1, 1, 5, tzinfo=timezone(5 * HOUR))},
        {"time": TIME},
    ),
    "naive time": ({"time": TIME.astimezone().replace(tzinfo=None)}, {"time": TIME}),
    "time by function": ({"time": lambda time: time - HOUR}, {"time": TIME}),
    "time by function, other zone": (
        {"time": lambda time: (time - HOUR).astimezone(timezone(-HOUR))},
        {"time": TIME},
    ),
    "measurement": ({"measurement": "new"}, {"measurement": "new"}),
    "empty measurement": ({"measurement": ""}, {"measurement": ""}),
    "measurement by function": ({"measurement": str.upper}, {"measurement": "M"}),
    "tags": ({"tags": {"room": "b"}}, {"tags": {"room": "b", "floor": None}}),
    "a new tag": ({"tags": {"x": "y"}}, {"tags": {"room": "a", "floor": None, "x": "y"}}),
    "tag None": ({"tags": {"room": None}}, {"tags": {"room": None, "floor": None}}),
    "tags by function": (
        {"tags": lambda tags: {"room": tags["room"] * 2}},
        {"tags": {"room": "aa", "floor": None}},
    ),
    "tags by a mapping of another kind": (
        {"tags": MappingProxyType({"room": "b"})},
        {"tags": {"room": "b", "floor": None}},
    ),
    "fields": ({"fields": {"x": 2}}, {"fields": {"n": 1, "x": 2}}),
    "numpy field": ({"fields": {"x": np.int64(2)}}, {"fields": {"n": 1, "x": 2}}),
    "field None": ({"fields": {"x": None}}, {"fields": {"n": 1, "x": None}}),
    "fields by function": (
        {"fields": lambda fields: {"x": fields["x"] * 2, "y": fields["n"]}},
        {"fields": {"n": 1, "x": 3.0, "y": 1}},
    ),
    "unset a tag": ({"unset_tags": "room"}, {"tags": {"floor": None}}),
    "unset tags": ({"unset_tags": ["room", "floor", "none such"]}, {"tags": {}}),
    "unset by iterator": ({"unset_tags": iter(["room"])}, {"tags": {"floor": None}}),
    "unset a field": ({"unset_fields": "x"}, {"fields": {"n": 1}}),
    "unset fields": ({"unset_fields": ("x", "n")}, {"fields": {}}),
    "set, then unset": (
        {"tags": {"x": "y", "room": "b"}, "unset_tags": ["x"]},
        {"tags": {"room": "b", "floor": None}},
    ),
    "everything": (
        {
            "time": TIME - HOUR,
            "measurement": "new",
            "tags": {"room": "b"},
            "fields": {"n": 7},
            "unset_tags": "floor",
            "unset_fields": "x",
        },
        {
            "time": TIME - HOUR,
            "measurement": "new",
            "tags": {"room": "b"},
            "fields": {"n": 7},
        },
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_matching_points_are_changed_and_others_are_not(backend: Backend, name: str) -> None:
    change, expected = CHANGES[name]
    if "iterator" in name:
        change = {"unset_tags": iter(["room"])}
    db = backend.holding(point(2), point(1), point(3))
    assert db.update(FieldQuery().n == 1, **change) == 1
    after = [point(2), point(1, **expected), point(3)]
    assert contents(db.all(sorted=False)) == contents(after)
    assert contents(backend.open().all(sorted=False)) == contents(after)


def test_update_all_changes_every_point(backend: Backend) -> None:
    db = backend.holding(point(1), point(2))
    assert db.update_all(fields=lambda fields: {"n": fields["n"] + 1}, unset_fields=["x"]) == 2
    assert db.get_field_values("n") == [2, 3]
    assert db.get_field_keys() == ["n"]


def test_one_key_iterator_serves_every_point(backend: Backend) -> None:
    db = backend.holding(point(1), point(2))
    assert db.update_all(unset_tags=iter(["room"])) == 2
    assert db.get_tag_keys() == ["floor"]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"time": lambda time: time.astimezone(timezone(HOUR))}, id="the same instant"),
        pytest.param({"measurement": "m"}, id="measurement"),
        pytest.param({"tags": {"room": "a"}}, id="tag"),
        pytest.param({"tags": {}}, id="no tag"),
        pytest.param({"tags": lambda tags: tags}, id="the tags themselves"),
        pytest.param({"fields": {"x": 1.5}}, id="field"),
        pytest.param({"fields": lambda fields: fields}, id="the fields themselves"),
        pytest.param({"unset_tags": ["none such"]}, id="unset a missing tag"),
        pytest.param({"unset_fields": "none such"}, id="unset a missing field"),
    ],
)
def test_points_that_stay_the_same_are_not_counted(backend: Backend, change: Any) -> None:
    db = backend.holding(point(1), point(2))
    assert db.update(EVERY, **change) == 0
    assert contents(db.all(sorted=False)) == contents([point(1), point(2)])


def test_only_points_that_change_are_counted(backend: Backend) -> None:
    db = backend.holding(point(1), point(2), point(3, tags={"room": "b"}))
    assert db.update(EVERY, tags={"room": "b", "floor": None}) == 3
    assert db.update(EVERY, fields={"n": 3}) == 2


@pytest.mark.parametrize(
    ("old", "new", "n_changed"),
    [
        pytest.param(1, 1.0, 1, id="int to float"),
        pytest.param(0.0, -0.0, 1, id="sign of zero"),
        pytest.param(math.nan, math.nan, 0, id="NaN stays NaN"),
        pytest.param(2**53 + 1, float(2**53 + 1), 1, id="nearest float"),
        pytest.param(None, 0, 1, id="None to 0"),
        pytest.param(math.nan, None, 1, id="NaN to None"),
        pytest.param(1.5, np.float32(1.5), 0, id="numpy float of the same value"),
    ],
)
def test_a_change_of_kind_is_a_change(backend: Backend, old: Any, new: Any, n_changed: int) -> None:
    db = backend.holding(point(fields={"v": old}))
    assert db.update(EVERY, fields={"v": new}) == n_changed
    assert exact(db.get_field_values("v")) == exact([Point(fields={"v": new}).fields["v"]])


def test_nothing_matches(backend: Backend) -> None:
    db = backend.holding(point(1))
    assert db.update(FieldQuery().n == 2, measurement="new") == 0
    assert TinyFlux(storage=MemoryStorage).update_all(measurement="new") == 0


def failing_on(number: int, result: Any) -> Callable[[dict[str, Any]], Any]:
    """A function of the old fields that gives `result`, or raises it, for one point."""

    def change(fields: dict[str, Any]) -> Any:
        if fields["n"] != number:
            return {"x": 2}
        if isinstance(result, Exception):
            raise result
        return result

    return change


class OwnError(Exception):
    """What a caller's function raises."""


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        pytest.param({"time": "now"}, ValueError, "time must be or return a datetime", id="time"),
        pytest.param({"time": lambda _: None}, ValueError, "time must be or return", id="no time"),
        pytest.param(
            {"time": datetime.max.replace(tzinfo=timezone(-HOUR))},
            ValueError,
            "outside year 1 to 9999",
            id="time too late",
        ),
        pytest.param({"measurement": 1}, ValueError, "measurement must be", id="measurement"),
        pytest.param(
            {"measurement": lambda _: None}, ValueError, "measurement must be", id="no measurement"
        ),
        pytest.param({"tags": {"a": 1}}, ValueError, "tag 'a' must be a str", id="tag"),
        pytest.param({"tags": ["a"]}, ValueError, "tags must be a mapping", id="tags"),
        pytest.param({"tags": {"a": "_none"}}, ValueError, "stands for None", id="tag _none"),
        pytest.param({"tags": {"a": "\ud800"}}, ValueError, "lone surrogate", id="surrogate"),
        pytest.param({"measurement": "\udfff"}, ValueError, "lone surrogate", id="surrogate name"),
        pytest.param({"tags": lambda _: None}, ValueError, "tags must be a mapping", id="no tags"),
        pytest.param({"fields": {"a": "b"}}, ValueError, "field 'a' must be an int", id="field"),
        pytest.param({"fields": {"a": True}}, ValueError, "field 'a' must be", id="bool"),
        pytest.param({"fields": 3}, ValueError, "fields must be a mapping", id="fields"),
        pytest.param(
            {"fields": failing_on(2, {"a": "b"})}, ValueError, "field 'a' must be", id="late field"
        ),
        pytest.param({"fields": failing_on(3, None)}, ValueError, "fields must", id="late None"),
        pytest.param({"fields": failing_on(3, OwnError("3"))}, OwnError, "3", id="late raise"),
        pytest.param({"unset_tags": [1]}, ValueError, "unset_tags takes", id="unset tag"),
        pytest.param({"unset_fields": [None]}, ValueError, "unset_fields takes", id="unset field"),
        pytest.param({}, ValueError, "needs something to change", id="nothing"),
        pytest.param({"unset_tags": []}, ValueError, "needs something to change", id="no keys"),
    ],
)
@pytest.mark.parametrize("is_all", [False, True], ids=["update", "update_all"])
def test_a_change_that_cannot_be_stored_changes_nothing(
    backend: Backend, change: Any, error: type[Exception], text: str, is_all: bool
) -> None:
    before = [point(1), point(2), point(3)]
    db = backend.holding(*before)
    with pytest.raises(error, match=text):
        _ = db.update_all(**change) if is_all else db.update(EVERY, **change)
    assert contents(db.all(sorted=False)) == contents(before)
    assert contents(backend.open().all(sorted=False)) == contents(before)
    assert db.count(FieldQuery().n >= 1) == 3


def test_a_function_gets_a_copy(backend: Backend) -> None:
    def clear(tags: dict[str, Any]) -> dict[str, str]:
        tags.clear()
        return {"x": "y"}

    db = backend.holding(point(1))
    assert db.update(EVERY, tags=clear) == 1
    assert db.get_tag_keys() == ["floor", "room", "x"]


def test_a_changed_time_finds_its_place(backend: Backend) -> None:
    db = backend.holding(point(1), point(2), point(3))
    db.update(FieldQuery().n == 1, time=TIME + 9 * HOUR)
    assert [p.fields["n"] for p in db.all()] == [2, 3, 1]
    assert [p.fields["n"] for p in db.all(sorted=False)] == [1, 2, 3]
    assert db.count(TimeQuery() > TIME + 8 * HOUR) == 1


def test_the_last_argument_restricts_to_a_measurement(backend: Backend) -> None:
    db = backend.holding(point(1), point(2, measurement="other"))
    assert db.update(EVERY, tags={"room": "b"}, _measurement="other") == 1
    assert db.update(EVERY, tags={"room": "c"}, _measurement="") == 0
    assert db.select("tags.room", EVERY) == ["a", "b"]
