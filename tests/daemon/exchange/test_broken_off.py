"""Exports and imports that are killed, and gone on with."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.exchange import exporting
from daemon.exchange.exporting import Export
from daemon.exchange.form import Form
from daemon.exchange.importing import Import
from daemon.exchange.wide_csv import Columns
from daemon.query import Selection
from tinyflux import FieldQuery, Point, TinyFlux

START = datetime(2025, 6, 1, tzinfo=UTC)
N = 30_000


class _KilledError(Exception):
    """Stands for the end of the process: nothing after it is done."""


def _killer(after: int) -> Callable[[int], None]:
    calls = iter(range(after))

    def reached(_: int) -> None:
        if next(calls, None) is None:
            raise _KilledError

    return reached


def _points(first: int, last: int) -> list[Point]:
    return [
        Point(time=START + timedelta(seconds=n), measurement="m", tags={"t": "x"}, fields={"n": n})
        for n in range(first, last)
    ]


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple(_points(0, N), batch_size=10_000)
    return path


@pytest.fixture
def data(original: Path, tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    path.write_bytes(original.read_bytes())
    return path


@pytest.fixture(autouse=True)
def _many_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "MARK_BYTES", 100_000)


def _numbers(path: Path) -> list[object]:
    with TinyFlux(path, access_mode="r") as db:
        return db.get_field_values("n")


@pytest.mark.parametrize("form", ["line", "csv", "jsonl", "parquet"])
def test_a_killed_export_leaves_no_file_and_the_next_goes_on(
    data: Path, tmp_path: Path, form: Form
) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    target, back = tmp_path / f"out.{form}", tmp_path / "back.csv"
    with pytest.raises(_KilledError):
        Export(data, target, form, Selection()).run(_killer(2))
    assert not target.exists()
    with TinyFlux(data) as db:
        db.insert_multiple(_points(N, N + 10))  # the collector goes on meanwhile
    report = Export(data, target, form, Selection()).run(lambda _: None)
    assert 0 < report.resumed_at < N
    assert report.n_points == N + 10
    Import(target, back, form, Columns()).run(
        lambda _: None, is_compact=True, is_skipping_bad=False
    )
    assert _numbers(back) == list(range(N + 10))
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".out")] == []


def test_another_request_begins_anew(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.csv"
    with pytest.raises(_KilledError):
        Export(data, target, "csv", Selection()).run(_killer(2))
    report = Export(data, target, "csv", Selection(until_us=0)).run(lambda _: None)
    assert (report.n_points, report.resumed_at) == (0, 0)


def test_a_rewritten_file_is_begun_anew(data: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    with pytest.raises(_KilledError):
        Export(data, target, "jsonl", Selection()).run(_killer(2))
    with TinyFlux(data) as db:
        db.remove(FieldQuery().n < 3)
    report = Export(data, target, "jsonl", Selection()).run(lambda _: None)
    assert (report.n_points, report.resumed_at) == (N - 3, 0)


@pytest.mark.parametrize("form", ["line", "csv", "jsonl", "parquet", "tinyflux"])
def test_a_killed_import_stores_nothing_twice_and_leaves_nothing_out(
    data: Path, tmp_path: Path, form: Form
) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    source = data
    if form != "tinyflux":
        source = tmp_path / f"in.{form}"
        Export(data, source, form, Selection()).run(lambda _: None)
    back = tmp_path / "back.csv"
    with pytest.raises(_KilledError):  # a batch is stored, and its end not yet noted
        Import(source, back, form, Columns()).run(
            _killer(3), is_compact=True, is_skipping_bad=False
        )
    assert len(_numbers(back)) == 20_000
    with pytest.raises(_KilledError):
        Import(source, back, form, Columns()).run(
            _killer(1), is_compact=True, is_skipping_bad=False
        )
    report = Import(source, back, form, Columns()).run(
        lambda _: None, is_compact=True, is_skipping_bad=False
    )
    assert report.resumed_at > 0
    assert report.n_points == N
    assert _numbers(back) == list(range(N))


def test_points_that_are_stored_can_be_passed_over(data: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    Export(data, source, "jsonl", Selection(until_us=None)).run(lambda _: None)
    Import(source, data, "jsonl", Columns()).run(
        lambda _: None, is_compact=True, is_skipping_bad=False, is_skipping_stored=True
    )
    assert len(_numbers(data)) == N
