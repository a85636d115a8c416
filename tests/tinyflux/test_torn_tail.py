"""What a power cut leaves behind the last row: readers pass over it, a writer cuts it off."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.tinyflux.programs import output
from tinyflux import CSVStorage, FieldQuery, Point, TinyFlux
from tinyflux.errors import DamageError
from tinyflux.tails import Tail
from tinyflux.torn import cut_torn

TIME = datetime(2025, 1, 1, tzinfo=UTC)
ROW = b"2025-01-01T00:00:00,_default,_field_n,%d\r\n"
QUOTED = b'2025-01-01T00:00:00,_default,_tag_a,"two\r\n\nand\r\n""lines",_field_n,%d\r\n'

TORN: dict[str, bytes] = {
    "a few characters": b"2025-01",
    "one character": b"2",
    "all but the newline": ROW[:-1] % 9,
    "all but the end": ROW[:-2] % 9,
    "an open quote": b'2025-01-01T00:00:00,m,_tag_a,"text',
    "half a character": "2025-01-01T00:00:00,ü".encode()[:-1],
    "NULs": b"\0" * 100,
    "NULs behind half a row": b"2025-01-01T00" + b"\0" * 3000,
    "more NULs than are read at once": b"\0" * 200_000,
    "a long half row": b"2025-01-01T00:00:00,m,_tag_a," + b"x" * 200_000,
}
KEPT = {
    "NULs": b"",
    "more NULs than are read at once": b"",
    "NULs behind half a row": b"2025-01-01T00\n",
}
N_BEFORE = [0, 2, 1000]


def point(n: int) -> Point:
    return Point(time=TIME, fields={"n": n})


@pytest.mark.parametrize("n_before", N_BEFORE)
@pytest.mark.parametrize("torn", TORN)
def test_readers_pass_over_it_and_leave_it(tmp_path: Path, torn: str, n_before: int) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(b"".join(ROW % n for n in range(n_before)) + TORN[torn])
    before = path.read_bytes()
    for auto_index in (True, False):
        with TinyFlux(path, auto_index=auto_index) as db:
            assert db.get_field_values("n") == list(range(n_before))
            assert db.remove(FieldQuery().n == -1) == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize("n_before", N_BEFORE)
@pytest.mark.parametrize("torn", TORN)
def test_the_first_writer_cuts_it_off_keeps_it_and_warns(
    tmp_path: Path, torn: str, n_before: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "data.csv"
    rows = b"".join(ROW % n for n in range(n_before))
    path.write_bytes(rows + TORN[torn])
    with TinyFlux(path) as db:
        db.insert(point(5000))
        db.insert(point(5001))
        assert db.get_field_values("n") == [*range(n_before), 5000, 5001]
    assert path.read_bytes() == rows + ROW % 5000 + ROW % 5001
    kept = path.with_name("data.csv.torn")
    assert (kept.read_bytes() if kept.exists() else b"") == KEPT.get(torn, TORN[torn] + b"\n")
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert f"{len(TORN[torn])} bytes behind byte {len(rows)}" in warnings[0].getMessage()


@pytest.mark.parametrize("torn", TORN)
def test_a_rewrite_carries_no_torn_row_over(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(ROW % 1 + ROW % 2 + TORN[torn])
    with TinyFlux(path) as db:
        assert db.remove(FieldQuery().n == 1) == 1
        db.insert(point(3))
        assert db.get_field_values("n") == [2, 3]
    assert path.read_bytes() == ROW % 2 + ROW % 3


def test_what_was_torn_at_different_times_is_all_kept(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        for torn in (b"first", b"second"):
            with open(path, "ab") as file:
                file.write(torn)
            db.insert(point(1))
        assert isinstance(db.storage, CSVStorage)
    assert path.with_name("data.csv.torn").read_bytes() == b"first\nsecond\n"


def test_a_handle_that_had_seen_the_file_whole_passes_over_it_too(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db, TinyFlux(path) as other:
        db.insert(point(1))
        assert len(db) == len(other) == 1
        with open(path, "ab") as file:
            file.write(b"2025-01-01T")
        assert len(db) == 1
        output("TinyFlux(path).insert(point(2))", path)
        assert len(db) == len(other) == 2


def test_a_row_that_another_program_completes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert(point(1))
        row = ROW % 2
        with open(path, "ab", buffering=0) as file:
            file.write(row[:20])
            assert db.get_field_values("n") == [1]
            file.write(row[20:])
            assert db.get_field_values("n") == [1, 2]


# A row whose value holds newlines, torn at each place: no newline inside a quote ends a row.
@pytest.mark.parametrize("n_left", range(29, len(QUOTED % 9)))
def test_a_newline_inside_a_value_ends_no_row(tmp_path: Path, n_left: int) -> None:
    path = tmp_path / "data.csv"
    rows = QUOTED % 1 + ROW % 2
    path.write_bytes(rows + (QUOTED % 9)[:n_left])
    with TinyFlux(path) as db:
        assert db.get_field_values("n") == [1, 2]
        db.insert(point(3))
        assert db.get_field_values("n") == [1, 2, 3]
    assert path.read_bytes() == rows + ROW % 3


@pytest.mark.parametrize("n_before", [1, 1000])
def test_an_open_quote_that_swallows_rows_is_damage(tmp_path: Path, n_before: int) -> None:
    path = tmp_path / "data.csv"
    rows = b"".join(ROW % n for n in range(n_before))
    path.write_bytes(rows + b'2025-01-01T00:00:00,m,_tag_a,"open\r\n' + ROW % 1 + ROW % 2)
    with TinyFlux(path) as db, pytest.raises(DamageError, match="never closed") as found:
        len(db)
    assert found.value.offset == len(rows)


def test_a_writer_cuts_no_rows_off_that_an_open_quote_swallows(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    rows = ROW % 1 + b'2025-01-01T00:00:00,m,_tag_a,"open\r\n' + ROW % 2 + ROW % 3
    path.write_bytes(rows)
    with TinyFlux(path) as db:
        db.insert(point(4))
    assert path.read_bytes() == rows + ROW % 4


def test_a_writer_cuts_no_rows_off_behind_damaged_ones(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    rows = ROW % 1 + b"2025-01-01T00:00:00,\xff\r\n" + b"no row\r\n" + ROW % 2 + b"\r\n\n"
    path.write_bytes(rows)
    with TinyFlux(path) as db:
        db.insert(point(4))
    assert path.read_bytes() == rows + ROW % 4


def test_rows_that_come_while_a_torn_one_is_set_aside_are_not_cut(tmp_path: Path) -> None:
    """A program without locks goes on writing; what it adds makes the torn row a whole one."""
    path = tmp_path / "data.csv"
    row = ROW % 1
    torn, rest = row + row[:20], row[20:] + row
    path.write_bytes(torn + rest)
    with open(path, "r+b") as file:
        assert not cut_torn(file.fileno(), path, Tail(len(row)), len(torn))
        assert path.read_bytes() == torn + rest
        assert cut_torn(file.fileno(), path, Tail(len(row)), len(torn + rest))
    assert path.read_bytes() == row


LINES_LIKE_ROWS = {
    "a log": "tail:\n2024-01-01T00:00:00,ERROR it broke\n2024-01-01T00:00:01,ERROR again\n",
    "a row": "a\r\n2024-01-01T00:00:00,m,_field_v,1\r\nb",
    "rows": "\n2024-01-01T00:00:00,m,_field_v,1\n2024-01-01T00:00:00,m,f_v,1\n",
}


@pytest.mark.parametrize("is_marked", [True, False], ids=["marked", "no mark"])
@pytest.mark.parametrize("name", LINES_LIKE_ROWS)
def test_a_row_torn_in_a_text_that_looks_like_rows(
    tmp_path: Path, name: str, is_marked: bool
) -> None:
    """Without a mark, a text cut behind a whole row cannot be told from a quote too much."""
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert(point(1))
        end = path.stat().st_size
        db.insert(Point(time=TIME, tags={"log": LINES_LIKE_ROWS[name]}, fields={"n": 2}))
    data = path.read_bytes()
    mark = tmp_path / ".data.csv.index" / "mark"
    told = mark.read_bytes()
    for size in range(end + 1, len(data)):
        if not is_marked and data[:size].endswith((b",1\n", b",1\r\n")):
            continue
        path.write_bytes(data[:size])
        os.utime(path, (1e9, 1e9))  # nobody is writing it
        mark.write_bytes(told if is_marked else b"")
        with TinyFlux(path, access_mode="r") as db:
            assert db.get_field_values("n") == [1]
        with TinyFlux(path) as db:
            db.insert(point(3))
            assert db.get_field_values("n") == [1, 3]


HOSTILE = {
    "NULs behind rows": ROW % 1 * 1000 + b"\0" * (16 << 20),
    "NULs between rows": ROW % 1 + b"\0" * (16 << 20) + ROW % 2,
    "half a row and NULs": ROW % 1 + b"2025-01" + b"\0" * (16 << 20),
    "a quote before many lines": ROW % 1 + b'"' + b"x\n" * (8 << 20),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_memory_is_bounded_by_what_is_looked_at(tmp_path: Path, name: str) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(HOSTILE[name])
    code = """
        import resource
        from tinyflux.checking import examine, open_for_check

        with open_for_check(path) as file:
            list(examine(file))
        peak = Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]
        print(peak)
        """
    assert int(output(code, path)) < 160 << 10
