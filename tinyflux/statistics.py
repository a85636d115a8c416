"""Statistics of cells of numbers, vectorised. Pure: arrays in, arrays out.

A cell is one window of time and one group of series; every value lies in one cell. Exact
definitions stand with each function, since roll-ups and their checks depend on them. None of them
warns: what has no value is NaN, what is too great is infinite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of an answer, shape (n_cells,) each; some may hold no value."""

    group: Places
    """Which cells are of the same group."""
    starts_us: NDArray[np.int64]
    """Where the window of each cell starts."""
    ends_us: NDArray[np.int64]
    """Where it ends; cells of one group lie in the order of their windows, without overlap."""

    def __len__(self) -> int:
        return len(self.group)


@dataclass(frozen=True)
class Samples:
    """The values of one field, by time and then insertion where a statistic depends on it."""

    values: Numbers
    times_us: NDArray[np.int64]
    cell: Places
    """The cell that each value lies in."""
    series: NDArray[np.integer[Any]]
    """The series that each value belongs to, all of whose cells are of one group."""
    cells: Cells

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """The number of values of each cell."""
        return np.bincount(self.cell, minlength=len(self.cells))

    @cached_property
    def by_series(self) -> Places:
        """Positions sorted by series; by time within a series."""
        if len(self.series) and int(self.series.max()) < 1 << 16:
            # numpy sorts 16 bits by radix, ten times as fast.
            return np.argsort(self.series.astype(np.uint16, copy=False), kind="stable")
        return np.argsort(self.series, kind="stable")

    def sums(self, cell: Places, numbers: Numbers) -> Numbers:
        """The sum of the numbers that belong to each cell; 0 where there is none."""
        return np.bincount(cell, numbers, len(self.cells)).astype(np.float64, copy=False)


def count(samples: Samples) -> Numbers:
    """How many values there are. None is none, NaN is one."""
    return samples.counts.astype(np.float64)


def total(samples: Samples) -> Numbers:
    """The sum; NaN where there is no value."""
    return np.where(samples.counts > 0, samples.sums(samples.cell, samples.values), np.nan)


def mean(samples: Samples) -> Numbers:
    """The arithmetic mean of the values, whatever time lies between them."""
    return total(samples) / np.maximum(samples.counts, 1)


def deviation(samples: Samples) -> Numbers:
    """The sample standard deviation (n - 1); NaN for fewer than two values.

    The corrected two-pass algorithm (Chan, Golub, LeVeque 1983): the second sum takes out what the
    mean was rounded by, which is much where values are great and close together.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        off = samples.values - mean(samples)[samples.cell]
        squares = samples.sums(samples.cell, off * off)
        rounding = samples.sums(samples.cell, off) ** 2 / samples.counts
        variance = (squares - rounding) / (samples.counts - 1)
    return np.where(samples.counts > 1, np.sqrt(np.maximum(variance, 0)), np.nan)


def minimum(samples: Samples) -> Numbers:
    """The least value; NaN if one of them is NaN."""
    return _least(samples, np.minimum, np.inf)


def maximum(samples: Samples) -> Numbers:
    """The greatest value; NaN if one of them is NaN."""
    return _least(samples, np.maximum, -np.inf)


def _least(samples: Samples, choose: np.ufunc, worst: float) -> Numbers:
    result = np.full(len(samples.cells), worst)
    with np.errstate(invalid="ignore"):
        choose.at(result, samples.cell, samples.values)
    return np.where(samples.counts > 0, result, np.nan)


def first(samples: Samples) -> Numbers:
    """The earliest value; of several at that time the one inserted first."""
    result = np.full(len(samples.cells), np.nan)
    result[samples.cell[::-1]] = samples.values[::-1]
    return result


def last(samples: Samples) -> Numbers:
    """The latest value; of several at that time the one inserted last."""
    result = np.full(len(samples.cells), np.nan)
    result[samples.cell] = samples.values  # of equal places numpy keeps the last assignment
    return result


def increase(samples: Samples) -> Numbers:
    """How much a counter grew, summed over the series.

    Each value adds its difference to the value before it in the same series; where the counter
    fell it was reset, and the new value is the growth. The first value of a series adds nothing.
    A step belongs to the window of its later value, so that the windows add up to the whole.
    """
    order = samples.by_series
    values, series, cell = samples.values[order], samples.series[order], samples.cell[order]
    with np.errstate(invalid="ignore", over="ignore"):
        steps = values[1:] - values[:-1]
    growth = np.where(values[1:] < values[:-1], values[1:], steps)
    goes_on = series[1:] == series[:-1]
    sums = samples.sums(cell[1:][goes_on], growth[goes_on])
    return np.where(samples.counts > 0, sums, np.nan)


def time_weighted_mean(samples: Samples) -> Numbers:
    """The mean over time of a value that holds until the next one of its series.

    Each value counts in every window for as long as it holds there: it is carried into windows
    that begin before the next value, also over windows in which only other series of the group
    have values. The last value of a series holds for no time, since nobody knows how long. A
    window in which nothing holds for any time gives its latest value; one in which the field has
    no value at all gives NaN.
    """
    holding = _holding(samples)
    starts_us, ends_us = samples.cells.starts_us, samples.cells.ends_us
    is_crossing = holding.cell != holding.next_cell
    crossing = holding.of(is_crossing)
    sums, weights = np.zeros(len(samples.cells)), np.zeros(len(samples.cells))
    for cell, value, length_us in (
        # The window of the value, as long as it holds there ...
        (
            holding.cell,
            holding.value,
            np.minimum(holding.until_us, ends_us[holding.cell]) - holding.from_us,
        ),
        # ... the window of the next value, up to that ...
        (
            crossing.next_cell,
            crossing.value,
            crossing.until_us - starts_us[crossing.next_cell],
        ),
    ):
        is_long = length_us > 0  # even NaN and infinity weigh nothing in no time
        length = length_us[is_long].astype(np.float64)
        sums += samples.sums(cell[is_long], value[is_long] * length)
        weights += samples.sums(cell[is_long], length)
    # ... and all windows between these.
    between_sums, between_counts = _between(samples, crossing)
    lengths = (ends_us - starts_us).astype(np.float64)
    sums += between_sums * lengths
    weights += between_counts * lengths
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.where(weights > 0, sums / weights, last(samples))
    return np.where(samples.counts > 0, means, np.nan)


@dataclass(frozen=True, slots=True)
class _Holding:
    """Values that hold until a next one of their series."""

    value: Numbers
    from_us: NDArray[np.int64]
    until_us: NDArray[np.int64]
    cell: Places
    next_cell: Places

    def of(self, chosen: NDArray[np.bool_]) -> _Holding:
        return _Holding(
            self.value[chosen],
            self.from_us[chosen],
            self.until_us[chosen],
            self.cell[chosen],
            self.next_cell[chosen],
        )


def _holding(samples: Samples) -> _Holding:
    order = samples.by_series
    series, times_us, cell = samples.series[order], samples.times_us[order], samples.cell[order]
    every = _Holding(samples.values[order][:-1], times_us[:-1], times_us[1:], cell[:-1], cell[1:])
    return every.of(series[1:] == series[:-1])


def _between(samples: Samples, crossing: _Holding) -> tuple[Numbers, Numbers]:
    """For each cell with values, the sum and number of values that hold all through it."""
    sums, counts = np.zeros(len(samples.cells)), np.zeros(len(samples.cells))
    present = np.flatnonzero(samples.counts)
    # Cells of one group side by side, in the order of their windows.
    ordered = present[np.argsort(samples.cells.group[present], kind="stable")]
    rank = np.zeros(len(samples.cells), dtype=np.int64)
    rank[ordered] = np.arange(len(ordered))
    begin, end = rank[crossing.cell] + 1, rank[crossing.next_cell]
    is_over = begin < end
    if is_over.any():
        begin, end, value = begin[is_over], end[is_over], crossing.value[is_over]
        sums[ordered] = _summed_over(begin, end, value, len(ordered))
        counts[ordered] = _summed_over(begin, end, np.ones(len(value)), len(ordered))
    return sums, counts


def _summed_over(begin: Places, end: Places, value: Numbers, n_places: int) -> Numbers:
    """For each place the sum of the values whose range begin..end (exclusive) covers it.

    A segment tree: each range is put together from a few blocks of 1, 2, 4, ... places. Unlike a
    running sum nothing is ever subtracted: one infinite or great value stays in its own range.
    """
    size = 1 << max(n_places - 1, 1).bit_length()
    tree = np.zeros(2 * size)
    low, high = begin + size, end + size
    while len(low):
        is_odd = low % 2 == 1
        np.add.at(tree, low[is_odd], value[is_odd])
        is_odd = high % 2 == 1
        np.add.at(tree, high[is_odd] - 1, value[is_odd])
        low, high = (low + 1) // 2, high // 2
        is_open = low < high
        low, high, value = low[is_open], high[is_open], value[is_open]
    width = 1
    while width < size:
        tree[2 * width : 4 * width] += np.repeat(tree[width : 2 * width], 2)
        width *= 2
    return tree[size : size + n_places]


STATISTICS: dict[str, Callable[[Samples], Numbers]] = {
    "count": count,
    "first": first,
    "increase": increase,
    "last": last,
    "max": maximum,
    "mean": mean,
    "min": minimum,
    "std": deviation,
    "sum": total,
    "time_weighted_mean": time_weighted_mean,
}
"""By the name that `aggregate` and the retention rules use."""

ORDERED = frozenset({"first", "last", "increase", "time_weighted_mean"})
"""Statistics that depend on the order of values."""
BY_SERIES = frozenset({"increase", "time_weighted_mean"})
"""Statistics that follow each series by itself."""
