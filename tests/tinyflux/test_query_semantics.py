"""What each query means: on one point, and alike on every storage, indexed or scanned."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.tinyflux.backends import Backend
from tinyflux import FieldQuery, MeasurementQuery, Point, TagQuery, TimeQuery
from tinyflux.predicates import Query
from tinyflux.queries import BaseQuery, SimpleQuery

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
NAN, INF = math.nan, math.inf


def at(hours: float, measurement: str = "m", **fields: float | None) -> Point:
    return Point(time=NOON + timedelta(hours=hours), measurement=measurement, fields=fields)


def found(backend: Backend, points: list[Point], query: Query) -> list[int]:
    """The numbers of the points that a database finds; it must be those that the query names."""
    numbered = [
        Point(time=p.time, measurement=p.measurement, tags=p.tags, fields={**p.fields, "no": no})
        for no, p in enumerate(points)
    ]
    db = backend.holding(*numbered)
    by_database = db.select("fields.no", query)
    assert by_database == [no for no, p in enumerate(points) if query(p)]
    assert db.count(query) == len(by_database)
    assert db.contains(query) == bool(by_database)
    assert [p.fields["no"] for p in db.search(query, sorted=False)] == by_database
    return by_database


TAGGED = [
    *(Point(time=NOON, tags={"room": room}) for room in ("kitchen", "Kitchen", "", None)),
    Point(time=NOON),
    Point(time=NOON, tags={"other": "kitchen"}),
]
ROOM = TagQuery().room


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        pytest.param(ROOM == "kitchen", [0], id="equal"),
        pytest.param(ROOM != "kitchen", [1, 2, 3], id="unequal: a missing key is neither"),
        pytest.param(~(ROOM == "kitchen"), [1, 2, 3, 4, 5], id="not equal: a missing key counts"),
        pytest.param(~(ROOM != "kitchen"), [0, 4, 5], id="not unequal"),
        pytest.param(ROOM == None, [3], id="equal None"),  # noqa: E711
        pytest.param(ROOM != None, [0, 1, 2], id="unequal None"),  # noqa: E711
        pytest.param(ROOM < "a", [1, 2], id="less: None has no order"),
        pytest.param(ROOM <= "", [2], id="less or equal"),
        pytest.param(ROOM > "K", [0, 1], id="greater"),
        pytest.param(ROOM >= "Kitchen", [0, 1], id="greater or equal"),
        pytest.param(ROOM < None, [], id="less than None"),
        pytest.param(ROOM >= None, [], id="at least None"),
        pytest.param(~(ROOM < None), [0, 1, 2, 3, 4, 5], id="not less than None"),
        pytest.param(ROOM.exists(), [0, 1, 2, 3], id="exists, None too"),
        pytest.param(~ROOM.exists(), [4, 5], id="does not exist"),
        pytest.param(ROOM == "cellar", [], id="a value that nobody has"),
        pytest.param(ROOM != "cellar", [0, 1, 2, 3], id="unequal to what nobody has"),
        pytest.param(TagQuery().nowhere != "x", [], id="a key that nobody has"),
        pytest.param(~(TagQuery().nowhere == "x"), [0, 1, 2, 3, 4, 5], id="inverted, no such key"),
        pytest.param(ROOM.matches("kitchen"), [0], id="matches the whole"),
        pytest.param(ROOM.matches("kitch"), [], id="a part is no match"),
        pytest.param(ROOM.matches("kitchen|kitch"), [0], id="matches, alternatives"),
        pytest.param(ROOM.matches("KITCHEN", re.I), [0, 1], id="matches with flags"),
        pytest.param(ROOM.matches(""), [2], id="matches nothing"),
        pytest.param(ROOM.search("itch"), [0, 1], id="searches a part"),
        pytest.param(ROOM.search("^K"), [1], id="searches the start"),
        pytest.param(ROOM.search("k", flags=re.I), [0, 1], id="searches with flags"),
        pytest.param(ROOM.search(""), [0, 1, 2], id="regex on None is False"),
        pytest.param(ROOM.test(lambda text: text is None), [3], id="test sees None"),
        pytest.param((ROOM == "kitchen") | (ROOM == ""), [0, 2], id="or"),
        pytest.param(ROOM.exists() & (ROOM != "kitchen"), [1, 2, 3], id="and"),
        pytest.param(~(ROOM.exists() & (ROOM != "")), [2, 4, 5], id="not and"),
        pytest.param(~~(ROOM == ""), [2], id="not not"),
        pytest.param(TagQuery().noop(), [0, 1, 2, 3, 4, 5], id="noop"),
        pytest.param(~TagQuery().noop(), [], id="not noop"),
        pytest.param(TagQuery().noop() & (ROOM == ""), [2], id="noop to start with"),
        pytest.param(TagQuery()["room"] == "", [2], id="key in brackets"),
    ],
)
def test_tags(backend: Backend, query: Query, numbers: list[int]) -> None:
    assert found(backend, TAGGED, query) == numbers


@pytest.mark.parametrize(
    "key",
    ["my room", "", "1st", "a.b", "map", "test", "exists", "noop", "_tag_", "é", 'a"b', "a\nb"],
)
def test_keys_that_are_no_identifiers(backend: Backend, key: str) -> None:
    points = [
        Point(time=NOON, tags={key: "x"}, fields={key: 1}),
        Point(time=NOON, tags={"room": "x"}, fields={"f": 1}),
    ]
    assert found(backend, points, TagQuery()[key] == "x") == [0]
    backend.open().remove_all()
    assert found(backend, points, FieldQuery()[key] == 1) == [0]


@pytest.mark.parametrize("name", ["path", "attribute", "needs_key", "checked_rhs", "_x", "x_"])
def test_identifiers_that_the_documented_api_does_not_name_are_keys(name: str) -> None:
    point = Point(time=NOON, tags={name: "x"}, fields={name: 1})
    assert (getattr(TagQuery(), name) == "x")(point)
    assert (getattr(FieldQuery(), name) == 1)(point)


BIG = 2**53
FLOAT_BIG = float(BIG)
NUMBERED = [
    *(at(0, n=n) for n in (1, 1.0, 2.5, -1, 0.0, -0.0, NAN, None, INF, -INF)),
    *(at(0, n=n) for n in (BIG, BIG + 1, FLOAT_BIG, -(2**63) - 1, 10**400)),
    at(0),
]
N = FieldQuery().n


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        pytest.param(N == 1, [0, 1], id="int and float are equal"),
        pytest.param(N == 1.0, [0, 1], id="float and int are equal"),
        pytest.param(N == 0, [4, 5], id="zeros are equal"),
        pytest.param(N == NAN, [], id="NaN is never equal"),
        pytest.param(N != NAN, [*range(15)], id="everything is unequal to NaN, None and NaN too"),
        pytest.param(N < NAN, [], id="NaN has no order"),
        pytest.param(N == None, [7], id="equal None"),  # noqa: E711
        pytest.param(N != None, [*range(7), *range(8, 15)], id="unequal None"),  # noqa: E711
        pytest.param(N < None, [], id="None has no order"),
        pytest.param(N < 1, [3, 4, 5, 9, 13], id="less"),
        pytest.param(N <= 1, [0, 1, 3, 4, 5, 9, 13], id="less or equal"),
        pytest.param(N > 2.5, [8, 10, 11, 12, 14], id="greater"),
        pytest.param(N >= 2.5, [2, 8, 10, 11, 12, 14], id="greater or equal"),
        pytest.param(~(N >= 2.5), [0, 1, 3, 4, 5, 6, 7, 9, 13, 15], id="not greater: NaN, missing"),
        pytest.param(N == BIG, [10, 12], id="2**53"),
        pytest.param(N == BIG + 1, [11], id="2**53 + 1"),
        pytest.param(N > BIG, [8, 11, 14], id="more than 2**53"),
        pytest.param(N >= BIG + 1, [8, 11, 14], id="at least 2**53 + 1"),
        pytest.param(N < BIG + 1, [0, 1, 2, 3, 4, 5, 9, 10, 12, 13], id="less than 2**53 + 1"),
        pytest.param(N == FLOAT_BIG, [10, 12], id="2.0**53"),
        pytest.param(N == -(2**63) - 1, [13], id="beyond 64 bits"),
        pytest.param(N < -(2**63), [9, 13], id="less than what 64 bits hold"),
        pytest.param(N == 10**400, [14], id="beyond floats"),
        pytest.param(N > 10**399, [8, 14], id="more than an int beyond floats"),
        pytest.param(N <= 10**400, [0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 14], id="up to that"),
        pytest.param(N < -(10**400), [9], id="less than any float but -inf"),
        pytest.param(N == INF, [8], id="infinite"),
        pytest.param(N < INF, [0, 1, 2, 3, 4, 5, 9, 10, 11, 12, 13, 14], id="finite"),
        pytest.param(N == True, [0, 1], id="a bool is its number"),  # noqa: E712
        pytest.param(N.exists(), [*range(15)], id="exists, None and NaN too"),
        pytest.param(~N.exists(), [15], id="does not exist"),
        pytest.param(FieldQuery().nowhere != 1, [], id="a key that nobody has"),
        pytest.param(N.test(lambda n: n is None), [7], id="test sees None"),
        pytest.param(N.test(lambda n: isinstance(n, int)), [0, 3, 10, 11, 13, 14], id="ints stay"),
        pytest.param(N.map(lambda n: n + 1) == 2, [0, 1], id="map"),
        pytest.param(N.map(str).matches(r"[\d.]+"), [0, 1, 2, 4, 10, 11, 12, 14], id="map, regex"),
        pytest.param((N > 0) & (N < 2), [0, 1], id="and"),
        pytest.param((N == 1) | N.test(lambda n: n is None), [0, 1, 7], id="or"),
    ],
)
def test_fields(backend: Backend, query: Query, numbers: list[int]) -> None:
    assert found(backend, NUMBERED, query) == numbers


NAMED = [at(0, name) for name in ("m", "M", "", "_none", "m m", "mm")]
M = MeasurementQuery()


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        pytest.param(M == "m", [0], id="equal"),
        pytest.param(M == "", [2], id="an empty text is a name like any other"),
        pytest.param(M != "m", [1, 2, 3, 4, 5], id="unequal"),
        pytest.param(M < "M", [2], id="less"),
        pytest.param(M >= "m", [0, 4, 5], id="greater or equal"),
        pytest.param(M.matches("m+"), [0, 5], id="matches"),
        pytest.param(M.search(" "), [4], id="search"),
        pytest.param(M.test(str.isupper), [1], id="test"),
        pytest.param(M.map(len) == 2, [5], id="map"),
        pytest.param(M.exists(), [0, 1, 2, 3, 4, 5], id="exists"),
        pytest.param(M.noop(), [0, 1, 2, 3, 4, 5], id="noop"),
    ],
)
def test_measurements(backend: Backend, query: Query, numbers: list[int]) -> None:
    assert found(backend, NAMED, query) == numbers


US = timedelta(microseconds=1)
FIRST = datetime.min.replace(tzinfo=UTC)
LAST = datetime.max.replace(tzinfo=UTC)
TIMED = [
    Point(time=time)
    for time in (NOON, NOON - US, NOON + US, NOON - timedelta(days=1), FIRST, LAST, NOON)
]
T = TimeQuery()
LOCAL = NOON.astimezone().replace(tzinfo=None)
OSLO = NOON.astimezone(timezone(timedelta(hours=2)))


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        pytest.param(T == NOON, [0, 6], id="equal"),
        pytest.param(T != NOON, [1, 2, 3, 4, 5], id="unequal"),
        pytest.param(T < NOON, [1, 3, 4], id="less"),
        pytest.param(T <= NOON, [0, 1, 3, 4, 6], id="less or equal"),
        pytest.param(T > NOON, [2, 5], id="greater"),
        pytest.param(T >= NOON, [0, 2, 5, 6], id="greater or equal"),
        pytest.param(T == OSLO, [0, 6], id="another zone"),
        pytest.param(T == LOCAL, [0, 6], id="naive is local"),
        pytest.param((T >= NOON - US) & (T < NOON + US), [0, 1, 6], id="range"),
        pytest.param((T < NOON) | (T > NOON), [1, 2, 3, 4, 5], id="outside"),
        pytest.param(~(T < NOON), [0, 2, 5, 6], id="not less"),
        pytest.param((T > NOON) & (T < NOON), [], id="impossible"),
        pytest.param(T >= FIRST, [*range(7)], id="everything"),
        pytest.param(T > LAST, [], id="after the end"),
        pytest.param(T <= FIRST, [4], id="the first microsecond"),
        pytest.param(T.test(lambda t: t.hour == 12), [0, 2, 3, 6], id="test"),
        pytest.param(T.map(lambda t: t.year) == 9999, [5], id="map"),
        pytest.param(T.exists(), [*range(7)], id="exists"),
    ],
)
def test_times(backend: Backend, query: Query, numbers: list[int]) -> None:
    assert found(backend, TIMED, query) == numbers


def test_late_points_are_found_by_time(backend: Backend) -> None:
    points = [at(hours) for hours in (5, 3, 9, 1, 7, 3, 8)]
    start, stop = NOON + timedelta(hours=3), NOON + timedelta(hours=8)
    query = (TimeQuery() >= start) & (TimeQuery() < stop)
    assert found(backend, points, query) == [0, 1, 4, 5]


def test_a_query_on_a_point_without_a_time(backend: Backend) -> None:
    assert not (T > NOON)(Point())
    assert not (T == NOON)(Point())
    assert (T != NOON)(Point())


@pytest.mark.parametrize(
    "query", [MeasurementQuery().noop(), TimeQuery().noop(), BaseQuery().noop()]
)
def test_noop_matches_every_point(backend: Backend, query: Query) -> None:
    assert found(backend, TAGGED, query) == [0, 1, 2, 3, 4, 5]


def test_a_query_made_by_hand(backend: Backend) -> None:
    query = SimpleQuery(
        "fields", "own", None, lambda number: number > 2, lambda fields: fields.get("n") or 0, None
    )
    assert found(backend, [at(0, n=1), at(1, n=3), at(2)], query | ~query) == [0, 1, 2]
    backend.open().remove_all()
    assert found(backend, [at(0, n=1), at(1, n=3), at(2)], query) == [1]


def test_one_key_in_many_shapes_of_rows(backend: Backend) -> None:
    points = [
        Point(time=NOON, tags={"a": "1"}, fields={"x": 1}),
        Point(time=NOON, tags={"b": "1"}, fields={"x": 2, "y": 1}),
        Point(time=NOON, tags={"a": "1", "b": "2"}),
        Point(time=NOON),
    ]
    assert found(backend, points, (TagQuery().a == "1") & ~(FieldQuery().x == 1)) == [2]
