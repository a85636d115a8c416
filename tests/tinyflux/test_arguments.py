"""Arguments of the wrong type: refused by every operation alike, and nothing is changed."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tinyflux.backends import Backend
from tests.tinyflux.exact import contents
from tinyflux import Insert, MemoryStorage, Point, Remove, TagQuery, TinyFlux, Update

TIME = datetime(2025, 1, 1, tzinfo=UTC)
POINT = Point(time=TIME, tags={"a": "x"}, fields={"n": 1})
EVERY = TagQuery().noop()

WITH_MEASUREMENT: dict[str, Callable[[TinyFlux, Any], Any]] = {
    "contains": lambda db, name: db.contains(EVERY, name),
    "count": lambda db, name: db.count(EVERY, name),
    "get": lambda db, name: db.get(EVERY, name),
    "search": lambda db, name: db.search(EVERY, name),
    "select": lambda db, name: db.select("time", EVERY, name),
    "get_field_keys": lambda db, name: db.get_field_keys(name),
    "get_field_values": lambda db, name: db.get_field_values("n", name),
    "get_tag_keys": lambda db, name: db.get_tag_keys(name),
    "get_tag_values": lambda db, name: db.get_tag_values(["a"], name),
    "get_timestamps": lambda db, name: db.get_timestamps(name),
    "latest": lambda db, name: db.latest(measurement=name),
    "aggregate": lambda db, name: db.aggregate(None, "n", measurement=name),
    "to_numpy": lambda db, name: db.to_numpy(measurement=name),
    "insert": lambda db, name: db.insert(Point(), name),
    "insert_multiple": lambda db, name: db.insert_multiple([Point()], name),
    "insert_multiple of nothing": lambda db, name: db.insert_multiple([], name),
    "remove": lambda db, name: db.remove(EVERY, name),
    "update": lambda db, name: db.update(EVERY, tags={"b": "c"}, _measurement=name),
    "apply Remove": lambda db, name: db.apply([Remove(None, name)]),
    "apply Update": lambda db, name: db.apply([Update(None, "a", _measurement=name)]),
    "apply Insert": lambda db, name: db.apply([Insert([POINT], name)]),
}


@pytest.mark.parametrize("name", [5, b"m", ["m"], False])
@pytest.mark.parametrize("call", WITH_MEASUREMENT.values(), ids=WITH_MEASUREMENT)
def test_a_measurement_is_a_str_or_none(
    backend: Backend, call: Callable[[TinyFlux, Any], Any], name: Any
) -> None:
    db = backend.holding(POINT)
    found = f"measurement must be a str, found {type(name).__name__}"
    with pytest.raises(ValueError, match=found) as caught:
        call(db, name)
    assert isinstance(caught.value, TypeError)
    assert contents(db.all()) == contents([POINT])


REFUSED: dict[str, tuple[Callable[[Any], Any], str]] = {
    "one change": (
        lambda db: db.apply(Remove(EVERY)),
        "apply takes an iterable of Remove, Update and Insert, found Remove",
    ),
    "no changes": (lambda db: db.apply(None), "apply takes an iterable .*, found None"),
    "what is no change": (lambda db: db.apply([5]), "a change is a Remove, .*, found 5"),
    "no query": (lambda db: db.apply([Remove(5)]), "a query is needed"),
    "one point": (
        lambda db: db.apply([Insert(Point())]),
        "Insert takes an iterable of Points, found Point",
    ),
    "points": (lambda db: db.insert_multiple("abc"), "iterable of Points, found str 'abc'"),
    "batch": (
        lambda db: db.insert_multiple([], batch_size=1.5),
        "batch_size must be a whole number of 1 or more, found float 1.5",
    ),
    "unset_tags": (
        lambda db: db.update_all(unset_tags=5),
        "unset_tags takes a str or several, found int 5",
    ),
    "unset_fields": (
        lambda db: db.update_all(unset_fields=b"n"),
        "unset_fields takes a str or several, found bytes",
    ),
    "tag_keys": (lambda db: db.get_tag_values(5), "tag_keys takes a str or several, found int 5"),
    "one of tag_keys": (lambda db: db.get_tag_values(["a", 5]), "tag_keys .*, found int 5 among"),
    "field_key": (lambda db: db.get_field_values(["n"]), "field_key is a key, a str, found list"),
    "a huge int": (lambda db: db.count(EVERY, 10**5000), "must be a str, found int"),
    "a long text": (lambda db: db.count(EVERY, ["m"] * 999), r"found list .{77}\.\.\.$"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_given_and_what_is_allowed_are_named(backend: Backend, name: str) -> None:
    call, text = REFUSED[name]
    db = backend.holding(POINT)
    with pytest.raises(TypeError, match=text):
        call(db)
    assert contents(db.all()) == contents([POINT])


OPENED: dict[str, tuple[dict[str, Any], str]] = {
    "unknown": ({"foo": 1}, r"no argument 'foo': .*access_mode.*delimiter.*auto_index"),
    "encoding": ({"encoding": 3}, "encoding is a str, as 'utf-8', or None, found int 3"),
}


@pytest.mark.parametrize("name", OPENED)
def test_what_a_file_is_opened_with_is_named_with_what_is_allowed(
    tmp_path: Path, name: str
) -> None:
    arguments, text = OPENED[name]
    with pytest.raises(TypeError, match=text):
        TinyFlux(tmp_path / "data.csv", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_every_keyword_of_a_csv_dialect_is_known(tmp_path: Path) -> None:
    known = {name for name in dir(csv.Dialect) if not name.startswith("_")}
    usual = {name: getattr(csv.excel, name) for name in known} | {"strict": True}
    TinyFlux(tmp_path / "data.csv", dialect="excel", **usual).close()


def test_numpy_integers_are_whole_numbers(backend: Backend) -> None:
    db = backend.holding(POINT)
    assert db.insert_multiple([Point(), Point()], batch_size=np.int64(1)) == 2
    assert len(db.search(EVERY, limit=np.uint8(2))) == 2


@pytest.mark.parametrize("storage", [5, MemoryStorage()], ids=["int", "instance"])
def test_a_storage_is_a_class(storage: Any) -> None:
    with pytest.raises(TypeError, match=f"storage takes a class.* found {type(storage).__name__}"):
        TinyFlux(storage=storage)
