"""One-shot iterators as arguments: also where an operation begins anew, its cache being damaged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.tinyflux.exact import contents, exact
from tinyflux import FieldQuery, Insert, Point, Remove, TagQuery, TinyFlux, Update

TIME = datetime(2025, 1, 1, tzinfo=UTC)
EVERY = TagQuery().noop()


def point(n: int) -> Point:
    return Point(time=TIME + timedelta(hours=n), tags={"a": str(n % 2)}, fields={"n": n})


CALLS: dict[str, tuple[Callable[[TinyFlux], Any], Any]] = {
    "select": (
        lambda db: db.select(iter(["fields.n", "tags.a"]), FieldQuery().n < 2),
        [(0, "0"), (1, "1")],
    ),
    "get_tag_values": (lambda db: db.get_tag_values(iter(["a"])), {"a": ["0", "1"]}),
    "latest": (
        lambda db: [p.fields["n"] for p in db.latest(by=iter(["a"]))],
        [4, 5],
    ),
    "aggregate": (
        lambda db: db.aggregate(EVERY, iter(["n"]), how=iter(["sum"]), by=iter(["a"]))[
            "n_sum"
        ].tolist(),
        [6.0, 9.0],
    ),
    "to_numpy": (
        lambda db: list(db.to_numpy(EVERY, iter(["n"]), tags=iter(["a"]))),
        ["time", "a", "n"],
    ),
    "update_all": (lambda db: db.update_all(unset_tags=iter(["a"])), 6),
    "update": (lambda db: db.update(FieldQuery().n > 3, unset_fields=iter(["n"])), 2),
    "apply": (
        lambda db: db.apply(
            iter(
                [
                    Remove(FieldQuery().n == 0),
                    Insert(point(n) for n in (7, 8)),
                    Update(None, unset_tags=iter(["a"])),
                ]
            )
        ),
        [1, 2, 7],
    ),
    "insert_multiple": (lambda db: db.insert_multiple(point(n) for n in (7, 8)), 2),
}


def damage(path: Path) -> None:
    """Flip every byte of the columns in the index cache; headers stay right."""
    for segment in path.with_name(f".{path.name}.index").glob("*.segment"):
        data = bytearray(segment.read_bytes())
        start = 24 + int.from_bytes(data[8:16], "little")
        data[start:] = bytes(byte ^ 0xFF for byte in data[start:])
        segment.write_bytes(data)


@pytest.mark.parametrize("is_damaged", [False, True], ids=["sound", "damaged"])
@pytest.mark.parametrize("name", CALLS)
def test_an_iterator_is_taken_whole(
    tmp_path: Path, name: str, is_damaged: bool, caplog: pytest.LogCaptureFixture
) -> None:
    call, expected = CALLS[name]
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple(point(n) for n in range(6))
        db.publish_index()
    if is_damaged:
        damage(path)
    with TinyFlux(path) as db:
        assert exact(call(db)) == exact(expected)
        found = contents(db.all(sorted=False))
    assert ("index cache is made anew" in caplog.text) == is_damaged
    with TinyFlux(path, auto_index=False) as db:
        assert contents(db.all(sorted=False)) == found


def test_a_change_can_be_applied_twice(tmp_path: Path) -> None:
    with TinyFlux(tmp_path / "data.csv") as db:
        insert = Insert(point(n) for n in (1, 2))
        assert db.apply([insert]) == [2]
        assert db.apply([insert, Remove(FieldQuery().n == 1)]) == [2, 2]
        assert db.get_field_values("n") == [2, 2]
