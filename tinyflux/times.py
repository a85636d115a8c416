"""Between datetimes, microseconds since 1970-01-01 UTC, and the ISO 8601 text of the file.

The one place that knows: a naive datetime of a caller is local time, a naive text of the file is
UTC. Years 1 to 9999, to the microsecond.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)
_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US
_EDGE = timedelta(days=2)

MIN_US = -62_135_596_800_000_000
"""0001-01-01T00:00:00Z."""
MAX_US = 253_402_300_799_999_999
"""9999-12-31T23:59:59.999999Z."""


def now() -> datetime:
    """The wall clock's time, aware, UTC."""
    return datetime.now(UTC)


def is_moment(value: object) -> TypeGuard[datetime]:
    """Whether `value` is a time: a datetime, but not pandas.NaT, which is one by its type alone."""
    if type(value) is datetime:
        return True
    return isinstance(value, datetime) and value == value


def to_us(moment: datetime) -> int:
    """Microseconds since the epoch; a naive `moment` is local time.

    Raises ValueError for a naive time that has no UTC value (at the edge of year 1 or 9999). An
    aware one may lie outside `MIN_US`..`MAX_US`: it compares, but cannot be stored.
    """
    if moment.tzinfo is None or moment.utcoffset() is None:
        # A plain one: a naive pandas.Timestamp, which is a datetime, does not convert itself.
        moment = _local_to_utc(datetime.combine(moment.date(), moment.time()))
    delta = moment - EPOCH
    return (delta.days * 86_400 + delta.seconds) * _SECOND_US + delta.microseconds


def _local_to_utc(naive: datetime) -> datetime:
    try:
        return naive.astimezone(UTC)
    except (OverflowError, ValueError, OSError):
        # CPython looks a day to either side of the time, which does not exist at the edges.
        inside = naive + _EDGE if naive.year == 1 else naive - _EDGE
        offset = inside.astimezone().utcoffset() or timedelta(0)
        try:
            return (naive - offset).replace(tzinfo=UTC)
        except OverflowError as error:
            raise ValueError(
                f"naive time {naive.isoformat()} is local time and has no UTC value between "
                f"year 1 and 9999; pass an aware datetime"
            ) from error


def to_storable_us(moment: datetime) -> int:
    """Microseconds since the epoch, within what the file can hold; ValueError outside."""
    time_us = to_us(moment)
    if not MIN_US <= time_us <= MAX_US:
        raise ValueError(f"time {moment.isoformat()} is outside year 1 to 9999 in UTC")
    return time_us


def from_us(time_us: int) -> datetime:
    """The aware UTC datetime of `time_us`."""
    return EPOCH + timedelta(microseconds=time_us)


def datetimes(times_us: NDArray[np.int64]) -> list[datetime]:
    """Aware UTC datetimes of an int64 array, at about 0.2 µs each."""
    naive: list[datetime] = times_us.astype("datetime64[us]").tolist()
    combine, utc = datetime.combine, UTC  # ten times as fast as `replace`
    return [combine(moment, moment.time(), utc) for moment in naive]


def format_us(time_us: int) -> str:
    """The file's text: naive ISO 8601 in UTC, with microseconds only where there are any."""
    return (_NAIVE_EPOCH + timedelta(microseconds=time_us)).isoformat()


def parse_iso(text: str) -> int:
    """Microseconds of a time cell; a text with a zone is converted, one without is UTC.

    Raises ValueError for anything that is no ISO 8601 time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return to_storable_us(moment)


_DIGIT_AT = np.array([0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18], dtype=np.intp)
_MICRO_AT = np.array([20, 21, 22, 23, 24, 25], dtype=np.intp)
_MARKS = ((4, 45), (7, 45), (10, 84), (13, 58), (16, 58))


def parse_iso_cells(
    cells: NDArray[np.uint8], has_micros: bool
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Microseconds of many time cells at once, and which of them were of the exact form.

    `cells` is uint8, shape (n, 19) for `YYYY-MM-DDTHH:MM:SS`, or (n, 26) with `.ffffff`. Rows
    whose flag is False hold no meaning: parse them one by one.
    """
    places = np.concatenate((_DIGIT_AT, _MICRO_AT)) if has_micros else _DIGIT_AT
    digits = cells[:, places] - np.uint8(48)
    is_exact = (digits < 10).all(axis=1)
    for place, mark in _MARKS:
        is_exact &= cells[:, place] == mark
    if has_micros:
        is_exact &= cells[:, 19] == 46
    number = digits.astype(np.int64)

    def value(first: int, last: int) -> NDArray[np.int64]:
        total = np.zeros(len(cells), dtype=np.int64)
        for column in range(first, last):
            total = total * 10 + number[:, column]
        return total

    year, month, day = value(0, 4), value(4, 6), value(6, 8)
    hour, minute, second = value(8, 10), value(10, 12), value(12, 14)
    is_exact &= (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    is_exact &= day <= _days_in_month(year, np.clip(month, 1, 12))
    is_exact &= (hour < 24) & (minute < 60) & (second < 60)
    days = _days_from_civil(year, month, day)
    times_us = days * _DAY_US + ((hour * 60 + minute) * 60 + second) * _SECOND_US
    if has_micros:
        times_us += value(14, 20)
    return times_us, is_exact


_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)


def _days_in_month(year: NDArray[np.int64], month: NDArray[np.int64]) -> NDArray[np.int64]:
    is_leap = ((year % 4 == 0) & (year % 100 != 0)) | (year % 400 == 0)
    days: NDArray[np.int64] = _MONTH_DAYS[month] + (is_leap & (month == 2))
    return days


def _days_from_civil(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Days since 1970-01-01 of a proleptic Gregorian date: years counted from March, in eras of
    400 years, so that the leap day is the last of its year."""
    from_march = year - (month <= 2)
    era = from_march // 400
    year_of_era = from_march - era * 400
    day_of_year = (153 * (month + np.where(month > 2, -3, 9)) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    days: NDArray[np.int64] = era * 146_097 + day_of_era - 719_468
    return days
