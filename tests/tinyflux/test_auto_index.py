"""auto_index on and off: what scans, what does not, and what `reindex` changes."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.tinyflux.backends import BACKENDS, Backend
from tests.tinyflux.exact import contents
from tinyflux import FieldQuery, Point, TagQuery, TinyFlux

TIME = datetime(2025, 1, 1, tzinfo=UTC)


def point(n: int) -> Point:
    return Point(time=TIME + timedelta(hours=n), tags={"a": str(n)}, fields={"n": n})


def test_without_auto_index_what_is_stored_already_is_scanned(backend: Backend) -> None:
    db = backend.holding(point(1), point(2))
    assert db.index.valid == backend.auto_index
    assert len(db.index) == (2 if backend.auto_index else 0)
    assert db.count(FieldQuery().n == 2) == 1
    assert db.index.valid == backend.auto_index


@pytest.mark.parametrize("auto_index", [True, False])
def test_an_empty_database_has_an_index_from_the_start(backend: Backend, auto_index: bool) -> None:
    db = backend.open(auto_index=auto_index)
    db.insert(point(1))
    assert db.index.valid
    assert len(db.index) == 1


def test_reindex_makes_the_index_answer(backend: Backend) -> None:
    db = backend.holding(point(1), point(2))
    db.reindex()
    assert db.index.valid
    assert db.index.latest_time == point(2).time
    db.insert(point(3))
    assert len(db.index) == 3
    assert db.remove(FieldQuery().n == 1) == 1
    assert contents(db.all()) == contents([point(2), point(3)])


def test_reindexing_a_valid_index_prints_and_warns_nothing(
    backend: Backend, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    db = backend.holding(point(1))
    db.reindex()
    caplog.clear()
    with caplog.at_level(logging.DEBUG):
        db.reindex()
    assert capsys.readouterr() == ("", "")
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []
    assert "valid" in caplog.text


def test_late_points_leave_the_index_valid(backend: Backend) -> None:
    db = backend.open()
    db.insert_multiple([point(5), point(1), point(3)])
    db.insert(point(2))
    assert db.index.valid
    assert [p.fields["n"] for p in db.all()] == [1, 2, 3, 5]


def test_changes_leave_the_index_valid(backend: Backend) -> None:
    db = backend.holding(*map(point, range(5)))
    db.remove(FieldQuery().n == 2)
    db.update(FieldQuery().n == 3, time=TIME - timedelta(days=1))
    db.drop_measurement("none such")
    assert db.index.valid == backend.auto_index
    assert db.index.empty != backend.auto_index


def test_a_scan_tests_each_point_and_an_index_each_value(backend: Backend) -> None:
    same = [Point(time=TIME, tags={"a": "x"}) for _ in range(5)]
    db = backend.holding(*same)
    seen: list[str | None] = []

    def look(text: str | None) -> bool:
        seen.append(text)
        return True

    assert db.count(TagQuery().a.test(look)) == 5
    assert len(seen) == (1 if backend.auto_index else 5)


def test_an_index_made_while_scanning_is_not_used_by_itself(backend: Backend) -> None:
    db = backend.holding(point(1), point(2))
    db.remove(FieldQuery().n == 1)
    db.insert(point(3))
    db.update_all(tags={"b": "c"})
    assert db.index.valid == backend.auto_index
    assert db.get_tag_values() == {"a": ["2", "3"], "b": ["c"]}


@pytest.mark.parametrize(("storage", "auto_index"), BACKENDS)
def test_repr_and_len(
    storage: str, auto_index: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    backend = Backend(storage, auto_index, tmp_path_factory.mktemp("db"))
    db = backend.holding(point(1), point(2))
    assert len(db) == 2
    assert repr(db).startswith("TinyFlux(")
    assert f"auto_index={auto_index}" in repr(db)
    backend.close()


def test_the_database_closes_with_its_block(backend: Backend) -> None:
    with backend.holding(point(1)) as db:
        assert isinstance(db, TinyFlux)
        assert len(db) == 1
    db.close()
    assert len(backend.open()) == 1


@pytest.mark.parametrize("storage", ["memory", "user"])
def test_a_storage_that_holds_nothing_open_goes_on_after_close(
    storage: str, tmp_path: Path
) -> None:
    db = Backend(storage, True, tmp_path).holding(point(1))
    db.close()
    assert db.insert(point(2)) == 1
    assert db.remove(FieldQuery().n == 1) == 1
    assert db.get_field_values("n") == [2]
    db.storage.sync()


def test_the_block_closes_on_an_error_too(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("db") / "data.csv"
    db = TinyFlux(path)
    db.insert(point(1))
    with pytest.raises(TypeError), db:
        db.remove("no query")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="closed"):
        len(db)
    assert len(TinyFlux(path)) == 1
