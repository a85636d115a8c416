"""A user's own storage: append, read and reset are enough; what it refuses is respected."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from tests.tinyflux.backends import ListStorage
from tests.tinyflux.exact import contents
from tinyflux import (
    CSVStorage,
    FieldQuery,
    Insert,
    MemoryStorage,
    Point,
    Remove,
    Storage,
    TagQuery,
    TimeQuery,
    TinyFlux,
)

TIME = datetime(2025, 1, 1, tzinfo=UTC)
EVERY = TagQuery().noop()


def point(n: int, **tags: str) -> Point:
    return Point(time=TIME + timedelta(hours=n), tags=tags, fields={"n": n})


class Recorded(ListStorage):
    """Keeps what it was asked to do."""

    def __init__(self, log: list[str], name: str = "") -> None:
        super().__init__()
        self.log = log
        self.name = name

    def append(self, points: Sequence[Point], temporary: bool = False) -> None:
        self.log.append(f"append {len(points)}")
        super().append(points, temporary)

    def reset(self) -> None:
        self.log.append("reset")
        super().reset()

    def close(self) -> None:
        self.log.append("close")


def test_arguments_reach_the_storage() -> None:
    log: list[str] = []
    db = TinyFlux(log, storage=Recorded, name="mine")
    assert isinstance(db.storage, Recorded)
    assert db.storage.name == "mine"


def test_append_gets_the_points() -> None:
    log: list[str] = []
    db = TinyFlux(log, storage=Recorded)
    new = point(1)
    db.insert(new)
    db.insert_multiple([point(2), point(3)])
    assert log == ["append 1", "append 2"]
    assert db.storage.read()[0] is new


def test_a_rewrite_is_reset_and_append() -> None:
    log: list[str] = []
    db = TinyFlux(log, storage=Recorded)
    db.insert_multiple([point(1), point(2), point(3)])
    db.remove(FieldQuery().n == 2)
    db.update_all(tags={"a": "b"})
    assert log == ["append 3", "reset", "append 2", "reset", "append 2"]


def test_what_changes_nothing_rewrites_nothing() -> None:
    log: list[str] = []
    db = TinyFlux(log, storage=Recorded)
    db.insert(point(1))
    db.remove(FieldQuery().n == 2)
    db.update_all(fields={"n": 1})
    db.apply([Remove(FieldQuery().n == 5), Insert([point(2)])])
    assert log == ["append 1", "append 1"]


def test_closing_closes_the_storage() -> None:
    log: list[str] = []
    with TinyFlux(log, storage=Recorded):
        pass
    assert log == ["close"]


def test_a_storage_without_a_close_of_its_own() -> None:
    with TinyFlux(storage=ListStorage) as db:
        db.insert(point(1))


class Full(ListStorage):
    """Refuses to hold more than three points, half way through."""

    def append(self, points: Sequence[Point], temporary: bool = False) -> None:
        for new in points:
            if len(self.items) == 3:
                raise OSError("full")
            self.items.append(new)


@pytest.mark.parametrize("auto_index", [True, False])
def test_a_rewrite_that_fails_leaves_the_points_as_they_were(auto_index: bool) -> None:
    storage = Full()
    TinyFlux(storage=lambda: storage).insert_multiple([point(1), point(2), point(3)])
    db = TinyFlux(storage=lambda: storage, auto_index=auto_index)
    with pytest.raises(OSError, match="full"):
        db.apply([Remove(FieldQuery().n == 2), Insert([point(4), point(5)])])
    assert contents(db.all(sorted=False)) == contents([point(1), point(2), point(3)])
    assert contents(storage.read()) == contents([point(1), point(2), point(3)])
    assert db.remove(FieldQuery().n == 1) == 1


def test_an_append_that_fails_is_not_indexed() -> None:
    class Broken(ListStorage):
        def append(self, points: Sequence[Point], temporary: bool = False) -> None:
            raise OSError("broken")

    db = TinyFlux(storage=Broken)
    with pytest.raises(OSError, match="broken"):
        db.insert(point(1))
    assert db.all() == []
    assert db.index.empty


class Restricted(ListStorage):
    """Allows what it is told."""

    def __init__(self, *rights: str) -> None:
        super().__init__()
        self.rights = rights

    @property
    def can_read(self) -> bool:
        return "read" in self.rights

    @property
    def can_append(self) -> bool:
        return "append" in self.rights

    @property
    def can_write(self) -> bool:
        return "write" in self.rights


CALLS: dict[str, tuple[str, Any]] = {
    "insert": ("append", lambda db: db.insert(point(1))),
    "insert_multiple": ("append", lambda db: db.insert_multiple([point(1)])),
    "search": ("read", lambda db: db.search(EVERY)),
    "len": ("read", len),
    "remove": ("write", lambda db: db.remove(EVERY)),
    "update": ("write", lambda db: db.update_all(measurement="a")),
    "remove_all": ("reset", lambda db: db.remove_all()),
    "reindex": ("write", lambda db: db.reindex()),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_a_storage_does_not_allow_is_not_done(name: str) -> None:
    what, call = CALLS[name]
    others = {"append", "read", "write"} - {"write" if what == "reset" else what}
    db = TinyFlux(*others, storage=Restricted)
    with pytest.raises(OSError, match=f"Restricted does not allow to {what}"):
        call(db)


class JsonStorage(Storage):
    """A file of JSON lines: every read gives new points."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch()

    def append(self, points: Sequence[Point], temporary: bool = False) -> None:
        with open(self.path, "a", encoding="utf-8") as file:
            for new in points:
                assert new.time is not None
                row = [new.time.isoformat(), new.measurement, new.tags, new.fields]
                file.write(json.dumps(row) + "\n")

    def read(self) -> list[Point]:
        rows = map(json.loads, self.path.read_text(encoding="utf-8").splitlines())
        return [
            Point(time=datetime.fromisoformat(time), measurement=name, tags=tags, fields=fields)
            for time, name, tags, fields in rows
        ]

    def reset(self) -> None:
        self.path.write_text("")


@pytest.mark.parametrize("auto_index", [True, False])
def test_a_storage_in_a_file_of_another_format(tmp_path: Path, auto_index: bool) -> None:
    path = tmp_path / "data.jsonl"
    TinyFlux(path, storage=JsonStorage).insert_multiple([point(2, a="x"), point(1, a="y")])
    db = TinyFlux(path, storage=JsonStorage, auto_index=auto_index)
    assert [p.fields["n"] for p in db.all()] == [1, 2]
    assert db.update(TagQuery().a == "x", fields={"n": 5}) == 1
    assert db.remove(TagQuery().a == "y") == 1
    assert contents(TinyFlux(path, storage=JsonStorage).all()) == contents(
        [Point(time=point(2).time, tags={"a": "x"}, fields={"n": 5})]
    )


class Elsewhere(ListStorage):
    """Gives its times in a zone of its own, or as naive local times."""

    def read(self) -> list[Point]:
        zone = timezone(timedelta(hours=5))
        times = [p.time.astimezone(zone) for p in self.items if p.time is not None]
        times[1::2] = [time.astimezone().replace(tzinfo=None) for time in times[1::2]]
        return [
            Point(time=time, fields=p.fields) for time, p in zip(times, self.items, strict=True)
        ]


@pytest.mark.parametrize("auto_index", [True, False])
def test_times_that_a_storage_gives_in_another_zone_are_utc(auto_index: bool) -> None:
    storage = Elsewhere()
    TinyFlux(storage=lambda: storage).insert_multiple(point(n) for n in (3, 1, 2))
    db = TinyFlux(storage=lambda: storage, auto_index=auto_index)
    expected = [TIME + timedelta(hours=n) for n in (3, 1, 2)]
    for times in (db.get_timestamps(), db.select("time", EVERY)):
        assert times == expected
        assert {time.tzinfo for time in times} == {UTC}
    assert [p.fields["n"] for p in db.all()] == [1, 2, 3]
    assert db.count(TimeQuery() == expected[1]) == 1


@pytest.mark.parametrize("auto_index", [True, False])
@pytest.mark.parametrize("kind", [MemoryStorage, ListStorage])
def test_a_change_meets_what_another_database_did_to_the_storage(
    kind: type[Storage], auto_index: bool
) -> None:
    storage = kind()
    one = TinyFlux(storage=lambda: storage)
    other = TinyFlux(storage=lambda: storage, auto_index=auto_index)
    one.insert_multiple(point(n) for n in range(5))
    assert other.remove(FieldQuery().n == 1) == 1
    assert one.remove(FieldQuery().n == 2) == 1
    storage.append([point(7)])
    assert one.update(FieldQuery().n == 7, fields={"n": 8}) == 1
    other.reindex()
    assert other.get_field_values("n") == one.get_field_values("n") == [0, 3, 4, 8]


def test_databases_on_one_memory_storage_see_each_other() -> None:
    storage = MemoryStorage()
    one, other = TinyFlux(storage=lambda: storage), TinyFlux(storage=lambda: storage)
    one.insert_multiple(point(n) for n in range(5))
    assert other.count(FieldQuery().n > 1) == 3
    other.insert(point(9))
    assert one.get_field_values("n") == [0, 1, 2, 3, 4, 9]
    other.remove(FieldQuery().n < 3)
    assert [p.fields["n"] for p in one.all()] == [3, 4, 9]
    one.remove_all()
    assert len(other) == 0
    storage.append([point(5), point(6)])
    assert [p.fields["n"] for p in one.search(FieldQuery().n >= 6)] == [6]
    assert other.aggregate(None, "n", how="count")["n_count"].tolist() == [2]


class Shouting(CSVStorage):
    """A file whose measurements are written in capitals."""

    def append(self, items: Sequence[Point], temporary: bool = False) -> None:
        for new in items:
            new.measurement = new.measurement.upper()
        super().append(items, temporary)


class Forgetful(MemoryStorage):
    """Gives no more than the last three points."""

    def read(self) -> list[Point]:
        return super().read()[-3:]


@pytest.mark.parametrize("auto_index", [True, False])
def test_a_subclass_appends_to_its_file_in_its_own_way(tmp_path: Path, auto_index: bool) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path, storage=Shouting, auto_index=auto_index) as db:
        db.insert(point(1), "m")
        db.insert_multiple([point(2), point(3)], "n")
        assert db.remove(FieldQuery().n == 2) == 1
        assert db.update(FieldQuery().n == 3, measurement="o") == 1
    with TinyFlux(path) as db:
        assert db.get_measurements() == ["M", "O"]
        assert db.get_field_values("n") == [1, 3]


def test_a_subclass_reads_its_memory_in_its_own_way() -> None:
    storage = Forgetful()
    storage.append([point(n) for n in range(6)])
    db = TinyFlux(storage=lambda: storage)
    assert [p.fields["n"] for p in db.all()] == [3, 4, 5]
    assert db.remove(FieldQuery().n == 4) == 1
    assert db.get_field_values("n") == [3, 5]
    assert len(storage.read()) == 2
