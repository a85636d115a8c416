"""Queries as objects: repr, equality, hash, and what they are made of."""

from __future__ import annotations

import copy
import math
import operator
import pickle
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest

from tinyflux import FieldQuery, MeasurementQuery, Point, TagQuery, TimeQuery
from tinyflux.predicates import Query
from tinyflux.queries import BaseQuery, CompoundQuery, SimpleQuery

TIME = datetime(2025, 1, 1, tzinfo=UTC)
Build = Callable[[], Query]


def even(number: int) -> bool:
    return number % 2 == 0


def below(number: int, most: int, *_others: object) -> bool:
    return number < most


class Unhashable:
    """A function with an equality of its own."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Unhashable)

    def __call__(self, value: object) -> object:
        return value

    def __repr__(self) -> str:
        return "unhashable"


EQUAL: dict[str, Build] = {
    "tag": lambda: TagQuery().room == "a",
    "tag None": lambda: TagQuery().room != None,  # noqa: E711
    "field": lambda: FieldQuery().n < 1,
    "measurement": lambda: MeasurementQuery() == "m",
    "time": lambda: TimeQuery() >= TIME,
    "exists": lambda: TagQuery().room.exists(),
    "regex": lambda: TagQuery().room.matches("a+"),
    "regex with flags": lambda: TagQuery().room.search("a+", re.I),
    "test": lambda: FieldQuery().n.test(even),
    "test with arguments": lambda: FieldQuery().n.test(below, 5, [{"a": (1.5, None)}], TIME),
    "map": lambda: FieldQuery().n.map(abs) == 1,
    "map to a list": lambda: FieldQuery().n.map(abs) == [1, {2: {3}}],
    "noop": lambda: TagQuery().noop(),
    "not": lambda: ~(TagQuery().room == "a"),
    "and": lambda: (TagQuery().room == "a") & (FieldQuery().n < 1),
    "or": lambda: (TagQuery().room == "a") | (FieldQuery().n < 1),
}


@pytest.mark.parametrize("build", EQUAL.values(), ids=EQUAL)
def test_the_same_query_built_twice_is_equal_and_hashes_alike(build: Build) -> None:
    assert build() == build()
    assert hash(build()) == hash(build())
    assert build().is_hashable()
    assert {build(): 1}[build()] == 1


def test_different_queries_differ() -> None:
    assert len({build() for build in EQUAL.values()}) == len(EQUAL)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(
            TagQuery().room.matches("a"), TagQuery().room.matches("a", re.I), id="regex flags"
        ),
        pytest.param(TagQuery().room.matches("a"), TagQuery().room.search("a"), id="regex kind"),
        pytest.param(TagQuery().a == "x", TagQuery().b == "x", id="key"),
        pytest.param(TagQuery().a.exists(), FieldQuery().a.exists(), id="attribute"),
        pytest.param(FieldQuery().a.map(abs) == 1, FieldQuery().a == 1, id="map"),
        pytest.param(FieldQuery().a.test(pow, 2), FieldQuery().a.test(pow, 3), id="argument"),
        pytest.param(~(TagQuery().a == "x"), TagQuery().a == "x", id="not"),
        pytest.param(
            TagQuery().a.map(list) == ["a", "b"],
            TagQuery().a.map(list) == ("a", "b"),
            id="list and tuple",
        ),
        pytest.param(
            TagQuery().a.map(list) == [["a"]], TagQuery().a.map(list) == [("a",)], id="deep down"
        ),
        pytest.param(FieldQuery().a.map(abs) == 1, FieldQuery().a.map(abs) == 1.0, id="mapped 1"),
        pytest.param(FieldQuery().a.test(pow, 1), FieldQuery().a.test(pow, True), id="bool"),
        pytest.param(FieldQuery().a.test(pow, 1), FieldQuery().a.test(pow, 1.0), id="float"),
        pytest.param(FieldQuery().a.test(pow, 0.0), FieldQuery().a.test(pow, -0.0), id="zeros"),
        pytest.param(
            FieldQuery().a.test(pow, {"n": [0.0]}),
            FieldQuery().a.test(pow, {"n": [-0.0]}),
            id="zeros deep down",
        ),
        pytest.param(
            FieldQuery().a.test(pow, np.float32(1)), FieldQuery().a.test(pow, 1.0), id="numpy"
        ),
        pytest.param(
            FieldQuery().a.test(pow, TIME),
            FieldQuery().a.test(pow, TIME.astimezone(timezone(timedelta(hours=1)))),
            id="an argument in another zone",
        ),
    ],
)
def test_what_counts_in_equality(one: Query, other: Query) -> None:
    assert one != other
    assert len({one, other}) == 2


def test_stored_numbers_are_compared_with_1_and_1_0_alike() -> None:
    assert (FieldQuery().n == 1) == (FieldQuery().n == 1.0)
    assert (FieldQuery().n > 0.0) == (FieldQuery().n > -0.0)


def test_nan_as_an_argument_is_the_same_argument() -> None:
    assert FieldQuery().n.test(pow, math.nan) == FieldQuery().n.test(pow, float("nan"))


def test_order_does_not_count_in_and_and_or() -> None:
    first, second = TagQuery().a == "x", FieldQuery().b == 1
    assert (first & second) == (second & first)
    assert (first | second) == (second | first)
    assert (first & second) != (first | second)


def test_a_time_is_compared_as_an_instant() -> None:
    there = TIME.astimezone(timezone(timedelta(hours=5)))
    assert (TimeQuery() == TIME) == (TimeQuery() == there)
    assert (TimeQuery() == TIME) == (TimeQuery() == TIME.astimezone().replace(tzinfo=None))


@pytest.mark.parametrize("build", EQUAL.values(), ids=EQUAL)
def test_a_query_can_be_sent_to_another_process(build: Build) -> None:
    received = pickle.loads(pickle.dumps(build()))
    assert received == build()
    assert hash(received) == hash(build())
    for point in (Point(), Point(time=TIME, measurement="m", tags={"room": "a"}, fields={"n": 0})):
        assert received(point) == build()(point)


def test_a_builder_can_be_sent_to_another_process() -> None:
    received = pickle.loads(pickle.dumps(FieldQuery().n.map(abs)))
    assert (received == 1) == (FieldQuery().n.map(abs) == 1)


def test_types_are_of_the_module_that_documents_them() -> None:
    kinds: tuple[type, ...] = (BaseQuery, SimpleQuery, CompoundQuery, TagQuery, TimeQuery)
    assert {kind.__module__ for kind in kinds} == {"tinyflux.queries"}


@pytest.mark.parametrize(
    ("query", "is_hashable"),
    [
        (BaseQuery(), False),
        (TagQuery(), False),
        (FieldQuery(), False),
        (TimeQuery(), True),
        (MeasurementQuery(), True),
        (TagQuery().a, True),
        (TagQuery().a.map(len), True),
        (TagQuery().a.map(Unhashable()), False),
    ],
    ids=repr,
)
def test_a_builder_is_hashable_once_it_names_a_value(query: BaseQuery, is_hashable: bool) -> None:
    assert query.is_hashable() == is_hashable


def test_what_cannot_be_hashed_says_so() -> None:
    query = FieldQuery().n.map(abs) == bytearray(b"a")
    assert not query.is_hashable()
    assert not (query & query).is_hashable()
    assert not (~query).is_hashable()
    with pytest.raises(TypeError, match="cannot be hashed"):
        hash(query)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        pytest.param(
            TagQuery().city == "LA", "SimpleQuery('tags', '==', ('city',), 'LA')", id="=="
        ),
        pytest.param(FieldQuery()["a b"] >= 2, "SimpleQuery('fields', '>=', ('a b',), 2)", id=">="),
        pytest.param(
            MeasurementQuery() == "m", "SimpleQuery('measurement', '==', (), 'm')", id="name"
        ),
        pytest.param(TagQuery().city, "TagQuery('city',)", id="builder"),
        pytest.param(TagQuery().noop(), "SimpleQuery('tags', 'noop', (), None)", id="noop"),
        pytest.param(
            ~(TagQuery().a == "b"),
            "CompoundQuery('not', SimpleQuery('tags', '==', ('a',), 'b'))",
            id="not",
        ),
    ],
)
def test_repr(query: Any, text: str) -> None:
    assert repr(query) == text


def test_repr_of_a_long_number_is_short() -> None:
    assert len(repr(FieldQuery().n == 10**5000)) < 200


@pytest.mark.parametrize(
    ("query", "attribute"),
    [
        (TagQuery().a == "b", "tags"),
        (FieldQuery().a == 1, "fields"),
        (MeasurementQuery() == "m", "measurement"),
        (TimeQuery() == TIME, "time"),
    ],
)
def test_point_attr(query: SimpleQuery, attribute: str) -> None:
    assert query.point_attr == attribute


def test_types_of_the_page() -> None:
    simple = TagQuery().city == "Los Angeles"
    assert type(simple) is SimpleQuery
    assert type(simple & (FieldQuery().temp_f < 55.0)) is CompoundQuery
    assert type(~simple) is CompoundQuery
    assert isinstance(TagQuery(), BaseQuery)
    assert isinstance(TagQuery().city.map(len), BaseQuery)


def test_parts_of_a_compound_query() -> None:
    first, second = TagQuery().a == "b", FieldQuery().c == 1
    query = first & second
    assert (query.query1, query.query2, query.operator) == (first, second, operator.and_)


def test_a_builder_is_not_changed_by_what_is_built_from_it() -> None:
    start = TagQuery()
    room, floor = start.room, start.floor
    assert (room == "a")(Point(tags={"room": "a"}))
    assert (floor == "a")(Point(tags={"floor": "a"}))
    mapped = room.map(len)
    assert (room == "a")(Point(tags={"room": "a"}))
    assert (mapped == 1)(Point(tags={"room": "a"}))


def test_a_builder_hashes() -> None:
    assert len({hash(TagQuery().a), hash(TagQuery().a), hash(TagQuery().b)}) == 2


def test_a_builder_does_not_pretend_to_have_special_methods() -> None:
    with pytest.raises(AttributeError):
        TagQuery().__len__  # noqa: B018
    assert copy.copy(TagQuery().a).exists() == TagQuery().a.exists()
