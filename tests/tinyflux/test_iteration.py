"""Iterating over a database while it is read, added to or changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.tinyflux.backends import Backend
from tests.tinyflux.exact import contents
from tinyflux import FieldQuery, Point, TinyFlux

TIME = datetime(2025, 1, 1, tzinfo=UTC)


def points(n: int) -> list[Point]:
    return [Point(time=TIME + timedelta(hours=no), fields={"no": no}) for no in range(n)]


def test_reading_inside_an_iteration_does_not_disturb_it(backend: Backend) -> None:
    db = backend.holding(*points(5))
    seen = []
    for point in db:
        assert db.count(FieldQuery().no >= 0) == 5
        assert len(db.all()) == 5
        assert db.get(FieldQuery().no == point.fields["no"]) is not None
        seen.append(point)
    assert contents(seen) == contents(points(5))


def test_iterations_do_not_share_a_place(backend: Backend) -> None:
    db = backend.holding(*points(3))
    assert [(a.fields["no"], b.fields["no"]) for a in db for b in db] == [
        (a, b) for a in range(3) for b in range(3)
    ]


def test_points_added_inside_an_iteration_do_not_disturb_it(backend: Backend) -> None:
    db = backend.holding(*points(3))
    for point in db:
        db.insert(Point(time=TIME, measurement="copy", fields=dict(point.fields)))
    assert [p.fields["no"] for p in db.measurement("copy")] == [0, 1, 2]


def test_points_made_from_an_iteration_can_be_inserted(backend: Backend) -> None:
    db = backend.holding(*points(3))
    copies = (Point(time=p.time, measurement="copy", fields=dict(p.fields)) for p in db)
    assert db.insert_multiple(copies, batch_size=1) == 3
    assert len(db) == 6


def test_removing_inside_an_iteration_gives_the_points_as_they_were(backend: Backend) -> None:
    db = backend.holding(*points(9000))
    seen = []
    for point in db:
        if len(seen) == 10:
            db.remove(FieldQuery().no < 8000)
        seen.append(point.fields["no"])
    assert seen == list(range(9000))
    assert len(db) == 1000


def test_updating_inside_an_iteration_gives_the_points_as_they_were(backend: Backend) -> None:
    db = backend.holding(*points(9000))
    seen = []
    for point in db:
        if len(seen) == 10:
            db.update_all(fields={"no": -1})
        seen.append(point.fields["no"])
    assert seen == list(range(9000))


def test_emptying_inside_an_iteration_gives_the_points_as_they_were(backend: Backend) -> None:
    db = backend.holding(*points(9000))
    iteration = iter(db)
    first = next(iteration)
    db.remove_all()
    assert [point.fields["no"] for point in (first, *iteration)] == list(range(9000))
    assert len(db) == 0


SOURCES: dict[str, Callable[[TinyFlux], Iterable[Point]]] = {
    "database": iter,
    "measurement": lambda db: db.measurement("_default"),
    "all": lambda db: db.all(),
    "search": lambda db: db.search(FieldQuery().no >= 0),
    "storage": lambda db: list(db.storage.read()),
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_each_point_can_be_removed_while_it_is_looked_at(
    backend: Backend, source: Callable[[TinyFlux], Iterable[Point]]
) -> None:
    db = backend.holding(*points(7))
    for left, found in enumerate(source(db)):
        assert db.remove(FieldQuery().no == found.fields["no"]) == 1
        assert len(db) == 6 - left
    assert db.all() == []


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_each_point_can_be_updated_while_it_is_looked_at(
    backend: Backend, source: Callable[[TinyFlux], Iterable[Point]]
) -> None:
    db = backend.holding(*points(7))
    for found in source(db):
        assert db.update(FieldQuery().no == found.fields["no"], tags={"seen": "yes"}) == 1
        assert "seen" not in found.tags
    assert [p.tags for p in db] == [{"seen": "yes"}] * 7


def test_a_list_of_points_found_stays_as_it_was(backend: Backend) -> None:
    db = backend.holding(*points(3))
    found = db.search(FieldQuery().no < 2)
    db.update_all(fields={"no": 9})
    db.insert(points(1)[0])
    db.remove_all()
    assert contents(found) == contents(points(2))


def test_a_scan_goes_on_in_the_file_that_it_began_with(tmp_path: Path) -> None:
    backend = Backend("csv", False, tmp_path)
    n_points = 60_000  # more than what is read at once
    db = backend.holding(*points(n_points))
    other = backend.open()
    seen = []
    for point in db:
        if len(seen) == 10:
            other.remove(FieldQuery().no >= 100)
            assert len(db) == 100
        seen.append(point.fields["no"])
    assert seen == list(range(n_points))
    backend.close()
