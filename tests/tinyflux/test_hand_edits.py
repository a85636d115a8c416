"""A person or another program edits the file: every open handle notices and answers right."""

from __future__ import annotations

import codecs
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tinyflux import FieldQuery, Point, TinyFlux

TIME = datetime(2025, 1, 1, tzinfo=UTC)


def row(n: int) -> bytes:
    return b"2025-01-01T00:00:00,_default,_field_n,%d\r\n" % n


def rows(*numbers: int) -> bytes:
    return b"".join(map(row, numbers))


def in_place(path: Path, data: bytes) -> None:
    """As `open(path, "w")` does."""
    path.write_bytes(data)


def renamed(path: Path, data: bytes) -> None:
    """As an editor does: a new file in the old one's place."""
    other = path.with_name("editor.tmp")
    other.write_bytes(data)
    other.rename(path)


def with_the_old_time(path: Path, data: bytes) -> None:
    """As `cp -p` and `rsync -t` do."""
    old = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))


def copied_over(path: Path, data: bytes) -> None:
    """As a restored backup."""
    other = path.with_name("backup")
    other.write_bytes(data)
    shutil.copyfile(other, path)


def deleted_first(path: Path, data: bytes) -> None:
    """The name is free for a moment."""
    path.unlink()
    path.write_bytes(data)


EDITS: dict[str, tuple[bytes, list[int]]] = {
    "a row is added": (rows(1, 2, 3, 4), [1, 2, 3, 4]),
    "the last row is removed": (rows(1, 2), [1, 2]),
    "the first row is removed": (rows(2, 3), [2, 3]),
    "a digit is changed": (rows(1, 7, 3), [1, 7, 3]),
    "rows change places": (rows(3, 1, 2), [3, 1, 2]),
    "a digit is changed and a row added": (rows(9, 2, 3, 4), [9, 2, 3, 4]),
    "everything is removed": (b"", []),
    "everything is new": (rows(5, 6, 7, 8, 9), [5, 6, 7, 8, 9]),
    "line ends of Unix": (rows(1, 2, 3).replace(b"\r\n", b"\n"), [1, 2, 3]),
    "blank lines": (b"\r\n" + row(1) + b"\r\n\n  \n" + rows(2, 3) + b"\n\n", [1, 2, 3]),
    "a mark of a spreadsheet": (codecs.BOM_UTF8 + rows(1, 2), [1, 2]),
    "quotes of a spreadsheet": (
        b'"2025-01-01T00:00:00","_default","_field_n","1"\r\n' + row(2),
        [1, 2],
    ),
}
WAYS: list[Callable[[Path, bytes], None]] = [
    in_place,
    renamed,
    with_the_old_time,
    copied_over,
    deleted_first,
]


@pytest.mark.parametrize("auto_index", [True, False], ids=["index", "scan"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("edit", EDITS)
def test_a_handle_answers_from_the_file_as_it_is(
    tmp_path: Path, edit: str, way: Callable[[Path, bytes], None], auto_index: bool
) -> None:
    data, expected = EDITS[edit]
    path = tmp_path / "data.csv"
    with TinyFlux(path) as first:
        first.insert_multiple(Point(time=TIME, fields={"n": n}) for n in (1, 2, 3))
    with TinyFlux(path, auto_index=auto_index) as db:
        assert db.get_field_values("n") == [1, 2, 3]
        way(path, data)
        assert db.get_field_values("n") == expected
        db.insert(Point(time=TIME, fields={"n": 10}))
        assert db.get_field_values("n") == [*expected, 10]
        assert db.remove(FieldQuery().n == 10) == 1
        assert db.get_field_values("n") == expected


@pytest.mark.parametrize("way", WAYS)
def test_a_change_after_an_edit_is_made_to_the_edited_file(
    tmp_path: Path, way: Callable[[Path, bytes], None]
) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple(Point(time=TIME, fields={"n": n}) for n in (1, 2, 3))
        assert len(db) == 3
        way(path, rows(3, 2, 1))
        assert db.remove(FieldQuery().n == 3) == 1
        assert path.read_bytes() == rows(2, 1)
        way(path, rows(1, 2))
        assert db.update(FieldQuery().n == 2, fields={"n": 9}) == 1
        assert path.read_bytes() == rows(1, 9)


def test_other_files_beside_it_may_be_deleted(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple(Point(time=TIME, fields={"n": n}) for n in (1, 2, 3))
        db.publish_index()
        for other in tmp_path.iterdir():
            if other != path:
                shutil.rmtree(other) if other.is_dir() else other.unlink()
        assert db.get_field_values("n") == [1, 2, 3]
        db.insert(Point(time=TIME, fields={"n": 4}))
        assert db.remove(FieldQuery().n == 1) == 1
    with TinyFlux(path) as db:
        assert db.get_field_values("n") == [2, 3, 4]


def test_a_file_that_is_gone_is_an_error_and_not_an_empty_database(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert(Point(time=TIME))
        path.unlink()
        for call in (len, lambda db: db.insert(Point(time=TIME)), lambda db: db.remove_all()):
            with pytest.raises(OSError, match="No such file"):
                call(db)
        assert not path.exists()


ORDERS = (
    "2025-01-01T00:00:00,m,_tag_a,1,_tag_b,2,_field_x,1,_field_y,2\r\n",
    "2025-01-01T00:00:01,m,_tag_b,2,_tag_a,1,_field_y,2,_field_x,1\r\n",
    '2025-01-01T00:00:02,m,t_c,"q""",t_b,2,t_a,1,f_y,2,f_z,0,f_x,1\r\n',
)


def test_a_changed_row_keeps_the_order_of_its_keys(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("".join(ORDERS), encoding="utf-8", newline="")
    with TinyFlux(path) as db:
        assert db.update_all(tags={"n": "new", "b": "3"}, fields={"x": 7}, unset_fields="z") == 3
    assert path.read_bytes().decode() == (
        "2025-01-01T00:00:00,m,_tag_a,1,_tag_b,3,_tag_n,new,_field_x,7,_field_y,2\r\n"
        "2025-01-01T00:00:01,m,_tag_b,3,_tag_a,1,_tag_n,new,_field_y,2,_field_x,7\r\n"
        '2025-01-01T00:00:02,m,t_c,"q""",t_b,3,t_a,1,t_n,new,f_y,2,f_x,7\r\n'
    )
