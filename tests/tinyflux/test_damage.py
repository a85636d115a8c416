"""Bytes in the middle of a file that are no row: an error says where, nothing is changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tinyflux import Insert, Point, Remove, TagQuery, TinyFlux
from tinyflux.cli import main
from tinyflux.errors import DamageError

TIME = datetime(2025, 1, 1, tzinfo=UTC)
EVERY = TagQuery().noop()
ROW = b"2025-01-01T00:00:00,m,_field_n,%d\r\n"
BLANK = b"\r\n\r\n"

DAMAGE: dict[str, tuple[bytes, str]] = {
    "no time": (b"noon,m,_field_n,1\r\n", "first cell 'noon' is no ISO 8601 time"),
    "no such day": (b"2025-02-30T00:00:00,m\r\n", "is no ISO 8601 time"),
    "one cell": (b"2025-01-01T00:00:00\r\n", "it has 1 cells; a row has a time, a measurement"),
    "odd cells": (b"2025-01-01T00:00:00,m,_tag_a\r\n", "it has 3 cells"),
    "no number": (b"2025-01-01T00:00:00,m,_field_n,one\r\n", "field 'n' is 'one', no number"),
    "no key": (b"2025-01-01T00:00:00,m,n,1\r\n", "key 'n' begins with none of _tag_, _field_"),
    "no utf-8": (b"2025-01-01T00:00:00,m\xff\r\n", "its bytes are no utf-8"),
    "NULs": (b"\0\0\0\0\0\r\n", "it has 1 cells"),
    "quote in the wrong place": (b'2025-01-01T00:00:00,"m" x,_tag_a\r\n', "it has 3 cells"),
}


@pytest.mark.parametrize("auto_index", [True, False], ids=["index", "scan"])
@pytest.mark.parametrize("kind", DAMAGE)
def test_the_error_says_where_and_what(tmp_path: Path, kind: str, auto_index: bool) -> None:
    damage, reason = DAMAGE[kind]
    path = tmp_path / "data.csv"
    path.write_bytes(ROW % 1 + ROW % 2 + damage + ROW % 3)
    with TinyFlux(path, auto_index=auto_index) as db, pytest.raises(DamageError) as found:
        db.all()
    error = found.value
    assert (error.path, error.offset) == (str(path), len(ROW % 1 + ROW % 2))
    assert reason in error.reason
    assert f"{path}: the row at byte {error.offset} cannot be read: {error.reason}" in str(error)
    assert f"python -m tinyflux repair {path}" in str(error)
    assert isinstance(error, ValueError)


def test_blank_lines_before_a_damaged_row_are_none_of_it(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(ROW % 1 + BLANK + b"damage\r\n" + ROW % 2)
    with TinyFlux(path) as db, pytest.raises(DamageError) as found:
        db.all()
    assert found.value.offset == len(ROW % 1 + BLANK)


CALLS: dict[str, Callable[[TinyFlux], Any]] = {
    "len": len,
    "search": lambda db: db.search(EVERY),
    "keys": lambda db: db.get_tag_keys(),
    "iteration": list,
    "remove": lambda db: db.remove(EVERY),
    "update": lambda db: db.update_all(measurement="new"),
    "drop": lambda db: db.drop_measurement("m"),
    "apply": lambda db: db.apply([Remove(EVERY), Insert([Point(time=TIME)])]),
    "reindex": lambda db: db.reindex(),
}


@pytest.mark.parametrize("auto_index", [True, False], ids=["index", "scan"])
@pytest.mark.parametrize("call", CALLS)
def test_nothing_is_changed(tmp_path: Path, call: str, auto_index: bool) -> None:
    path = tmp_path / "data.csv"
    before = ROW % 1 + b"damage\r\n" + ROW % 2
    path.write_bytes(before)
    with TinyFlux(path, auto_index=auto_index) as db:
        for _ in range(2):
            with pytest.raises(DamageError):
                CALLS[call](db)
    assert path.read_bytes() == before


def test_a_damaged_file_still_takes_rows(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    before = ROW % 1 + b"damage\r\n" + ROW % 2
    path.write_bytes(before)
    with TinyFlux(path) as db:
        assert db.insert(Point(time=TIME, measurement="m", fields={"n": 3})) == 1
    assert path.read_bytes() == before + ROW % 3


def test_a_handle_goes_on_once_a_person_has_mended_the_file(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(ROW % 1 + b"damage\r\n" + ROW % 2)
    with TinyFlux(path) as db:
        with pytest.raises(DamageError):
            len(db)
        path.write_bytes(ROW % 1 + ROW % 2)
        assert db.get_field_values("n") == [1, 2]
        assert db.remove(EVERY) == 2


def test_damage_that_comes_while_a_handle_is_open_is_met(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(ROW % 1)
    with TinyFlux(path) as db:
        assert len(db) == 1
        with open(path, "ab") as file:
            file.write(ROW % 2 + b"damage\r\n" + ROW % 3)
        with pytest.raises(DamageError) as found:
            len(db)
        assert found.value.offset == len(ROW % 1 + ROW % 2)
        path.write_bytes(ROW % 1 + ROW % 3)
        assert db.get_field_values("n") == [1, 3]


@pytest.mark.parametrize("flags", [[], ["--run"]], ids=["dry", "run"])
def test_repair_leaves_a_file_alone_of_which_it_can_read_no_row(
    tmp_path: Path, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "data.csv"
    data = b"2024-01-01T00:00:00;m;_field_v;1\r\n" * 2
    path.write_bytes(data)
    assert main(["repair", str(path), *flags]) == 1
    assert "no row of it can be read, so nothing was changed" in capsys.readouterr().err
    assert path.read_bytes() == data
    assert not path.with_name("data.csv.bad").exists()
