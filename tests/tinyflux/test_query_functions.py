"""Functions of the caller in queries: what `test` and `map` do with what they raise."""

from __future__ import annotations

import operator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tests.tinyflux.backends import Backend
from tests.tinyflux.exact import contents
from tinyflux import (
    FieldQuery,
    Insert,
    MeasurementQuery,
    MemoryStorage,
    Point,
    Remove,
    TagQuery,
    TimeQuery,
    TinyFlux,
    Update,
)
from tinyflux.predicates import Query

TIME = datetime(2025, 1, 1, tzinfo=UTC)


class RefusedError(Exception):
    """What the functions here raise."""


def point(number: int, **tags: str | None) -> Point:
    """The point of hour `number`, which is also its field `n`."""
    return Point(
        time=TIME + timedelta(hours=number),
        measurement=f"m{number % 2}",
        tags=tags,
        fields={"n": number},
    )


def positive(number: int) -> bool:
    """Raises for 0."""
    if number == 0:
        raise RefusedError("n is 0")
    return number > 0


def short(text: str | None) -> bool:
    """Raises for None."""
    if text is None:
        raise RefusedError("room is None")
    return len(text) < 3


CALLS: dict[str, Any] = {
    "search": lambda db, query: db.search(query),
    "count": lambda db, query: db.count(query),
    "contains": lambda db, query: db.contains(query),
    "get": lambda db, query: db.get(query),
    "select": lambda db, query: db.select("time", query),
    "latest": lambda db, query: db.latest(query),
    "aggregate": lambda db, query: db.aggregate(query, "n"),
    "to_numpy": lambda db, query: db.to_numpy(query),
    "apply": lambda db, query: db.apply([Update(None, tags={"new": "x"}), Remove(query)]),
    "apply to a new point": lambda db, query: db.apply(
        [Insert([point(0, room=None)]), Remove(query)]
    ),
    "remove": lambda db, query: db.remove(query),
    "update": lambda db, query: db.update(query, measurement="new"),
}
FAILING: dict[str, Query] = {
    "field": FieldQuery().n.test(positive),
    "inverted field": ~FieldQuery().n.test(positive),
    "tag": TagQuery().room.test(short),
    "inverted tag": ~TagQuery().room.test(short),
    "second part": TagQuery().room.exists() & FieldQuery().n.test(positive),
    "beside a match": FieldQuery().n.exists() | FieldQuery().n.test(positive),
    "out of the time asked for": (TimeQuery() > TIME) & FieldQuery().n.test(positive),
    "time": TimeQuery().test(lambda time: positive((time - TIME).seconds)),
    "measurement": MeasurementQuery().test(lambda name: positive(int(name[1]))),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("query", FAILING.values(), ids=FAILING)
def test_what_a_test_raises_reaches_the_caller(backend: Backend, query: Query, call: str) -> None:
    db = backend.holding(point(0, room=None), point(1, room="a"), point(2, room="b"))
    with pytest.raises(RefusedError):
        CALLS[call](db, query)


def exhausted(_value: object) -> bool:
    """Raises what ends iterators."""
    return next(iter(()))


STOPPED: dict[str, Query] = {
    "field": FieldQuery().n.test(exhausted),
    "tag": ~TagQuery().room.test(exhausted),
    "time": TimeQuery().test(exhausted),
    "measurement": MeasurementQuery().test(exhausted) & TagQuery().room.exists(),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("query", STOPPED.values(), ids=STOPPED)
def test_the_end_of_an_iterator_in_a_test_ends_nothing_but_the_call(
    backend: Backend, query: Query, call: str
) -> None:
    db = backend.holding(point(1, room="a"), point(2, room="b"))
    with pytest.raises(StopIteration):
        CALLS[call](db, query)
    assert len(db) == 2


@pytest.mark.parametrize("query", FAILING.values(), ids=FAILING)
def test_nothing_is_changed_when_a_test_raises(backend: Backend, query: Query) -> None:
    points = [point(1, room="a"), point(0, room=None)]
    db = backend.holding(*points)
    before = contents(db.all(sorted=False))
    with pytest.raises(RefusedError):
        db.remove(query)
    assert contents(db.all(sorted=False)) == before


@pytest.mark.parametrize("call", ["get", "contains"])
def test_points_behind_the_first_match_are_not_tested(backend: Backend, call: str) -> None:
    db = backend.holding(point(-1), point(1), point(0))
    assert CALLS[call](db, FieldQuery().n.test(positive))


def test_points_of_other_measurements_are_not_tested(backend: Backend) -> None:
    db = backend.holding(point(0, room=None), point(1, room="a"))
    assert db.measurement("m1").count(FieldQuery().n.test(positive)) == 1
    assert db.measurement("m1").count(TagQuery().room.test(short)) == 1


def test_the_first_failure_in_insertion_order_is_raised(backend: Backend) -> None:
    db = backend.holding(point(1, room="a"), point(2, room=None), point(0, room="b"))
    with pytest.raises(RefusedError, match="room is None"):
        db.search(FieldQuery().n.test(positive) & TagQuery().room.test(short))


@pytest.mark.parametrize(
    ("query", "hours"),
    [
        pytest.param(FieldQuery().n.map(lambda n: 1 / n) > 0, [1, 2], id="greater"),
        pytest.param(FieldQuery().n.map(lambda n: 1 / n) != 1, [2], id="unequal"),
        pytest.param(FieldQuery().n.map(lambda n: 1 / n).exists(), [1, 2], id="exists"),
        pytest.param(~(FieldQuery().n.map(lambda n: 1 / n) > 0), [0], id="inverted"),
        pytest.param(TagQuery().room.map(str.upper) == "A", [1], id="tag"),
        pytest.param(TagQuery().room.map(str.upper).matches("A|B"), [1, 2], id="tag, regex"),
        pytest.param(TagQuery().room.map(len).map(lambda n: n + 1) == 2, [1, 2], id="chained"),
        pytest.param(TimeQuery().map(lambda t: 1 / t.hour) == 0.5, [2], id="time"),
        pytest.param(
            MeasurementQuery().map(lambda name: 1 / int(name[1])) == 1, [1], id="measurement"
        ),
    ],
)
def test_a_point_that_map_fails_on_has_no_such_value(
    backend: Backend, query: Query, hours: list[int]
) -> None:
    points = [point(0, room=None), point(1, room="a"), point(2, room="b")]
    db = backend.holding(*points)
    found = [(time - TIME).seconds // 3600 for time in db.select("time", query)]
    assert found == hours == [p.fields["n"] for p in points if query(p)]


@pytest.mark.parametrize(
    ("rhs", "compare", "n_found"),
    [
        pytest.param("text", operator.eq, 0, id="text is no number"),
        pytest.param("text", operator.ne, 2, id="text differs from a number"),
        pytest.param("text", operator.lt, 0, id="text has no order with a number"),
        pytest.param([1], operator.ge, 0, id="list"),
        pytest.param(None, operator.eq, 0, id="None"),
        pytest.param(1.5, operator.lt, 1, id="float"),
    ],
)
def test_after_a_map_the_right_hand_side_has_any_type(
    backend: Backend, rhs: Any, compare: Any, n_found: int
) -> None:
    db = backend.holding(point(1, room="a"), point(2, room="bb"))
    assert db.count(compare(TagQuery().room.map(len), rhs)) == n_found


def test_a_mapped_value_that_cannot_be_compared_matches_nothing(backend: Backend) -> None:
    db = backend.holding(point(1, room="a"), point(2, room="b"))
    query = (TimeQuery() > TIME + timedelta(hours=1)) & (FieldQuery().n.map(_pair) == 1)
    assert db.count(query) == 0
    assert not query(point(1))


def _pair(_number: int) -> Any:
    """A value whose comparison has no truth value."""
    return np.array([1, 2])


class Sore:
    """A value that raises when it is compared."""

    def __init__(self, text: object) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        if self.text == "b":
            raise ZeroDivisionError
        return self.text == other

    __hash__ = None  # type: ignore[assignment]


def test_a_mapped_value_that_raises_when_it_is_compared_is_no_value(backend: Backend) -> None:
    points = [point(1, room="a"), point(2, room="b"), point(3, room="c")]
    db = backend.holding(*points)
    query = TagQuery().room.map(Sore) == "a"
    assert (
        [p.fields["n"] for p in db.search(query)]
        == [1]
        == [p.fields["n"] for p in points if query(p)]
    )
    assert db.count(query, "m1") == 1
    assert db.count(query, "m0") == 0
    assert [p.fields["n"] for p in db.search(~query)] == [2, 3]


def test_arguments_of_a_test_follow_the_value(backend: Backend) -> None:
    db = backend.holding(point(1), point(2), point(3))
    query = FieldQuery().n.test(lambda n, low, high: low < n < high, 1, 3)
    assert db.select("fields.n", query) == [2]


def test_a_test_may_return_anything_with_a_truth_value(backend: Backend) -> None:
    db = backend.holding(point(1, room=""), point(2, room="x"))
    assert db.count(TagQuery().room.test(lambda text: text)) == 1


def test_a_function_is_not_called_for_values_that_no_point_in_scope_has() -> None:
    db = TinyFlux(storage=MemoryStorage)
    db.insert_multiple(point(number, room="ab"[number % 2]) for number in range(100))
    seen: list[str | None] = []
    db.count(TagQuery().room.map(seen.append).exists(), "m1")
    assert seen == ["b"]


def test_a_function_on_a_tag_runs_once_for_each_distinct_value() -> None:
    db = TinyFlux(storage=MemoryStorage)
    db.insert_multiple(point(number, room="ab"[number % 2]) for number in range(100))
    seen: list[str | None] = []
    db.search(TagQuery().room.test(lambda text: not seen.append(text)))
    assert sorted(map(str, seen)) == ["a", "b"]
