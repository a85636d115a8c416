"""`aggregate`: the shape of the answer, what is chosen and grouped, what is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from tests.tinyflux.backends import Backend
from tinyflux import FieldQuery, MemoryStorage, Point, TagQuery, TinyFlux

START = datetime(2025, 1, 1, tzinfo=UTC)


def at(hours: float, measurement: str = "m", tags: Any = None, **fields: Any) -> Point:
    return Point(
        time=START + timedelta(hours=hours),
        measurement=measurement,
        tags=tags or {},
        fields=fields,
    )


def database(*points: Point) -> TinyFlux:
    db = TinyFlux(storage=MemoryStorage)
    db.insert_multiple(points)
    return db


HOUSE = (
    at(1.5, tags={"room": "b", "id": "1"}, x=4, y=1.5),
    at(0.5, tags={"room": "a", "id": "1"}, x=1),
    at(0.6, tags={"room": "a", "id": "2"}, x=2, y=None),
    at(0.1, "n", tags={"room": None}, x=8.5),
    at(0.2, "n", x=16),
    at(1.1, tags={"room": "b"}, other=1),
)


def test_every_storage_gives_the_same_answer(backend: Backend) -> None:
    db = backend.holding(*HOUSE)
    answer = db.aggregate(FieldQuery().x < 16, ("x", "y"), "1h", ("sum", "count"), ("room",))
    assert list(answer) == ["time", "room", "x_sum", "x_count", "y_sum", "y_count"]
    begin = 1735689600000000
    assert answer["time"].tolist() == [begin, begin, begin + 3_600_000_000]
    assert answer["room"].tolist() == ["a", None, "b"]
    assert answer["x_sum"].tolist() == [3.0, 8.5, 4.0]
    assert answer["x_count"].tolist() == [2, 1, 1]
    np.testing.assert_equal(answer["y_sum"], [math.nan, math.nan, 1.5])
    assert answer["y_count"].tolist() == [0, 0, 1]


def test_every_storage_answers_after_it_was_changed(backend: Backend) -> None:
    db = backend.holding(*HOUSE)
    db.insert(at(0.7, tags={"room": "a"}, x=100))
    db.remove(TagQuery().id == "2")
    db.update(TagQuery().room == "b", tags={"room": "a"})
    answer = db.measurement("m").aggregate(None, "x", how="sum", by="room")
    assert (answer["room"].tolist(), answer["x_sum"].tolist()) == (["a"], [105.0])


KINDS = {"time": "int64", "room": "object", "id": "object", "x_mean": "float64", "x_count": "int64"}


@pytest.mark.parametrize("every", [None, "1h", "1d", "1mo"])
@pytest.mark.parametrize(
    "query",
    [
        pytest.param(FieldQuery().x > 0, id="full"),
        pytest.param(FieldQuery().x > 99, id="no-match"),
        pytest.param(FieldQuery().other == 1, id="no-value"),
    ],
)
def test_columns_are_of_the_same_kind_whatever_is_found(query: Any, every: str | None) -> None:
    answer = database(*HOUSE).aggregate(
        query, "x", every, ("mean", "count"), ("room", "id"), "Asia/Tokyo"
    )
    assert {name: str(column.dtype) for name, column in answer.items()} == KINDS
    assert len({len(column) for column in answer.values()}) == 1


def test_an_empty_database_gives_empty_columns() -> None:
    answer = database().aggregate(None, "x", "1d", ("mean", "count"), ("room", "id"))
    assert {name: (str(column.dtype), len(column)) for name, column in answer.items()} == {
        name: (kind, 0) for name, kind in KINDS.items()
    }


def test_rows_are_in_the_order_of_time_and_then_of_tags_with_none_last() -> None:
    rooms = ["b", None, "a", "B", ""]
    points = [
        at(hour, tags={} if room is None else {"room": room}, x=1)
        for hour in (1, 0)
        for room in rooms
    ]
    answer = database(*points).aggregate(None, "x", "1h", by="room")
    assert answer["room"].tolist() == ["", "B", "a", "b", None] * 2
    assert np.diff(answer["time"]).tolist() == [0] * 4 + [3_600_000_000] + [0] * 4


def test_a_tag_that_is_none_and_one_that_is_missing_are_one_group() -> None:
    answer = database(at(0, tags={"room": None}, x=1), at(0, x=3)).aggregate(None, "x", by="room")
    assert (answer["room"].tolist(), answer["x_mean"].tolist()) == ([None], [2.0])


def test_windows_without_a_value_do_not_appear() -> None:
    answer = database(at(0, x=1), at(5, x=None), at(9, x=2)).aggregate(None, "x", "1h")
    assert len(answer["time"]) == 2


def test_points_of_every_measurement_count_unless_one_is_named() -> None:
    db = database(at(0, "m", x=1), at(0, "n", x=2), at(0, "", x=4))
    assert db.aggregate(None, "x", how="sum")["x_sum"].tolist() == [7.0]
    assert db.aggregate(None, "x", how="sum", measurement="n")["x_sum"].tolist() == [2.0]
    assert db.measurement("").aggregate(None, "x", how="sum")["x_sum"].tolist() == [4.0]


def test_the_time_of_the_only_window_is_that_of_the_first_value() -> None:
    db = database(at(3, x=1), at(2, x=None), at(2.5, x=5), at(9, y=1))
    assert db.aggregate(None, "x")["time"].tolist() == [1735689600000000 + 9_000_000_000]


def test_many_groups_far_apart_in_time_need_little_room() -> None:
    points = [at(24 * 3650 * step, tags={"id": str(step)}, x=step) for step in range(60)]
    answer = database(*points).aggregate(None, "x", "1us", by="id")
    assert answer["x_mean"].tolist() == list(range(60))


def test_groups_are_the_same_across_segments_of_a_file(tmp_path: Any) -> None:
    db = TinyFlux(tmp_path / "db.csv")
    for rooms in ("ab", "ba", "c", "a"):
        db.insert_multiple([at(0, tags={"room": room, "id": rooms}, x=1) for room in rooms * 3])
    answer = db.aggregate(None, "x", how="count", by=["room", "id"])
    found = zip(answer["room"], answer["id"], answer["x_count"].tolist(), strict=True)
    assert list(found) == [
        ("a", "a", 3), ("a", "ab", 3), ("a", "ba", 3),
        ("b", "ab", 3), ("b", "ba", 3), ("c", "c", 3),
    ]  # fmt: skip
    db.close()


def test_tag_columns_give_way_to_columns_of_the_same_name() -> None:
    db = database(at(0, tags={"time": "t", "x_mean": "u"}, x=1))
    answer = db.aggregate(None, "x", by=("time", "x_mean"))
    assert list(answer) == ["time", "tags.time", "tags.x_mean", "x_mean"]
    assert (answer["tags.time"][0], answer["tags.x_mean"][0], answer["x_mean"][0]) == ("t", "u", 1)


def test_a_name_given_twice_counts_once() -> None:
    answer = database(at(0, x=1)).aggregate(None, ["x", "x"], how=["mean", "mean"], by=["a", "a"])
    assert list(answer) == ["time", "a", "x_mean"]


def test_names_may_come_from_an_iterator() -> None:
    answer = database(at(0, x=1, y=2)).aggregate(None, iter("xy"), how=iter(("min", "max")))
    assert list(answer) == ["time", "x_min", "x_max", "y_min", "y_max"]


def test_a_function_that_fails_reaches_the_caller() -> None:
    def fail(_: object) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        database(at(0, x=1)).aggregate(FieldQuery().x.test(fail), "x")


NAMES_CLASH = {"fields": ("x", "x_time_weighted"), "how": ("mean", "time_weighted_mean")}
Refused = tuple[Callable[[Any], object], type[Exception], str]
REFUSED: dict[str, Refused] = {
    "statistic": (lambda db: db.aggregate(None, "x", how="median"), ValueError, "one of count, f"),
    "no field": (lambda db: db.aggregate(None, []), ValueError, "at least one field"),
    "no statistic": (lambda db: db.aggregate(None, "x", how=()), ValueError, "at least one field"),
    "one name for two": (lambda db: db.aggregate(None, **NAMES_CLASH), ValueError, "'x_time_w"),
    "a number as field": (lambda db: db.aggregate(None, 3), TypeError, "fields takes a str"),
    "numbers as fields": (lambda db: db.aggregate(None, ["x", 3]), TypeError, "found int 3"),
    "None as field": (lambda db: db.aggregate(None, None), TypeError, "fields takes a str"),
    "bytes as field": (lambda db: db.aggregate(None, b"x"), TypeError, "fields takes a str"),
    "None as tag": (lambda db: db.aggregate(None, "x", by=[None]), TypeError, "by takes a str"),
    "function": (lambda db: db.aggregate(None, "x", how=[sum]), TypeError, "how takes a str"),
    "query": (lambda db: db.aggregate("x", "x"), TypeError, "a query is needed"),
    "empty query": (lambda db: db.aggregate(TagQuery().a, "x"), RuntimeError, "Empty query"),
    "latest: query": (lambda db: db.latest("room"), TypeError, "a query is needed"),
    "latest: tag": (lambda db: db.latest(by=3), TypeError, "by takes a str"),
    "arrays: tag": (lambda db: db.to_numpy(tags=3), TypeError, "tags takes a str"),
    "arrays: field": (lambda db: db.to_numpy(fields=[1]), TypeError, "fields takes a str"),
}


@pytest.mark.parametrize(("ask", "error", "text"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_meant_is_refused(
    ask: Callable[[Any], object], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        ask(database(*HOUSE))


def test_a_storage_that_cannot_be_read_says_so(tmp_path: Any) -> None:
    db = TinyFlux(tmp_path / "db.csv", access_mode="a")
    with pytest.raises(OSError, match="does not allow to read"):
        db.aggregate(None, "x")
    db.close()
