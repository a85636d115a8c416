"""CSVStorage: where its file is, and its arguments."""

from __future__ import annotations

import os
import resource
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path

import pytest

from tests.tinyflux.exact import contents
from tinyflux import CSVStorage, FieldQuery, MemoryStorage, Point, TinyFlux
from tinyflux.storages import create_file

TIME = datetime(2025, 1, 1, tzinfo=UTC)


def point(n: int) -> Point:
    return Point(time=TIME, fields={"n": n})


def test_a_path_may_be_text(tmp_path: Path) -> None:
    with TinyFlux(str(tmp_path / "data.csv")) as db:
        db.insert(point(1))
    with TinyFlux(path=tmp_path / "data.csv", storage=CSVStorage) as db:
        assert len(db) == 1


def test_a_path_is_needed() -> None:
    with pytest.raises(TypeError, match="path"):
        TinyFlux()


def test_missing_directories_are_made_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "data.csv"
    with pytest.raises(FileNotFoundError, match="create_dirs=True"):
        TinyFlux(path)
    assert list(tmp_path.iterdir()) == []
    with TinyFlux(path, create_dirs=True) as db:
        db.insert(point(1))
    with TinyFlux(path, create_dirs=True) as db:
        assert len(db) == 1


def test_create_file_leaves_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "a" / "data.csv"
    create_file(path, create_dirs=True)
    path.write_text("kept")
    create_file(str(path), False)
    assert path.read_text() == "kept"


@pytest.mark.parametrize("mode", ["r+", "r", "a", "w+"])
def test_a_directory_is_no_data_file(tmp_path: Path, mode: str) -> None:
    with pytest.raises(IsADirectoryError, match="data file is a directory"):
        TinyFlux(tmp_path, access_mode=mode)


def test_a_relative_path_stays_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with TinyFlux("data.csv") as db:
        db.insert(point(1))
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        db.insert(point(2))
        assert db.remove(FieldQuery().n == 1) == 1
    assert [path.name for path in tmp_path.glob("*.csv")] == ["data.csv"]
    assert list((tmp_path / "elsewhere").iterdir()) == []


@pytest.mark.parametrize("name", ["däta, 1.csv", "data", ".hidden", "new\nline.csv", "a%s.csv"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    with TinyFlux(tmp_path / name) as db:
        db.insert_multiple([point(1), point(2)])
        db.remove(FieldQuery().n == 1)
    with TinyFlux(tmp_path / name) as db:
        assert len(db) == 1


@pytest.mark.parametrize("flush_on_insert", [True, False])
def test_rows_are_visible_to_others_at_once(tmp_path: Path, flush_on_insert: bool) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path, flush_on_insert=flush_on_insert) as db, TinyFlux(path) as other:
        db.insert(point(1))
        assert len(other) == 1
        assert path.read_bytes().count(b"\n") == 1


def test_a_storage_reads_and_appends_by_itself(tmp_path: Path) -> None:
    storage = CSVStorage(tmp_path / "data.csv")
    storage.append([point(1), point(2)])
    assert contents(storage.read()) == contents([point(1), point(2)])
    storage.append([point(3)], temporary=True)
    assert len(storage.read()) == 2
    storage.reset()
    assert storage.read() == []
    storage.close()


def test_what_is_kept_aside_is_no_part_of_a_memory_storage() -> None:
    storage = MemoryStorage()
    storage.append([point(1)])
    storage.append([point(2)], temporary=True)
    assert contents(storage.read()) == contents([point(1)])


# The page lists them as attributes, whatever their names say.
LISTED = attrgetter("_initially_empty", "_memory", "_temp_memory")


def test_what_the_page_names_of_a_memory_storage_can_be_looked_at() -> None:
    storage = MemoryStorage()
    assert LISTED(storage) == (True, [], [])
    one, aside = Point(time=TIME), Point(time=TIME)
    storage.append([one])
    storage.append([aside], temporary=True)
    is_empty, memory, temporary = LISTED(storage)
    assert is_empty is False
    assert memory[0] is one
    assert temporary[0] is aside
    memory.clear()
    assert len(storage.read()) == 1


@pytest.mark.parametrize("name", ["_initially_empty", "_memory", "_temp_memory"])
def test_what_the_page_names_of_a_memory_storage_cannot_be_set(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(MemoryStorage(), name, [])


def test_a_list_that_was_read_is_the_caller_s_own() -> None:
    storage = MemoryStorage()
    storage.append([point(1)])
    storage.read().clear()
    assert len(storage.read()) == 1


def test_databases_that_are_never_closed_cost_no_descriptors(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # This process may have many open that are not ours.
    limit = max(int(name) for name in os.listdir("/proc/self/fd")) + 60
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        for number in range(300):
            TinyFlux(path).insert(point(number))
        assert len(TinyFlux(path)) == 300
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
