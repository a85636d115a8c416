"""Programs that know no lock: what they do to the file is noticed at the next operation."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tinyflux.durability.faults import in_child
from tests.tinyflux.durability.operations import point
from tests.tinyflux.programs import start
from tinyflux import FieldQuery, TinyFlux
from tinyflux.errors import MissingError, StorageError
from tinyflux.files import intercepted

ROW = b"2025-01-01T00:00:00,_default,_field_n,%d\r\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Three rows of the same length."""
    path = tmp_path / "data.csv"
    path.write_bytes(ROW % 1 + ROW % 2 + ROW % 3)
    return path


def test_edits_of_the_same_size_within_one_tick_of_the_clock(path: Path) -> None:
    """The kernel stamps writes at ticks of some ms: two of them may leave the same time."""
    with TinyFlux(path) as db:
        for n in range(300):
            with open(path, "r+b") as file:
                file.seek(len(ROW % 1) - 3)
                file.write(b"%d" % (n % 10))
            assert db.get_field_values("n") == [n % 10, 2, 3]


def test_edits_between_our_own_writes_within_one_tick(path: Path) -> None:
    with TinyFlux(path, flush_on_insert=False) as db, TinyFlux(path) as other:
        for n in range(100):
            db.insert(point(50))
            with open(path, "r+b") as file:
                file.seek(len(ROW % 1) - 3)
                file.write(b"%d" % (n % 10))
            assert db.get_field_values("n")[0] == n % 10
            assert other.get_field_values("n")[0] == n % 10
            assert len(db) == len(other) == 4 + n


def test_an_edit_that_puts_the_time_back(path: Path) -> None:
    with TinyFlux(path) as db:
        db.insert(point(4))
        assert len(db) == 4
        told = path.stat()
        path.write_bytes(path.read_bytes().replace(b",2\r\n", b",9\r\n"))
        os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
        assert db.get_field_values("n") == [1, 9, 3, 4]


def test_a_file_whose_time_is_in_the_future(path: Path) -> None:
    """A board without a clock was set back."""
    with TinyFlux(path) as db:
        db.insert(point(4))
        future = time.time() + 1e6
        os.utime(path, (future, future))
        assert len(db) == 4
        path.write_bytes(path.read_bytes().replace(b",2\r\n", b",9\r\n"))
        os.utime(path, (future, future))
        assert db.get_field_values("n") == [1, 9, 3, 4]
        db.insert(point(5))
        assert db.remove(FieldQuery().n == 9) == 1
        assert db.get_field_values("n") == [1, 3, 4, 5]


APPENDING = """
    with open(path, "ab", buffering=0) as file:
        for n in range(100, 400):
            file.write(b"2025-01-01T00:00:00,_default,_field_n,%d\\r\\n" % n)
    """


def test_rows_that_another_program_appends_beside_our_own_are_all_there(path: Path) -> None:
    with TinyFlux(path, flush_on_insert=False) as db:
        with start(APPENDING, path) as process:
            n_own = 0
            while process.poll() is None:
                db.insert(point(50))
                n_own += 1
        found = db.get_field_values("n")
    assert found.count(50) == n_own
    assert [n for n in found if n is not None and n >= 100] == list(range(100, 400))


DELETIONS: dict[str, Callable[[Path], object]] = {
    "deleted": lambda path: path.unlink(),
    "renamed": lambda path: path.rename(path.with_name("old.csv")),
    "with its directory": lambda path: path.parent.rename(path.parent.with_name("gone")),
}
CALLS: dict[str, Callable[[TinyFlux], object]] = {
    "len": len,
    "search": lambda db: db.search(FieldQuery().n > 1),
    "insert": lambda db: db.insert(point(9)),
    "remove": lambda db: db.remove(FieldQuery().n == 1),
    "remove_all": lambda db: db.remove_all(),
    "publish": lambda db: db.publish_index(),
}


@pytest.mark.parametrize("auto_index", [True, False], ids=["index", "scan"])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("way", DELETIONS)
def test_a_file_that_is_gone_is_said_to_be_gone(
    tmp_path: Path, way: str, call: str, auto_index: bool
) -> None:
    path = tmp_path / "folder" / "data.csv"
    path.parent.mkdir()
    path.write_bytes(ROW % 1 + ROW % 2)
    with TinyFlux(path, auto_index=auto_index) as db:
        assert len(db) == 2
        DELETIONS[way](path)
        with pytest.raises(MissingError, match="deleted or renamed") as found:
            CALLS[call](db)
        assert str(path) in str(found.value)
        assert not path.exists()
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(ROW % 7)
        assert db.get_field_values("n") == [7]
        db.insert(point(9))
        assert db.get_field_values("n") == [7, 9]


def test_rows_in_the_old_file_of_a_rewrite_are_taken_over_at_the_close(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open(path, "ab", buffering=0) as foreign:
        with TinyFlux(path, flush_on_insert=False) as db:
            db.remove(FieldQuery().n == 1)
            db.insert(point(8))
            foreign.write(ROW % 70)
        assert "keeps the file open without locks" in caplog.text
        db.close()
    with TinyFlux(path) as db:
        assert db.get_field_values("n") == [2, 3, 8, 70]


def test_rows_in_the_old_file_are_taken_over_by_the_parent_of_a_fork_alone(path: Path) -> None:
    with open(path, "ab", buffering=0) as foreign, TinyFlux(path) as db:
        db.remove(FieldQuery().n == 1)
        foreign.write(ROW % 70)
        assert in_child(db.close) == (0, True)
    with TinyFlux(path) as db:
        assert db.get_field_values("n") == [2, 3, 70]


def _the_link(folder: Path) -> tuple[Path, Path]:
    """The name to open, and the link to another place."""
    return folder / "now.csv", folder / "now.csv"


def _a_link_above(folder: Path) -> tuple[Path, Path]:
    return folder / "now" / "a.csv", folder / "now"


@pytest.mark.parametrize("auto_index", [True, False], ids=["index", "scan"])
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("names", [_the_link, _a_link_above])
def test_a_symbolic_link_that_leads_elsewhere_is_said_to(
    tmp_path: Path, names: Callable[[Path], tuple[Path, Path]], call: str, auto_index: bool
) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for number, folder in enumerate((old, new)):
        folder.mkdir()
        (folder / "a.csv").write_bytes(ROW % number)
    path, link = names(tmp_path)
    end = "" if path != link else "a.csv"
    link.symlink_to(old / end)
    with TinyFlux(path, auto_index=auto_index) as db:
        db.insert(point(3))
        before = (old / "a.csv").read_bytes()
        link.unlink()
        link.symlink_to(new / end)
        with pytest.raises(StorageError, match="open the database again") as found:
            CALLS[call](db)
        assert f"{path} leads to {new / 'a.csv'} now; it led to {old / 'a.csv'}" in str(found.value)
        link.unlink()
        link.symlink_to(old / end)
        assert db.get_field_values("n") == [0, 3]
    assert (old / "a.csv").read_bytes() == before
    assert (new / "a.csv").read_bytes() == ROW % 1
    with TinyFlux(path) as db:
        assert db.get_field_values("n") == [0, 3]


def test_a_link_that_takes_the_place_of_the_file_is_not_replaced(path: Path) -> None:
    """A person moves the data to a larger disk, and leaves a link."""
    moved = path.with_name("moved.csv")
    with TinyFlux(path) as db:
        assert len(db) == 3
        path.rename(moved)
        path.symlink_to(moved)
        steps: list[str] = []
        with (
            intercepted(lambda step, place: steps.append(step)),
            pytest.raises(StorageError, match="open the database again"),
        ):
            db.remove(FieldQuery().n == 1)
    assert "create" not in steps
    assert path.is_symlink()
    assert moved.read_bytes() == ROW % 1 + ROW % 2 + ROW % 3


def test_a_link_that_comes_in_the_middle_of_a_rewrite_is_not_replaced(path: Path) -> None:
    moved = path.with_name("moved.csv")

    def move(step: str, place: str) -> None:
        if step == "rights" and not moved.exists():
            path.rename(moved)
            path.symlink_to(moved)

    with (
        TinyFlux(path) as db,
        intercepted(move),
        pytest.raises(StorageError, match="open the database again"),
    ):
        db.remove(FieldQuery().n == 1)
    assert path.is_symlink()
    assert moved.read_bytes() == ROW % 1 + ROW % 2 + ROW % 3


def test_a_relative_name_means_the_same_file_from_every_directory(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    with TinyFlux("data.csv") as db:
        path.with_name("elsewhere").mkdir()
        monkeypatch.chdir(path.with_name("elsewhere"))
        db.insert(point(4))
        assert db.remove(FieldQuery().n == 1) == 1
        assert db.get_field_values("n") == [2, 3, 4]
    assert list(Path().iterdir()) == []
