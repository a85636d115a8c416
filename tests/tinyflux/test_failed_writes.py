"""A disk that refuses: what was stored before is stored still, and the next call works."""

from __future__ import annotations

import errno
import resource
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tinyflux.backends import ListStorage
from tests.tinyflux.exact import contents
from tests.tinyflux.programs import start
from tinyflux import (
    CSVStorage,
    FieldQuery,
    Insert,
    MemoryStorage,
    Point,
    Remove,
    TagQuery,
    TinyFlux,
    Update,
)
from tinyflux.errors import StorageError
from tinyflux.files import Hook, intercepted

TIME = datetime(2025, 1, 1, tzinfo=UTC)
EVERY = TagQuery().noop()


def point(n: int) -> Point:
    return Point(time=TIME, fields={"n": n})


POINTS = [point(1), point(2), point(3)]


def failing(step: str, code: int, *, after: str = "") -> Hook:
    """Fails the first time that `step` is done to the data, or the first time behind `after`."""
    done = []
    seen = [""]

    def hook(name: str, path: str) -> None:
        if name == step and not done and after in seen and ".index/" not in path:
            done.append(name)
            raise OSError(code, "as the test wants")
        seen.append(name)

    return hook


INSERTS: dict[str, Callable[[TinyFlux], Any]] = {
    "insert": lambda db: db.insert(point(4)),
    "insert_multiple": lambda db: db.insert_multiple([point(4), point(5)]),
    "apply": lambda db: db.apply([Insert([point(4)])]),
}
CHANGES: dict[str, Callable[[TinyFlux], Any]] = {
    "remove": lambda db: db.remove(FieldQuery().n == 1),
    "update": lambda db: db.update_all(fields={"n": 9}),
    "drop": lambda db: db.drop_measurement("_default"),
    "apply": lambda db: db.apply([Remove(FieldQuery().n == 2), Insert([point(4)])]),
    "remove_all": lambda db: db.remove_all(),
}


@pytest.mark.parametrize("auto_index", [True, False], ids=["index", "scan"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("step", ["write", "fsync"])
@pytest.mark.parametrize("call", INSERTS)
def test_an_append_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, call: str, step: str, code: int, auto_index: bool
) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple(POINTS)
    with TinyFlux(path, auto_index=auto_index) as db:
        before = path.read_bytes()
        with intercepted(failing(step, code)), pytest.raises(StorageError, match="as before") as e:
            INSERTS[call](db)
        assert e.value.errno == code
        assert str(path) in str(e.value)
        assert path.read_bytes() == before
        assert contents(db.all(sorted=False)) == contents(POINTS)
        INSERTS[call](db)
        assert db.get_field_values("n")[:4] == [1, 2, 3, 4]


@pytest.mark.parametrize("auto_index", [True, False], ids=["index", "scan"])
@pytest.mark.parametrize("step", ["fsync", "rename", "fsync directory"])
@pytest.mark.parametrize("call", CHANGES)
def test_a_change_that_fails_leaves_the_old_file_or_the_new_one(
    tmp_path: Path, call: str, step: str, auto_index: bool
) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple(POINTS)
    with TinyFlux(path, auto_index=auto_index) as db:
        is_last = step == "fsync directory"
        says = "the change is made" if is_last else "is as before"
        disk = failing(step, errno.EIO, after="rename" if is_last else "")
        with intercepted(disk), pytest.raises(OSError, match=says):
            CHANGES[call](db)
        after = contents(db.all(sorted=False))
        # Once it is renamed the new file is there, whether its name is on disk or not.
        assert (after == contents(POINTS)) == (step != "fsync directory")
        assert contents(TinyFlux(path).all(sorted=False)) == after
        db.insert(point(7))
        assert contents(db.all(sorted=False)) == [*after, *contents([point(7)])]
        CHANGES[call](db)
        assert contents(db.all()) == contents(TinyFlux(path).all())


class RefusingMemory(MemoryStorage):
    """Refuses points with a field `refused`."""

    def append(self, items: Sequence[Point], temporary: bool = False) -> None:
        if any("refused" in item.fields for item in items):
            raise OSError("refused")
        super().append(items, temporary)


class RefusingList(ListStorage):
    """The same."""

    def append(self, points: Sequence[Point], temporary: bool = False) -> None:
        if any("refused" in item.fields for item in points):
            raise OSError("refused")
        super().append(points, temporary)


@contextmanager
def refusing(kind: str, folder: Path, auto_index: bool) -> Iterator[TinyFlux]:
    """A database that holds three points and stores no other."""
    storages = {
        "csv": partial(CSVStorage, folder / "data.csv"),
        "memory": RefusingMemory,
        "user": RefusingList,
    }
    with TinyFlux(storage=storages[kind], auto_index=auto_index) as db:
        db.insert_multiple(POINTS)
        if kind == "csv":
            with intercepted(failing("write", errno.ENOSPC)):
                yield db
        else:
            yield db


def odd() -> list[Point]:
    """Points of which something else is stored than they hold."""
    numpy = Point(time=TIME, fields={"refused": 1})
    numpy.fields["refused"] = np.float64(1.5)
    return [
        Point(measurement="own", fields={"refused": 1}),
        Point(time=datetime(2025, 1, 1), measurement="mine", fields={"refused": 1}),
        Point(time=TIME.astimezone(timezone(timedelta(hours=1))), fields={"refused": 1}),
        numpy,
    ]


def held(points: Sequence[Point]) -> list[Any]:
    return [(repr(p), p.time, [(k, type(v)) for k, v in p.fields.items()]) for p in points]


def a_date_in_the_wrong_place(_fields: object) -> Any:
    return {"n": TIME}


REFUSED: dict[str, Callable[[TinyFlux, list[Point]], Any]] = {
    "insert": lambda db, points: db.insert(points[0], "new"),
    "insert, as it is": lambda db, points: db.insert(points[0]),
    "insert_multiple": lambda db, points: db.insert_multiple(points, "new"),
    "insert_multiple, as they are": lambda db, points: db.insert_multiple(points),
    "insert_multiple of an iterator": lambda db, points: db.insert_multiple(iter(points), "new"),
    "insert_multiple, one by one": lambda db, points: db.insert_multiple(points, batch_size=1),
    "a measurement": lambda db, points: db.measurement("new").insert_multiple(points),
    "apply": lambda db, points: db.apply([Insert(points, "new")]),
    "apply twice": lambda db, points: db.apply([Insert(points, "new"), Insert(points, "newer")]),
    "apply, a change": lambda db, points: db.apply(
        [Insert(points, "new"), Update(FieldQuery().n == 1, fields={"n": 5})]
    ),
    "apply that fails itself": lambda db, points: db.apply(
        [Insert(points, "new"), Update(None, fields=a_date_in_the_wrong_place)]
    ),
    "apply with a later insert that fails": lambda db, points: db.apply(
        [Insert(points, "new"), Insert([5])]  # type: ignore[list-item]
    ),
}


@pytest.mark.parametrize("auto_index", [True, False], ids=["index", "scan"])
@pytest.mark.parametrize("kind", ["csv", "memory", "user"])
@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_points_that_are_refused_stay_as_they_were(
    tmp_path: Path, call: Callable[..., Any], kind: str, auto_index: bool
) -> None:
    points = odd()
    before = held(points)
    with refusing(kind, tmp_path, auto_index) as db:
        with pytest.raises((OSError, ValueError, TypeError)):
            call(db, points)
        assert held(points) == before
        assert contents(db.all(sorted=False)) == contents(POINTS)
        assert db.get_measurements() == ["_default"]


def test_of_batches_that_were_stored_before_one_failed_the_points_are_written(
    tmp_path: Path,
) -> None:
    points = [Point(fields={"n": 4}), Point(fields={"refused": 5}), Point(fields={"n": 6})]
    with (
        refusing("user", tmp_path, auto_index=True) as db,
        pytest.raises(OSError, match="refused"),
    ):
        db.insert_multiple(points, "new", batch_size=1)
    assert [p.measurement for p in points] == ["new", "_default", "_default"]
    assert [p.time is None for p in points] == [False, True, True]
    assert db.get_field_values("n") == [1, 2, 3, 4]


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple(POINTS)
        before = path.read_bytes()
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, limits[1]))
        try:
            with pytest.raises(StorageError):
                db.insert(point(4))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, handler)
        assert path.read_bytes() == before
        db.insert(point(4))
        assert db.get_field_values("n") == [1, 2, 3, 4]


def test_an_insert_is_on_disk_when_it_returns_and_a_sync_makes_up_for_it(tmp_path: Path) -> None:
    steps: list[str] = []
    with intercepted(lambda name, _path: steps.append(name)):
        with TinyFlux(tmp_path / "flushed.csv") as db:
            db.insert(point(1))
        assert steps.count("fsync") == 1
        steps.clear()
        with TinyFlux(tmp_path / "unflushed.csv", flush_on_insert=False) as db:
            db.insert(point(1))
            db.insert(point(2))
            assert steps.count("fsync") == 0
            db.storage.sync()  # type: ignore[attr-defined]
            assert steps.count("fsync") == 1
            db.insert(point(3))
        assert steps.count("fsync") == 2


KILLED = """
    db = TinyFlux(path)
    n = len(db)
    while True:
        db.insert(point(n))
        print(n, flush=True)
        n += 1
        if n % 10 == 0:
            db.update(FieldQuery().n == n - 5, tags={"changed": "yes"})
    """


def test_a_process_that_is_killed_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    acknowledged = -1
    for lines in (3, 12, 25, 31):
        with start(KILLED, path) as process:
            assert process.stdout is not None
            for _ in range(lines):
                acknowledged = int(process.stdout.readline())
            process.kill()
        with TinyFlux(path) as db:
            numbers = db.get_field_values("n")
        assert numbers == list(range(len(numbers)))
        assert len(numbers) > acknowledged
