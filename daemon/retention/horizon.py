"""Up to where the rows are gone of which a tier was made: retention's own book, in the data itself.

A row in the measurement `_retention:<tier>` for each series of the source: its time is the horizon,
and it holds what the next window needs to know of the points that went (the last value of each
field and its time). It is written in the same change that removes them, so it is always true of the
rows that are there: a row of the source before its horizon is not in the roll-ups yet, one behind
it is, or can be, rolled up from what is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from daemon.retention.queries import BOOK, moment
from daemon.retention.rollups import Places
from daemon.retention.samples import NEVER_US, Carry
from daemon.retention.windows import Times
from tinyflux import Point
from tinyflux.columns import RowArray
from tinyflux.grouping import Grouping
from tinyflux.view import NUMBER, View

_VALUE, _TIME, _ENDED, _POINTS = "value:", "us:", "ended:", "points"


@dataclass(slots=True)
class Book:
    """The horizons of one tier."""

    rows: RowArray
    group_us: Times
    """The horizon of each group, by its number; NEVER_US where it has none."""
    points: dict[int, int] = field(default_factory=dict)
    """How many rows of a series went in all."""
    carries: dict[str, Carry] = field(default_factory=dict)

    def horizons_us(self, group: Places) -> Times:
        """The horizon of each row's group."""
        n_more = int(group.max()) + 1 - len(self.group_us) if len(group) else 0
        if n_more > 0:
            self.group_us = np.concatenate((self.group_us, np.full(n_more, NEVER_US)))
        return self.group_us[group]

    @property
    def latest_us(self) -> int:
        """The latest horizon."""
        return int(self.group_us.max()) if len(self.group_us) else NEVER_US


def book_name(target: str) -> str:
    """The measurement that holds the horizons of a tier."""
    return BOOK + target


def read_book(view: View, target: str, series: Grouping, groups: Grouping) -> Book:
    """What is written for a tier; numbers series and groups by these two."""
    name = book_name(target)
    rows = view.rows(None, name) if name in view.measurement_counts else np.empty(0, np.int64)
    numbers, group = view.groups(rows, series), view.groups(rows, groups)
    horizons = np.full(len(groups), NEVER_US)
    np.maximum.at(horizons, group, view.times_us(rows))
    book = Book(rows, horizons)
    if not len(rows):
        return book
    counts, _ = view.numbers(rows, _POINTS)
    for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
        book.points[number] = book.points.get(number, 0) + round(count)
    for key in view.keys("fields", name):
        if key.startswith(_VALUE):
            field_key = key.removeprefix(_VALUE)
            book.carries[field_key] = _carry(view, rows, field_key, numbers, group)
    return book


def _carry(view: View, rows: RowArray, key: str, series: Times, group: Times) -> Carry:
    values, states = view.numbers(rows, _VALUE + key)
    times, _ = view.numbers(rows, _TIME + key)
    ended, ended_states = view.numbers(rows, _ENDED + key)
    known = np.flatnonzero(states == NUMBER)
    known = known[np.argsort(times[known], kind="stable")]  # the latest of two stays
    carry = Carry()
    carry.reach(int(series.max()) + 1)
    carry.times_us[series[known]] = times[known].astype(np.int64)
    carry.values[series[known]] = values[known]
    carry.is_ended[series[known]] = (ended_states[known] == NUMBER) & (ended[known] > 0)
    carry.group[series[known]] = group[known]
    return carry


def book_points(
    target: str,
    tags: Sequence[Mapping[str, str]],
    horizon_us: int,
    points: Mapping[int, int],
    carries: Mapping[str, Carry],
) -> list[Point]:
    """The rows of a book: one for each series that has lost rows; `tags` by the series' number."""
    return [
        Point(
            time=moment(horizon_us),
            measurement=book_name(target),
            tags=tags[number],
            fields={_POINTS: count, **_last_values(carries, number)},
        )
        for number, count in sorted(points.items())
    ]


def _last_values(carries: Mapping[str, Carry], number: int) -> dict[str, float | int]:
    fields: dict[str, float | int] = {}
    for key, carry in carries.items():
        if number < len(carry.values) and carry.times_us[number] > NEVER_US:
            fields[_VALUE + key] = float(carry.values[number])
            fields[_TIME + key] = int(carry.times_us[number])
            if carry.is_ended[number]:
                fields[_ENDED + key] = 1
    return fields
