"""What goes out comes in again: every form, with every point that a data file can hold."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.exchange.exporting import Export
from daemon.exchange.form import Form
from daemon.exchange.importing import Import
from daemon.exchange.wide_csv import Columns
from daemon.query import Selection
from tinyflux import Point, TinyFlux

_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8).filter(
    lambda text: text != "_none"
)
_KEYS = _TEXTS.filter(bool)
_POINTS = st.builds(
    Point,
    time=st.datetimes(datetime(1678, 1, 1), datetime(2261, 1, 1), timezones=st.just(UTC)),
    measurement=_KEYS,
    tags=st.dictionaries(_KEYS, st.none() | _TEXTS, max_size=3),
    fields=st.dictionaries(
        _KEYS, st.none() | st.integers(-(2**70), 2**70) | st.floats(), max_size=3
    ),
)


def _identities(points: list[Point]) -> Counter[object]:
    return Counter(
        (
            point.time,
            point.measurement,
            frozenset(point.tags.items()),
            frozenset((key, repr(number)) for key, number in point.fields.items()),
        )
        for point in points
    )


def _through(form: Form, points: list[Point], folder: Path) -> list[Point]:
    data, target, back = folder / "a.csv", folder / f"out.{form}", folder / "b.csv"
    with TinyFlux(data) as db:
        db.insert_multiple(points)
    Export(data, target, form, Selection()).run(lambda _: None)
    Import(target, back, form, Columns()).run(
        lambda _: None, is_compact=True, is_skipping_bad=False
    )
    assert sorted(path.name for path in folder.iterdir() if path.name.startswith(".out")) == []
    assert not list(folder.glob(".b.csv.import*"))
    with TinyFlux(back, access_mode="r") as db:
        return db.all(sorted=False)


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
@settings(max_examples=25, deadline=None)
@given(points=st.lists(_POINTS, max_size=6))
def test_every_point_comes_back_as_it_was(form: Form, points: list[Point]) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    with TemporaryDirectory() as folder:
        found = _through(form, points, Path(folder))
    assert _identities(found) == _identities(points)


@settings(max_examples=25, deadline=None)
@given(points=st.lists(_POINTS, max_size=6))
def test_a_data_file_is_taken_as_it_is(points: list[Point]) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        with TinyFlux(folder / "a.csv") as db:
            db.insert_multiple(points)
        Import(folder / "a.csv", folder / "b.csv", "tinyflux", Columns()).run(
            lambda _: None, is_compact=False, is_skipping_bad=False
        )
        with TinyFlux(folder / "b.csv", access_mode="r") as db:
            found = db.all(sorted=False)
    assert _identities(found) == _identities(points)


def test_line_protocol_gives_back_what_it_can_say_and_counts_the_rest(tmp_path: Path) -> None:
    when = datetime(2025, 6, 1, 12, tzinfo=UTC)
    whole = Point(time=when, measurement="m ,=", tags={"a b": "c,d"}, fields={"x": 1, "y": 2.0})
    short = Point(time=when, measurement="m", tags={"a": None}, fields={"x": 1, "y": None})
    gone = Point(time=when, measurement="m", tags={"a": "b"}, fields={"x": None})
    data, target = tmp_path / "a.csv", tmp_path / "out.lp"
    with TinyFlux(data) as db:
        db.insert_multiple([whole, short, gone])
    report = Export(data, target, "line", Selection()).run(lambda _: None)
    assert (report.losses.n_left_out, report.losses.n_shortened) == (1, 1)
    back = tmp_path / "b.csv"
    Import(target, back, "line", Columns()).run(
        lambda _: None, is_compact=True, is_skipping_bad=False
    )
    with TinyFlux(back, access_mode="r") as db:
        found = db.all(sorted=False)
    shortened = Point(time=when, measurement="m", fields={"x": 1})
    assert _identities(found) == _identities([whole, shortened])
