"""remove, remove_all, drop_measurement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.tinyflux.backends import Backend
from tests.tinyflux.exact import contents
from tinyflux import FieldQuery, MeasurementQuery, Point, TagQuery, TimeQuery

TIME = datetime(2025, 1, 1, tzinfo=UTC)
N = FieldQuery().n


def point(n: int, measurement: str = "m") -> Point:
    return Point(time=TIME + timedelta(hours=n), measurement=measurement, fields={"n": n})


POINTS = [point(3), point(1, ""), point(2), point(5, "other"), point(4, "")]


@pytest.mark.parametrize(
    ("query", "measurement", "kept"),
    [
        pytest.param(N == 2, None, [3, 1, 5, 4], id="one"),
        pytest.param(N < 9, None, [], id="all"),
        pytest.param(N > 9, None, [3, 1, 2, 5, 4], id="none"),
        pytest.param(N < 9, "m", [1, 5, 4], id="of a measurement"),
        pytest.param(N < 4, "", [3, 2, 5, 4], id="of the empty name"),
        pytest.param(N < 9, "nobody", [3, 1, 2, 5, 4], id="of nobody"),
        pytest.param(TimeQuery() >= TIME + timedelta(hours=3), None, [1, 2], id="by time"),
        pytest.param(MeasurementQuery() == "", None, [3, 2, 5], id="by name"),
        pytest.param(TagQuery().noop(), None, [], id="noop"),
    ],
)
def test_matching_points_go_and_the_others_keep_their_order(
    backend: Backend, query: Any, measurement: str | None, kept: list[int]
) -> None:
    db = backend.holding(*POINTS)
    assert db.remove(query, measurement=measurement) == len(POINTS) - len(kept)
    assert db.select("fields.n", TagQuery().noop()) == kept
    assert [p.fields["n"] for p in backend.open().all(sorted=False)] == kept
    assert [p.fields["n"] for p in db.all()] == sorted(kept)


@pytest.mark.parametrize(
    ("name", "n_gone"), [("m", 2), ("", 2), ("other", 1), ("nobody", 0), ("_default", 0)]
)
def test_a_measurement_can_be_dropped(backend: Backend, name: str, n_gone: int) -> None:
    db = backend.holding(*POINTS)
    assert db.drop_measurement(name) == n_gone
    assert name not in db.get_measurements()
    assert len(db) == len(backend.open()) == 5 - n_gone


@pytest.mark.parametrize("name", [None, 1, b"m"])
def test_only_a_name_can_be_dropped(backend: Backend, name: Any) -> None:
    db = backend.holding(*POINTS)
    with pytest.raises(ValueError, match="measurement's name is a str"):
        db.drop_measurement(name)
    assert len(db) == 5


def test_everything_can_be_removed(backend: Backend) -> None:
    db = backend.holding(*POINTS)
    db.remove_all()
    assert len(db) == len(backend.open()) == 0
    assert db.all() == []


def test_a_database_goes_on_after_everything_was_removed(backend: Backend) -> None:
    db = backend.holding(*POINTS)
    db.remove_all()
    db.insert(point(7))
    assert contents(db.all()) == contents([point(7)])
    assert contents(backend.open().all()) == contents([point(7)])
    assert db.index.latest_time == point(7).time


def test_inserts_and_removals_in_turn(backend: Backend) -> None:
    db = backend.holding(*POINTS)
    db.remove(N == 3)
    db.insert(point(9))
    db.remove(N == 9)
    db.insert_multiple([point(8), point(6)])
    assert db.remove(N == 1) == 1
    assert [p.fields["n"] for p in db.all(sorted=False)] == [2, 5, 4, 8, 6]


def test_keys_and_values_of_removed_points_are_gone(backend: Backend) -> None:
    db = backend.holding(
        Point(time=TIME, tags={"a": "x", "b": "y"}, fields={"f": 1}),
        Point(time=TIME, tags={"a": "z"}),
    )
    db.remove(TagQuery().a == "x")
    assert db.get_tag_keys() == ["a"]
    assert db.get_tag_values() == {"a": ["z"]}
    assert db.get_field_keys() == []
    assert db.get_field_values("f") == []
