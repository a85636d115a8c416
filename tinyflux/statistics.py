"""Statistics of groups of numbers, vectorised. Pure: arrays in, arrays out.

Values are in time order; `group` says for each which result it belongs to. Exact definitions stand
with each function, since roll-ups and their checks depend on them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Samples:
    """The values of one field, by time and then insertion."""

    values: Numbers
    times_us: NDArray[np.int64]
    group: NDArray[np.int64]
    """The result that each value belongs to, 0 to n_groups - 1."""
    series: NDArray[np.int64]
    """The series that each value belongs to: what it is carried over to the next group in."""
    starts_us: NDArray[np.int64]
    """Where the window of each group starts, shape (n_groups,)."""
    ends_us: NDArray[np.int64]
    """Where the window of each group ends, shape (n_groups,)."""
    n_groups: int

    @cached_property
    def by_group(self) -> NDArray[np.int64]:
        """Positions sorted by group; by time within a group."""
        return np.argsort(self.group, kind="stable")

    @cached_property
    def bounds(self) -> NDArray[np.int64]:
        """Where each group starts in `by_group`, and where the last one ends."""
        return np.searchsorted(self.group[self.by_group], np.arange(self.n_groups + 1))

    @cached_property
    def by_series(self) -> NDArray[np.int64]:
        """Positions sorted by series; by time within a series."""
        return np.argsort(self.series, kind="stable")

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """The number of values of each group."""
        return np.bincount(self.group, minlength=self.n_groups)


def count(samples: Samples) -> Numbers:
    """How many values there are; None is none."""
    return samples.counts.astype(np.float64)


def total(samples: Samples) -> Numbers:
    """The sum; NaN where there is no value."""
    sums = np.bincount(samples.group, samples.values, samples.n_groups)
    return np.where(samples.counts > 0, sums, np.nan)


def mean(samples: Samples) -> Numbers:
    """The arithmetic mean of the values, whatever time lies between them."""
    return total(samples) / np.maximum(samples.counts, 1)


def deviation(samples: Samples) -> Numbers:
    """The sample standard deviation (n - 1); NaN for fewer than two values."""
    means = mean(samples)
    squares = (samples.values - means[samples.group]) ** 2
    sums = np.bincount(samples.group, squares, samples.n_groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = sums / (samples.counts - 1)
    return np.where(samples.counts > 1, np.sqrt(variance), np.nan)


def _reduced(samples: Samples, reduce: np.ufunc) -> Numbers:
    result = np.full(samples.n_groups, np.nan)
    present = np.flatnonzero(samples.counts)
    if len(present):
        starts = samples.bounds[present]
        result[present] = reduce.reduceat(samples.values[samples.by_group], starts)
    return result


def minimum(samples: Samples) -> Numbers:
    """The least value; NaN if one of them is NaN."""
    return _reduced(samples, np.minimum)


def maximum(samples: Samples) -> Numbers:
    """The greatest value; NaN if one of them is NaN."""
    return _reduced(samples, np.maximum)


def first(samples: Samples) -> Numbers:
    """The earliest value; of several at that time the one inserted first."""
    return _at(samples, samples.bounds[:-1])


def last(samples: Samples) -> Numbers:
    """The latest value; of several at that time the one inserted last."""
    return _at(samples, samples.bounds[1:] - 1)


def _at(samples: Samples, places: NDArray[np.int64]) -> Numbers:
    result = np.full(samples.n_groups, np.nan)
    present = np.flatnonzero(samples.counts)
    result[present] = samples.values[samples.by_group[places[present]]]
    return result


def increase(samples: Samples) -> Numbers:
    """How much a counter grew. Where it fell it was reset, and the new value is growth.

    The step from the last value of the series before the window counts to the window, so that the
    windows add up to the whole.
    """
    order = samples.by_series
    values, series = samples.values[order], samples.series[order]
    growth = np.zeros(len(values))
    if len(values) > 1:
        step = values[1:] - values[:-1]
        step = np.where(step < 0, values[1:], step)
        growth[1:] = np.where(series[1:] == series[:-1], step, 0.0)
    sums = np.bincount(samples.group[order], growth, samples.n_groups)
    return np.where(samples.counts > 0, sums, np.nan)


def time_weighted_mean(samples: Samples) -> Numbers:
    """The mean over time of a value that holds until the next one.

    The last value before the window is carried in; the last one in it holds to the window's end
    if the series goes on, else it ends the span. A span of no length gives the last value.
    """
    order = samples.by_series
    values, times = samples.values[order], samples.times_us[order]
    series, group = samples.series[order], samples.group[order]
    n_values = len(values)
    goes_on = np.zeros(n_values, dtype=np.bool_)
    goes_on[:-1] = series[1:] == series[:-1]
    following = np.concatenate((times[1:], times[-1:])) if n_values else times
    until = np.where(goes_on, following, times)
    own_end = np.minimum(until, samples.ends_us[group])
    held = (own_end - times).astype(np.float64)
    weighted = np.bincount(group, values * held, samples.n_groups)
    weights = np.bincount(group, held, samples.n_groups)
    # What is carried in: from a value to its successor in another window, the part of the way
    # that lies in that window.
    steps = np.flatnonzero(goes_on)
    into = steps[group[steps] != group[steps + 1]]
    target = group[into + 1]
    starts = np.maximum(samples.starts_us[target], times[into])
    carried = (times[into + 1] - starts).astype(np.float64)
    weighted += np.bincount(target, values[into] * carried, samples.n_groups)
    weights += np.bincount(target, carried, samples.n_groups)
    with np.errstate(divide="ignore", invalid="ignore"):
        means = weighted / weights
    return np.where(weights > 0, means, last(samples))


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
