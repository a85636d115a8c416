"""Measurement handles: every method, restricted to the points of that measurement."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.tinyflux.backends import Backend
from tests.tinyflux.exact import contents
from tinyflux import FieldQuery, Measurement, MemoryStorage, Point, TagQuery, TinyFlux

TIME = datetime(2025, 1, 1, tzinfo=UTC)
N = FieldQuery().n
EVERY = TagQuery().noop()


def point(n: int, measurement: str = "m", **tags: str) -> Point:
    return Point(
        time=TIME + timedelta(hours=n), measurement=measurement, tags=tags, fields={"n": n}
    )


POINTS = [point(3, a="x"), point(1, "o", b="y"), point(2, a="w"), point(2, "o"), point(1)]


@pytest.fixture
def db(backend: Backend) -> TinyFlux:
    return backend.holding(*POINTS)


def test_reading(db: TinyFlux) -> None:
    m = db.measurement("m")
    assert len(m) == 3
    assert [p.fields["n"] for p in m] == [3, 2, 1]
    assert [p.fields["n"] for p in m.all()] == [1, 2, 3]
    assert [p.fields["n"] for p in m.all(sorted=False)] == [3, 2, 1]
    assert [p.fields["n"] for p in m.search(N > 1)] == [2, 3]
    assert [p.fields["n"] for p in m.search(N > 1, sorted=False)] == [3, 2]
    assert m.count(N < 3) == 2
    assert m.contains(N == 3)
    assert not db.measurement("o").contains(N == 3)
    assert m.get(N < 3) == POINTS[2]
    assert m.get(N > 3) is None
    assert m.select("fields.n", N > 1) == [3, 2]
    assert m.select(("fields.n", "tags.a"), EVERY) == [(3, "x"), (2, "w"), (1, None)]
    assert m.get_tag_keys() == ["a"]
    assert m.get_tag_values() == {"a": ["w", "x"]}
    assert m.get_tag_values(["b"]) == {"b": []}
    assert m.get_field_keys() == ["n"]
    assert m.get_field_values("n") == [3, 2, 1]
    assert m.get_timestamps() == [p.time for p in POINTS if p.measurement == "m"]


def test_a_measurement_need_not_exist(db: TinyFlux) -> None:
    none = db.measurement("none")
    assert (len(none), none.all(), none.get(EVERY), none.get_tag_values()) == (0, [], None, {})
    assert none.remove(EVERY) == none.remove_all() == none.update_all(measurement="m") == 0
    none.insert(Point(time=TIME))
    assert len(none) == 1


def test_inserting_makes_the_measurement_the_point_s(db: TinyFlux) -> None:
    m = db.measurement("new")
    points = [point(7, "other"), point(8, "m"), Point(time=TIME)]
    assert m.insert(points[0]) == 1
    assert m.insert_multiple(iter(points[1:]), batch_size=1) == 2
    assert {p.measurement for p in points} == {"new"}
    assert contents(m.all(sorted=False)) == contents(points)
    assert len(db) == 8


def test_removing(db: TinyFlux) -> None:
    m = db.measurement("m")
    assert m.remove(N < 3) == 2
    assert m.get_field_values("n") == [3]
    assert len(db.measurement("o")) == 2
    assert m.remove_all() == 1
    assert [p.measurement for p in db] == ["o", "o"]


def test_updating(db: TinyFlux) -> None:
    m = db.measurement("m")
    assert m.update(N < 3, tags={"a": "new"}) == 2
    assert m.update(N == 3, unset_tags=["a"], unset_fields="n", time=TIME) == 1
    assert db.measurement("o").update_all(fields=lambda fields: {"n": fields["n"] + 10}) == 2
    assert db.select(("tags.a", "fields.n"), EVERY) == [
        (None, None),
        (None, 11),
        ("new", 2),
        (None, 12),
        ("new", 1),
    ]


def test_updating_may_move_points_to_another_measurement(db: TinyFlux) -> None:
    assert db.measurement("m").update_all(measurement="o") == 3
    assert len(db.measurement("m")) == 0
    assert len(db.measurement("o")) == 5


def test_the_empty_name_is_a_measurement(backend: Backend) -> None:
    db = backend.holding(point(1, ""), point(2))
    empty = db.measurement("")
    assert contents(empty.all()) == contents([point(1, "")])
    assert empty.update_all(tags={"a": "b"}) == 1
    assert empty.remove_all() == 1
    assert len(db) == 1


def test_a_handle_sees_what_the_database_does(db: TinyFlux) -> None:
    m = db.measurement("m")
    assert len(m) == 3
    db.insert(point(9))
    db.remove(N == 3)
    assert m.get_field_values("n") == [2, 1, 9]


def test_a_handle_has_the_database_s_parts(db: TinyFlux) -> None:
    m = db.measurement("m")
    assert m.name == "m"
    assert m.storage is db.storage
    assert m.index is db.index


def test_handles_compare_by_name_and_storage() -> None:
    db, other = TinyFlux(storage=MemoryStorage), TinyFlux(storage=MemoryStorage)
    assert db.measurement("m") == db.measurement("m") == Measurement("m", db)
    assert hash(db.measurement("m")) == hash(db.measurement("m"))
    assert db.measurement("m") != db.measurement("o")
    assert db.measurement("m") != other.measurement("m")
    assert db.measurement("m") != "m"


def test_repr() -> None:
    db = TinyFlux(storage=MemoryStorage)
    assert repr(db.measurement("m")) == "Measurement('m', TinyFlux(MemoryStorage, auto_index=True))"


@pytest.mark.parametrize("name", [None, 1])
def test_a_name_is_a_str(name: Any) -> None:
    with pytest.raises(ValueError, match="measurement's name is a str"):
        TinyFlux(storage=MemoryStorage).measurement(name)
