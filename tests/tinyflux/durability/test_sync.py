"""A disk that does not take what was written: nothing is called durable that is not."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.tinyflux.durability.disks import Disk, watched
from tests.tinyflux.durability.operations import point
from tests.tinyflux.exact import contents
from tests.tinyflux.programs import output
from tinyflux import CSVStorage, FieldQuery, Point, TinyFlux
from tinyflux.errors import StorageError
from tinyflux.files import intercepted


@pytest.fixture
def disk() -> Iterator[Disk]:
    """Watches data.csv."""
    with watched() as disk:
        yield disk


@pytest.fixture
def db(tmp_path: Path) -> Iterator[TinyFlux]:
    """A database that syncs when it is asked to."""
    db = TinyFlux(tmp_path / "data.csv", flush_on_insert=False)
    yield db
    db.close()


def sync(db: TinyFlux) -> None:
    assert isinstance(db.storage, CSVStorage)
    db.storage.sync()


def numbers(path: Path) -> list[int]:
    with TinyFlux(path, access_mode="r") as db:
        return db.get_field_values("n")  # type: ignore[return-value]


def fail_to_sync(db: TinyFlux, disk: Disk) -> None:
    with disk.failing("fsync", errno=errno.EIO), pytest.raises(StorageError):
        sync(db)
    disk.steps.clear()


def test_without_sync_nothing_waits_for_the_disk(db: TinyFlux, disk: Disk) -> None:
    db.insert(point(1))
    assert "fsync" not in disk.steps
    sync(db)
    assert disk.steps.count("fsync") == 1
    sync(db)
    assert disk.steps.count("fsync") == 1


def test_a_sync_that_fails_says_that_rows_may_be_lost(
    db: TinyFlux, disk: Disk, tmp_path: Path
) -> None:
    db.insert(point(1))
    with disk.failing("fsync", errno=errno.EIO), pytest.raises(StorageError) as found:
        sync(db)
    assert found.value.errno == errno.EIO
    assert "a power cut may lose them" in str(found.value)
    assert numbers(tmp_path / "data.csv") == [1]


def test_after_a_failed_sync_the_same_bytes_are_written_again_in_their_places(
    db: TinyFlux, disk: Disk, tmp_path: Path
) -> None:
    db.insert_multiple([point(1), point(2)])
    db.insert(point(3))
    before = (tmp_path / "data.csv").read_bytes()
    fail_to_sync(db, disk)
    fail_to_sync(db, disk)
    sync(db)
    assert [step for step in disk.steps if step in ("write", "fsync")] == ["write"] * 2 + ["fsync"]
    assert (tmp_path / "data.csv").read_bytes() == before


def test_a_page_that_the_disk_lost_is_there_again_after_the_next_sync(
    db: TinyFlux, disk: Disk, tmp_path: Path
) -> None:
    path = tmp_path / "data.csv"
    db.insert(point(1))
    db.insert(point(2))
    before = path.read_bytes()
    fail_to_sync(db, disk)
    with open(path, "r+b") as file:
        file.seek(20)
        file.write(b"\0" * 100)
    sync(db)
    assert path.read_bytes() == before
    assert numbers(path) == [1, 2]


def test_what_another_program_wrote_over_the_rows_stays(
    db: TinyFlux, disk: Disk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "data.csv"
    db.insert(point(1))
    fail_to_sync(db, disk)
    edited = path.read_bytes().replace(b"odd", b"new")
    path.write_bytes(edited)
    sync(db)
    assert path.read_bytes() == edited
    assert "another program changed bytes 0 to" in caplog.text


def test_rows_of_others_in_between_keep_their_place(
    db: TinyFlux, disk: Disk, tmp_path: Path
) -> None:
    path = tmp_path / "data.csv"
    db.insert(point(1))
    fail_to_sync(db, disk)
    with TinyFlux(path) as other:
        other.insert(point(2))
    db.insert(point(3))
    sync(db)
    assert numbers(path) == [1, 2, 3]


def test_a_rewrite_by_another_process_makes_the_rows_durable(
    db: TinyFlux, disk: Disk, tmp_path: Path
) -> None:
    path = tmp_path / "data.csv"
    db.insert_multiple([point(1), point(2)])
    fail_to_sync(db, disk)
    output("TinyFlux(path).remove(FieldQuery().n == 1)", path)
    sync(db)
    assert "write" not in disk.steps
    assert numbers(path) == [2]
    db.insert(point(3))
    sync(db)
    assert numbers(path) == [2, 3]


def test_a_rewrite_of_rows_that_failed_to_sync_writes_them_again_first(
    db: TinyFlux, disk: Disk, tmp_path: Path
) -> None:
    db.insert_multiple([point(1), point(2)])
    fail_to_sync(db, disk)
    assert db.remove(FieldQuery().n == 1) == 1
    assert disk.steps.index("write") < disk.steps.index("fsync") < disk.steps.index("rename")
    assert numbers(tmp_path / "data.csv") == [2]


def test_the_sync_of_a_failed_append_tells_nothing_of_earlier_rows(
    db: TinyFlux, disk: Disk, tmp_path: Path
) -> None:
    """The kernel reports an error once: whoever was told must remember it."""
    db.insert(point(1))
    with disk.failing("write", "fsync", errno=errno.ENOSPC), pytest.raises(StorageError):
        db.insert(point(2))
    disk.steps.clear()
    sync(db)
    assert [step for step in disk.steps if step in ("write", "fsync")] == ["write", "fsync"]
    assert numbers(tmp_path / "data.csv") == [1]


def test_many_rows_are_synced_before_they_fill_the_memory(
    db: TinyFlux, disk: Disk, tmp_path: Path
) -> None:
    for n in range(16):
        db.insert(point(n, long="x" * 1_000_000))
    assert disk.steps.count("fsync") == 1
    with disk.failing("fsync", errno=errno.EIO), pytest.raises(StorageError):
        db.insert(point(16, long="x" * 1_000_000))
    assert numbers(tmp_path / "data.csv") == list(range(16))
    db.insert(point(17))
    assert numbers(tmp_path / "data.csv") == [*range(16), 17]


def test_close_says_that_rows_could_not_be_synced_and_closes(disk: Disk, tmp_path: Path) -> None:
    db = TinyFlux(tmp_path / "data.csv", flush_on_insert=False)
    db.insert(point(1))
    with disk.failing("fsync", errno=errno.EIO), pytest.raises(StorageError, match="power cut"):
        db.close()
    db.close()
    with pytest.raises(ValueError, match="closed"):
        db.insert(point(2))


def test_an_insert_whose_fsync_failed_is_cut_back_and_can_be_made_again(
    disk: Disk, tmp_path: Path
) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db, TinyFlux(path) as reader:
        db.insert(point(1))
        with disk.failing("fsync", errno=errno.EIO), pytest.raises(StorageError, match="as before"):
            db.insert(point(2))
        assert contents(reader.all()) == contents([point(1)])
        db.insert(point(3))
        assert contents(reader.all()) == contents(db.all()) == contents([point(1), point(3)])


class ReadingDisk(Disk):
    """Lets a reader look at the file while the writer waits for its fsync."""

    reader: TinyFlux
    seen: int = 0

    def __call__(self, step: str, path: str) -> None:
        if step == "fsync" and path.endswith(self.name) and not self.seen:
            self.seen = len(self.reader)
        super().__call__(step, path)


def test_a_reader_who_saw_rows_that_failed_forgets_them(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    disk = ReadingDisk()
    with TinyFlux(path) as db, TinyFlux(path) as disk.reader:
        db.insert(point(1))
        with intercepted(disk), disk.failing("fsync", errno=errno.EIO), suppress(StorageError):
            db.insert(point(2))
        assert disk.seen == 2
        db.insert_multiple([point(3), point(4)])
        assert contents(disk.reader.all()) == contents([point(1), point(3), point(4)])


@pytest.mark.parametrize("n_rows", [1, 3])
def test_rows_that_could_not_be_cut_off_are_passed_over_and_cut_off_next(
    disk: Disk, tmp_path: Path, n_rows: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert(point(1))
        before = path.stat().st_size
        failed = [point(n) for n in range(2, 2 + n_rows)]
        with disk.failing("fsync", "truncate", errno=errno.EIO), pytest.raises(StorageError):
            db.insert_multiple(failed)
        assert path.stat().st_size > before
        assert "could not be cut off" in caplog.text
        assert len(db) == 1
        assert output("print(len(TinyFlux(path)))", path) == "1\n"
        output("TinyFlux(path).insert(point(9))", path)
        assert db.get_field_values("n") == [1, 9]
    assert path.with_name("data.csv.torn").read_bytes().count(b"line one") == n_rows


def test_a_batch_that_failed_is_not_announced_any_more(tmp_path: Path) -> None:
    """Even where its announcement cannot be written over: the next row would be taken for it."""
    path = tmp_path / "data.csv"
    n_marks: list[str] = []

    def hook(step: str, place: str) -> None:
        if step == "write" and place.endswith("/mark"):
            n_marks.append(place)
        if step == "write" and (place == str(path) or len(n_marks) > 1):
            raise OSError(errno.ENOSPC, "as the test wants")

    with TinyFlux(path) as db:
        db.insert(point(1))
        with intercepted(hook), pytest.raises(StorageError):
            db.insert_multiple([point(2), point(3)])
        with watched(".index/mark") as marks, marks.failing("write", errno=errno.ENOSPC):
            db.insert(point(2))
            assert numbers(path) == [1, 2]
    output("TinyFlux(path).insert(point(4))", path)
    assert numbers(path) == [1, 2, 4]


def test_the_name_of_a_file_is_on_disk_when_its_first_row_is(tmp_path: Path) -> None:
    with watched(tmp_path.name) as directory:
        db = TinyFlux(tmp_path / "data.csv")
        assert directory.steps == []
        db.insert(point(1))
        db.insert(point(2))
        assert directory.steps == ["fsync directory"]
        db.close()


def test_directories_that_are_made_are_on_disk(tmp_path: Path) -> None:
    with watched("") as disk:
        TinyFlux(tmp_path / "a" / "b" / "data.csv", create_dirs=True).close()
    made = [step for step in disk.steps if "directory" in step]
    assert made == ["make directory", "fsync directory"] * 2


def test_a_file_that_another_process_replaced_is_durable_by_name_before_a_row_is(
    tmp_path: Path,
) -> None:
    """Whoever renamed it may have been killed before the directory was synced."""
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db, watched(tmp_path.name) as directory:
        db.insert_multiple([point(1), point(2)])
        output("TinyFlux(path).remove(FieldQuery().n == 1)", path)
        directory.steps.clear()
        with directory.failing("fsync directory", errno=errno.EIO), pytest.raises(StorageError):
            db.insert(point(3))
        assert numbers(path) == [2]
        db.insert(point(3))
        assert directory.steps == ["fsync directory"] * 2
        assert numbers(path) == [2, 3]


def test_a_change_that_the_disk_did_not_confirm_is_confirmed_by_the_next_one(
    tmp_path: Path,
) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple([point(1), point(2)])
        with watched(tmp_path.name) as directory:
            with directory.failing("fsync directory", errno=errno.EIO):
                with pytest.raises(StorageError, match="the change is made"):
                    db.remove(FieldQuery().n == 1)
                assert numbers(path) == db.get_field_values("n") == [2]
                with pytest.raises(StorageError, match="could not be synced"):
                    db.remove(FieldQuery().n == 1)
                with pytest.raises(StorageError, match="as before"):
                    db.insert(point(3))
            assert db.remove(FieldQuery().n == 1) == 0
            assert directory.steps.count("fsync directory") == 4
        db.insert(point(3))
        assert numbers(path) == [2, 3]


def test_a_directory_that_may_not_be_listed_is_no_hindrance(tmp_path: Path) -> None:
    nobody = 65534
    if os.geteuid() != 0:
        pytest.skip("to be another user needs root")
    folder = Path("/tmp") / f"tinyflux-{os.getpid()}"
    folder.mkdir()
    try:
        os.chown(folder, nobody, nobody)
        folder.chmod(0o300)
        text = output("print(TinyFlux(path).insert(point(1)))", folder / "data.csv", user=nobody)
        assert text == "1\n"
    finally:
        for place in sorted(folder.rglob("*"), reverse=True):
            place.rmdir() if place.is_dir() else place.unlink()
        folder.rmdir()


def test_errors_say_what_to_do(disk: Disk, tmp_path: Path) -> None:
    said: list[str] = []
    with TinyFlux(tmp_path / "data.csv") as db:
        for code in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EFBIG):
            with disk.failing("write", errno=code), pytest.raises(StorageError) as found:
                db.insert(Point(fields={"n": 1}))
            said.append(str(found.value))
    for text, remedy in zip(
        said,
        ["free some room", "quota", "kernel's log", "remount", "raise the limit"],
        strict=True,
    ):
        assert remedy in text
        assert "could not append 1 rows of" in text


@pytest.fixture(autouse=True)
def _warnings(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "tinyflux")
