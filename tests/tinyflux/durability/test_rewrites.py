"""What happens around a rewrite: appends beside it, its temporary file, its room on the disk."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.tinyflux.durability.operations import point
from tests.tinyflux.programs import output
from tinyflux import CSVStorage, FieldQuery, TinyFlux
from tinyflux.errors import DamageError, LockTimeoutError, StorageError
from tinyflux.files import intercepted

FIRST = FieldQuery().n == 0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of six points."""
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple(map(point, range(6)))
    return path


def beside(call: Callable[[], object]) -> None:
    """Do what another process would do, in the middle of a change of this thread."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(call).result(20)


@dataclass
class Appender:
    """Appends one row before each step of somebody else's operation, if it is let."""

    opened: Callable[[], AbstractContextManager[TinyFlux]]
    """Gives the database."""
    steps: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    """The steps before which it had to wait."""
    is_at_work: bool = False

    def __call__(self, step: str, place: str) -> None:
        """The hook of `intercepted`; its own steps do not count."""
        if self.is_at_work:
            return
        self.is_at_work = True
        self.steps.append(step)
        try:
            beside(self._append)
        except LockTimeoutError:
            self.blocked.append(step)
        finally:
            self.is_at_work = False

    def _append(self) -> None:
        with self.opened() as db:
            assert isinstance(db.storage, CSVStorage)
            db.storage.lock_timeout_s = 0.0
            db.insert(point(100 + len(self.steps)))


@pytest.fixture(params=["open before", "opened anew"])
def appender(request: pytest.FixtureRequest, path: Path) -> Iterator[Appender]:
    """Another process's handle: one that is open all the time, or one for each row."""
    if request.param == "opened anew":
        yield Appender(lambda: TinyFlux(path))
    else:
        with TinyFlux(path) as other:
            yield Appender(lambda: nullcontext(other))


def test_rows_that_are_appended_before_each_step_are_all_kept_once(
    path: Path, appender: Appender
) -> None:
    with TinyFlux(path) as db:
        with intercepted(appender):
            assert db.remove(FIRST) == 1
        n_written = len(appender.steps) - len(appender.blocked)
        assert n_written > 5
        found = db.get_field_values("n")
        assert found[:5] == [1, 2, 3, 4, 5]
        assert len(found) == len(set(found)) == 5 + n_written
    with TinyFlux(path) as db:
        assert found == db.get_field_values("n")


def test_appends_wait_only_from_the_last_rows_to_the_new_name(
    path: Path, appender: Appender
) -> None:
    with TinyFlux(path) as db, intercepted(appender):
        db.remove(FIRST)
    first = appender.steps.index("rename") - 1
    assert "fsync" in appender.steps[:first]
    assert "rename" in appender.blocked
    assert "fsync directory" in appender.blocked
    # One lot of late rows to write, one fsync, the rename with its mark and the directory.
    assert appender.blocked.count("fsync") == 1


def test_another_rewrite_begins_only_when_the_first_has_ended(path: Path) -> None:
    """The new file is locked before it has the name: who opens it anew waits, too."""
    said: list[str] = []

    def rewrite(step: str, place: str) -> None:
        if step == "fsync directory" and "rename" in said:
            with TinyFlux(path) as other:
                assert isinstance(other.storage, CSVStorage)
                other.storage.lock_timeout_s = 0.0
                with pytest.raises(LockTimeoutError) as found:
                    beside(lambda: other.remove(FieldQuery().n == 5))
            said.append(str(found.value))
        said.append(step)

    with TinyFlux(path) as db:
        with intercepted(rewrite):
            db.remove(FIRST)
        assert any("is being rewritten by process" in text for text in said)
        assert db.remove(FieldQuery().n == 5) == 1


def test_most_of_what_is_appended_meanwhile_is_copied_before_appends_must_wait(
    path: Path,
) -> None:
    temporary = path.with_name(".data.csv.rewrite")
    sizes: dict[str, int] = {}

    with TinyFlux(path) as db, TinyFlux(path) as other:

        def hook(step: str, place: str) -> None:
            if temporary.exists():
                sizes[step] = temporary.stat().st_size
            if step == "fsync" and place == str(temporary) and "appended" not in sizes:
                sizes["appended"] = 0
                before = path.stat().st_size
                points = [point(200, long="x" * 50_000) for _ in range(20)]
                beside(lambda: other.insert_multiple(points))
                sizes["appended"] = path.stat().st_size - before

        with intercepted(hook):
            db.remove(FIRST)
        assert db.count(FieldQuery().n == 200) == 20
    # The last lock that is taken before the rename is the append lock.
    assert sizes["appended"] > 1_000_000
    assert sizes["rename"] - sizes["lock"] < 100_000


def test_a_failed_append_beside_a_rewrite_is_not_carried_over(path: Path) -> None:
    with TinyFlux(path) as db, TinyFlux(path) as other:
        told: list[str] = []

        def fail_once(step: str, place: str) -> None:
            if step == "fsync" and place == str(path):
                raise OSError(errno.EIO, "as the test wants")

        def append(step: str, place: str) -> None:
            if step == "fsync" and place.endswith(".rewrite") and not told:
                told.append(step)
                with intercepted(fail_once), suppress(StorageError):
                    beside(lambda: other.insert_multiple([point(70), point(71)]))
                beside(lambda: other.insert(point(72)))

        with intercepted(append):
            with suppress(StorageError):
                db.remove(FIRST)
            db.remove(FIRST)
        assert told
        assert db.get_field_values("n") == [1, 2, 3, 4, 5, 72]


def test_rows_that_fail_after_they_were_copied_are_not_carried_over(path: Path) -> None:
    """They could be seen when most of the late rows were copied, and were gone at the end."""
    begun, appended, copied = threading.Event(), threading.Event(), threading.Event()
    n_syncs: list[str] = []

    def hook(step: str, place: str) -> None:
        if step != "fsync":
            return
        if place.endswith(".rewrite"):
            n_syncs.append(place)
            if len(n_syncs) == 1:
                begun.set()
                assert appended.wait(20)
            if len(n_syncs) == 2:
                copied.set()
        elif begun.is_set() and not copied.is_set():
            appended.set()
            assert copied.wait(20)
            raise OSError(errno.EIO, "as the test wants")

    with TinyFlux(path) as other, intercepted(hook), ThreadPoolExecutor(1) as threads:
        rewrite = threads.submit(lambda: TinyFlux(path).remove(FIRST))
        assert begun.wait(20)
        with pytest.raises(StorageError):
            other.insert(point(70, long="x" * 100_000))
        other.insert(point(72, long="y" * 100_000))
        assert rewrite.result(20) == 1
        assert other.get_field_values("n") == [1, 2, 3, 4, 5, 72]


@pytest.mark.parametrize(
    "edit",
    [
        lambda path: path.write_bytes(path.read_bytes().replace(b"odd", b"new")),
        lambda path: path.write_bytes(path.read_bytes()[: len(path.read_bytes()) // 2]),
        lambda path: (path.rename(f"{path}.old"), path.write_bytes(b"")),
    ],
    ids=["edited", "cut", "replaced"],
)
def test_a_file_that_another_program_changes_meanwhile_stays_as_that_left_it(
    path: Path, edit: Callable[[Path], object]
) -> None:
    edited: list[bytes] = []

    def hook(step: str, place: str) -> None:
        if step == "fsync" and place.endswith(".rewrite") and not edited:
            edit(path)
            edited.append(path.read_bytes())

    with TinyFlux(path) as db:
        with intercepted(hook), pytest.raises(StorageError, match="by another program"):
            db.remove(FIRST)
        assert path.read_bytes() == edited[0]
        assert not path.with_name(".data.csv.rewrite").exists()


def test_a_file_that_is_deleted_meanwhile_is_not_brought_back(path: Path) -> None:
    def hook(step: str, place: str) -> None:
        if step == "fsync" and place.endswith(".rewrite"):
            path.unlink(missing_ok=True)

    with TinyFlux(path) as db, intercepted(hook), pytest.raises(FileNotFoundError, match="deleted"):
        db.remove(FIRST)
    assert not path.exists()


def test_a_temporary_file_that_is_deleted_costs_the_change_and_nothing_else(path: Path) -> None:
    temporary = path.with_name(".data.csv.rewrite")

    def hook(step: str, place: str) -> None:
        if step == "fsync" and place == str(temporary):
            temporary.unlink(missing_ok=True)

    before = path.read_bytes()
    with TinyFlux(path) as db:
        with intercepted(hook), pytest.raises(StorageError, match="removed by another program"):
            db.remove(FIRST)
        assert path.read_bytes() == before
        assert db.remove(FIRST) == 1


def test_what_a_killed_rewrite_left_is_used_by_nobody(path: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    temporary = path.with_name(".data.csv.rewrite")
    with TinyFlux(path) as db:
        temporary.symlink_to(victim)
        assert db.remove(FIRST) == 1
        temporary.write_bytes(b"half of the next version")
        temporary.chmod(0o000)
        assert db.remove(FieldQuery().n == 1) == 1
        assert db.get_field_values("n") == [2, 3, 4, 5]
    assert victim.read_text() == "precious"
    assert not temporary.exists()


def test_a_change_that_changes_nothing_makes_no_file(path: Path) -> None:
    steps: list[str] = []
    with TinyFlux(path) as db, intercepted(lambda step, place: steps.append(step)):
        assert db.remove(FieldQuery().n == 77) == 0
        assert db.update_all(measurement=lambda name: name) == 0
    assert "create" not in steps


def test_a_rewrite_without_room_says_so_beforehand_with_the_figures(small_disk: Path) -> None:
    path = small_disk / "data.csv"
    with TinyFlux(path) as db:
        for n in range(12):
            db.insert(point(n, long="x" * 50_000))
        before = path.read_bytes()
        with pytest.raises(StorageError) as found:
            db.update_all(tags={"new": "tag"})
        assert found.value.errno == errno.ENOSPC
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        assert f"{len(before):,} bytes" in str(found.value)
        assert f"{free:,} are free" in str(found.value)
        assert "nothing was changed" in str(found.value)
        assert path.read_bytes() == before
        # What is left decides how much room is needed: removing much is still possible.
        assert db.remove(FieldQuery().n > 2) == 9
        assert db.update_all(tags={"new": "tag"}) == 3


def test_rows_in_the_old_file_of_a_rewrite_are_taken_over(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By the handle that made the rewrite, from a program that knows no lock."""
    row = b"2025-01-01T00:00:00,m,_field_n,%d\r\n"
    with TinyFlux(path) as db, open(path, "ab", buffering=0) as foreign:
        db.remove(FIRST)
        foreign.write(row % 70)
        assert db.get_field_values("n") == [1, 2, 3, 4, 5, 70]
        assert "keeps the file open without locks" in caplog.text
        foreign.write((row % 71)[:20])
        assert len(db) == 6
        foreign.write((row % 71)[20:])
        db.insert(point(8))
        assert db.get_field_values("n") == [1, 2, 3, 4, 5, 70, 71, 8]
        assert db.remove(FieldQuery().n == 70) == 1
        assert output("print(TinyFlux(path).get_field_values('n'))", path) == (
            "[1, 2, 3, 4, 5, 71, 8]\n"
        )


def test_the_old_file_of_a_rewrite_gives_its_room_back_when_it_is_needed(
    small_disk: Path,
) -> None:
    path = small_disk / "data.csv"
    with TinyFlux(path) as db:
        for n in range(8):
            db.insert(point(n, long="x" * 50_000))
        assert db.remove(FIRST) == 1
        # 0.75 of 1 MB are taken by both files now.
        for n in range(10, 16):
            db.insert(point(n, long="x" * 50_000))
        assert len(db) == 13
        assert db.remove(FieldQuery().n < 12) == 9
        # Now 0.65 MB by the old one and 0.2 MB by the new one, which the next change copies.
        assert db.update_all(tags={"new": "tag"}) == 4


def test_other_names_of_the_file_are_warned_of(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    os.link(path, path.with_name("other.csv"))
    with TinyFlux(path) as db:
        db.remove(FIRST)
    assert "hard links" in caplog.text


def test_a_file_that_is_replaced_while_it_is_read_is_read_to_its_end(tmp_path: Path) -> None:
    """Columns are published in the middle of a long reading; the file is another one then."""
    path = tmp_path / "data.csv"
    n_rows = 1_000_000
    path.write_bytes(b"".join(b"2025-01-01T00:00:00,m,_field_n,%d\r\n" % n for n in range(n_rows)))
    replaced: list[str] = []

    def replace(step: str, place: str) -> None:
        if place.endswith(".segment") and not replaced:
            replaced.append(place)
            other = path.with_name("other.csv")
            other.write_bytes(b"2025-01-01T00:00:00,m,_field_n,7\r\n" * 50)
            other.rename(path)

    with TinyFlux(path) as db:
        with intercepted(replace):
            found = db.count(FieldQuery().n >= 0)
        assert replaced
        assert found in (n_rows, 50)
        assert db.get_field_values("n") == [7] * 50


def test_rows_before_a_damage_far_inside_are_there_once_it_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    row = b"2025-01-01T00:00:00,m,_field_n,%d\r\n"
    good = b"".join(row % n for n in range(150_000))
    with TinyFlux(path) as db:
        path.write_bytes(good + b"no row\r\n" + row % 150_000)
        with pytest.raises(DamageError):
            len(db)
        path.write_bytes(good + row % 150_000)
        assert db.count(FieldQuery().n >= 0) == 150_001
