"""`python -m tinyflux`: check, repair, info, backup and export, as a person runs them."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tinyflux.durability.operations import point
from tests.tinyflux.durability.terminal import Terminal
from tinyflux import FieldQuery, Point, TinyFlux
from tinyflux.errors import DamageError

ROW = b"2025-01-01T00:00:00,m,_tag_a,b,_field_n,%d\r\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A well file of three rows."""
    path = tmp_path / "data.csv"
    path.write_bytes(ROW % 1 + ROW % 2 + ROW % 3)
    return path


# Bytes among rows, what is said of each piece, and how many of the rows 1 to 4 stay.
DAMAGES: dict[str, tuple[bytes, list[str], int]] = {
    "text": (ROW % 1 + b"no row\r\n" + ROW % 2, ["bytes 43 to 51: it has 1 cells"], 2),
    "two of them": (
        b"one\n" + ROW % 1 + b"two\r\n" + ROW % 2,
        ["bytes 0 to 4: it has 1 cells", "bytes 47 to 52: it has 1 cells"],
        2,
    ),
    "no number": (
        ROW % 1 + b"2025-01-01T00:00:00,m,_field_n,x\n" + ROW % 2,
        ["bytes 43 to 76: field 'n' is 'x', no number"],
        2,
    ),
    "no utf-8": (ROW % 1 + b"\xff\n" + ROW % 2, ["bytes 43 to 45: its bytes are no utf-8"], 2),
    "NULs": (ROW % 1 + b"\0" * 9 + ROW % 2, ["bytes 43 to 52: 9 NUL bytes"], 2),
    "NULs in a row": (
        ROW % 1 + b"2025-01-01T00" + b"\0" * 9 + b"n,1\r\n" + ROW % 2,
        ["bytes 43 to 70: its first cell"],
        2,
    ),
    "an open quote": (
        ROW % 1 + b'2025-01-01T00:00:00,m,_tag_a,"b\r\n' + ROW % 2 + ROW % 3,
        ["bytes 43 to 76: a quote that it opens is never closed, and rows follow"],
        3,
    ),
    "a torn row": (
        ROW % 1 + ROW % 2 + b"2025-01",
        ["bytes 86 to 93: the last row has no end: a write was cut off, or a person typed"],
        2,
    ),
    "NULs at the end": (ROW % 1 + b"\0" * 5000, ["bytes 43 to 5043: 5000 NUL bytes behind"], 1),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_check_names_every_byte_that_is_no_row(path: Path, tinyflux: Terminal, name: str) -> None:
    data, said, n_rows = DAMAGES[name]
    path.write_bytes(data)
    assert tinyflux("check", path) == 1
    *lines, last = tinyflux.out.splitlines()
    assert len(lines) == len(said)
    for line, wanted in zip(lines, said, strict=True):
        assert line.startswith(f"{path}: {wanted}")
    plural = "s" if len(said) > 1 else ""
    assert last == f"{path}: {n_rows} rows, {len(said)} problem{plural}"


@pytest.mark.parametrize("name", DAMAGES)
def test_repair_shows_first_what_it_would_do(path: Path, tinyflux: Terminal, name: str) -> None:
    data, said, _ = DAMAGES[name]
    path.write_bytes(data)
    assert tinyflux("repair", path) == 1
    assert path.read_bytes() == data
    assert all(wanted in tinyflux.out for wanted in said)
    assert f"python -m tinyflux repair --run {path}" in tinyflux.out
    assert not path.with_name("data.csv.bad").exists()


@pytest.mark.parametrize("name", DAMAGES)
def test_repair_keeps_every_row_and_sets_the_rest_aside(
    path: Path, tinyflux: Terminal, name: str
) -> None:
    data, _, n_rows = DAMAGES[name]
    path.write_bytes(data)
    assert tinyflux("repair", "--run", path) == 0
    with TinyFlux(path) as db:
        assert db.get_field_values("n") == list(range(1, n_rows + 1))
    kept = path.read_bytes()
    bad = path.with_name("data.csv.bad")
    aside = bad.read_bytes() if bad.exists() else b""
    # Nothing is lost but NULs, and the newline that a torn row gets.
    left = data.replace(b"\0", b"")
    assert len(kept) + len(aside.replace(b"\0", b"")) in (len(left), len(left) + 1)
    assert tinyflux("check", path) == 0
    assert tinyflux("repair", path) == 0
    assert "nothing to repair" in tinyflux.out


def test_repair_adds_to_what_an_earlier_one_set_aside(path: Path, tinyflux: Terminal) -> None:
    for text in (b"first\n", b"second\n"):
        with open(path, "ab") as file:
            file.write(text)
        tinyflux("repair", "--run", path)
    assert path.with_name("data.csv.bad").read_bytes() == b"first\nsecond\n"


def test_repair_changes_nothing_where_it_can_set_nothing_aside(
    path: Path, tinyflux: Terminal
) -> None:
    path.write_bytes(ROW % 1 + b"no row\n" + ROW % 2)
    before = path.read_bytes()
    path.with_name("data.csv.bad").mkdir()
    assert tinyflux("repair", "--run", path) == 1
    assert f"{path}.bad: what is no row could not be kept there: Is a directory" in tinyflux.err
    assert "nothing was repaired" in tinyflux.err
    assert path.read_bytes() == before
    assert not path.with_name(".data.csv.rewrite").exists()


@pytest.mark.parametrize(
    ("tail", "is_kept"),
    [((ROW % 4)[:-2], True), ((ROW % 4)[:-1], True), (b"2025-01", False), (b"\0" * 9, False)],
    ids=["no end", "half an end", "torn", "NULs"],
)
def test_repair_keeps_a_row_that_a_person_typed_if_told_so(
    path: Path, tinyflux: Terminal, tail: bytes, is_kept: bool
) -> None:
    before = path.read_bytes()
    path.write_bytes(before + tail)
    assert tinyflux("repair", "--run", "--accept-tail", path) == 0
    with TinyFlux(path) as db:
        assert db.get_field_values("n") == [1, 2, 3, 4][: 4 if is_kept else 3]
    assert ("the last row is kept" in tinyflux.out) == is_kept


def test_a_file_with_very_many_problems_takes_little_memory(path: Path, tinyflux: Terminal) -> None:
    path.write_bytes(b"".join(ROW % n + b"bad\n" for n in range(8_000)))
    tracemalloc.start()
    try:
        assert tinyflux("check", path) == 1
        assert tinyflux("repair", "--run", path) == 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert f"{path}: and 7,900 more" in tinyflux.out
    assert "kept 8,000 rows, set 8,000 pieces aside" in tinyflux.out
    # 2 MB are read at once.
    assert peak < 30_000_000


NO_DATABASES: dict[str, Callable[[Path], object]] = {
    "a program": lambda path: path.write_bytes(Path(sys.executable).read_bytes()[:300_000]),
    "other csv": lambda path: path.write_text("name,age\nAnna,7\nBen,9\n"),
    "zeros": lambda path: path.write_bytes(b"\0" * 100_000),
    "one long line": lambda path: path.write_bytes(b"x" * 3_000_000),
    "quotes": lambda path: path.write_bytes(b'"' * 100_001),
}


@pytest.mark.parametrize("name", NO_DATABASES)
def test_a_file_that_is_no_database(path: Path, tinyflux: Terminal, name: str) -> None:
    NO_DATABASES[name](path)
    before = path.read_bytes()
    assert tinyflux("check", path) == 1
    assert "it seems to be no TinyFlux data file" in tinyflux.out
    tinyflux("repair", path)
    tinyflux("info", path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("command", ["check", "info", "repair"])
@pytest.mark.parametrize(
    ("name", "said"),
    [("missing.csv", "No such file"), (".", "directory"), ("pipe", "regular file")],
)
def test_what_cannot_be_opened_is_one_line(
    tmp_path: Path, tinyflux: Terminal, command: str, name: str, said: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert tinyflux(command, tmp_path / name) == 1
    assert tinyflux.err.startswith("tinyflux: ")
    assert said in tinyflux.err
    assert len(tinyflux.err.splitlines()) == 1


def test_check_compares_the_cache_with_the_file(path: Path, tinyflux: Terminal) -> None:
    with TinyFlux(path) as db:
        db.insert(point(4))
        db.publish_index()
    assert tinyflux("check", path) == 0
    assert "4 rows, no problem" in tinyflux.out
    segment = next(path.with_name(".data.csv.index").glob("*.segment"))
    data = bytearray(segment.read_bytes())
    data[-1] ^= 1
    segment.write_bytes(data)
    assert tinyflux("check", path) == 1
    assert f"index cache: {segment}" in tinyflux.out


def test_info(path: Path, tinyflux: Terminal) -> None:
    with TinyFlux(path) as db:
        db.insert(Point(time=point(5).time, measurement="other", fields={"n": 1}))
    assert tinyflux("info", path) == 0
    assert tinyflux.out.splitlines() == [
        f"file           {path}",
        f"size           {path.stat().st_size:,} bytes",
        "points         4",
        f"bytes a point  {path.stat().st_size / 4:.1f}",
        "first          2025-01-01T00:00:00+00:00",
        "last           2025-01-01T05:00:00+00:00",
        "series         2",
        "measurement    'm': 3 points",
        "measurement    'other': 1 points",
        "index cache    none",
    ]
    with TinyFlux(path) as db:
        db.publish_index()
    tinyflux("info", path)
    assert "index cache    4 of 4 rows in 1 segment\n" in tinyflux.out
    path.write_bytes(ROW % 9)
    tinyflux("info", path)
    assert "of another state of the file: not used" in tinyflux.out


def test_other_encodings(path: Path, tinyflux: Terminal) -> None:
    path.unlink()
    with TinyFlux(path, encoding="utf-16") as db:
        db.insert_multiple(map(point, range(3)))
    assert tinyflux("check", "--encoding", "utf-16", path) == 0
    assert "3 rows, no problem" in tinyflux.out
    with open(path, "ab") as file:
        file.write("no row\r\n".encode("utf-16-le"))
    assert tinyflux("repair", "--run", "--encoding", "utf-16", path) == 0
    with TinyFlux(path, encoding="utf-16") as db:
        assert len(db) == 3


@pytest.mark.parametrize("name", ["foo", "base64", "rot13", "undefined", "", "a\0b"])
@pytest.mark.parametrize("command", ["check", "info", "index", "repair"])
def test_an_encoding_that_is_none_is_a_wrong_use(
    path: Path, tinyflux: Terminal, command: str, name: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        tinyflux(command, "--encoding", name, path)
    assert ended.value.code == 2
    _, err = tinyflux.capture.readouterr()
    assert f"argument --encoding: {name!r} is no encoding of text" in err


def test_it_runs_as_a_module(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tinyflux", "check", str(path)],
        cwd=Path(__file__).resolve().parents[3],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{path}: 3 rows, no problem\n"


def test_a_damaged_file_names_the_way_to_mend_it(tmp_path: Path, tinyflux: Terminal) -> None:
    path = tmp_path / "living room's; data.csv"
    path.write_bytes(ROW % 1 + b"no row\n" + ROW % 2)
    with TinyFlux(path) as db:
        with pytest.raises(DamageError) as found:
            len(db)
        command = str(found.value).rpartition("python -m tinyflux ")[2]
        name, said = shlex.split(command)
        assert (name, said) == ("repair", str(path))
        tinyflux(name, "--run", said)
        assert db.get_field_values("n") == [1, 2]
        assert db.remove(FieldQuery().n == 1) == 1
