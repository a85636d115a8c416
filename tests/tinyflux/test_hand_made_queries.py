"""Queries that a caller builds by hand: their call is what they mean, on every storage."""

from __future__ import annotations

import operator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.tinyflux.backends import Backend
from tests.tinyflux.exact import contents
from tinyflux import FieldQuery, MeasurementQuery, Point, Remove, TagQuery, TimeQuery, Update
from tinyflux.predicates import Query
from tinyflux.queries import CompoundQuery, SimpleQuery

TIME = datetime(2025, 1, 1, tzinfo=UTC)
X, ROOM, M, T = FieldQuery().x, TagQuery().room, MeasurementQuery(), TimeQuery()
POINTS = [
    Point(
        time=TIME + timedelta(hours=x),
        measurement=f"m{x % 2}",
        tags={"room": "ab"[x // 2 % 2]},
        fields={"x": x},
    )
    for x in range(6)
]


class Odd(SimpleQuery):
    """A query with a call of its own."""

    def __call__(self, point: Point) -> bool:
        return bool(point.fields["x"] or 0) and super().__call__(point)


class Neither(CompoundQuery):
    """Logic with a call of its own."""

    def __call__(self, point: Point) -> bool:
        return not super().__call__(point)


def reused(query: Any, test: Any) -> SimpleQuery:
    """The parts of a query of the builders, but for its test."""
    return SimpleQuery(
        query.point_attr, query.operator, query.rhs, test, query.path_resolver, query.hashval
    )


def as_odd(query: Any) -> SimpleQuery:
    return Odd(
        query.point_attr,
        query.operator,
        query.rhs,
        query.value_test,
        query.path_resolver,
        query.hashval,
    )


QUERIES: dict[str, Query] = {
    "xor": CompoundQuery(X > 1, X < 3, operator.xor, None),
    "and not": CompoundQuery(X > 1, X < 3, lambda first, second: first and not second, None),
    "or by a function": CompoundQuery(X > 4, X < 1, lambda first, second: first or second, None),
    "truth": CompoundQuery(X > 1, None, operator.truth, None),
    "not by a function": CompoundQuery(X > 1, None, lambda first: not first, None),
    "and as documented": CompoundQuery(X > 1, X < 3, operator.and_, None),
    "nested": CompoundQuery(T > TIME, ROOM == "a", operator.xor, None) & (M == "m1"),
    "inverted": ~CompoundQuery(X > 1, X < 3, operator.xor, None),
    "a number for a bool": CompoundQuery(
        reused(X == 1, lambda x: x & 2), X < 3, operator.and_, None
    ),
    "compound subclass": Neither(X > 1, X < 3, operator.and_, None),
    "simple subclass": as_odd(X < 3),
    "simple subclass, of time": as_odd(TimeQuery() <= TIME + timedelta(hours=1)),
    "simple subclass, of the measurement": as_odd(M == "m0"),
    "combined subclass": as_odd(X < 3) & (T >= TIME),
    "own test of a field": reused(X == 1, lambda x: x > 1),
    "own test of a tag": reused(ROOM == "a", lambda text: text == "b"),
    "own test of a time": reused(T == TIME, lambda time: time > TIME),
    "own test of a measurement": reused(M == "m0", lambda name: name == "m1"),
    "own test, said to exist": reused(X.exists(), lambda x: x > 1),
    "own test, said to be noop": reused(X.noop(), lambda fields: fields["x"] > 1),
    "a test of the whole set": SimpleQuery("fields", "==", 1, len, dict, None),
    "another attribute": SimpleQuery(
        "measurement", "==", "m0", (M == "m1").value_test, (M == "m0").path_resolver, None
    ),
    "another operator": SimpleQuery(
        "fields", "<", 9, (X > 2).value_test, (X > 2).path_resolver, None
    ),
    "the test of a text for a number": reused(X == 1, (ROOM == "a").value_test),
    "the test of a number for a text": reused(ROOM == "a", (X == 1).value_test),
    "the whole tags exist": SimpleQuery(
        "tags", "exists", None, X.exists().value_test, T.exists().path_resolver, None
    ),
    "a key of no mapping's": reused(X.map(abs).exists(), lambda x: x),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_query_made_by_hand_means_what_its_call_gives(backend: Backend, query: Query) -> None:
    db = backend.holding(*POINTS)
    matching = [point for point in POINTS if query(point)]
    assert contents(db.search(query)) == contents(matching)
    assert db.count(query) == len(matching)
    assert db.contains(query) == bool(matching)
    assert db.select("fields.x", query) == [point.fields["x"] for point in matching]
    assert db.count(query, "m1") == len([p for p in matching if p.measurement == "m1"])
    assert len(db.to_numpy(query)["time"]) == len(matching)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_change_by_a_query_made_by_hand(backend: Backend, query: Query) -> None:
    db = backend.holding(*POINTS)
    rest = [point for point in POINTS if not query(point)]
    db.apply([Update(None, tags={"new": "x"}), Update(None, unset_tags="new"), Remove(query)])
    assert contents(db.all(sorted=False)) == contents(rest)


def test_what_a_hand_made_operator_raises_reaches_the_caller(backend: Backend) -> None:
    db = backend.holding(*POINTS)
    query = CompoundQuery(X > 1, T > TIME, lambda first, second: 1 // (first and not second), None)
    with pytest.raises(ZeroDivisionError):
        db.count(query)


def test_repr_of_a_function_object_as_operator() -> None:
    class Join:
        def __call__(self, first: bool, second: bool) -> bool:
            return first

        def __repr__(self) -> str:
            return "Join()"

    assert repr(CompoundQuery(X > 1, X < 3, Join(), None)).startswith("CompoundQuery('Join()'")
