"""`aggregate` and `latest` against a computation over plain points."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tinyflux import FieldQuery, MemoryStorage, Point, TagQuery, TinyFlux

START = datetime(2025, 3, 29, tzinfo=UTC)
OSLO = ZoneInfo("Europe/Oslo")

points_strategy = st.lists(
    st.builds(
        lambda minutes, room, value, measurement: Point(
            time=START + timedelta(minutes=minutes),
            measurement=measurement,
            tags={} if room is None else {"room": room},
            fields={} if value == "missing" else {"x": value},
        ),
        minutes=st.integers(0, 4000),
        room=st.sampled_from(["a", "b", None]),
        value=st.one_of(
            st.integers(-1000, 1000), st.floats(-1e6, 1e6), st.none(), st.just("missing")
        ),
        measurement=st.sampled_from(["m", "n"]),
    ),
    max_size=40,
)


def database(points: Iterable[Point]) -> TinyFlux:
    db = TinyFlux(storage=MemoryStorage)
    db.insert_multiple(points)
    return db


def window_of(time: datetime, zone: ZoneInfo | None) -> int:
    """The start of the day or UTC hour of a time, in µs."""
    local = time.astimezone(zone)
    day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return round(day.timestamp()) * 1_000_000


def by_hand(points: Iterable[Point]) -> dict[tuple[int, str | None], list[float]]:
    """The values of each Oslo day and room, by time and then insertion."""
    groups = defaultdict(list)
    for point in sorted(points, key=lambda point: point.time or START):
        value = point.fields.get("x")
        if value is not None and point.time is not None:
            groups[window_of(point.time, OSLO), point.tags.get("room")].append(float(value))
    return groups


NAIVE: dict[str, Callable[[list[float]], float]] = {
    "count": len,
    "sum": math.fsum,
    "mean": statistics.fmean,
    "min": min,
    "max": max,
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
    "std": lambda values: statistics.stdev(values) if len(values) > 1 else math.nan,
}


@settings(max_examples=150, deadline=None, print_blob=True)
@given(points=points_strategy)
def test_daily_statistics_by_room_are_those_computed_by_hand(points: list[Point]) -> None:
    db = database(points)
    answer = db.aggregate(None, "x", every="1d", how=list(NAIVE), by="room", tz="Europe/Oslo")
    expected = by_hand(points)
    keys = sorted(expected, key=lambda key: (key[0], key[1] is None, key[1] or ""))
    assert list(zip(answer["time"].tolist(), answer["room"], strict=True)) == keys
    for name, compute in NAIVE.items():
        wanted = [compute(expected[key]) for key in keys]
        np.testing.assert_allclose(answer[f"x_{name}"], wanted, rtol=1e-9, atol=1e-6)


@settings(max_examples=150, deadline=None, print_blob=True)
@given(points=points_strategy)
def test_latest_by_room_is_the_last_by_time_and_of_equal_times_the_last_inserted(
    points: list[Point],
) -> None:
    db = database(points)
    newest: dict[str | None, Point] = {}
    for point in points:
        room = point.tags.get("room")
        if room not in newest or (point.time or START) >= (newest[room].time or START):
            newest[room] = point
    found = db.latest(by="room")
    assert sorted(map(id, found)) == sorted(map(id, newest.values()))
    times = [point.time for point in found if point.time is not None]
    assert times == sorted(times)


def test_latest_of_series_tells_measurements_and_tag_sets_apart() -> None:
    first = Point(time=START, measurement="m", tags={"a": "1"}, fields={"x": 1})
    second = Point(time=START, measurement="m", tags={"a": "1", "b": None}, fields={"x": 2})
    third = Point(time=START, measurement="n", tags={"a": "1"}, fields={"x": 3})
    db = database([first, second, third])
    assert len(db.latest(measurement="n")) == 1
    assert third in db.latest()
    assert len(db.latest(FieldQuery().x < 3)) >= 1


def series(*values: tuple[float, float]) -> list[Point]:
    """Points of one room: minutes after START, value."""
    return [
        Point(time=START + timedelta(minutes=at), tags={"room": "a"}, fields={"x": value})
        for at, value in values
    ]


def hourly(points: Iterable[Point], how: str) -> list[float]:
    return database(points).aggregate(None, "x", every="1h", how=how)[f"x_{how}"].tolist()


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        pytest.param(series((0, 10), (30, 15), (60, 18), (90, 20)), [5.0, 5.0], id="steps"),
        pytest.param(series((0, 10), (30, 2), (60, 3)), [2.0, 1.0], id="a-fall-is-a-reset"),
        pytest.param(series((30, 10)), [0.0], id="one-value"),
        pytest.param(series((30, 5), (0, 1)), [4.0], id="late"),
    ],
)
def test_increase_adds_up_over_windows(points: list[Point], expected: list[float]) -> None:
    assert hourly(points, "increase") == expected


def test_increase_follows_each_series_by_itself() -> None:
    meters = [
        Point(time=START + timedelta(minutes=at), tags={"room": "a", "id": name}, fields={"x": x})
        for at, name, x in [(0, "p", 100), (1, "q", 5), (2, "p", 110), (3, "q", 6)]
    ]
    answer = database(meters).aggregate(None, "x", every="1h", how="increase", by="room")
    assert answer["x_increase"].tolist() == [11.0]


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        pytest.param(series((0, 10), (45, 30), (60, 30)), [15.0, 30.0], id="holds-until-the-next"),
        pytest.param(series((30, 10), (90, 20)), [10.0, 10.0], id="carried-into-the-window"),
        pytest.param(series((30, 7)), [7.0], id="one-value"),
        pytest.param(series((0, 1), (0, 3)), [3.0], id="no-time-between"),
    ],
)
def test_time_weighted_mean_weighs_by_time(points: list[Point], expected: list[float]) -> None:
    assert hourly(points, "time_weighted_mean") == expected


def starts(times: Iterable[datetime], every: str, zone: str) -> list[str]:
    points = [Point(time=time, fields={"x": 1}) for time in times]
    answer = database(points).aggregate(None, "x", every=every, how="count", tz=zone)
    return [
        datetime.fromtimestamp(start / 1e6, ZoneInfo(zone)).isoformat()
        for start in answer["time"].tolist()
    ]


@pytest.mark.parametrize(
    ("every", "zone", "at", "expected"),
    [
        pytest.param(
            "1d", "Europe/Oslo", "2025-03-30T20:00+00:00", "2025-03-30T00:00:00+01:00", id="spring"
        ),
        pytest.param(
            "1d", "Europe/Oslo", "2025-10-26T22:30+00:00", "2025-10-26T00:00:00+02:00", id="autumn"
        ),
        pytest.param(
            "1w", "Europe/Oslo", "2025-03-30T20:00+00:00", "2025-03-24T00:00:00+01:00", id="week"
        ),
        pytest.param(
            "1mo", "Asia/Kolkata", "2025-03-31T20:00+00:00", "2025-04-01T00:00:00+05:30", id="month"
        ),
        pytest.param(
            "1y", "Pacific/Apia", "2024-12-31T11:00+00:00", "2025-01-01T00:00:00+13:00", id="year"
        ),
        pytest.param(
            "6h", "Europe/Oslo", "2025-06-01T05:00+00:00", "2025-06-01T06:00:00+02:00", id="6h"
        ),
        pytest.param(
            "1h", "Asia/Kolkata", "2025-06-01T05:00+00:00", "2025-06-01T10:00:00+05:30", id="1h"
        ),
    ],
)
def test_windows_follow_the_calendar_of_the_zone(
    every: str, zone: str, at: str, expected: str
) -> None:
    assert starts([datetime.fromisoformat(at)], every, zone) == [expected]


def test_the_hour_that_autumn_repeats_is_two_windows() -> None:
    times = [datetime(2025, 10, 26, hour, 30, tzinfo=UTC) for hour in (0, 1)]
    assert len(starts(times, "1h", "Europe/Oslo")) == 2


@pytest.mark.parametrize("year", [1, 9999])
@pytest.mark.parametrize("every", ["1h", "1d", "1w", "1mo", "1y"])
def test_windows_reach_the_first_and_the_last_year(year: int, every: str) -> None:
    at = datetime(year, 1, 1, tzinfo=UTC) if year == 1 else datetime(year, 12, 31, 23, tzinfo=UTC)
    db = database([Point(time=at, fields={"x": 1})])
    assert db.aggregate(None, "x", every=every, tz="Europe/Oslo")["x_mean"].tolist() == [1.0]


def test_without_every_there_is_one_window() -> None:
    answer = database(series((0, 1), (4000, 3))).aggregate(None, "x")
    assert answer["x_mean"].tolist() == [2.0]


def test_fields_of_different_rows_stand_in_the_same_windows() -> None:
    db = database(
        [
            Point(time=START, fields={"x": 1.0}),
            Point(time=START + timedelta(hours=1), fields={"y": 2.0}),
        ]
    )
    answer = db.aggregate(None, ["x", "y"], every="1h", how=["mean", "count"])
    np.testing.assert_array_equal(answer["x_mean"], [1.0, math.nan])
    np.testing.assert_array_equal(answer["y_mean"], [math.nan, 2.0])
    assert answer["x_count"].tolist() == [1, 0]


def test_no_match_gives_empty_columns_of_the_right_kind() -> None:
    answer = database([]).aggregate(None, "x", every="1d", how=["mean", "count"], by=["room"])
    kinds = {name: column.dtype.kind for name, column in answer.items()}
    assert kinds == {"time": "i", "room": "O", "x_mean": "f", "x_count": "i"}
    assert all(len(column) == 0 for column in answer.values())


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"every": "1 fortnight"}, id="duration"),
        pytest.param({"every": "0s"}, id="no-length"),
        pytest.param({"how": "median"}, id="statistic"),
        pytest.param({"tz": "Mars/Base"}, id="zone"),
        pytest.param({"fields": []}, id="no-field"),
    ],
)
def test_what_is_not_known_is_refused(wrong: dict[str, object]) -> None:
    arguments = {"fields": "x", "every": "1h", "how": "mean", **wrong}
    with pytest.raises(ValueError, match=r"\w"):
        database([]).aggregate(None, **arguments)  # type: ignore[arg-type]


def test_search_with_limit_and_reverse_gives_the_latest() -> None:
    db = database(series((2, 2), (0, 0), (1, 1)))
    found = db.search(TagQuery().room == "a", limit=2, reverse=True)
    assert [point.fields["x"] for point in found] == [2, 1]
    assert db.search(TagQuery().room == "a", limit=0) == []
    with pytest.raises(ValueError, match="limit"):
        db.search(TagQuery().room == "a", limit=-1)
