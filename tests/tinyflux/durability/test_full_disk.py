"""A disk that is full: a failed call says so, nothing is lost, and what frees room helps."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.tinyflux.durability.operations import point
from tests.tinyflux.exact import contents
from tinyflux import FieldQuery, TinyFlux
from tinyflux.cli import main
from tinyflux.errors import StorageError

LONG = "x" * 20_000


def _fill(db: TinyFlux, n_rows: int = 1) -> int:
    """Insert until the disk refuses; how many points are stored."""
    n_stored = 0
    while True:
        points = [point(n_stored + n, long=LONG) for n in range(n_rows)]
        try:
            db.insert_multiple(points)
        except StorageError:
            break
        n_stored += n_rows
    with pytest.raises(StorageError, match="free some room") as found:
        db.insert_multiple(points)
    assert found.value.errno == errno.ENOSPC
    return n_stored


@pytest.mark.parametrize("flush_on_insert", [True, False])
@pytest.mark.parametrize("n_rows", [1, 4])
def test_an_append_to_a_full_disk_leaves_the_file_as_it_was(
    small_disk: Path, n_rows: int, flush_on_insert: bool
) -> None:
    path = small_disk / "data.csv"
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 300_000)
    with TinyFlux(path, flush_on_insert=flush_on_insert) as db:
        n_stored = _fill(db, n_rows)
        assert n_stored > 4
        expected = contents(point(n, long=LONG) for n in range(n_stored))
        assert contents(db.all(sorted=False)) == expected
        assert contents(TinyFlux(path).all(sorted=False)) == expected
        assert main(["check", str(path)]) == 0
        filler.unlink()
        assert db.insert(point(100, long=LONG)) == 1
        assert len(db) == n_stored + 1
    assert main(["check", str(path)]) == 0


def test_a_full_disk_is_read_without_a_cache(small_disk: Path) -> None:
    path = small_disk / "data.csv"
    with open(small_disk / "filler", "wb", buffering=0) as filler, TinyFlux(path) as db:
        n_stored = _fill(db)
        while os.statvfs(small_disk).f_bavail:
            filler.write(b"x" * 4096)
    with TinyFlux(path) as db:
        assert len(db) == n_stored
        db.publish_index()
        assert len(db) == n_stored
    with TinyFlux(path) as db:
        assert db.count(FieldQuery().n >= 0) == n_stored


def test_a_torn_row_stays_where_it_is_while_there_is_no_room_to_keep_it(small_disk: Path) -> None:
    path = small_disk / "data.csv"
    with TinyFlux(path) as db:
        db.insert(point(1))
    torn = b"2025-01-01T00:00:00,m,_tag_a," + b"y" * 200_000
    with open(path, "ab") as file:
        file.write(torn)
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 700_000)
    before = path.read_bytes()
    with TinyFlux(path) as db:
        with pytest.raises(StorageError, match="free some room"):
            db.insert(point(2))
        assert path.read_bytes() == before
        filler.unlink()
        db.insert(point(2))
        assert len(db) == 2
    assert path.with_name("data.csv.torn").read_bytes().endswith(torn + b"\n")


def test_a_rewrite_that_meets_a_full_disk_is_undone(
    small_disk: Path,
) -> None:
    """Others may take the room that was there when it began."""
    path = small_disk / "data.csv"
    with TinyFlux(path) as db:
        for n in range(12):
            db.insert(point(n, long=LONG))
        before = path.read_bytes()
        filler = small_disk / "filler"

        def longer(tags: dict[str, str | None]) -> dict[str, str | None]:
            filler.write_bytes(b"x" * 500_000)
            return {"long": LONG * 2}

        with pytest.raises(StorageError, match="as before"):
            db.update_all(tags=longer)
        assert path.read_bytes() == before
        assert not path.with_name(".data.csv.rewrite").exists()
        filler.unlink()
        assert db.update_all(tags={"new": "tag"}) == 12


def test_a_repair_and_a_backup_need_room_and_say_so(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = small_disk / "data.csv"
    with TinyFlux(path) as db:
        for n in range(30):
            db.insert(point(n, long=LONG))
    with open(path, "ab") as file:
        file.write(b"no row\n")
    before = path.read_bytes()
    assert main(["repair", "--run", str(path)]) == 1
    assert main(["backup", str(path), str(small_disk / "copy.csv")]) == 1
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 2
    assert all(f"{len(before):,} bytes" in line and "are free" in line for line in said)
    assert path.read_bytes() == before
    assert {place.name for place in small_disk.iterdir()} == {"data.csv", ".data.csv.index"}
