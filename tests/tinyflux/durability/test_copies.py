"""`python -m tinyflux backup` and `export`: whole, private, safe, and nothing else replaced."""

from __future__ import annotations

import csv
import errno
import io
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tinyflux.durability.operations import point
from tests.tinyflux.durability.terminal import Terminal
from tests.tinyflux.exact import contents
from tests.tinyflux.programs import start
from tinyflux import Point, TinyFlux
from tinyflux.files import intercepted

ROW = b"2025-01-01T00:00:00,m,_tag_a,b,_field_n,%d\r\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A well file of three rows."""
    path = tmp_path / "data.csv"
    path.write_bytes(ROW % 1 + ROW % 2 + ROW % 3)
    return path


def test_backup(path: Path, tinyflux: Terminal) -> None:
    copy = path.with_name("copy.csv")
    path.write_bytes(path.read_bytes() + b"torn")
    assert tinyflux("backup", path, copy) == 0
    assert copy.read_bytes() == ROW % 1 + ROW % 2 + ROW % 3
    assert tinyflux("backup", path, copy) == 1
    assert "pass --force" in tinyflux.err
    path.write_bytes(ROW % 9)
    assert tinyflux("backup", "--force", path, copy) == 0
    assert copy.read_bytes() == ROW % 9
    folder = path.parent / "backups"
    folder.mkdir()
    assert tinyflux("backup", path, folder) == 0
    assert (folder / "data.csv").read_bytes() == ROW % 9
    assert tinyflux("backup", "--force", path, path) == 1
    assert "is the data file itself" in tinyflux.err
    assert path.read_bytes() == ROW % 9


def test_a_backup_is_no_more_readable_than_the_data(path: Path, tinyflux: Terminal) -> None:
    path.chmod(0o600)
    copy = path.with_name("copy.csv")
    tinyflux("backup", path, copy)
    tinyflux("export", path, path.with_name("export.csv"))
    assert copy.stat().st_mode & 0o777 == 0o600
    assert path.with_name("export.csv").stat().st_mode & 0o777 == 0o600


BUSY = {
    "a writer": """
        db = TinyFlux(path, flush_on_insert=False)
        print("begun", flush=True)
        n = 0
        while True:
            n += 1
            db.insert_multiple([point(n, own="{name}"), point(n, own="{name}")])
        """,
    "a rewriter": """
        db = TinyFlux(path)
        print("begun", flush=True)
        while True:
            db.insert(point(1, own="rewriter"))
            db.remove(TagQuery().own == "rewriter")
        """,
}


def test_backups_while_others_write_are_consistent(path: Path, tinyflux: Terminal) -> None:
    codes = [BUSY["a writer"].format(name="a"), BUSY["a writer"].format(name="b")]
    processes = [start(code, path) for code in [*codes, BUSY["a rewriter"]]]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for number in range(15):
        copy = path.with_name(f"copy{number}.csv")
        assert tinyflux("backup", path, copy) == 0
        assert tinyflux("check", copy) == 0
        with TinyFlux(copy) as db:
            for name in ("a", "b"):
                own = [p.fields["n"] for p in db if p.tags.get("own") == name]
                # A batch is in it whole or not at all, and none is missing in between.
                assert own == [n for n in range(1, len(own) // 2 + 1) for _ in range(2)]
    for process in processes:
        process.kill()
        process.communicate()
    assert tinyflux("repair", "--run", path) == 0


FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "＝1"]


def test_export_is_safe_for_a_spreadsheet_on_request(path: Path, tinyflux: Terminal) -> None:
    path.unlink()
    with TinyFlux(path) as db:
        for n, text in enumerate(FORMULAS):
            db.insert(
                Point(time=point(n).time, measurement=text, tags={"a": text}, fields={"n": -1})
            )
    stored = path.read_bytes()
    plain, safe = path.with_name("plain.csv"), path.with_name("safe.csv")
    assert tinyflux("export", path, plain) == 0
    assert tinyflux("export", "--safe", path, safe) == 0
    assert path.read_bytes() == plain.read_bytes() == stored
    with open(safe, newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert [row[1] for row in rows] == [row[3] for row in rows] == ["'" + t for t in FORMULAS]
    assert {row[5] for row in rows} == {"-1"}
    assert tinyflux("export", path, safe) == 1
    assert "pass --force" in tinyflux.err
    with TinyFlux(plain) as db, TinyFlux(path) as original:
        assert contents(db.all()) == contents(original.all())


def test_export_of_a_damaged_file_leaves_no_half_of_it(path: Path, tinyflux: Terminal) -> None:
    path.write_bytes(ROW % 1 + b"no row\n")
    assert tinyflux("export", path, path.with_name("out.csv")) == 1
    assert "repair" in tinyflux.err
    assert [place.name for place in path.parent.iterdir()] == ["data.csv"]


ODD_TEXTS = [
    "x;=1+1",
    "x\t=2+2",
    "x|@SUM(A1)",
    "m;  =4",
    'x;"=5"',
    "one\n=6",
    "one\r\n-cmd",
    "one =7",
    "one, +8a",
    " =9",
    '"=10',
    "x;\t;＝11",
]


def _cells(text: str, separator: str) -> list[str]:
    """What a spreadsheet may make of it that splits here, with our quotes and without."""
    lines = io.StringIO(text, newline="")
    quoted = [cell for row in csv.reader(lines, delimiter=separator) for cell in row]
    return [*quoted, *re.split(rf"[\r\n{re.escape(separator)}]", text)]


def _is_formula(cell: str) -> bool:
    inner = cell.strip("\"' \t")
    is_number = re.fullmatch(r"-?[0-9.]+", inner) is not None
    return not is_number and cell.lstrip('" \t').startswith(("=", "+", "-", "@", "＝"))


@pytest.mark.parametrize(
    "separator", [",", ";", "\t", "|", " "], ids=["comma", "semi", "tab", "bar", "blank"]
)
def test_a_safe_export_has_no_formula_wherever_a_spreadsheet_splits(
    path: Path, tinyflux: Terminal, separator: str
) -> None:
    path.unlink()
    with TinyFlux(path) as db:
        for text in ODD_TEXTS:
            item = Point(time=point(1).time, measurement=text, tags={"a": text, text: "b"})
            item.fields = {text: -1}
            db.insert(item)
    plain, safe = path.with_name("plain.csv"), path.with_name("safe.csv")
    tinyflux("export", path, plain)
    tinyflux("export", "--safe", path, safe)
    found = {way.name: _cells(way.read_bytes().decode(), separator) for way in (plain, safe)}
    assert any(map(_is_formula, found["plain.csv"]))
    assert [cell for cell in found["safe.csv"] if _is_formula(cell)] == []


def test_a_safe_export_leaves_harmless_text_as_it_is(path: Path, tinyflux: Terminal) -> None:
    texts = ["living room - north", "a=b", "x-1", "user@example.org", "C++", "1;2;3", "it's", ""]
    path.unlink()
    with TinyFlux(path) as db:
        db.insert_multiple(Point(time=point(1).time, tags={"a": text}) for text in texts)
    safe = path.with_name("safe.csv")
    assert tinyflux("export", "--safe", path, safe) == 0
    with TinyFlux(safe) as db:
        assert [p.tags["a"] for p in db] == texts


COPYING = [("backup",), ("export",), ("export", "--safe")]


@pytest.mark.parametrize("command", COPYING, ids=" ".join)
def test_a_copy_goes_where_a_symbolic_link_leads_and_leaves_the_link(
    path: Path, tinyflux: Terminal, command: tuple[str, ...]
) -> None:
    folder = path.with_name("elsewhere")
    folder.mkdir()
    real, link = folder / "real.csv", path.with_name("link.csv")
    link.symlink_to(real)
    for data, force in ((ROW % 1, ()), (ROW % 7, ("--force",))):
        path.write_bytes(data)
        assert tinyflux(*command, path, link, *force) == 0
        assert link.is_symlink()
        assert real.read_bytes().replace(b'"', b"") == data
    assert tinyflux(*command, path, link) == 1
    assert f"{link} exists" in tinyflux.err
    assert [place.name for place in folder.iterdir()] == ["real.csv"]


def _a_pipe(place: Path) -> str:
    os.mkfifo(place)
    return "is no regular file"


def _a_link_to_a_pipe(place: Path) -> str:
    """As to a device, but one of our own: code that is wrong would replace it."""
    pipe = place.with_name("elsewhere") / "pipe"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    place.symlink_to(pipe)
    return "is no regular file"


def _a_link_to_itself(place: Path) -> str:
    place.symlink_to(place)
    return "leads to itself"


def _a_link_into_nowhere(place: Path) -> str:
    place.symlink_to(place.with_name("missing") / "copy.csv")
    return "there is no directory"


def _a_link_to_the_data(place: Path) -> str:
    place.symlink_to(place.with_name("data.csv"))
    return "is the data file itself"


PLACES = [
    _a_pipe,
    _a_link_to_a_pipe,
    _a_link_to_itself,
    _a_link_into_nowhere,
    _a_link_to_the_data,
]


def _tree(folder: Path) -> dict[Path, tuple[int, int]]:
    """What stands there: inode and kind of each name."""
    states = {place: os.lstat(place) for place in folder.rglob("*")}
    return {place: (state.st_ino, state.st_mode) for place, state in states.items()}


@pytest.mark.parametrize("force", [(), ("--force",)], ids=["", "force"])
@pytest.mark.parametrize("command", COPYING, ids=" ".join)
@pytest.mark.parametrize("make", PLACES)
def test_what_is_no_file_is_not_replaced_by_a_copy(
    path: Path,
    tinyflux: Terminal,
    make: Callable[[Path], str],
    command: tuple[str, ...],
    force: tuple[str, ...],
) -> None:
    place = path.with_name("copy.csv")
    said = make(place)
    before = _tree(path.parent)
    assert tinyflux(*command, path, place, *force) == 1
    assert f"tinyflux: {place}" in tinyflux.err or f"] {place}" in tinyflux.err
    assert said in tinyflux.err
    assert _tree(path.parent) == before
    assert path.read_bytes() == ROW % 1 + ROW % 2 + ROW % 3


@pytest.mark.parametrize("command", COPYING, ids=" ".join)
@pytest.mark.parametrize("step", ["create", "write", "fsync", "rename", "fsync directory"])
def test_a_copy_that_fails_names_the_target_as_it_was_typed(
    path: Path, tinyflux: Terminal, command: tuple[str, ...], step: str
) -> None:
    place = path.parent / "." / "link" / "copy.csv"
    path.with_name("real").mkdir()
    path.with_name("link").symlink_to("real")

    def refuse(name: str, where: str) -> None:
        if name == step and "/real" in where:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with intercepted(refuse):
        assert tinyflux(*command, path, place) == 1
    assert f"{place}: " in tinyflux.err
    assert ".new" not in tinyflux.err
    assert "look at the kernel's log" in tinyflux.err
    assert place.exists() == (step == "fsync directory")
    assert len(list(place.parent.iterdir())) == (step == "fsync directory")


def test_an_export_to_a_directory_says_that_it_is_one(path: Path, tinyflux: Terminal) -> None:
    path.with_name("folder").mkdir()
    for force in ((), ("--force",)):
        assert tinyflux("export", path, path.with_name("folder"), *force) == 1
        assert f"{path.with_name('folder')} is no regular file" in tinyflux.err
