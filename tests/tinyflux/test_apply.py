"""An ordered list of removals, updates and inserts, applied as one atomic change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.tinyflux.backends import Backend
from tests.tinyflux.exact import contents
from tinyflux import FieldQuery, Insert, MeasurementQuery, Point, Remove, TagQuery, Update

TIME = datetime(2025, 1, 1, tzinfo=UTC)
N = FieldQuery().n


def point(n: float | None, measurement: str = "m", **tags: str | None) -> Point:
    return Point(
        time=TIME + timedelta(hours=n or 0), measurement=measurement, tags=tags, fields={"n": n}
    )


def test_changes_are_counted_each(backend: Backend) -> None:
    db = backend.holding(point(1), point(2), point(3))
    counts = db.apply(
        [Remove(N == 1), Update(N >= 2, tags={"a": "b"}), Insert([point(4), point(5)])]
    )
    assert counts == [1, 2, 2]
    assert contents(db.all(sorted=False)) == contents(
        [point(2, a="b"), point(3, a="b"), point(4), point(5)]
    )


def test_each_change_sees_what_those_before_it_did(backend: Backend) -> None:
    db = backend.holding(point(1), point(2), point(3))
    counts = db.apply(
        [
            Update(N == 1, fields={"n": 10}),
            Remove(N == 1),
            Remove(N == 10),
            Insert([point(7), point(8)]),
            Update(N == 7, measurement="late"),
            Remove(None, "late"),
            Update(None, tags={"seen": "yes"}),
            Remove(MeasurementQuery() == "nowhere"),
        ]
    )
    assert counts == [1, 0, 1, 2, 1, 1, 3, 0]
    assert contents(db.all(sorted=False)) == contents(
        [point(2, seen="yes"), point(3, seen="yes"), point(8, seen="yes")]
    )


def test_a_removed_point_is_not_tested_again(backend: Backend) -> None:
    db = backend.holding(point(0), point(2))
    assert db.apply([Remove(N == 0), Remove(N.test(lambda n: 1 / n > 1))]) == [1, 0]


def test_a_changed_point_is_tested_as_it_is_then(backend: Backend) -> None:
    db = backend.holding(point(0), point(2))
    changes = [Update(N == 0, fields={"n": 0.5}), Remove(N.test(lambda n: 1 / n > 1))]
    assert db.apply(changes) == [1, 1]
    assert len(db) == 1


@pytest.mark.parametrize(
    "failing",
    [
        pytest.param(lambda: Update(N == 2, tags=lambda _tags: {"a": 1}), id="update"),
        pytest.param(lambda: Remove(N.test(lambda n: 1 / (n - 2) > 0)), id="remove"),
        pytest.param(lambda: Insert([point(1), point(9, a="_none")]), id="insert"),
        pytest.param(lambda: "no change", id="no change"),
    ],
)
def test_nothing_is_stored_when_one_change_fails(
    backend: Backend, failing: Callable[[], Any]
) -> None:
    db = backend.holding(point(1), point(2))
    with pytest.raises((ValueError, TypeError, ZeroDivisionError)):
        db.apply([Remove(N == 1), Insert([point(5)]), failing()])
    assert contents(db.all(sorted=False)) == contents([point(1), point(2)])
    assert db.insert(point(3)) == 1
    assert [p.fields["n"] for p in backend.open()] == [1, 2, 3]


def test_only_inserts_are_an_append(backend: Backend) -> None:
    db = backend.holding(point(1))
    assert db.apply([Insert([point(2)], "other"), Insert([])]) == [1, 0]
    assert db.get_measurements() == ["m", "other"]


def test_no_change_at_all(backend: Backend) -> None:
    db = backend.holding(point(1))
    assert db.apply([]) == []
    assert db.apply(iter([Remove(N == 5)])) == [0]
    assert contents(db.all()) == contents([point(1)])


def test_points_may_come_from_an_iterator(backend: Backend) -> None:
    db = backend.holding(point(1))
    assert db.apply([Insert(point(n) for n in (2, 3))]) == [2]
    assert len(db) == 3


def test_an_update_back_to_what_was_leaves_the_point(backend: Backend) -> None:
    db = backend.holding(point(1, a="b"))
    changes = [Update(None, tags={"a": "c"}), Update(TagQuery().a == "c", tags={"a": "b"})]
    assert db.apply(changes) == [1, 1]
    assert contents(db.all()) == contents([point(1, a="b")])
