"""The collector makes the index cache by itself, in a child process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from daemon.app.index import CacheError, IndexJob
from tinyflux import Point, TinyFlux

N_POINTS = 40_000


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A file of some MB."""
    path = tmp_path / "data.csv"
    with TinyFlux(path, flush_on_insert=False) as db:
        db.insert_multiple(Point(fields={"n": n}) for n in range(N_POINTS))
    return path


def manifest(data: Path) -> Path:
    return data.with_name(f".{data.name}.index") / "manifest"


def said_by_info(data: Path) -> str:
    command = (sys.executable, "-m", "tinyflux", "info", str(data))
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_file_that_was_there_before_us_gets_its_cache(data: Path) -> None:
    IndexJob(data, lambda: 0).run()
    assert f"{N_POINTS:,} of {N_POINTS:,} rows" in said_by_info(data)


def test_nothing_is_done_before_many_points_have_come(data: Path) -> None:
    n_stored = 0
    job = IndexJob(data, lambda: n_stored)
    job.run()
    manifest(data).unlink()
    n_stored = 1000
    job.run()
    job.finish(10.0)
    assert not manifest(data).exists()
    n_stored = 10_000
    job.run()
    assert not manifest(data).exists()
    job.finish(10.0)
    assert manifest(data).exists()


def test_a_small_file_needs_none(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert(Point(fields={"n": 1}))
    IndexJob(path, lambda: 1_000_000).run()
    assert not manifest(path).exists()


def test_a_damaged_file_is_said_to_be_the_cause(data: Path) -> None:
    with open(data, "r+b") as file:
        file.seek(1000)
        file.write(b"\r\nno row\r\n")
    with pytest.raises(CacheError, match="byte 1002"):
        IndexJob(data, lambda: 0).run()
