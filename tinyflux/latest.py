"""The last point of each group, from columns.

What was found in a whole segment is kept beside it: segments never change, so that a later question
looks at the rows that came since.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from tinyflux.columns import AnyCodes, RowArray, Selection, as_rows, selection_size
from tinyflux.evaluation import matching_rows
from tinyflux.grouping import Group, Grouping, Rows
from tinyflux.predicates import Query
from tinyflux.segment import Segment
from tinyflux.table import Table

Newest: TypeAlias = dict[Group, tuple[int, int]]
"""The time in µs and the row of the latest point of each group."""
By: TypeAlias = "tuple[str, ...] | None"

_REMEMBERED = 8
"""So many different questions are remembered of a segment."""
_known: WeakKeyDictionary[Segment, dict[tuple[By, str | None], Newest]] = WeakKeyDictionary()


def latest_rows(
    table: Table, query: Query | None, measurement: str | None, by: Sequence[str] | None
) -> RowArray:
    """The row of the latest point of each group, of equal times the one inserted last.

    A group is a combination of values of the tags `by`, or with None a series. The rows are in the
    order of their times, rows of equal times in insertion order.
    """
    keys = None if by is None else tuple(by)
    parts = (
        _of_segments(table, measurement, keys)
        if query is None
        else _of_selections(table, query, measurement, keys)
    )
    newest: Newest = {}
    for start, found in parts:
        for group, (time_us, row) in found.items():
            candidate = (time_us, start + row)
            newest[group] = max(newest.get(group, candidate), candidate)
    return np.array([row for _, row in sorted(newest.values())], dtype=np.int64)


def _of_selections(
    table: Table, query: Query, measurement: str | None, by: By
) -> list[tuple[int, Newest]]:
    return [
        (start, _newest(segment, found.selection, by))
        for start, segment, found in table.selections(query, measurement)
    ]


def _of_segments(table: Table, measurement: str | None, by: By) -> Iterator[tuple[int, Newest]]:
    for start, segment in table.numbered():
        known = _known.setdefault(segment, {})
        found = known.get((by, measurement))
        if found is None:
            selection = matching_rows(None, measurement, segment).selection
            found = _newest(segment, selection, by)
            if len(known) >= _REMEMBERED:
                known.clear()
            known[by, measurement] = found
        yield start, found


def _newest(segment: Segment, selection: Selection, by: By) -> Newest:
    if not selection_size(selection):
        return {}
    grouping = Grouping(by)
    numbers = grouping.numbers(Rows(segment, None, selection))
    times_us = segment.times_us[selection]
    places = _last_by_time(numbers, times_us, len(grouping))
    rows = as_rows(selection)
    return {
        group: (int(times_us[place]), int(rows[place]))
        for group, place in zip(grouping.groups, places.tolist(), strict=True)
        if place >= 0
    }


def _last_by_time(
    numbers: AnyCodes, times_us: NDArray[np.int64], n_groups: int
) -> NDArray[np.int64]:
    """The place of the last item by time of each group, of equal times the last; -1: no item."""
    last = np.full(n_groups, -1, dtype=np.int64)
    is_late = times_us < np.maximum.accumulate(times_us)
    late = np.flatnonzero(is_late)
    if not len(late):
        last[numbers] = np.arange(len(numbers))  # of equal indices numpy keeps the last assignment
        return last
    in_order = np.flatnonzero(~is_late)
    last[numbers[in_order]] = in_order
    late = late[np.argsort(times_us[late], kind="stable")]
    last_late = np.full(n_groups, -1, dtype=np.int64)
    last_late[numbers[late]] = late
    is_newer = (last_late >= 0) & (
        (last < 0)
        | (times_us[last_late] > times_us[last])
        | ((times_us[last_late] == times_us[last]) & (last_late > last))
    )
    return np.where(is_newer, last_late, last)
