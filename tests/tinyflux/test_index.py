"""The documented Index and IndexResult, used by themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.tinyflux.exact import exact
from tinyflux import (
    FieldQuery,
    MeasurementQuery,
    MemoryStorage,
    Point,
    TagQuery,
    TimeQuery,
    TinyFlux,
)
from tinyflux.index import Index, IndexResult

TIME = datetime(2025, 1, 1, tzinfo=UTC)


def point(n: int, measurement: str = "m", **tags: str | None) -> Point:
    return Point(
        time=TIME + timedelta(hours=n), measurement=measurement, tags=tags, fields={"n": n}
    )


POINTS = [point(2, a="x"), point(1, "o", a="y", b=None), point(3, a="x")]


@pytest.fixture
def index() -> Index:
    return Index().build(POINTS)


def test_a_new_index() -> None:
    index = Index()
    assert (index.valid, index.empty, len(index)) == (True, True, 0)
    assert index.latest_time is index.lateset_time is None
    assert not Index(valid=False).valid


def test_building_replaces_what_was_there(index: Index) -> None:
    assert index.build(iter([point(7)])) is index
    assert (index.empty, len(index), index.latest_time) == (False, 1, point(7).time)


def test_inserting_adds_late_points_too(index: Index) -> None:
    assert index.insert([point(0), point(9)]) is index
    assert index.insert() is index
    assert (len(index), index.valid) == (5, True)
    assert index.latest_time == point(9).time
    assert index.search(TimeQuery() < point(1).time).items == {3}


def test_a_point_without_a_time_counts_as_now(index: Index) -> None:
    index.insert([Point()])
    assert index.latest_time is not None
    assert datetime.now(UTC) - index.latest_time < timedelta(minutes=1)


def test_searching_gives_rows(index: Index) -> None:
    result = index.search(TagQuery().a == "x")
    assert result.items == {0, 2}
    assert result.rows.tolist() == [0, 2]
    assert (len(result), result.index_count) == (2, 3)
    assert repr(result) == "IndexResult(2 of 3 rows)"


def test_the_examples_of_the_page() -> None:
    index = Index().build([Point()])
    assert index.search(TimeQuery() < datetime.now(UTC) + timedelta(seconds=1)).items == {0}
    assert Index().build([Point()]).get_measurements() == {"_default"}
    assert IndexResult(items=set(), index_count=0).items == set()
    Index().insert([Point()])
    Index().invalidate()


def test_results_combine(index: Index) -> None:
    first, second = index.search(TagQuery().a == "x"), index.search(FieldQuery().n < 3)
    assert (first & second).items == {0}
    assert (first | second).items == {0, 1, 2}
    assert (~first).items == {1}
    assert first & second == IndexResult({0}, 3)
    assert first != IndexResult({0, 2}, 4)
    assert first != {0, 2}


def test_getters(index: Index) -> None:
    assert index.get_measurements() == {"m", "o"}
    assert index.get_tag_keys() == {"a", "b"}
    assert index.get_tag_keys("m") == {"a"}
    assert index.get_field_keys("nobody") == set()
    assert index.get_field_values("n") == [2, 1, 3]
    assert index.get_field_values("n", "o") == [1]
    assert index.get_tag_values() == {"a": {"x", "y"}, "b": {None}}
    assert index.get_tag_values(["a", "c"], "m") == {"a": {"x"}, "c": set()}
    stamps = [point(n).time.timestamp() for n in (2, 1, 3)]  # type: ignore[union-attr]
    assert exact(index.get_timestamps()) == exact(stamps)
    assert index.get_timestamps("o") == stamps[1:2]


def test_removing_rows_moves_the_others_up(index: Index) -> None:
    assert index.remove({0}) is index
    assert index.get_field_values("n") == [1, 3]
    assert index.search(MeasurementQuery() == "o").items == {0}
    assert index.remove([]).get_field_values("n") == [1, 3]


def test_updating_renumbers_rows(index: Index) -> None:
    assert index.update({0: 1, 2: 0}) is index
    assert index.get_field_values("n") == [3, 2]


@pytest.mark.parametrize("numbers", [{0: 1}, {0: 0, 1: 2}, {0: 0, 1: 0}])
def test_new_numbers_leave_no_gap(index: Index, numbers: dict[int, int]) -> None:
    with pytest.raises(ValueError, match="without a gap"):
        index.update(numbers)
    assert index.get_field_values("n") == [2, 1, 3]


WRONG: dict[str, tuple[Callable[[Index], Any], str]] = {
    "build of no Point": (lambda index: index.build([3]), "a Point is needed, found int 3"),
    "insert of no Point": (lambda index: index.insert([3]), "a Point is needed, found int 3"),
    "build of no iterable": (lambda index: index.build(3), "iterable of Points, found int 3"),
    "remove of a row that is not there": (
        lambda index: index.remove([1, 7]),
        "there is no row 7; the index has 3",
    ),
    "remove of a row before the first": (lambda index: index.remove([-1]), "at least 0, found -1"),
    "remove of a text": (lambda index: index.remove(["a"]), "a whole number .* found str 'a'"),
    "remove of no iterable": (lambda index: index.remove(1), "iterable of row numbers"),
    "update of a row that is not there": (
        lambda index: index.update({5: 0}),
        "there is no row 5; the index has 3",
    ),
    "update by no mapping": (lambda index: index.update([1]), "a mapping of row numbers, found"),
    "a result of texts": (lambda _: IndexResult(["a"], 1), "row numbers, ints, found 'a'"),
    "a result of floats": (lambda _: IndexResult([0.5], 1), "row numbers, ints, found 0.5"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_an_index_cannot_take_is_named(index: Any, name: str) -> None:
    call, text = WRONG[name]
    with pytest.raises((TypeError, ValueError), match=text):
        call(index)
    assert index.get_field_values("n") == [2, 1, 3]


def test_an_invalid_index_can_be_built_again(index: Index) -> None:
    assert index.invalidate() is index
    assert (index.valid, index.empty) == (False, True)
    assert index.build(POINTS).valid


def test_an_index_has_no_use_for_what_is_no_query(index: Index) -> None:
    with pytest.raises(RuntimeError, match="Empty query"):
        index.search(TagQuery().a)  # type: ignore[arg-type]


def test_repr(index: Index) -> None:
    assert repr(index) == "Index(3 points in 1 segments, valid)"
    assert repr(index.invalidate()) == "Index(0 points in 0 segments, invalid)"


def test_the_index_of_a_database_follows_it() -> None:
    db = TinyFlux(storage=MemoryStorage)
    db.insert_multiple(POINTS)
    assert db.index.latest_time == point(3).time
    db.remove(FieldQuery().n == 3)
    assert db.index.latest_time == point(2).time
    assert db.index.search(FieldQuery().n == 1).items == {1}
    db.remove_all()
    assert db.index.latest_time is None
