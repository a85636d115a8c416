"""The Point: what it takes, what it refuses, and how it compares."""

from __future__ import annotations

import copy
import enum
import pickle
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas
import pytest

from tests.tinyflux.exact import exact
from tinyflux import Point
from tinyflux.point import validate_fields, validate_tags

TIME = datetime(2025, 1, 1, 12, tzinfo=UTC)


class Level(enum.IntEnum):
    """A number with a name."""

    LOW = 1


def test_a_point_of_nothing() -> None:
    point = Point()
    assert (point.time, point.measurement, point.tags, point.fields) == (None, "_default", {}, {})


def test_none_as_a_time_is_no_time() -> None:
    assert Point(time=None).time is None


@pytest.mark.parametrize(
    ("number", "stored"),
    [
        pytest.param(1, 1, id="int"),
        pytest.param(1.0, 1.0, id="float"),
        pytest.param(None, None, id="None"),
        pytest.param(10**5000, 10**5000, id="long int"),
        pytest.param(np.int8(-3), -3, id="int8"),
        pytest.param(np.uint64(2**64 - 1), 2**64 - 1, id="uint64"),
        pytest.param(np.float64(1.5), 1.5, id="float64"),
        pytest.param(np.float32(0.1), 0.10000000149011612, id="float32"),
        pytest.param(Level.LOW, 1, id="IntEnum"),
    ],
)
def test_field_values_become_plain_numbers(number: Any, stored: Any) -> None:
    assert exact(Point(fields={"n": number}).fields["n"]) == exact(stored)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        pytest.param({"time": "2025-01-01"}, "time must be a datetime or None", id="time as text"),
        pytest.param({"time": date(2025, 1, 1)}, "time must be a datetime", id="date"),
        pytest.param({"time": 0}, "time must be a datetime or None, found int 0", id="number"),
        pytest.param(
            {"time": pandas.NaT}, "time must be a datetime .* NaT", id="no time of pandas"
        ),
        pytest.param({"measurement": 1}, "measurement must be a str, found int 1", id="name"),
        pytest.param({"measurement": None}, "measurement must be a str", id="no name"),
        pytest.param({"tags": None}, "tags must be a mapping", id="no tags"),
        pytest.param({"tags": [("a", "b")]}, "tags must be a mapping", id="tags as pairs"),
        pytest.param({"tags": {"a": 1}}, r"tag 'a' must be a str .*str\(1\)", id="tag a number"),
        pytest.param({"tags": {"a": True}}, "tag 'a' must be a str or None", id="tag a bool"),
        pytest.param({"tags": {"a": 10**5000}}, "tag 'a' must be a str or None", id="tag, long"),
        pytest.param({"tags": {1: "a"}}, "tag key 1 must be a str", id="tag key"),
        pytest.param({"tags": {None: "a"}}, "tag key None must be a str", id="tag key None"),
        pytest.param({"fields": None}, "fields must be a mapping", id="no fields"),
        pytest.param({"fields": {"a": "1"}}, "field 'a' must be an int.*tags", id="field text"),
        pytest.param({"fields": {"a": True}}, "field 'a' must be .* 1 or 0", id="field a bool"),
        pytest.param({"fields": {"a": np.True_}}, "field 'a' must be .* 1 or 0", id="numpy bool"),
        pytest.param({"fields": {"a": 1j}}, "field 'a' must be .* convert it", id="complex"),
        pytest.param({"fields": {"a": Decimal(1)}}, "found Decimal .* float", id="decimal"),
        pytest.param(
            {"fields": {"a": np.timedelta64(5, "ns")}}, "field 'a' .* found timedelta64", id="ns"
        ),
        pytest.param(
            {"fields": {"a": np.timedelta64(5, "s")}}, "field 'a' .* divide it by its unit", id="s"
        ),
        pytest.param({"fields": {"a": timedelta(5)}}, "field 'a' .* total_seconds", id="timedelta"),
        pytest.param({"fields": {"a": np.complex64(1)}}, "field 'a' must be", id="numpy complex"),
        pytest.param({"fields": {"a": [1]}}, "field 'a' must be an int", id="list"),
        pytest.param({"fields": {1: 1}}, "field key 1 must be a str", id="field key"),
    ],
)
def test_what_a_point_cannot_hold_is_named(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Point(**arguments)


@pytest.mark.parametrize(
    ("name", "value"),
    [("time", 1), ("measurement", 1), ("tags", {"a": 1}), ("fields", {"a": "b"})],
)
def test_setting_checks_like_building_and_changes_nothing(name: str, value: Any) -> None:
    point = Point(time=TIME, measurement="m", tags={"a": "b"}, fields={"a": 1})
    before = repr(point)
    with pytest.raises(ValueError, match=name.rstrip("s")):
        setattr(point, name, value)
    assert repr(point) == before


def test_arguments_go_by_keyword_and_none_is_unknown() -> None:
    with pytest.raises(TypeError, match="by keyword"):
        Point(TIME)
    with pytest.raises(TypeError, match="no argument 'tag'"):
        Point(tag={"a": "b"})


def test_a_point_does_not_share_the_mappings_it_was_given() -> None:
    tags: dict[str, str | None] = {"a": "b"}
    point = Point(tags=MappingProxyType(tags))
    tags["a"] = "c"
    assert point.tags == {"a": "b"}


@pytest.mark.parametrize("validate", [validate_tags, validate_fields])
def test_validation_takes_an_empty_mapping(validate: Any) -> None:
    validate({})


@pytest.mark.parametrize("value", ["a", None, np.str_("a")])
def test_valid_tags(value: str | None) -> None:
    validate_tags({"key": value})


def test_equality_is_of_content() -> None:
    def make() -> Point:
        return Point(time=TIME, measurement="m", tags={"a": None}, fields={"b": 1})

    assert make() == make()
    assert hash(make()) == hash(make())
    assert make() == Point(
        time=TIME.astimezone(timezone(timedelta(hours=-3))),
        measurement="m",
        tags={"a": None},
        fields={"b": 1.0},
    )


@pytest.mark.parametrize(
    "other",
    [
        Point(time=TIME, tags={"a": "b"}, fields={"c": 2}),
        Point(time=TIME, tags={"a": None}, fields={"c": 1}),
        Point(time=TIME, tags={}, fields={"c": 1}),
        Point(time=TIME, tags={"a": "b"}, fields={"c": None}),
        Point(time=TIME, measurement="m", tags={"a": "b"}, fields={"c": 1}),
        Point(tags={"a": "b"}, fields={"c": 1}),
        "a point",
    ],
    ids=repr,
)
def test_points_that_differ(other: Any) -> None:
    assert Point(time=TIME, tags={"a": "b"}, fields={"c": 1}) != other


@pytest.mark.parametrize(
    ("zone", "moment"),
    [("Asia/Tokyo", datetime(1, 1, 1)), ("America/Lima", datetime(9999, 12, 31, 23, 59))],
)
def test_a_naive_time_without_a_utc_value_compares_and_hashes(
    live_in: Callable[[str], None], zone: str, moment: datetime
) -> None:
    live_in(zone)
    assert Point(time=moment) == Point(time=moment)
    assert Point(time=moment) != Point(time=TIME)
    assert isinstance(hash(Point(time=moment)), int)


def test_a_naive_time_is_local() -> None:
    assert Point(time=TIME.astimezone().replace(tzinfo=None)) == Point(time=TIME)


def test_repr_shows_what_a_point_holds() -> None:
    point = Point(time=TIME, measurement="m", tags={"a": None}, fields={"b": 1.5})
    assert repr(point) == (
        "Point(time=2025-01-01T12:00:00+00:00, measurement='m', tags={'a': None}, "
        "fields={'b': 1.5})"
    )
    assert repr(Point()) == "Point(time=None, measurement='_default')"


def test_repr_of_a_long_number_is_short() -> None:
    assert len(repr(Point(fields={"n": -(10**5000)}))) < 200


@pytest.mark.parametrize(
    "clone", [copy.copy, copy.deepcopy, lambda point: pickle.loads(pickle.dumps(point))]
)
def test_points_can_be_copied(clone: Any) -> None:
    point = Point(time=TIME, measurement="m", tags={"a": "b"}, fields={"c": 1})
    assert clone(point) == point
