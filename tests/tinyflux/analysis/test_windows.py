"""Windows of time: on the calendar of a zone, through changes of the clock, to the ends of time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tinyflux.analysis import naive
from tests.tinyflux.effort import effort
from tinyflux import MemoryStorage, Point, TinyFlux

ZONES = (
    "UTC",
    "Europe/Oslo",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "America/St_Johns",
    "America/Havana",
    "Africa/Casablanca",
    "Asia/Beirut",
)
LENGTHS = ("7m", "90m", "2h", "5h", "6h", "1d", "36h", "1w", "1mo", "3mo", "1y")
"""None of them divides every change of a clock: all are counted on the clock of the zone."""


def counts(
    times: Iterable[datetime], every: str | timedelta, zone: str | tzinfo | None
) -> dict[int, int]:
    """The number of times in each window, by its start in µs."""
    db = TinyFlux(storage=MemoryStorage)
    db.insert_multiple(Point(time=time, fields={"x": 1}) for time in times)
    answer = db.aggregate(None, "x", every=every, how="count", tz=zone)
    return dict(zip(answer["time"].tolist(), answer["x_count"].tolist(), strict=True))


def starts(times: Iterable[str], every: str | timedelta, zone: str | tzinfo) -> list[str]:
    """The starts of the windows of some times, as the zone writes them."""
    found = counts(map(datetime.fromisoformat, times), every, zone)
    place = ZoneInfo(zone) if isinstance(zone, str) else zone
    return [datetime.fromtimestamp(start / 1e6, place).isoformat() for start in found]


def counted(starts: Iterable[datetime]) -> dict[int, int]:
    """How often each start of a window is met, in the order of time."""
    return dict(sorted(Counter(map(naive.microseconds, starts)).items()))


near_changes = st.builds(
    lambda day, minutes: day + timedelta(minutes=minutes),
    st.sampled_from(
        [
            *(datetime(2025, *day, tzinfo=UTC) for day in ((3, 30), (10, 26), (4, 5), (10, 4))),
            *(datetime(2025, *day, tzinfo=UTC) for day in ((3, 9), (11, 2), (2, 23), (4, 6))),
            *(datetime(2010, *day, tzinfo=UTC) for day in ((3, 14), (11, 7), (3, 28), (10, 31))),
        ]
    ),
    st.integers(-1500, 1500),
)
any_time = st.datetimes(datetime(1985, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))


@effort(400)
@given(
    times=st.lists(st.one_of(near_changes, any_time), min_size=1, max_size=12),
    every=st.sampled_from(LENGTHS),
    zone=st.sampled_from(ZONES),
)
def test_windows_are_those_of_a_wall_clock(times: list[datetime], every: str, zone: str) -> None:
    by_hand = [naive.Calendar.over(every, ZoneInfo(zone), [time]).window(time) for time in times]
    assert counts(times, every, zone) == counted(start for start, _ in by_hand)


@pytest.mark.parametrize("every", ["90m", "2h", "6h", "1d", "1w", "1mo"])
@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("month", [3, 10])
def test_many_times_fall_into_the_windows_of_a_wall_clock(
    month: int, zone: str, every: str
) -> None:
    first = datetime(2025, month, 1, tzinfo=UTC)
    times = [first + timedelta(minutes=10 * step) for step in range(45 * 144)]
    calendar = naive.Calendar.over(every, ZoneInfo(zone), times)
    assert counts(times, every, zone) == counted(calendar.window(time)[0] for time in times)


@pytest.mark.parametrize(
    ("every", "zone", "at", "wanted"),
    [
        ("1d", "Europe/Oslo", "2025-03-30T20:00Z", "2025-03-30T00:00:00+01:00"),
        ("1d", "Europe/Oslo", "2025-10-26T22:30Z", "2025-10-26T00:00:00+02:00"),
        ("1w", "Europe/Oslo", "2025-03-30T20:00Z", "2025-03-24T00:00:00+01:00"),
        ("1w", "UTC", "2025-06-01T23:59:59.999999Z", "2025-05-26T00:00:00+00:00"),
        ("2w", "UTC", "1970-01-18T00:00Z", "1970-01-05T00:00:00+00:00"),
        ("7d", "UTC", "1970-01-04T00:00Z", "1969-12-29T00:00:00+00:00"),
        ("1mo", "Asia/Kolkata", "2025-03-31T20:00Z", "2025-04-01T00:00:00+05:30"),
        ("3mo", "UTC", "2025-06-30T23:59Z", "2025-04-01T00:00:00+00:00"),
        ("1mo", "UTC", "1969-12-31T23:59Z", "1969-12-01T00:00:00+00:00"),
        ("1y", "Pacific/Apia", "2024-12-31T11:00Z", "2025-01-01T00:00:00+13:00"),
        ("10y", "UTC", "2025-01-01T00:00Z", "2020-01-01T00:00:00+00:00"),
        ("6h", "Europe/Oslo", "2025-06-01T05:00Z", "2025-06-01T06:00:00+02:00"),
        ("6h", "Europe/Oslo", "2025-03-30T03:00Z", "2025-03-30T00:00:00+01:00"),
        ("1h", "Asia/Kolkata", "2025-06-01T05:00Z", "2025-06-01T10:00:00+05:30"),
        ("90m", "America/St_Johns", "2025-06-01T05:00Z", "2025-06-01T01:30:00-02:30"),
        ("2h", "Australia/Lord_Howe", "2025-06-01T05:00Z", "2025-06-01T14:00:00+10:30"),
        ("1us", "UTC", "2025-06-01T05:00:00.000001Z", "2025-06-01T05:00:00.000001+00:00"),
        ("24h", "Europe/Oslo", "2025-06-01T05:00Z", "2025-06-01T00:00:00+02:00"),
    ],
)
def test_the_start_of_a_window(every: str, zone: str, at: str, wanted: str) -> None:
    assert starts([at], every, zone) == [wanted]


@pytest.mark.parametrize(
    ("zone", "every", "times", "wanted"),
    [
        pytest.param(
            "Europe/Oslo", "2h", ["2025-03-30T01:00Z", "2025-03-30T01:59Z"],
            ["2025-03-30T03:00:00+02:00"], id="a-start-that-was-skipped",
        ),
        pytest.param(
            "America/Toronto", "1d", ["1919-03-31T04:30Z", "1919-03-31T04:59Z"],
            ["1919-03-31T00:30:00-04:00"], id="a-midnight-that-was-skipped",
        ),
        pytest.param(
            "Asia/Beirut", "1d", ["2025-03-29T22:00Z"],
            ["2025-03-30T01:00:00+03:00"], id="a-day-that-began-at-one",
        ),
        pytest.param(
            "America/Havana", "1d", ["2025-11-02T04:00Z", "2025-11-02T05:30Z"],
            ["2025-11-02T00:00:00-04:00"], id="a-midnight-shown-twice",
        ),
        pytest.param(
            "America/St_Johns", "1d", ["2010-11-07T02:30:30Z", "2010-11-07T03:00Z"],
            ["2010-11-06T00:00:00-02:30"], id="a-minute-past-midnight-and-back",
        ),
        pytest.param(
            "Pacific/Apia", "1d", ["2011-12-30T09:59Z", "2011-12-30T10:00Z"],
            ["2011-12-29T00:00:00-10:00", "2011-12-31T00:00:00+14:00"], id="a-day-that-never-was",
        ),
    ],
)  # fmt: skip
def test_windows_at_a_change_of_the_clock(
    zone: str, every: str, times: list[str], wanted: list[str]
) -> None:
    assert starts(times, every, zone) == wanted


@pytest.mark.parametrize(("day", "n_hours"), [("03-30", 23), ("10-26", 25), ("06-01", 24)])
def test_a_day_is_as_long_as_the_clock_makes_it(day: str, n_hours: int) -> None:
    first = datetime.fromisoformat(f"2025-{day}T00:00").replace(tzinfo=ZoneInfo("Europe/Oslo"))
    hours = [first.astimezone(UTC) + timedelta(hours=step) for step in range(-48, 72)]
    assert counts(hours, "1d", "Europe/Oslo")[naive.microseconds(first.astimezone(UTC))] == n_hours


@pytest.mark.parametrize(
    ("every", "zone"),
    [
        ("1h", "Europe/Oslo"),
        ("30m", "Europe/Oslo"),
        ("1h", "America/St_Johns"),
        ("30m", "Australia/Lord_Howe"),
    ],
)
def test_the_two_passes_through_a_repeated_hour_are_windows_of_their_own(
    every: str, zone: str
) -> None:
    first = datetime(2025, 1, 1, tzinfo=UTC)
    times = [first + timedelta(minutes=30 * step) for step in range(365 * 48)]
    per_window = 2 if every == "1h" else 1
    assert max(counts(times, every, zone).values()) == per_window


@pytest.mark.parametrize("at", ["0001-01-01T00:00Z", "9999-12-31T23:59:59.999999Z"])
@pytest.mark.parametrize("zone", ["UTC", "Europe/Oslo", "Asia/Tokyo", "America/New_York"])
@pytest.mark.parametrize("every", ["1us", "7m", "1h", "5h", "1d", "1w", "1mo", "1y", "10000y"])
def test_windows_reach_the_first_and_the_last_moment(every: str, zone: str, at: str) -> None:
    time = datetime.fromisoformat(at)
    (start,) = counts([time], every, zone)
    assert start <= naive.microseconds(time)


def test_a_timedelta_and_a_tzinfo_do_as_well() -> None:
    east = timezone(timedelta(hours=5, minutes=45))
    assert starts(["2025-06-01T18:20Z"], timedelta(days=1), east) == ["2025-06-02T00:00:00+05:45"]
    assert starts(["2025-06-01T18:20Z"], timedelta(hours=1), ZoneInfo("Asia/Kathmandu")) == [
        "2025-06-02T00:00:00+05:45"
    ]


class Moved(tzinfo):
    """A zone of a user's own: two hours ahead until 2025 in UTC, three hours from then on."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self) -> None:
        self.n_asked = 0

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        """Before the year 1000 it knows none."""
        self.n_asked += 1
        if moment is None or moment.year < 1000:
            return None
        is_ahead = moment.replace(tzinfo=None) >= datetime(2025, 1, 1, 3)
        return timedelta(hours=3 if is_ahead else 2)

    def dst(self, _: datetime | None) -> timedelta | None:
        """None."""
        return None

    def tzname(self, _: datetime | None) -> str | None:
        """None."""
        return None

    def fromutc(self, moment: datetime) -> datetime:
        """Local time."""
        is_ahead = moment.replace(tzinfo=None) >= datetime(2025, 1, 1)
        return moment + timedelta(hours=3 if is_ahead else 2)


def test_a_zone_of_a_users_own_may_be_moved_at_new_year() -> None:
    times = [datetime(2025, 1, 1, hour, tzinfo=UTC) for hour in (0, 20, 21)]
    found = counts(times, "1d", Moved())
    begun = [datetime(2024, 12, 31, 22, tzinfo=UTC), datetime(2025, 1, 1, 21, tzinfo=UTC)]
    assert found == dict(zip(map(naive.microseconds, begun), (2, 1), strict=True))


def test_years_without_times_are_not_looked_at() -> None:
    zone = Moved()
    times = [datetime(year, 6, 1, tzinfo=UTC) for year in (1, 1900, 2025, 9999)]
    assert set(counts(times, "1d", zone).values()) == {1}
    assert zone.n_asked < 10_000


@pytest.mark.parametrize(
    "every",
    [
        *("", "h", "1", "1 fortnight", "-1h", "1.5h", "0s", "1h1m", "1M", "١h", "1h\n2"),
        *("99999999999999999999y", "10001y", "9" * 5000 + "h", timedelta(0), timedelta(days=-1)),
        *(timedelta.max, 3600, 1.5, True, b"1h"),
    ],
)
def test_what_is_no_duration_is_refused(every: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        counts([], every, None)


@pytest.mark.parametrize(
    "zone", ["Mars/Base", "", "../etc/passwd", "/etc/passwd", "a\0b", 3, "é" * 300]
)
def test_what_is_no_zone_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="is no time zone"):
        counts([], "1h", zone)
