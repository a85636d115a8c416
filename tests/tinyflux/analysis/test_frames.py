"""`to_pandas` and `to_polars`: frames of the same columns, times aware."""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tinyflux import FieldQuery, MemoryStorage, Point, TinyFlux

START = datetime(2025, 1, 1, tzinfo=UTC)


def house() -> TinyFlux:
    db = TinyFlux(storage=MemoryStorage)
    db.insert_multiple(
        [
            Point(
                time=START + timedelta(hours=1), tags={"room": "a"}, fields={"x": 2, "y": math.nan}
            ),
            Point(time=START, tags={"room": None}, fields={"x": 1.5, "y": None}),
            Point(time=START, measurement="m", tags={"room": "b", "x": "t"}, fields={"y": 5}),
        ]
    )
    return db


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_a_missing_package_is_named_with_its_extra(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=rf"pip install 'tinyflux-collector\[{name}\]'"):
        getattr(house(), f"to_{name}")()


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_frames_have_the_columns_of_the_arrays(name: str) -> None:
    pytest.importorskip(name)
    db = house()
    frame = getattr(db, f"to_{name}")(None, ["y", "x"])
    assert list(frame.columns) == list(db.to_numpy(None, ["y", "x"]))
    assert list(frame.columns) == ["time", "room", "tags.x", "y", "fields.x"]
    measured = getattr(db.measurement("m"), f"to_{name}")(FieldQuery().y > 1)
    assert (len(measured), list(measured.columns)) == (1, ["time", "room", "x", "y"])
    narrow = getattr(db, f"to_{name}")(fields="y", tags=())
    assert (len(narrow), list(narrow.columns)) == (3, ["time", "y"])
    of_one = getattr(db.measurement("m"), f"to_{name}")(fields="y", tags="room")
    assert list(of_one.columns) == ["time", "room", "y"]


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_frames_of_no_point_have_a_time_of_the_right_kind(name: str) -> None:
    pytest.importorskip(name)
    empty = getattr(TinyFlux(storage=MemoryStorage), f"to_{name}")(fields="x")
    full = getattr(house(), f"to_{name}")(fields="x")
    assert len(empty) == 0
    assert [str(empty[key].dtype) for key in ("time", "x")] == [
        str(full[key].dtype) for key in ("time", "fields.x")
    ]


def test_pandas_gets_aware_times_and_its_own_missing_values() -> None:
    pandas = pytest.importorskip("pandas")
    frame = house().to_pandas()
    assert str(frame["time"].dtype) == "datetime64[us, UTC]"
    assert [moment.to_pydatetime() for moment in frame["time"]][1:] == [
        START, START + timedelta(hours=1),
    ]  # fmt: skip
    assert frame["fields.x"].tolist()[2] == 2.0
    assert frame["room"].isna().tolist() == [True, False, False]
    assert frame["y"].isna().tolist() == [True, False, True]
    by_hour = frame.set_index("time").resample("1h")["fields.x"].max()
    assert by_hour.tolist() == [1.5, 2.0]
    assert isinstance(frame, pandas.DataFrame)


def test_polars_gets_aware_times_and_tells_null_from_nan() -> None:
    polars = pytest.importorskip("polars")
    frame = house().to_polars()
    assert frame.schema == {
        "time": polars.Datetime("us", "UTC"),
        "room": polars.String,
        "tags.x": polars.String,
        "fields.x": polars.Float64,
        "y": polars.Float64,
    }
    assert frame["time"].to_list() == [START, START, START + timedelta(hours=1)]
    assert frame["room"].to_list() == [None, "b", "a"]
    assert frame["fields.x"].to_list() == [1.5, None, 2.0]
    assert frame["y"].is_null().to_list() == [True, False, False]
    assert math.isnan(frame["y"].to_list()[2])


def test_polars_gets_null_for_none_where_few_points_have_the_field() -> None:
    pytest.importorskip("polars")
    db = house()
    db.insert(Point(time=START, fields={"z": None}))
    db.insert(Point(time=START, fields={"z": math.nan}))
    column = db.to_polars(fields="z")["z"]
    assert column.is_null().to_list() == [True, True, True, False, True]


@pytest.mark.parametrize("name", ["pandas", "polars"])
@pytest.mark.parametrize("moment", [datetime.min, datetime.max])
def test_frames_hold_the_first_and_the_last_moment(name: str, moment: Any) -> None:
    pytest.importorskip(name)
    db = TinyFlux(storage=MemoryStorage)
    db.insert(Point(time=moment.replace(tzinfo=UTC), fields={"x": 1}))
    frame = getattr(db, f"to_{name}")()
    assert str(frame["time"][0]).startswith(str(moment)[:19])
