"""Who waits for whom: writers for each other, readers for nobody, and nobody for the dead."""

from __future__ import annotations

import os
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.tinyflux.durability.operations import point
from tests.tinyflux.programs import output, start
from tinyflux import CSVStorage, FieldQuery, TinyFlux
from tinyflux.errors import DamageError, LockTimeoutError
from tinyflux.files import intercepted

HOLDING = """
    from tinyflux.files import intercepted

    def hold(step, place):
        if step == "{step}" and place.endswith("{name}"):
            print("holding", flush=True)
            sys.stdin.readline()

    db = TinyFlux(path)
    with intercepted(hold):
        {call}
    """
APPENDING = HOLDING.format(step="fsync", name="data.csv", call="db.insert(point(50))")
REWRITING = HOLDING.format(step="fsync", name=".rewrite", call="db.remove(FieldQuery().n == 1)")


@contextmanager
def holder(code: str, path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process in the middle of an operation, which goes on at the end."""
    with start(code, path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        yield process
        if process.poll() is None:
            process.communicate("go on\n", timeout=30)
            assert process.returncode == 0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of three points."""
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple([point(1), point(2), point(3)])
    return path


def impatient(path: Path) -> TinyFlux:
    db = TinyFlux(path)
    assert isinstance(db.storage, CSVStorage)
    db.storage.lock_timeout_s = 0.1
    return db


WRITES: dict[str, Callable[[TinyFlux], Any]] = {
    "insert": lambda db: db.insert(point(9)),
    "remove": lambda db: db.remove(FieldQuery().n == 2),
    "remove_all": lambda db: db.remove_all(),
}


@pytest.mark.parametrize("write", WRITES)
def test_who_waits_too_long_for_an_append_learns_the_holders_pid(path: Path, write: str) -> None:
    with impatient(path) as db, holder(APPENDING, path) as process:
        with pytest.raises(LockTimeoutError, match=rf"by process {process.pid} for more than 0.1"):
            WRITES[write](db)
        assert len(db) == 4


@pytest.mark.parametrize("write", ["remove", "remove_all"])
def test_who_waits_too_long_for_a_rewrite_learns_the_holders_pid(path: Path, write: str) -> None:
    with (
        impatient(path) as db,
        holder(REWRITING, path) as process,
        pytest.raises(LockTimeoutError, match=rf"rewritten by process {process.pid} for"),
    ):
        WRITES[write](db)
    assert output("print(TinyFlux(path).get_field_values('n'))", path) == "[2, 3]\n"


def test_who_waits_for_a_rewrite_is_not_told_of_one_who_appends(path: Path) -> None:
    with (
        impatient(path) as db,
        holder(REWRITING, path) as process,
        holder(APPENDING, path),
        pytest.raises(LockTimeoutError, match=rf"rewritten by process {process.pid} for"),
    ):
        db.remove(FieldQuery().n == 2)


ORPHANING = """
    import fcntl
    import time
    file = open(path)
    fcntl.flock(file, fcntl.LOCK_EX)
    child = os.fork()
    if child:
        print(child, flush=True)
        os._exit(0)
    sys.stdin.readline()
    """


def test_a_lock_that_only_a_child_still_holds_is_known_to_be_the_childs(path: Path) -> None:
    with impatient(path) as db, start(ORPHANING, path) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.wait()
        with pytest.raises(LockTimeoutError, match=rf"by process {child} for more than 0.1"):
            db.insert(point(9))
        process.communicate("go on\n")
        db.storage.lock_timeout_s = 60.0  # type: ignore[attr-defined]
        db.insert(point(9))


QUEUEING = """
    from tinyflux.files import intercepted

    said = []

    def hold(step, place):
        if step == "lock" and place.endswith("data.csv") and not said:
            said.append(place)
            print("holding", flush=True)
            sys.stdin.readline()

    db = TinyFlux(path)
    with intercepted(hold):
        {call}
    """


@pytest.mark.parametrize(
    ("call", "write"),
    [
        ("db.insert(point(50))", "insert"),
        ("db.remove(FieldQuery().n == 1)", "remove"),
        ("db.remove_all()", "remove"),
    ],
)
def test_who_comes_later_waits_behind_who_waits_already(path: Path, call: str, write: str) -> None:
    """The first to wait has its place, but not yet the lock, which is free."""
    with impatient(path) as db, holder(QUEUEING.format(call=call), path) as process:
        with pytest.raises(LockTimeoutError, match=rf"by process {process.pid} for more than"):
            WRITES[write](db)
        assert db.get_field_values("n") == [1, 2, 3]


def test_a_rewrite_in_the_making_lets_others_append(path: Path) -> None:
    with impatient(path) as db:
        with holder(REWRITING, path):
            db.insert(point(9))
            assert db.get_field_values("n") == [1, 2, 3, 9]
        assert db.get_field_values("n") == [2, 3, 9]


def test_appends_wait_for_a_repair_and_readers_do_not(path: Path) -> None:
    well = path.read_bytes()
    path.write_bytes(well + b"no row\n")
    code = HOLDING.format(step="write", name=".bad", call="main(['repair', '--run', str(path)])")
    with impatient(path) as db:
        with holder(f"from tinyflux.cli import main\n{textwrap.dedent(code)}", path) as process:
            with pytest.raises(LockTimeoutError, match=rf"by process {process.pid} for more than"):
                db.insert(point(9))
            with pytest.raises(DamageError):
                len(db)
        db.insert(point(9))
        assert db.get_field_values("n") == [1, 2, 3, 9]


@pytest.mark.parametrize("code", [APPENDING, REWRITING], ids=["append", "rewrite"])
def test_readers_wait_for_nobody(path: Path, code: str) -> None:
    with impatient(path) as db, holder(code, path):
        assert db.get_field_values("n")[:3] == [1, 2, 3]


@pytest.mark.parametrize("code", [APPENDING, REWRITING], ids=["append", "rewrite"])
@pytest.mark.parametrize("write", WRITES)
def test_a_killed_holder_blocks_nobody(path: Path, code: str, write: str) -> None:
    with impatient(path) as db:
        with holder(code, path) as process:
            process.kill()
            process.wait()
        WRITES[write](db)
    output("TinyFlux(path).remove(FieldQuery().n == 9)", path)
    assert {place.name for place in path.parent.iterdir()} == {"data.csv", ".data.csv.index"}


def test_who_opens_the_file_removes_what_the_dead_left(path: Path) -> None:
    temporary = path.with_name(".data.csv.rewrite")
    with holder(REWRITING, path) as process:
        TinyFlux(path).close()
        assert temporary.exists()
        process.kill()
        process.wait()
    TinyFlux(path, access_mode="r").close()
    assert temporary.exists()
    TinyFlux(path).close()
    assert not temporary.exists()


def test_readers_take_no_lock(path: Path) -> None:
    steps: list[str] = []
    with TinyFlux(path) as db, intercepted(lambda step, place: steps.append(step)):
        assert len(db) == 3
        assert db.search(FieldQuery().n > 1)
        assert list(db)
    assert "lock" not in steps


WITHOUT_PAUSE = """
    import time
    from tinyflux.files import intercepted

    def be_slow(step, place):
        if step == "fsync":
            time.sleep(0.005)

    db = TinyFlux(path)
    with intercepted(be_slow):
        while True:
            db.insert(point(50))
            print("done", flush=True)
    """


def test_a_writer_without_a_pause_starves_nobody(path: Path) -> None:
    """It holds the lock nearly all the time; who waits is next nevertheless."""
    with TinyFlux(path) as db:
        with start(WITHOUT_PAUSE, path) as process:
            assert process.stdout is not None
            process.stdout.readline()
            before = len(db)
            for number in range(100, 120):
                db.insert(point(number))
            n_between = len(db) - before - 20
            process.kill()
        assert db.count(FieldQuery().n >= 100) == 20
    # One that was at work and one that was already in the queue, at each.
    assert n_between <= 5 * 20


def test_a_forked_process_excludes_its_parent(path: Path) -> None:
    """A descriptor that fork has copied shares its locks."""
    reader, writer = os.pipe()
    with impatient(path) as db:

        def fork(step: str, place: str) -> None:
            if step != "fsync" or not place.endswith("data.csv"):
                return
            child = os.fork()
            if child == 0:
                try:
                    db.insert(point(9))
                except LockTimeoutError:
                    os.write(writer, b"waited")
                finally:
                    os._exit(0)
            os.waitpid(child, 0)

        with intercepted(fork):
            db.insert(point(4))
        os.close(writer)
        assert os.read(reader, 100) == b"waited"
        os.close(reader)
        assert db.get_field_values("n") == [1, 2, 3, 4]


REWRITER = """
    db = TinyFlux(path)
    for n in range(40):
        db.insert(point(n, own="{name}"))
        db.update((TagQuery().own == "{name}") & (FieldQuery().n == n), tags={{"changed": "yes"}})
        if n % 2:
            db.remove((TagQuery().own == "{name}") & (FieldQuery().n == n))
    """


def test_two_rewriters_undo_nothing_of_each_other(path: Path) -> None:
    processes = [start(REWRITER.format(name=name), path) for name in ("a", "b")]
    for process in processes:
        with process:
            process.communicate(timeout=100)
        assert process.returncode == 0
    with TinyFlux(path) as db:
        assert db.count(FieldQuery().n.test(lambda n: n % 2 == 0)) == 40 + 1
        for name in ("a", "b"):
            mine = [p for p in db if p.tags.get("own") == name]
            assert [p.fields["n"] for p in mine] == list(range(0, 40, 2))
            assert {p.tags["changed"] for p in mine} == {"yes"}
