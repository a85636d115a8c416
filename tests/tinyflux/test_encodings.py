"""Data files in other encodings: read, appended to, rewritten."""

from __future__ import annotations

import codecs
import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.tinyflux import by_hand
from tests.tinyflux.backends import require_sound
from tests.tinyflux.exact import contents
from tinyflux import FieldQuery, Point, TagQuery, TinyFlux
from tinyflux.checking import Damage, Good, examine, open_for_check

TIME = datetime(2025, 1, 1, tzinfo=UTC)


def point(n: int, **tags: str | None) -> Point:
    return Point(time=TIME + timedelta(hours=n), tags=tags, fields={"n": n})


ENCODINGS: dict[str, tuple[str, bytes]] = {
    "utf-8": ("Grüße, 日本\n𝄞", b""),
    "utf-8-sig": ("Grüße, 日本\n𝄞", codecs.BOM_UTF8),
    "utf-16": ("Grüße, 日本\n𝄞\u0a0d\u0d0a\u2c22", codecs.BOM_UTF16_LE),
    "utf-16-le": ("Grüße, 日本\n𝄞\u0a0d\u0d0a\u2c22", b""),
    "utf-16-be": ("Grüße, 日本\n𝄞\u0a0d\u0d0a\u2c22", b""),
    "utf-32": ("Grüße, 日本\n𝄞", codecs.BOM_UTF32_LE),
    "latin-1": ("Grüße,\n", b""),
    "cp1252": ("Grüße, €\n", b""),
    "shift-jis": ("日本,\nソ表", b""),
    "gb18030": ("日本,\nü𝄞", b""),
    "cp037": ("Grüße,\n", b""),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_points_are_stored_and_changed(
    tmp_path: Path, encoding: str, caplog: pytest.LogCaptureFixture
) -> None:
    text, mark = ENCODINGS[encoding]
    path = tmp_path / "data.csv"
    with TinyFlux(path, encoding=encoding) as db:
        db.insert(point(1, a=text))
        db.insert_multiple([point(2, **{text: "b"}), point(3, a=None)])
    with TinyFlux(path, encoding=encoding) as db:
        db.insert(point(4, a=text + text))
        expected = [point(1, a=text), point(2, **{text: "b"}), point(3, a=None)]
        assert contents(db.all()) == contents([*expected, point(4, a=text + text)])
        assert db.remove(TagQuery().a == text) == 1
        assert db.update(FieldQuery().n == 3, tags={"a": text}) == 1
        db.insert(point(5))
    with TinyFlux(path, encoding=encoding, auto_index=False) as db:
        expected = [point(2, **{text: "b"}), point(3, a=text), point(4, a=text + text), point(5)]
        assert contents(db.all(sorted=False)) == contents(expected)
    assert path.read_bytes().startswith(mark + "2025".encode(encoding.replace("-sig", ""))[-8:][:1])
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_program_of_another_kind_reads_the_file(tmp_path: Path, encoding: str) -> None:
    text, mark = ENCODINGS[encoding]
    path = tmp_path / "data.csv"
    with TinyFlux(path, encoding=encoding) as db:
        db.insert(point(1, a=text))
        db.insert(point(2))
        db.update(FieldQuery().n == 2, tags={"b": text})
    plain = path.read_bytes().removeprefix(mark).decode(encoding)
    path.with_name("utf8.csv").write_text(plain, encoding="utf-8", newline="")
    rows = by_hand.read(path.with_name("utf8.csv"))
    assert rows == [by_hand.row(point(1, a=text)), by_hand.row(point(2, b=text))]
    assert mark == b"" or path.read_bytes().count(mark) == 1


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_program_of_another_kind_writes_the_file(tmp_path: Path, encoding: str) -> None:
    text, _ = ENCODINGS[encoding]
    points = [point(n, a=text) for n in range(3)]
    path = tmp_path / "data.csv"
    with open(path, "w", encoding=encoding, newline="") as file:
        by_hand.write(file, points)
    with open(path, "a", encoding=encoding, newline="") as file:
        by_hand.write(file, [point(9, b=text)])
    with TinyFlux(path, encoding=encoding) as db:
        assert contents(db.all()) == contents([*points, point(9, b=text)])


def test_a_mark_of_utf_8_is_kept_without_being_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(codecs.BOM_UTF8 + b"2025-01-01T00:00:00,m,_field_n,1\r\n")
    with TinyFlux(path) as db:
        db.insert(point(2))
        assert db.get_field_values("n") == [1, 2]
        assert db.remove(FieldQuery().n == 1) == 1
        db.insert(point(3))
        assert db.get_field_values("n") == [2, 3]
    assert path.read_bytes().startswith(codecs.BOM_UTF8 + b"2025-01-01T02")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_file_that_is_emptied_begins_with_its_mark_again(tmp_path: Path, encoding: str) -> None:
    _, mark = ENCODINGS[encoding]
    path = tmp_path / "data.csv"
    with TinyFlux(path, encoding=encoding) as db:
        db.insert(point(1))
        db.remove_all()
        db.insert(point(2))
        assert db.get_field_values("n") == [2]
    assert path.read_bytes().startswith(mark + "2".encode(encoding)[len(mark) :])
    with open(path, encoding=encoding, newline="") as file:
        assert file.read() == "2025-01-01T02:00:00,_default,_field_n,2\r\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_file_that_was_read_while_it_was_empty_is_read_after_an_insert(
    tmp_path: Path, encoding: str
) -> None:
    with TinyFlux(tmp_path / "data.csv", encoding=encoding) as db:
        assert db.all() == []
        db.insert(point(1))
        assert contents(db.all()) == contents([point(1)])
        db.remove_all()
        assert len(db) == 0
        db.insert(point(1))
        assert len(db) == 1


BIG_ENDIAN = {"utf-16": codecs.BOM_UTF16_BE, "utf-32": codecs.BOM_UTF32_BE}


@pytest.mark.parametrize("encoding", BIG_ENDIAN)
def test_the_mark_decides_the_byte_order(tmp_path: Path, encoding: str) -> None:
    mark = BIG_ENDIAN[encoding]
    path = tmp_path / "data.csv"
    text = "Grüße,\n\u0a0d\u0d0a"
    with open(path, "w", encoding=f"{encoding}-be", newline="") as file:
        file.write("\ufeff")
        by_hand.write(file, [point(1, a=text)])
    with TinyFlux(path, encoding=encoding) as db:
        assert contents(db.all()) == contents([point(1, a=text)])
        db.insert(point(2, b=text))
    with TinyFlux(path, encoding=encoding, auto_index=False) as db:
        assert db.update(FieldQuery().n == 1, tags={"a": text + text}) == 1
        db.insert_multiple([point(3), point(4)])
        assert db.remove(FieldQuery().n == 3) == 1
    expected = [point(1, a=text + text), point(2, b=text), point(4)]
    with TinyFlux(path, encoding=encoding) as db:
        assert contents(db.all()) == contents(expected)
        db.remove_all()
        db.insert(point(5))
        assert db.get_field_values("n") == [5]
    with open(path, encoding=encoding, newline="") as file:
        assert file.read() == "2025-01-01T05:00:00,_default,_field_n,5\r\n"
    assert path.read_bytes().startswith(mark)
    require_sound(path, encoding)


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        (None, "utf-16"),
        ("latin-1", "utf-16"),
        ("utf-16", "utf-32"),
        ("utf-16-le", "utf-16-be"),
        ("utf-16", "utf-8-sig"),
    ],
)
def test_a_file_with_the_mark_of_another_encoding_is_left_alone(
    tmp_path: Path, encoding: str | None, written: str
) -> None:
    path = tmp_path / "data.csv"
    mark = b"" if written.endswith(("16", "sig", "32")) else codecs.BOM_UTF16_BE
    data = mark + "2025-01-01T00:00:00,m,_field_n,1\r\n".encode(written)
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"begins with the byte order mark of utf-.*: open it"):
        TinyFlux(path, encoding=encoding)
    assert path.read_bytes() == data


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-be"])
def test_a_mark_is_passed_over_where_the_byte_order_is_named(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "data.csv"
    text = "\ufeff2025-01-01T01:00:00,_default,_field_n,1\r\n"
    path.write_bytes(text.encode(encoding))
    with TinyFlux(path, encoding=encoding) as db:
        db.insert(point(2))
        assert db.update(FieldQuery().n == 1, fields={"n": 3}) == 1
        assert db.get_field_values("n") == [3, 2]
    assert path.read_bytes().decode(encoding).startswith("\ufeff2025-01-01T01")


def test_a_file_that_comes_back_in_the_other_byte_order_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path, encoding="utf-16") as db:
        db.insert(point(1))
        data = "\ufeff2025-01-01T01:00:00,_default,_field_n,1\r\n".encode("utf-16-be")
        path.with_name("new.csv").write_bytes(data)
        path.with_name("new.csv").rename(path)
        with pytest.raises(ValueError, match="mark of utf-16-be"):
            db.insert(point(2))
        with pytest.raises(ValueError, match="mark of utf-16-be"):
            db.all()
    assert path.read_bytes() == data


@pytest.mark.parametrize(
    ("encoding", "text"), [("latin-1", "€"), ("ascii", "é"), ("cp1252", "日本"), ("shift-jis", "𝄞")]
)
def test_what_an_encoding_cannot_write_is_refused(tmp_path: Path, encoding: str, text: str) -> None:
    with TinyFlux(tmp_path / "data.csv", encoding=encoding) as db:
        db.insert(point(1, a="b"))
        with pytest.raises(ValueError, match="cannot be written in"):
            db.insert_multiple([point(2), point(3, a=text)])
        with pytest.raises(ValueError, match=f"'{text}+' cannot be written in"):
            db.update_all(tags={"a": text})
        assert contents(db.all()) == contents([point(1, a="b")])


def test_bytes_of_another_encoding_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path, encoding="latin-1") as db:
        db.insert_multiple([point(1), point(2, a="é")])
    first = len("2025-01-01T01:00:00,_default,_field_n,1\r\n")
    with TinyFlux(path) as db, pytest.raises(ValueError, match=f"row at byte {first} .* no utf-8"):
        db.all()


@pytest.mark.parametrize(
    "encoding", ["none", "hex", "idna", "utf-7", "iso2022-jp", "unicode_escape"]
)
def test_an_encoding_that_cannot_be_used_is_refused(tmp_path: Path, encoding: str) -> None:
    error: Any = (LookupError, ValueError)
    with pytest.raises(error, match="encoding"):
        TinyFlux(tmp_path / "data.csv", encoding=encoding)
    assert not (tmp_path / "data.csv").exists()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "latin-1", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("n_cut", [1, 2, 3, 4, 5, 8, 9])
def test_a_torn_row_is_no_row(tmp_path: Path, encoding: str, n_cut: int) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path, encoding=encoding) as db:
        db.insert_multiple([point(1), point(2)])
    whole = path.read_bytes()
    path.write_bytes(whole[:-n_cut])
    with TinyFlux(path, encoding=encoding) as db:
        assert db.get_field_values("n") == [1]
        db.insert(point(3))
        assert db.get_field_values("n") == [1, 3]
    with TinyFlux(path, encoding=encoding, auto_index=False) as db:
        assert db.get_field_values("n") == [1, 3]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-32"])
@pytest.mark.parametrize("n_bytes", [1, 2, 3, 5])
def test_a_torn_mark_is_no_row(tmp_path: Path, encoding: str, n_bytes: int) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path, encoding=encoding) as db:
        db.insert(point(1))
    path.write_bytes(path.read_bytes()[:n_bytes])
    with TinyFlux(path, encoding=encoding) as db:
        assert len(db) == 0
        db.insert(point(2))
    with TinyFlux(path, encoding=encoding) as db:
        assert db.get_field_values("n") == [2]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_a_lost_byte_costs_its_row_and_no_other(tmp_path: Path, encoding: str) -> None:
    """All behind it is out of step."""
    path = tmp_path / "data.csv"
    with TinyFlux(path, encoding=encoding) as db:
        db.insert_multiple(Point(fields={"n": n}) for n in range(40))
    data = path.read_bytes()
    for place in range(len(data) // 2, len(data) // 2 + 60, 7):
        path.write_bytes(data[:place] + data[place + 1 :])
        with open_for_check(path, encoding) as file:
            found = list(examine(file))
        assert sum(piece.n_rows for piece in found if isinstance(piece, Good)) >= 38
        assert any(isinstance(piece, Damage) for piece in found)
