"""Every statistic against its definition, over late points, missing tags and several series."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tinyflux.analysis import naive
from tests.tinyflux.effort import effort
from tinyflux import MemoryStorage, Point, TinyFlux

START = datetime(2025, 3, 29, tzinfo=UTC)
END_OF_ALL = datetime(9999, 1, 1, tzinfo=UTC)
pytestmark = pytest.mark.filterwarnings("error")
ALL = [*naive.SIMPLE, "increase", "time_weighted_mean"]

values = st.one_of(
    st.integers(-1000, 1000),
    st.integers(2**53, 2**70),
    st.floats(-1e6, 1e6).map(lambda value: value + 0.0),
    st.none(),
    st.just("missing"),
)


@st.composite
def point_lists(draw: st.DrawFn) -> list[Point]:
    """Points in no order of time, many of one time, of few series, with None and missing tags."""
    span = draw(st.sampled_from((3, 200, 4000)))
    drawn = draw(
        st.lists(
            st.tuples(
                st.integers(0, span),
                st.sampled_from("mn"),
                st.sampled_from(({}, {"room": None}, {"room": "a"}, {"room": "b"})),
                st.sampled_from(({}, {"id": "1"}, {"id": "2"})),
                values,
                values,
            ),
            max_size=40,
        )
    )
    return [
        Point(
            time=START + timedelta(minutes=minutes),
            measurement=measurement,
            tags={**room, **device},
            fields={key: value for key, value in (("x", x), ("y", y)) if value != "missing"},
        )
        for minutes, measurement, room, device, x, y in drawn
    ]


def database(points: Iterable[Point]) -> TinyFlux:
    db = TinyFlux(storage=MemoryStorage)
    db.insert_multiple(points)
    return db


Cell = tuple[datetime, naive.Group]


def cells_of(
    points: Iterable[Point], field: str, by: Iterable[str], calendar: naive.Calendar
) -> dict[Cell, list[float]]:
    """The values of each window and group."""
    cells = defaultdict(list)
    for point in sorted(points, key=naive.utc):
        value = point.fields.get(field)
        if value is not None:
            start, _ = calendar.window(naive.utc(point))
            cells[start, naive.group_of(point, by)].append(float(value))
    return cells


def expected(
    points: list[Point], field: str, by: tuple[str, ...], calendar: naive.Calendar
) -> dict[Cell, dict[str, float]]:
    """Every statistic of every window and group that holds a value."""
    chains = naive.chains(points, field)
    answer = {}
    for (start, group), found in cells_of(points, field, by, calendar).items():
        _, end = calendar.window(start)
        of_group = [
            chain for chain in chains.values() if naive.group_of(chain[0].point, by) == group
        ]
        answer[start, group] = {
            **{name: compute(found) for name, compute in naive.SIMPLE.items()},
            "increase": naive.increase(of_group, start, end),
            "time_weighted_mean": naive.time_weighted_mean(of_group, start, end, found[-1]),
        }
    return answer


@effort(250)
@given(
    points=point_lists(),
    by=st.sampled_from(((), ("room",), ("room", "id"), ("id", "none"))),
    every=st.sampled_from(("10m", "1h", "6h", "1d", "1mo")),
    zone=st.sampled_from(("UTC", "Europe/Oslo", "Asia/Kolkata")),
)
def test_every_statistic_is_the_one_computed_by_hand(
    points: list[Point], by: tuple[str, ...], every: str, zone: str
) -> None:
    answer = database(points).aggregate(None, ("x", "y"), every, ALL, by, zone)
    assert {len(column) for column in answer.values()} == {len(answer["time"])}
    if not points:
        return
    times = [naive.utc(point) for point in points]
    calendar = naive.Calendar.over(every, ZoneInfo(zone), times)
    of_field = {field: expected(points, field, by, calendar) for field in ("x", "y")}
    keys = sorted(
        of_field["x"].keys() | of_field["y"].keys(),
        key=lambda key: (key[0], [(tag is None, tag or "") for tag in key[1]]),
    )
    assert answer["time"].tolist() == [naive.microseconds(start) for start, _ in keys]
    groups = [tuple(answer[key][row] for key in by) for row in range(len(keys))]
    assert groups == [group for _, group in keys]
    nothing = dict.fromkeys(ALL, math.nan) | {"count": 0}
    for field in ("x", "y"):
        for name in ALL:
            wanted = [of_field[field].get(key, nothing)[name] for key in keys]
            np.testing.assert_allclose(answer[f"{field}_{name}"], wanted, rtol=1e-9, atol=1e-6)


@effort(100)
@given(points=point_lists())
def test_without_every_one_window_holds_everything(points: list[Point]) -> None:
    answer = database(points).aggregate(None, "x", how=ALL, by="room")
    with_x = [point for point in points if point.fields.get("x") is not None]
    if not with_x:
        assert len(answer["time"]) == 0
        return
    first = min(map(naive.utc, with_x))
    assert set(answer["time"].tolist()) == {naive.microseconds(first)}
    wanted = expected(points, "x", ("room",), naive.Calendar([first, END_OF_ALL]))
    for row, room in enumerate(answer["room"]):
        for name in ALL:
            np.testing.assert_allclose(
                answer[f"x_{name}"][row], wanted[first, (room,)][name], rtol=1e-9, atol=1e-6
            )


@effort(100)
@given(points=point_lists(), every=st.sampled_from(("10m", "1h", "1d")))
def test_the_increases_of_all_windows_add_up_to_that_of_the_whole(
    points: list[Point], every: str
) -> None:
    db = database(points)
    whole = db.aggregate(None, "x", how="increase", by="room")
    parts = db.aggregate(None, "x", every, how="increase", by="room")
    for row, room in enumerate(whole["room"]):
        of_room = np.array([found == room for found in parts["room"]])
        total = math.fsum(parts["x_increase"][of_room])
        assert math.isclose(total, whole["x_increase"][row], rel_tol=1e-9, abs_tol=1e-6)


def series(*pairs: tuple[float, float | None], room: str = "a", **tags: str) -> list[Point]:
    """Points of one series: minutes after START, value."""
    return [
        Point(time=START + timedelta(minutes=at), tags={"room": room, **tags}, fields={"x": value})
        for at, value in pairs
    ]


def hourly(points: Iterable[Point], how: str) -> list[float]:
    return database(points).aggregate(None, "x", every="1h", how=how)[f"x_{how}"].tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("points", "wanted"),
    [
        pytest.param(series((0, 10), (30, 15), (60, 18), (90, 20)), [5, 5], id="steps"),
        pytest.param(series((0, 10), (30, 2), (60, 3)), [2, 1], id="a-fall-is-a-reset"),
        pytest.param(series((0, 10), (60, 2)), [0, 2], id="reset-between-windows"),
        pytest.param(series((0, 10), (30, 0), (40, 10)), [10], id="reset-to-zero"),
        pytest.param(series((0, 10), (300, 40)), [0, 30], id="over-empty-windows"),
        pytest.param(series((30, 10)), [0], id="one-value"),
        pytest.param(series((30, 5), (0, 1)), [4], id="late"),
        pytest.param(series((0, 1), (0, 5), (1, 6)), [5], id="equal-times-as-inserted"),
        pytest.param(series((0, 1), (5, None), (10, 4)), [3], id="none-is-passed-over"),
        pytest.param(
            [*series((0, 100), (2, 110), id="p"), *series((1, 5), (3, 6), id="q")],
            [11],
            id="each-series-by-itself",
        ),
    ],
)
def test_increase_of_a_counter(points: list[Point], wanted: list[float]) -> None:
    assert hourly(points, "increase") == wanted


@pytest.mark.parametrize(
    ("points", "wanted"),
    [
        pytest.param(series((0, 10), (45, 30), (60, 30)), [15, 30], id="holds-until-the-next"),
        pytest.param(series((30, 10), (90, 20)), [10, 10], id="carried-into-the-window"),
        pytest.param(
            series((30, 10), (270, 20), (271, 0)), [10, (30 * 10 + 20) / 31], id="carried-far"
        ),
        pytest.param(series((30, 7)), [7], id="one-value"),
        pytest.param(series((0, 1), (0, 3)), [3], id="no-time-between"),
        pytest.param(series((0, 1), (10, math.inf)), [1], id="the-last-holds-for-no-time"),
        pytest.param(series((0, 1), (0, math.nan), (0, 2), (60, 2)), [2, 2], id="nan-for-no-time"),
        pytest.param(
            [*series((0, 10), (180, 0), id="p"), *series((70, 20), (100, 20), id="q")],
            [10, (60 * 10 + 30 * 20) / 90, 0],
            id="carried-over-a-window-of-another-series",
        ),
        pytest.param(
            [*series((0, math.inf), (59, 1), id="p"), *series((60, 5), (119, 5), id="q")],
            [math.inf, 5],
            id="infinity-stays-in-its-window",
        ),
    ],
)
def test_time_weighted_mean(points: list[Point], wanted: list[float]) -> None:
    assert hourly(points, "time_weighted_mean") == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("n_windows", [1, 2, 3, 7, 8, 9, 100])
def test_a_value_counts_in_every_window_that_it_holds_through(n_windows: int) -> None:
    rare = series((0, 1e18), (60 * n_windows + 30, 0), (60 * n_windows + 60, 0), id="rare")
    often = [
        point
        for hour in range(n_windows + 2)
        for point in series((60 * hour + 20, hour), (60 * hour + 40, hour), id="often")
    ]
    answer = database([*rare, *often]).aggregate(None, "x", "1h", "time_weighted_mean")
    means = answer["x_time_weighted_mean"]
    assert (means[: n_windows + 1] > 1e17).all()
    assert means[n_windows + 1] == (20 * n_windows + 20 * (n_windows + 1)) / 40


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ("count", 3), ("sum", math.nan), ("mean", math.nan), ("min", math.nan), ("max", math.nan),
        ("std", math.nan), ("first", 1), ("last", 2), ("increase", math.nan),
        ("time_weighted_mean", math.nan),
    ],
)  # fmt: skip
def test_nan_is_a_value_and_none_is_none(how: str, wanted: float) -> None:
    points = series((0, 1), (10, math.nan), (15, None), (20, 2))
    np.testing.assert_equal(hourly(points, how), [wanted])


def test_the_deviation_of_great_numbers_close_together() -> None:
    numbers = [14903824109744182, 14903824109744175, 14903824109744339]
    (found,) = hourly(series(*enumerate(numbers)), "std")
    assert found == pytest.approx(statistics.stdev(map(float, numbers)), rel=1e-12)


@pytest.mark.parametrize(
    ("numbers", "how", "wanted"),
    [
        pytest.param([2**70, 1], "max", float(2**70), id="max-of-big-ints"),
        pytest.param([2**53 + 1], "last", float(2**53 + 1), id="the-nearest-float"),
        pytest.param([10**400, 1], "max", math.inf, id="beyond-any-float"),
        pytest.param([-(10**400), 1], "mean", -math.inf, id="mean-beyond-any-float"),
        pytest.param([math.inf, -math.inf], "sum", math.nan, id="inf-minus-inf"),
        pytest.param([math.inf, 1], "std", math.nan, id="std-of-inf"),
        pytest.param([math.inf, math.inf], "increase", math.nan, id="step-of-inf"),
        pytest.param([1e200, -1e200], "std", math.inf, id="std-beyond-any-float"),
        pytest.param([1.7e308, 1.7e308], "sum", math.inf, id="sum-beyond-any-float"),
        pytest.param([5, 5, 5], "std", 0, id="std-of-equals"),
        pytest.param([-0.0], "first", -0.0, id="minus-zero"),
    ],
)
def test_extreme_numbers_need_no_warning(numbers: list[float], how: str, wanted: float) -> None:
    points = series(*enumerate(numbers))
    np.testing.assert_equal(hourly(points, how), [wanted])
