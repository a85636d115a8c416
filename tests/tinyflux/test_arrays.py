"""`to_numpy`, `to_pandas`, `to_polars` and line protocol."""

from __future__ import annotations

import importlib.util
import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyflux import FieldQuery, MemoryStorage, Point, TinyFlux

START = datetime(2025, 1, 1, tzinfo=UTC)


def household() -> TinyFlux:
    db = TinyFlux(storage=MemoryStorage)
    db.insert_multiple(
        [
            Point(time=START + timedelta(hours=1), tags={"room": "a"}, fields={"x": 2, "y": None}),
            Point(time=START, tags={"room": None, "floor": "1"}, fields={"x": 1.5}),
        ]
    )
    return db


def test_arrays_are_of_one_length_and_by_time() -> None:
    columns = household().to_numpy()
    assert list(columns) == ["time", "floor", "room", "x", "y"]
    assert columns["time"].tolist() == [1735689600000000, 1735693200000000]
    assert columns["time"].dtype == np.int64
    assert columns["room"].tolist() == [None, "a"]
    assert columns["floor"].tolist() == ["1", None]
    assert columns["x"].tolist() == [1.5, 2.0]
    assert np.isnan(columns["y"]).all()


def test_only_the_fields_asked_for_are_given() -> None:
    assert list(household().to_numpy(FieldQuery().x > 1.5, "x")) == ["time", "room", "x"]
    assert np.isnan(household().to_numpy(fields=["none"])["none"]).all()


def test_keys_that_name_two_arrays_are_told_apart() -> None:
    db = TinyFlux(storage=MemoryStorage)
    db.insert(Point(time=START, tags={"x": "t"}, fields={"x": 1, "time": 2}))
    assert list(db.to_numpy()) == ["time", "tags.x", "fields.time", "fields.x"]


def test_changing_an_array_changes_no_point() -> None:
    db = household()
    db.to_numpy()["x"][:] = 0
    assert db.to_numpy()["x"].tolist() == [1.5, 2.0]


def test_no_point_gives_an_empty_time() -> None:
    columns = TinyFlux(storage=MemoryStorage).to_numpy()
    assert (list(columns), columns["time"].dtype, len(columns["time"])) == (["time"], np.int64, 0)


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_a_missing_package_is_named_with_its_extra(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(ImportError, match=rf"tinyflux-collector\[{name}\]"):
        getattr(household(), f"to_{name}")()


@pytest.mark.skipif(importlib.util.find_spec("pandas") is None, reason="pandas is not installed")
def test_pandas_gets_aware_times() -> None:
    frame = household().to_pandas()
    assert str(frame["time"].dtype) == "datetime64[us, UTC]"
    assert frame["x"].tolist() == [1.5, 2.0]
    assert frame["time"][0].to_pydatetime() == START


@pytest.mark.skipif(importlib.util.find_spec("polars") is None, reason="polars is not installed")
def test_polars_gets_aware_times() -> None:
    frame = household().to_polars()
    assert frame["time"].to_list()[0] == START
    assert frame["room"].to_list() == [None, "a"]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1)


@given(
    measurement=texts,
    tags=st.dictionaries(texts, texts, max_size=3),
    fields=st.dictionaries(
        texts,
        st.one_of(
            st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False)
        ),
        min_size=1,
        max_size=3,
    ),
    time=st.datetimes(timezones=st.just(UTC)),
)
def test_a_line_reads_back_as_its_point(
    measurement: str,
    tags: dict[str, str | None],
    fields: dict[str, int | float | None],
    time: datetime,
) -> None:
    point = Point(time=time, measurement=measurement, tags=tags, fields=fields)
    back = Point.from_line_protocol(point.to_line_protocol())
    assert back == point
    assert [type(value) for value in back.fields.values()] == [
        type(value) for value in point.fields.values()
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param(
            "myMeasurement,tag1=value1,tag2=value2 fieldKey=1.5 1556813561098000000",
            Point(
                time=datetime(2019, 5, 2, 16, 12, 41, 98000, tzinfo=UTC),
                measurement="myMeasurement",
                tags={"tag1": "value1", "tag2": "value2"},
                fields={"fieldKey": 1.5},
            ),
            id="all-parts",
        ),
        pytest.param(
            r"my\ Measure\,ment,t\=ag=va\ lue f=1i,g=2u,h=t,i=FALSE,j=-1.2e+3 0",
            Point(
                time=datetime(1970, 1, 1, tzinfo=UTC),
                measurement="my Measure,ment",
                tags={"t=ag": "va lue"},
                fields={"f": 1, "g": 2, "h": 1, "i": 0, "j": -1200.0},
            ),
            id="escapes-and-kinds",
        ),
    ],
)
def test_a_line_of_the_documented_form_is_read(line: str, expected: Point) -> None:
    assert Point.from_line_protocol(line) == expected


@pytest.mark.parametrize(
    "line",
    [
        "",
        "m",
        "m ",
        "m f",
        "m f=",
        "m f=x",
        'm f="text"',
        'm f="open',
        "m f=1 x",
        "m f=1 1 1",
        ",a=b f=1",
    ],
)
def test_what_is_no_line_is_refused_by_a_value_error(line: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Point.from_line_protocol(line)


@given(st.text())
def test_no_text_raises_anything_but_a_value_error(text: str) -> None:
    try:
        point = Point.from_line_protocol(text)
    except ValueError:
        return
    assert point.fields


def test_what_a_line_cannot_hold_is_left_out() -> None:
    point = Point(time=START, tags={"a": None, "b": ""}, fields={"x": 1, "n": None, "i": math.inf})
    assert point.to_line_protocol() == "_default x=1i 1735689600000000000"
    with pytest.raises(ValueError, match="finite"):
        Point(time=START, fields={"n": math.nan}).to_line_protocol()
