"""Changes that are decided on by rows and columns, and what a view tells of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from tests.tinyflux.backends import Backend
from tests.tinyflux.exact import contents
from tinyflux import FieldQuery, Insert, Point, RemoveRows, TinyFlux, Update
from tinyflux.changes import Change
from tinyflux.errors import NestedChangeError
from tinyflux.grouping import Grouping
from tinyflux.view import ABSENT, NULL, NUMBER, View

TIME = datetime(2025, 1, 1, tzinfo=UTC)


def point(n: int, **fields: float | None) -> Point:
    tags = {"room": "kitchen" if n % 2 else "attic"}
    return Point(
        time=TIME + timedelta(hours=n), measurement="m", tags=tags, fields={"n": n, **fields}
    )


def test_rows_go_by_number_and_others_come_in_one_change(backend: Backend) -> None:
    db = backend.holding(*(point(n) for n in range(5)))

    def decide(view: View) -> Iterable[Change]:
        odd = view.rows(FieldQuery().n.test(lambda n: n % 2 == 1))
        return [RemoveRows(odd), Insert([point(9)])]

    assert db.revise(decide) == [2, 1]
    assert contents(db.all(sorted=False)) == contents([point(0), point(2), point(4), point(9)])


def test_rows_that_are_named_twice_are_counted_once(backend: Backend) -> None:
    db = backend.holding(*(point(n) for n in range(4)))
    rows = [RemoveRows(np.array([1, 2])), RemoveRows(np.array([2, 3]))]
    assert db.revise(lambda _: rows) == [2, 1]
    assert len(db) == 1


def test_row_that_was_changed_before_is_removed_all_the_same(backend: Backend) -> None:
    db = backend.holding(point(0), point(1))
    changes = [Update(None, tags={"seen": "yes"}), RemoveRows(np.array([0]))]
    assert db.revise(lambda _: changes) == [2, 1]
    assert [found.tags["seen"] for found in db.all()] == ["yes"]


@pytest.mark.parametrize("row", [-1, 2], ids=["below", "beyond"])
def test_row_that_there_is_not_is_refused_and_nothing_changes(backend: Backend, row: int) -> None:
    db = backend.holding(point(0), point(1))
    with pytest.raises(ValueError, match="rows are numbered from 0 to 1"):
        db.revise(lambda _: [RemoveRows(np.array([row]))])
    assert len(db) == 2


def test_what_is_inserted_while_it_is_decided_is_left_alone(backend: Backend) -> None:
    if backend.storage != "csv":
        pytest.skip("only a file is shared by handles that do not know each other")
    db = backend.holding(point(0), point(1))

    def decide(view: View) -> Iterable[Change]:
        line = backend.path.read_bytes().splitlines(keepends=True)[0]
        with backend.path.open("ab") as file:
            file.write(line)
        return [RemoveRows(view.rows(None))]

    assert db.revise(decide) == [2]
    assert contents(db.all()) == contents([point(0)])


def test_nothing_to_do_changes_nothing(backend: Backend) -> None:
    db = backend.holding(point(0))
    assert db.revise(lambda _: []) == []
    assert len(db) == 1


def test_decision_cannot_change_the_database_itself(backend: Backend) -> None:
    db = backend.holding(point(0))

    def decide(_: View) -> Iterable[Change]:
        db.insert(point(1))
        return []

    with pytest.raises(NestedChangeError):
        db.revise(decide)


def test_view_tells_numbers_from_none_and_from_missing(backend: Backend) -> None:
    db = backend.holding(point(0, t=1.5), point(1, t=None), point(2))
    numbers, states = db.view().numbers(np.array([0, 1, 2]), "t")
    assert states.tolist() == [NUMBER, NULL, ABSENT]
    assert numbers.tolist()[0] == 1.5
    assert np.isnan(numbers[1:]).all()


def test_view_groups_rows_by_tags(backend: Backend) -> None:
    db = backend.holding(*(point(n) for n in range(4)))
    grouping = Grouping(("room",))
    assert db.view().groups(np.array([0, 1, 3]), grouping).tolist() == [0, 1, 1]
    assert grouping.groups == [("attic",), ("kitchen",)]


def test_view_stays_as_it_was(backend: Backend) -> None:
    db = backend.holding(point(0), point(1))
    view = db.view()
    db.remove(FieldQuery().n == 0)
    assert view.n_rows == view.count(None) == 2
    assert view.measurement_counts == {"m": 2}
    assert view.keys("fields", "m") == ["n"]
    assert [found.fields["n"] for found in view.points(np.array([0, 1]))] == [0, 1]


def test_view_gives_the_bytes_of_rows(tmp_path: object) -> None:
    path = f"{tmp_path}/data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple(point(n) for n in range(10_000))
        view = db.view()
        content = open(path, "rb").read()  # noqa: SIM115
        lines = content.splitlines(keepends=True)
        chosen = np.array([0, 1, 5, *range(100, 9000)])
        assert b"".join(view.texts(chosen)) == b"".join(lines[row] for row in chosen.tolist())
        assert view.size_bytes(chosen) == sum(len(lines[row]) for row in chosen.tolist())
        assert view.size_bytes() == len(content)
