"""A file cut at any byte of its last rows, or ended by NUL bytes, opens with the other rows."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.tinyflux.durability.operations import point
from tests.tinyflux.durability.power import forget_the_boot
from tests.tinyflux.exact import contents
from tinyflux import TinyFlux

DIALECTS: dict[str, dict[str, Any]] = {
    "default": {},
    "newlines": {"lineterminator": "\n"},
    "returns": {"lineterminator": "\r"},
    "semicolons": {"delimiter": ";", "quotechar": "'"},
    "utf-16": {"encoding": "utf-16"},
    "utf-16-be": {"encoding": "utf-16-be"},
    "latin-1": {"encoding": "latin-1"},
    "utf-8 with a mark": {"encoding": "utf-8-sig"},
}
POINTS = [point(n, place="Köln") for n in range(4)]


def _row_ends(path: Path, arguments: dict[str, Any]) -> tuple[bytes, list[int]]:
    """A file of four rows, and where each ends."""
    ends = [0]
    with TinyFlux(path, **arguments) as db:
        for item in POINTS:
            db.insert(item)
            ends.append(path.stat().st_size)
    return path.read_bytes(), ends


def _require_earlier_rows(path: Path, n_rows: int, arguments: dict[str, Any]) -> None:
    """A reader finds the rows before the cut; so does a writer, which adds one and all is well."""
    with TinyFlux(path, access_mode="r", **arguments) as db:
        assert contents(db.all()) == contents(POINTS[:n_rows])
    with TinyFlux(path, **arguments) as db:
        db.insert(point(9))
        assert contents(db.all()) == contents([*POINTS[:n_rows], point(9)])


@pytest.mark.parametrize(
    ("name", "is_marked"), [("default", True), *((name, False) for name in DIALECTS)]
)
def test_a_file_cut_at_any_byte_of_its_last_three_rows(
    folder: Path, name: str, is_marked: bool
) -> None:
    arguments = DIALECTS[name]
    path = folder / "data.csv"
    data, ends = _row_ends(path, arguments)
    mark = path.with_name(".data.csv.index") / "mark"
    told = mark.read_bytes()
    long_ago = time.time() - 3600
    for size in range(ends[1], len(data)):
        path.write_bytes(data[:size])
        os.utime(path, (long_ago, long_ago))  # what was written just now may still be in its middle
        mark.write_bytes(told if is_marked else b"")
        n_rows = sum(end <= size for end in ends[1:])
        _require_earlier_rows(path, n_rows, arguments)


@pytest.mark.parametrize("is_restarted", [True, False], ids=["restarted", "same boot"])
@pytest.mark.parametrize("n_nuls", [1, 2, 3, 511, 512, 513, 4095, 4096, 4097, 5000])
def test_a_file_that_ends_in_nul_bytes(folder: Path, n_nuls: int, is_restarted: bool) -> None:
    path = folder / "data.csv"
    data, ends = _row_ends(path, {})
    for size in (ends[3], ends[3] + 1, ends[3] + 30, len(data) - 1, len(data)):
        path.write_bytes(data[:size] + b"\0" * n_nuls)
        if is_restarted:
            forget_the_boot(path)
        _require_earlier_rows(path, 4 if size == len(data) else 3, {})


@pytest.mark.parametrize("n_nuls", range(1, 5001, 250))
def test_whole_rows_behind_a_run_of_nul_bytes_are_kept(folder: Path, n_nuls: int) -> None:
    """After a restart: pages in the middle of what was not synced never reached the disk."""
    path = folder / "data.csv"
    data, ends = _row_ends(path, {})
    path.write_bytes(data[: ends[1] + 40] + b"\0" * n_nuls + data[ends[2] - 7 :])
    forget_the_boot(path)
    with TinyFlux(path) as db:
        db.insert(point(9))
        assert contents(db.all()) == contents([POINTS[0], *POINTS[2:], point(9)])
    torn = path.with_name("data.csv.torn").read_bytes()
    assert data[ends[1] : ends[1] + 40] in torn


def test_nul_bytes_within_a_value_are_data(folder: Path) -> None:
    path = folder / "data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple([point(1, odd="a\0b"), point(2, odd="\0" * 50)])
    forget_the_boot(path)
    with open(path, "ab") as file:
        file.write(b"\0" * 700)
    with TinyFlux(path) as db:
        db.insert(point(9))
        assert [p.tags.get("odd") for p in db] == ["a\0b", "\0" * 50, None]
