"""Several processes on one file: each operation sees what the others did."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.tinyflux.programs import output, start
from tinyflux import CSVStorage, FieldQuery, Point, TagQuery, TinyFlux
from tinyflux.errors import LockTimeoutError

TIME = datetime(2025, 1, 1, tzinfo=UTC)


def point(n: int) -> Point:
    return Point(time=TIME, fields={"n": n})


def test_what_one_process_writes_another_reads(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple([point(1), point(2)])
        assert output("print(len(TinyFlux(path)))", path) == "2\n"
        output("TinyFlux(path).insert(point(3))", path)
        assert db.get_field_values("n") == [1, 2, 3]
        output("TinyFlux(path).remove(FieldQuery().n == 2)", path)
        assert db.get_field_values("n") == [1, 3]
        output("TinyFlux(path).update_all(fields={'n': 9})", path)
        assert db.get_field_values("n") == [9, 9]
        output("TinyFlux(path).remove_all()", path)
        assert len(db) == 0
        db.insert(point(5))
        assert output("print(TinyFlux(path).get_field_values('n'))", path) == "[5]\n"


def test_a_handle_follows_the_changes_of_another_process(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    code = """
        db = TinyFlux(path)
        for line in sys.stdin:
            print(eval(line), flush=True)
        """
    with TinyFlux(path) as db, start(code, path) as other:
        assert other.stdin is not None
        assert other.stdout is not None

        def ask(text: str) -> str:
            assert other.stdin is not None
            assert other.stdout is not None
            other.stdin.write(text + "\n")
            other.stdin.flush()
            return other.stdout.readline().strip()

        assert ask("len(db)") == "0"
        db.insert_multiple([point(1), point(2), point(3)])
        assert ask("db.get_field_values('n')") == "[1, 2, 3]"
        assert ask("db.remove(FieldQuery().n == 2)") == "1"
        assert db.get_field_values("n") == [1, 3]
        db.update(FieldQuery().n == 3, fields={"n": 30})
        assert ask("db.get_field_values('n')") == "[1, 30]"
        assert ask("db.insert(point(4))") == "1"
        assert db.remove(FieldQuery().n >= 4) == 2
        assert ask("db.get_field_values('n')") == "[1]"
        assert ask("db.remove_all()") == "None"
        db.insert(point(7))
        assert ask("db.get_field_values('n')") == "[7]"


APPENDER = """
    db = TinyFlux(path)
    for n in range(300):
        db.insert(point(n, writer="{number}"))
    """


def test_appenders_beside_rewriters_lose_and_double_nothing(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path, flush_on_insert=False) as db:
        appenders = [start(APPENDER.format(number=number), path) for number in range(2)]
        n_removed = 0
        while any(process.poll() is None for process in appenders):
            n_removed += db.remove(FieldQuery().n.test(lambda n: n % 10 == 0))
            db.update(FieldQuery().n.test(lambda n: n % 10 == 1), fields={"n": -1})
        for process in appenders:
            process.communicate(timeout=60)
            assert process.returncode == 0
        n_removed += db.remove(FieldQuery().n.test(lambda n: n % 10 == 0))
        assert n_removed == 2 * 30
        assert len(db) == 2 * 270
        for writer in "01":
            values = db.select("fields.n", TagQuery().writer == writer)
            expected = [-1 if n % 10 == 1 else n for n in range(300) if n % 10]
            found = [-1 if n is not None and n % 10 == 1 else n for n in values]
            assert found == expected


READER = """
    from tinyflux.errors import TinyFluxError
    db = TinyFlux(path, auto_index={auto_index})
    seen = 0
    while seen < 400:
        values = db.get_field_values("n")
        assert values == list(range(len(values))), values[-5:]
        assert len(values) >= seen
        seen = len(values)
    print(seen)
    """


def test_readers_beside_an_appender_see_a_prefix_of_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    TinyFlux(path).insert(point(0))
    readers = [start(READER.format(auto_index=index), path) for index in (True, False)]
    with TinyFlux(path, flush_on_insert=False) as db:
        for n in range(1, 400, 3):
            db.insert_multiple([point(n), point(n + 1), point(n + 2)])
    for reader in readers:
        text, _ = reader.communicate(timeout=60)
        assert (reader.returncode, text) == (0, "400\n")


def test_rewriters_do_not_undo_each_other(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple(point(n) for n in range(200))
        code = """
            db = TinyFlux(path)
            for n in range({first}, 200, 2):
                assert db.remove(FieldQuery().n == n) == 1
            """
        processes = [start(code.format(first=first), path) for first in (0, 1)]
        for process in processes:
            process.communicate(timeout=60)
            assert process.returncode == 0
        assert len(db) == 0


def test_a_reader_goes_on_while_the_file_is_rewritten(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple(point(n) for n in range(1000))
        code = """
            db = TinyFlux(path)
            for step in range(30):
                db.update_all(fields={"n": step})
            """
        with start(code, path) as writer:
            while writer.poll() is None:
                values = db.get_field_values("n")
                assert len(values) == 1000
                assert len(set(values)) in (1, 1000)
        assert writer.returncode == 0
        assert db.count(FieldQuery().n == 29) == 1000


def test_a_lock_that_is_held_too_long_names_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    code = """
        import fcntl
        file = open(path, "a")
        fcntl.flock(file, fcntl.LOCK_EX)
        print("locked", flush=True)
        input()
        """
    with TinyFlux(path) as db, start(code, path) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        assert isinstance(db.storage, CSVStorage)
        db.storage.lock_timeout_s = 0.1
        with pytest.raises(LockTimeoutError) as found:
            db.insert(point(0))
        assert str(path) in str(found.value)
        assert f"process {holder.pid} for more than 0.1 s" in str(found.value)
        assert len(db) == 0
        holder.communicate("\n", timeout=60)
        assert db.insert(point(1)) == 1
