"""Queries that make no sense: refused when they are built or run, with what to do instead."""

from __future__ import annotations

import operator
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas
import pytest

from tests.tinyflux.backends import Backend
from tests.tinyflux.exact import contents
from tinyflux import FieldQuery, MeasurementQuery, Point, TagQuery, TimeQuery
from tinyflux.queries import BaseQuery

TIME = datetime(2025, 1, 1, tzinfo=UTC)
POINT = Point(time=TIME, tags={"room": "a"}, fields={"n": 1})
ROOM = TagQuery().room == "a"


@pytest.mark.parametrize(
    "query",
    [BaseQuery(), TimeQuery(), MeasurementQuery(), TagQuery(), TagQuery().room, FieldQuery().n],
    ids=repr,
)
def test_a_query_without_a_comparison_cannot_be_evaluated(query: Any) -> None:
    with pytest.raises(RuntimeError, match="Empty query was evaluated"):
        query(POINT)


@pytest.mark.parametrize("join", [operator.and_, operator.or_], ids=["and", "or"])
@pytest.mark.parametrize("query", [TagQuery(), TagQuery().room, TimeQuery()], ids=repr)
def test_a_query_without_a_comparison_cannot_be_combined(query: Any, join: Any) -> None:
    with pytest.raises(RuntimeError, match="Empty query"):
        join(query, ROOM)
    with pytest.raises(RuntimeError, match="Empty query"):
        join(ROOM, query)
    with pytest.raises(RuntimeError, match="Empty query"):
        operator.invert(query)


WITHOUT_KEY: dict[str, Callable[[Any], Any]] = {
    "==": lambda query: query == "a",
    "!=": lambda query: query != "a",
    "<": lambda query: query < "a",
    "exists": lambda query: query.exists(),
    "test": lambda query: query.test(bool),
    "map": lambda query: query.map(len),
}


@pytest.mark.parametrize("build", WITHOUT_KEY.values(), ids=WITHOUT_KEY)
@pytest.mark.parametrize("query", [TagQuery, FieldQuery])
def test_tags_and_fields_need_a_key(query: Any, build: Callable[[Any], Any]) -> None:
    with pytest.raises(RuntimeError, match=r"needs a key: \w+Query\(\)\.key"):
        build(query())


@pytest.mark.parametrize("how", ["matches", "search"])
def test_a_regex_needs_a_key_too(how: str) -> None:
    with pytest.raises(RuntimeError, match="needs a key"):
        getattr(TagQuery(), how)("a")


@pytest.mark.parametrize("build", WITHOUT_KEY.values(), ids=WITHOUT_KEY)
def test_the_base_of_queries_names_no_value(build: Callable[[Any], Any]) -> None:
    with pytest.raises(RuntimeError, match="names no value"):
        build(BaseQuery())


@pytest.mark.parametrize("query", [TimeQuery(), MeasurementQuery()], ids=repr)
def test_times_and_measurements_have_no_keys(query: Any) -> None:
    with pytest.raises(RuntimeError, match="has no keys, found 'room'"):
        query["room"]


def test_a_value_has_no_keys_of_its_own() -> None:
    with pytest.raises(RuntimeError, match="values of tags have no keys, found 'b'"):
        TagQuery().a["b"]


def test_a_key_is_a_str() -> None:
    key: Any = 1
    with pytest.raises(RuntimeError, match="a key of TagQuery is a str, found 1"):
        TagQuery()[key]


@pytest.mark.parametrize("how", ["matches", "search"])
@pytest.mark.parametrize("query", [TimeQuery(), FieldQuery().n], ids=repr)
def test_a_regex_tests_text_only(query: Any, how: str) -> None:
    with pytest.raises(RuntimeError, match="map it to text first"):
        getattr(query, how)("1")


@pytest.mark.parametrize("compare", [operator.eq, operator.ne, operator.lt, operator.ge])
@pytest.mark.parametrize(
    ("query", "rhs"),
    [
        pytest.param(TagQuery().room, 1, id="tag with a number"),
        pytest.param(TagQuery().room, b"a", id="tag with bytes"),
        pytest.param(TagQuery().room, TIME, id="tag with a time"),
        pytest.param(FieldQuery().n, "1", id="field with text"),
        pytest.param(FieldQuery().n, Decimal(1), id="field with a decimal"),
        pytest.param(FieldQuery().n, 1j, id="field with a complex number"),
        pytest.param(FieldQuery().n, np.complex128(1), id="field with numpy's complex number"),
        pytest.param(FieldQuery().n, np.timedelta64(5, "ns"), id="field with a span in ns"),
        pytest.param(FieldQuery().n, np.timedelta64(5, "s"), id="field with a span in s"),
        pytest.param(FieldQuery().n, TIME, id="field with a time"),
        pytest.param(MeasurementQuery(), 1, id="measurement with a number"),
        pytest.param(MeasurementQuery(), None, id="measurement with None"),
        pytest.param(TimeQuery(), "2025-01-01", id="time with text"),
        pytest.param(TimeQuery(), 1735689600, id="time with a number"),
        pytest.param(TimeQuery(), date(2025, 1, 1), id="time with a date"),
        pytest.param(TimeQuery(), None, id="time with None"),
        pytest.param(TimeQuery(), pandas.NaT, id="time with no time of pandas"),
    ],
)
def test_a_right_hand_side_of_the_wrong_type(query: Any, rhs: Any, compare: Any) -> None:
    with pytest.raises(TypeError, match="compared with a"):
        compare(query, rhs)


@pytest.mark.parametrize("other", [True, None, "a", lambda point: True, POINT])
def test_a_query_is_only_combined_with_a_query(other: Any) -> None:
    with pytest.raises(TypeError, match="combined with a query"):
        ROOM & other
    with pytest.raises(TypeError, match="combined with a query"):
        ROOM | other


@pytest.mark.parametrize("query", [ROOM, ROOM & ROOM, ~ROOM, TagQuery().noop()], ids=repr)
@pytest.mark.parametrize("point", [None, 5, {"room": "a"}, TIME])
def test_a_query_is_only_called_with_a_point(query: Any, point: Any) -> None:
    with pytest.raises(TypeError, match=f"called with a Point, found {type(point).__name__}"):
        query(point)


def test_a_regex_that_is_none_is_refused() -> None:
    regex: Any = b"a"
    with pytest.raises(TypeError, match="a regex is a str"):
        TagQuery().room.matches(regex)


@pytest.mark.parametrize("how", ["map", "test"])
def test_a_function_is_needed(how: str) -> None:
    with pytest.raises(TypeError, match="takes a function, found 3"):
        getattr(TagQuery().room, how)(3)


CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "contains": lambda db, query: db.contains(query),
    "count": lambda db, query: db.count(query),
    "get": lambda db, query: db.get(query),
    "search": lambda db, query: db.search(query),
    "select": lambda db, query: db.select("time", query),
    "remove": lambda db, query: db.remove(query),
    "update": lambda db, query: db.update(query, measurement="b"),
    "measurement": lambda db, query: db.measurement("_default").search(query),
    "measurement remove": lambda db, query: db.measurement("_default").remove(query),
    "measurement update": lambda db, query: db.measurement("_default").update(
        query, measurement="b"
    ),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("query", [None, "room", True, POINT, lambda point: True, {"room": "a"}])
def test_what_is_no_query_is_refused(
    backend: Backend, query: Any, call: Callable[[Any, Any], Any]
) -> None:
    db = backend.holding(POINT)
    with pytest.raises(TypeError, match="a query is needed"):
        call(db, query)
    assert contents(db.all()) == contents([POINT])


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_query_without_a_comparison_is_refused(
    backend: Backend, call: Callable[[Any, Any], Any]
) -> None:
    db = backend.holding(POINT)
    with pytest.raises(RuntimeError, match="Empty query"):
        call(db, TagQuery().room)
    assert contents(db.all()) == contents([POINT])


def test_a_naive_time_without_a_utc_value_is_refused(live_in: Callable[[str], None]) -> None:
    live_in("Asia/Tokyo")
    with pytest.raises(ValueError, match="has no UTC value"):
        assert TimeQuery() > datetime(1, 1, 1)
    assert (TimeQuery() > datetime(1, 1, 1, 10))(POINT)
