"""Roll-ups as columns: what is known of the values in windows, and how such knowledge adds up.

Everything that is kept adds up exactly (sums and counts, never means of means), so that days made
of hours are what they would be made of points. Pure: arrays in, arrays out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]
Parts = Mapping[str, Numbers]
"""The columns of one field by part; NaN where nothing is known."""

COUNT, SUM = "count", "sum"
SQUARES = "squares"
"""The sum of the squares of the distances from the mean: unlike the sum of squares it does not lose
its digits where values are great and close together, and adds up as exactly (Chan et al. 1983)."""
HELD = "held_s"
"""For how many seconds of the window a value was known."""
INTEGRAL = "integral"
"""The sum of value times seconds; stored as time_weighted_mean, which is that by `held_s`."""

PARTS_OF: Mapping[str, frozenset[str]] = {
    "count": frozenset(),
    "sum": frozenset(),
    "mean": frozenset(),
    "min": frozenset({"min"}),
    "max": frozenset({"max"}),
    "std": frozenset({SQUARES}),
    "first": frozenset({"first", "first_us"}),
    "last": frozenset({"last", "last_us"}),
    "increase": frozenset({"increase"}),
    "time_weighted_mean": frozenset({INTEGRAL, HELD}),
}
"""What must be kept, beside sum and count, for a statistic of longer windows to be exact."""

_WHOLE = frozenset({COUNT, "first_us", "last_us"})


@dataclass(frozen=True, slots=True)
class Rollups:
    """Rows of a tier, or points made to look like them; arrays of one length."""

    times_us: NDArray[np.int64]
    """The window's start, or the point's own time."""
    group: Places
    fields: Mapping[str, Parts]

    def __len__(self) -> int:
        return len(self.times_us)

    @classmethod
    def empty(cls) -> Rollups:
        """No row."""
        nothing = np.empty(0, dtype=np.int64)
        return cls(nothing, nothing, {})

    def at(self, chosen: NDArray[np.bool_] | Places) -> Rollups:
        """Some of the rows."""
        fields = {
            key: {name: part[chosen] for name, part in parts.items()}
            for key, parts in self.fields.items()
        }
        return Rollups(self.times_us[chosen], self.group[chosen], fields)


def joined(parts: Sequence[Rollups]) -> Rollups:
    """The rows of all."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return Rollups.empty()
    if len(parts) == 1:
        return parts[0]
    names: dict[str, dict[str, None]] = {}
    for part in parts:
        for key, columns in part.fields.items():
            names.setdefault(key, {}).update(dict.fromkeys(columns))
    fields = {
        key: {name: np.concatenate([_column(part, key, name) for part in parts]) for name in named}
        for key, named in names.items()
    }
    return Rollups(
        np.concatenate([part.times_us for part in parts]),
        np.concatenate([part.group for part in parts]),
        fields,
    )


def _column(rollups: Rollups, key: str, name: str) -> Numbers:
    column = rollups.fields.get(key, {}).get(name)
    return np.full(len(rollups), np.nan) if column is None else column


def added_up(rollups: Rollups, starts_us: NDArray[np.int64]) -> Rollups:
    """The rows put together that are of one group and of the window that starts at one time.

    `starts_us`: for each row the start of the window it belongs to. In the order of time, then
    group. Rows of equal time count in the order in which they are given.
    """
    if not len(rollups):
        return Rollups.empty()
    order = np.lexsort((rollups.times_us, rollups.group, starts_us))
    starts, group = starts_us[order], rollups.group[order]
    is_new = np.ones(len(order), dtype=np.bool_)
    is_new[1:] = (starts[1:] != starts[:-1]) | (group[1:] != group[:-1])
    cell = np.cumsum(is_new) - 1
    sums = _Sums(cell, int(cell[-1]) + 1)
    fields = {
        key: _added(sums, {name: part[order] for name, part in parts.items()})
        for key, parts in rollups.fields.items()
    }
    return Rollups(starts[is_new], group[is_new], fields)


@dataclass(frozen=True, slots=True)
class _Sums:
    cell: Places
    n_cells: int

    def total(self, numbers: Numbers) -> Numbers:
        """The sum of what is known in each cell; NaN where nothing is."""
        known = ~np.isnan(numbers)
        sums = np.bincount(self.cell[known], numbers[known], self.n_cells)
        return np.where(self.has(known), sums, np.nan)

    def has(self, known: NDArray[np.bool_]) -> NDArray[np.bool_]:
        return np.bincount(self.cell[known], minlength=self.n_cells) > 0

    def best(self, choose: np.ufunc, numbers: Numbers) -> Numbers:
        result = np.full(self.n_cells, np.nan)
        choose.at(result, self.cell, numbers)
        return result

    def by_time(self, numbers: Numbers, times_us: Numbers, *, is_last: bool) -> list[Numbers]:
        """The number of the earliest or latest time of each cell, and that time."""
        known = np.flatnonzero(~np.isnan(times_us))
        order = known[np.argsort(times_us[known], kind="stable")]
        order = order if is_last else order[::-1]
        chosen = np.full(self.n_cells, -1, dtype=np.int64)
        chosen[self.cell[order]] = order  # of equal places the last one stays
        found = chosen >= 0
        return [np.where(found, part[chosen], np.nan) for part in (numbers, times_us)]


def _added(sums: _Sums, parts: Parts) -> dict[str, Numbers]:
    result: dict[str, Numbers] = {}
    for name in (COUNT, SUM, "increase", INTEGRAL, HELD):
        if name in parts:
            result[name] = sums.total(parts[name])
    for name, choose in (("min", np.fmin), ("max", np.fmax)):
        if name in parts:
            result[name] = sums.best(choose, parts[name])
    for name, is_last in (("first", False), ("last", True)):
        if name in parts:
            result[name], result[f"{name}_us"] = sums.by_time(
                parts[name], parts[f"{name}_us"], is_last=is_last
            )
    if SQUARES in parts:
        result[SQUARES] = _squares(sums, parts, result)
    return result


def _squares(sums: _Sums, parts: Parts, result: Parts) -> Numbers:
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (result[SUM] / result[COUNT])[sums.cell]
        off = parts[SUM] / parts[COUNT] - mean
        apart = sums.total(parts[COUNT] * off * off)
        # What the mean was rounded by is taken out again (the corrected two-pass algorithm).
        rounding = sums.total(parts[COUNT] * off)
        total = np.nan_to_num(sums.total(parts[SQUARES])) + apart - rounding**2 / result[COUNT]
    return np.where(result[COUNT] > 0, np.maximum(total, 0.0), np.nan)


def stored_columns(parts: Parts, statistics: Sequence[str]) -> dict[str, Numbers]:
    """The columns of one field as a tier has them, by the suffix of their names."""
    count, total = parts[COUNT], parts[SUM]
    columns = {COUNT: count, SUM: np.where(np.isnan(count), np.nan, np.nan_to_num(total))}
    with np.errstate(invalid="ignore", divide="ignore"):
        if "mean" in statistics:
            columns["mean"] = np.where(count > 0, total / count, np.nan)
        if "std" in statistics:
            columns["std"] = np.where(count > 1, np.sqrt(parts[SQUARES] / (count - 1)), np.nan)
        if INTEGRAL in parts:
            columns["time_weighted_mean"] = np.where(
                parts[HELD] > 0, parts[INTEGRAL] / parts[HELD], np.nan
            )
    for name, part in parts.items():
        if name not in (COUNT, SUM, INTEGRAL):
            columns[name] = part
    return columns


def plain(name: str, number: float) -> int | float:
    """A number of a column as it is stored."""
    return round(number) if name in _WHOLE else float(number)
