"""Exactly what went in comes out: values by name, and any that hypothesis thinks of."""

from __future__ import annotations

import enum
import math
import sys
import tempfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tinyflux import by_hand
from tests.tinyflux import strategies as some
from tests.tinyflux.backends import Backend
from tests.tinyflux.effort import effort
from tests.tinyflux.exact import contents, exact
from tests.tinyflux.model import copied
from tinyflux import FieldQuery, Point, TagQuery, TinyFlux

TIME = datetime(2025, 1, 1, tzinfo=UTC)


class Level(enum.IntEnum):
    HIGH = 2**60


class Room(enum.StrEnum):
    CELLAR = "the, cellar"


NUMBERS: dict[str, Any] = {
    "zero": 0,
    "minus one": -1,
    "2**53": 2**53,
    "2**53 + 1": 2**53 + 1,
    "-(2**53) - 1": -(2**53) - 1,
    "2**63 - 1": 2**63 - 1,
    "2**63": 2**63,
    "-(2**63)": -(2**63),
    "-(2**63) - 1": -(2**63) - 1,
    "2**64": 2**64,
    "beyond floats": 10**400 + 1,
    "4299 digits": 10**4299 - 1,
    "4300 digits": 10**4300 - 1,
    "4301 digits": 10**4300,
    "5000 digits, negative": -(10**5000) + 1,
    "0.0": 0.0,
    "-0.0": -0.0,
    "1.0": 1.0,
    "0.1": 0.1,
    "0.1 + 0.2": 0.1 + 0.2,
    "1/3": 1 / 3,
    "1e16": 1e16,
    "1e22": 1e22,
    "1e23": 1e23,
    "1e-7": 1e-7,
    "123456789012345.6": 123456789012345.6,
    "9007199254740993.0": 9007199254740993.0,
    "max": sys.float_info.max,
    "min": sys.float_info.min,
    "subnormal": 5e-324,
    "subnormal, negative": -2.2250738585072011e-308,
    "inf": math.inf,
    "-inf": -math.inf,
    "nan": math.nan,
    "None": None,
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers(backend: Backend, name: str) -> None:
    number = NUMBERS[name]
    fields = {"before": 1, "n": number, "after": 2.5}
    db = backend.holding(Point(time=TIME, fields=fields), Point(time=TIME))
    assert exact(db.get_field_values("n")) == exact([number])
    assert exact(db.select("fields.n", FieldQuery().n.exists())) == exact([number])
    assert contents(db.all()) == contents([Point(time=TIME, fields=fields), Point(time=TIME)])


def test_long_numbers_whatever_python_s_own_limit_is(
    backend: Backend,
) -> None:
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(640)
    try:
        db = backend.holding(Point(time=TIME, fields={"n": 10**900}))
        assert db.get_field_values("n") == [10**900]
    finally:
        sys.set_int_max_str_digits(limit)


@pytest.mark.parametrize(
    ("number", "plain"),
    [
        pytest.param(np.float64(0.1), 0.1, id="float64"),
        pytest.param(np.float32(0.1), float(np.float32(0.1)), id="float32"),
        pytest.param(np.int16(-5), -5, id="int16"),
        pytest.param(np.uint64(2**64 - 1), 2**64 - 1, id="uint64"),
        pytest.param(np.float64("nan"), math.nan, id="nan"),
        pytest.param(Level.HIGH, 2**60, id="IntEnum"),
    ],
)
def test_numbers_of_other_types_are_stored_as_plain_ones(
    backend: Backend, number: Any, plain: Any
) -> None:
    db = backend.holding(Point(time=TIME, fields={"n": number}))
    assert exact(db.get_field_values("n")) == exact([plain])
    db.update_all(fields={"m": number})
    assert exact(db.get_field_values("m")) == exact([plain])


TEXTS = [
    *some.NASTY,
    *some.KEYS,
    "\ud7ff\ue000\uffff\U0010ffff",
    "Zażółć gęślą jaźń",
    "日本語",
    "👨‍👩‍👧",
    "e\u0301",
    "\x01\x1f\x7f",
    '"""',
    '",",',
    "\n\r\n\r",
    "  a  ",
    "\t",
    "=1+1",
    "+1",
    "NULL",
    "None",
    "inf",
    "x" * 1000,
]


@pytest.mark.parametrize("text", TEXTS, ids=ascii)
def test_texts_in_every_place(backend: Backend, text: str) -> None:
    points = [
        Point(time=TIME, measurement=text),
        Point(time=TIME, tags={text: "value"}),
        Point(time=TIME, fields={text: 1}),
        Point(time=TIME, measurement=text, tags={text: None, "a": "b"}, fields={text: None}),
    ]
    if text != "_none":
        points.append(Point(time=TIME, tags={"key": text, "z": "z"}))
    db = backend.holding(*points)
    assert contents(db.all(sorted=False)) == contents(points)
    assert db.count(TagQuery()[text] == "value") == 1
    assert db.count(FieldQuery()[text].exists()) == 2
    assert len(db.measurement(text)) == 2 + 3 * (text == "_default")


def test_a_text_of_a_subclass_is_stored_as_its_text(backend: Backend) -> None:
    db = backend.holding(Point(time=TIME, tags={"room": Room.CELLAR}, measurement=Room.CELLAR))
    assert db.count(TagQuery().room == "the, cellar") == 1
    assert db.get_measurements() == ["the, cellar"]


@pytest.mark.parametrize("size", [131_071, 131_072, 131_073, 2_200_000])
@pytest.mark.parametrize("character", ["x", "é", ",", '"'], ids=["plain", "wide", "comma", "quote"])
def test_values_longer_than_csv_reads_by_default(tmp_path: Path, size: int, character: str) -> None:
    path = tmp_path / "data.csv"
    text = character * size
    points = [Point(time=TIME, tags={"a": "b"}), Point(time=TIME, tags={"long": text, text: "k"})]
    with TinyFlux(path) as db:
        db.insert_multiple(points)
        db.insert(Point(time=TIME))
    with TinyFlux(path) as db:
        assert db.count(TagQuery().long == text) == 1
        assert contents(db.all()[:2]) == contents(points)
        assert db.remove(TagQuery().a == "b") == 1
    with TinyFlux(path, auto_index=False) as db:
        assert db.count(TagQuery()[text] == "k") == 1
        assert len(db) == 2


def test_none_is_not_missing(backend: Backend) -> None:
    db = backend.holding(
        Point(time=TIME, tags={"a": None}, fields={"n": None}), Point(time=TIME, fields={"n": 1})
    )
    first, second = db.all()
    assert (first.tags, first.fields) == ({"a": None}, {"n": None})
    assert (second.tags, second.fields) == ({}, {"n": 1})
    assert db.count(TagQuery().a.exists()) == 1


@pytest.mark.parametrize(
    "time",
    [
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime(1, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        datetime(9999, 12, 31, 22, 59, 59, 999999, tzinfo=timezone(-timedelta(hours=1))),
        datetime(1582, 10, 10, tzinfo=UTC),
        datetime(1900, 3, 1, tzinfo=UTC),
        datetime(2000, 2, 29, 23, 59, 59, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(2025, 1, 1, 0, 0, 0, 100000, tzinfo=UTC),
        datetime(2025, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=45, seconds=1))),
    ],
    ids=str,
)
def test_times_to_the_microsecond(backend: Backend, time: datetime) -> None:
    db = backend.holding(Point(time=time))
    assert db.get_timestamps() == [time]
    assert db.all()[0].time == time
    assert db.select("time", TagQuery().noop()) == [time]


@given(st.lists(some.points(), max_size=5), st.booleans())
@effort(60)
def test_any_points(points: list[Point], is_compact: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data.csv")
        with TinyFlux(path) as db:
            db.insert_multiple(points, compact_key_prefixes=is_compact)
        with TinyFlux(path) as db:
            assert contents(db.all(sorted=False)) == contents(points)
        styles = ("t_", "f_") if is_compact else ("_tag_", "_field_")
        assert by_hand.read(path) == [by_hand.row(point, *styles) for point in points]


@given(st.lists(some.points(), max_size=4))
@effort(60)
def test_any_points_that_another_program_wrote(points: list[Point]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "data.csv")
        with open(path, "w", encoding="utf-8", newline="") as file:
            by_hand.write(file, points)
        with TinyFlux(path) as db:
            assert contents(db.all(sorted=False)) == contents(map(copied, points))
