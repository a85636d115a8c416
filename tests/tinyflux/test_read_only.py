"""A user without write permission: reads whatever there is, and the first write raises OSError."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.tinyflux.programs import output, start
from tinyflux import Point, TinyFlux

TIME = datetime(2025, 1, 1, tzinfo=UTC)
NOBODY = 65534 if os.geteuid() == 0 else None


@pytest.fixture
def path() -> Iterator[Path]:
    """A file of two points that its owner alone may write, in a directory like that."""
    # Not in pytest's own directory, which no other user may enter.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data.csv")
        with TinyFlux(path) as db:
            db.insert_multiple([Point(time=TIME, fields={"n": n}) for n in (1, 2)])
        path.chmod(0o444)
        path.parent.chmod(0o555)
        yield path
        path.parent.chmod(0o755)


def test_everything_can_be_read(path: Path) -> None:
    text = output(
        """
        for auto_index in (True, False):
            db = TinyFlux(path, auto_index=auto_index)
            print(len(db), db.get_field_values("n"), db.count(FieldQuery().n > 1), len(list(db)))
            print(db.storage.can_read, db.storage.can_append, db.storage.can_write)
        """,
        path,
        user=NOBODY,
    )
    assert text == "2 [1, 2] 1 2\nTrue False False\n" * 2


def test_the_first_write_raises(path: Path) -> None:
    before = path.read_bytes()
    text = output(
        """
        db = TinyFlux(path)
        print(error(lambda: db.insert(point(3))))
        print(error(lambda: db.insert_multiple([point(3)])))
        print(error(lambda: db.remove(EVERY)))
        print(error(lambda: db.update_all(tags={"a": "b"})))
        print(error(lambda: db.drop_measurement("_default")))
        print(error(lambda: db.remove_all()))
        print(error(lambda: db.apply([])))
        print(len(db))
        """,
        path,
        user=NOBODY,
    )
    *errors, n_points = text.splitlines()
    assert n_points == "2"
    assert len(errors) == 7
    for error in errors:
        assert error.startswith(f"AccessError: {path} was opened for reading only: Permission den")
        assert "needs write permission" in error
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", ["a", "a+", "w", "w+"])
def test_modes_that_cannot_be_meant_for_reading_raise_at_once(path: Path, mode: str) -> None:
    before = path.read_bytes()
    text = output(f"print(error(lambda: TinyFlux(path, access_mode={mode!r})))", path, user=NOBODY)
    assert text.startswith("PermissionError: ")
    assert path.read_bytes() == before


def test_reading_leaves_nothing_behind(path: Path) -> None:
    names = sorted(entry.name for entry in path.parent.rglob("*"))
    output("print(len(TinyFlux(path)), len(TinyFlux(path, access_mode='r')))", path, user=NOBODY)
    assert sorted(entry.name for entry in path.parent.rglob("*")) == names


def test_a_reader_sees_what_the_owner_appends(path: Path) -> None:
    path.chmod(0o644)
    path.parent.chmod(0o755)
    code = """
        db = TinyFlux(path)
        print(len(db), flush=True)
        input()
        print(len(db), db.get_field_values("n"))
        """
    with start(code, path, user=NOBODY) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "2\n"
        with TinyFlux(path) as db:
            db.insert(Point(time=TIME, fields={"n": 3}))
        rest, _ = reader.communicate("\n", timeout=60)
    assert rest == "3 [1, 2, 3]\n"


@pytest.mark.skipif(NOBODY is None, reason="root alone writes to a directory that it does not own")
def test_a_file_that_may_be_written_in_a_directory_that_may_not(path: Path) -> None:
    path.chmod(0o666)
    text = output(
        """
        db = TinyFlux(path)
        print(db.insert(point(3)), len(db))
        print(error(lambda: db.remove(FieldQuery().n == 1)))
        print(len(db), db.insert(point(4)), len(db))
        """,
        path,
        user=NOBODY,
    )
    inserted, error, counts = text.splitlines()
    assert (inserted, counts) == ("1 3", "3 1 4")
    assert "nothing was changed" in error
    assert "writable for user 65534" in error
    with TinyFlux(path) as db:
        assert db.get_field_values("n") == [1, 2, 3, 4]
