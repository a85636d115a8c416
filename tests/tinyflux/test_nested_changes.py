"""Functions that a change calls: what they may do with the database that is being changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.tinyflux.backends import Backend, ListStorage
from tests.tinyflux.exact import contents
from tinyflux import (
    FieldQuery,
    Insert,
    MemoryStorage,
    Point,
    Remove,
    Storage,
    TagQuery,
    TinyFlux,
    Update,
)
from tinyflux.errors import NestedChangeError

TIME = datetime(2025, 1, 1, tzinfo=UTC)
EVERY = TagQuery().noop()
X = FieldQuery().x


def point(x: int) -> Point:
    return Point(time=TIME, fields={"x": x})


POINTS = [point(x) for x in range(5)]

CHANGES: dict[str, Callable[[TinyFlux], Any]] = {
    "insert": lambda db: db.insert(point(9)),
    "insert_multiple": lambda db: db.insert_multiple([point(9)]),
    "insert by a handle": lambda db: db.measurement("m").insert(point(9)),
    "remove": lambda db: db.remove(X == 0),
    "remove by a handle": lambda db: db.measurement("_default").remove_all(),
    "remove_all": lambda db: db.remove_all(),
    "drop_measurement": lambda db: db.drop_measurement("_default"),
    "update": lambda db: db.update(X == 0, fields={"x": 7}),
    "update_all": lambda db: db.update_all(tags={"a": "b"}),
    "apply": lambda db: db.apply([Remove(X == 0), Insert([point(9)])]),
    "reindex": lambda db: db.reindex(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_function_of_an_update_changes_nothing_else(
    backend: Backend, change: Callable[[TinyFlux], Any]
) -> None:
    db = backend.holding(*POINTS)

    def changing(_fields: object) -> dict[str, int]:
        change(db)
        return {"y": 1}

    with pytest.raises(NestedChangeError, match=r"is being changed.*apply"):
        db.update(X >= 2, fields=changing)
    assert contents(db.all(sorted=False)) == contents(POINTS)
    assert db.remove(X == 0) == 1


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_update_whose_function_is_refused_a_change_goes_on(
    backend: Backend, change: Callable[[TinyFlux], Any]
) -> None:
    db = backend.holding(*POINTS)

    def changing(_fields: object) -> dict[str, int]:
        with pytest.raises(NestedChangeError):
            change(db)
        return {"y": 1}

    assert db.update(X >= 2, fields=changing) == 3
    assert db.select(("fields.x", "fields.y"), EVERY) == [
        (0, None),
        (1, None),
        (2, 1),
        (3, 1),
        (4, 1),
    ]


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_nor_through_another_handle(backend: Backend, change: Callable[[TinyFlux], Any]) -> None:
    db = backend.holding(*POINTS)
    other = backend.open()

    def changing(_fields: object) -> dict[str, int]:
        change(other)
        return {"y": 1}

    with pytest.raises(NestedChangeError):
        db.update(X >= 2, fields=changing)
    assert contents(db.all(sorted=False)) == contents(POINTS)


OUTER: dict[str, Callable[[TinyFlux, Callable[[Any], bool]], Any]] = {
    "remove": lambda db, function: db.remove(X.test(function)),
    "update": lambda db, function: db.update(X.test(function), fields={"x": 8}),
    "apply": lambda db, function: db.apply(
        [Update(EVERY, fields={"y": 1}), Remove(X.test(function))]
    ),
}


@pytest.mark.parametrize("outer", OUTER.values(), ids=OUTER)
def test_nor_does_a_test_in_the_query_of_a_change(
    backend: Backend, outer: Callable[[TinyFlux, Callable[[Any], bool]], Any]
) -> None:
    db = backend.holding(*POINTS)
    with pytest.raises(NestedChangeError):
        outer(db, lambda x: db.insert(point(9)) > x)
    assert contents(db.all(sorted=False)) == contents(POINTS)


BEHIND: dict[str, tuple[Callable[[Any], Any], list[int]]] = {
    "append": (lambda storage: storage.append([point(9)]), [0, 1, 2, 3, 4, 9, 9, 9]),
    "reset": (lambda storage: storage.reset(), []),
}


@pytest.mark.parametrize("auto_index", [True, False], ids=["index", "scan"])
@pytest.mark.parametrize("kind", [MemoryStorage, ListStorage])
@pytest.mark.parametrize("name", BEHIND)
def test_an_update_stores_nothing_where_its_function_changed_the_storage_itself(
    name: str, kind: type[Storage], auto_index: bool
) -> None:
    change, left = BEHIND[name]
    db = TinyFlux(storage=kind, auto_index=auto_index)
    db.insert_multiple([point(x) for x in range(5)])

    def changing(_fields: object) -> dict[str, int]:
        change(db.storage)
        return {"y": 1}

    with pytest.raises(NestedChangeError, match=r"held 5 when this change began"):
        db.update(X >= 2, fields=changing)
    db.reindex()
    assert [p.fields for p in db.all(sorted=False)] == [{"x": x} for x in left]


def test_a_function_of_an_update_sees_the_points_as_they_were(backend: Backend) -> None:
    db = backend.holding(*POINTS)
    seen = []

    def looking(_fields: object) -> dict[str, int]:
        seen.append((len(db), db.count(X == -1), [p.fields["x"] for p in db]))
        return {"x": -1}

    assert db.update(X < 2, fields=looking) == 2
    assert seen == [(5, 0, [0, 1, 2, 3, 4])] * 2
    assert db.get_field_values("x") == [-1, -1, 2, 3, 4]


def test_a_function_of_an_update_may_change_another_database(backend: Backend) -> None:
    db = backend.holding(*POINTS)
    log = TinyFlux(storage=MemoryStorage)
    assert db.update_all(fields=lambda _: {"y": log.insert(point(0))}) == 5
    assert len(log) == 5
    assert db.get_field_values("y") == [1] * 5


def test_a_test_of_a_search_may_change_what_it_searches(backend: Backend) -> None:
    db = backend.holding(*POINTS)
    found = db.search(X.test(lambda x: db.insert(point(x + 10)) == 1))
    assert contents(found) == contents(POINTS)
    assert set(db.get_field_values("x")) == {*range(5), *range(10, 15)}
