"""Points of one field as roll-ups of themselves, with what depends on the points beside them.

How much a counter grew, and for how long each value held, depends on the value before: it is
carried from one piece of time to the next. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from daemon.retention.rollups import COUNT, HELD, INTEGRAL, SQUARES, SUM, Numbers, Places, Rollups
from daemon.retention.windows import Times, Windows

NEVER_US = -(1 << 62)


@dataclass(slots=True)
class Carry:
    """The last value of each series before some time; grows as series are met."""

    times_us: Times = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    values: Numbers = field(default_factory=lambda: np.empty(0))
    is_ended: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, dtype=np.bool_))
    """Whether None came behind the value: it holds no longer."""
    group: Places = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def reach(self, n_series: int) -> None:
        """Have room for so many series."""
        more = n_series - len(self.values)
        if more > 0:
            self.times_us = np.concatenate((self.times_us, np.full(more, NEVER_US)))
            self.values = np.concatenate((self.values, np.full(more, np.nan)))
            self.is_ended = np.concatenate((self.is_ended, np.ones(more, dtype=np.bool_)))
            self.group = np.concatenate((self.group, np.full(more, -1)))

    def copy(self) -> Carry:
        """As it is now."""
        return Carry(
            self.times_us.copy(), self.values.copy(), self.is_ended.copy(), self.group.copy()
        )


@dataclass(frozen=True, slots=True)
class Samples:
    """What the rows of a piece of time have of one field, by time."""

    times_us: Times
    values: Numbers
    """NaN for None."""
    series: Places
    group: Places

    def by_series(self) -> Samples:
        """Series by series, by time within each."""
        order = np.argsort(self.series, kind="stable")
        return Samples(
            self.times_us[order], self.values[order], self.series[order], self.group[order]
        )


def as_rollups(samples: Samples, parts: frozenset[str]) -> Rollups:
    """Each number as the roll-up of itself, without what depends on its neighbours."""
    is_number = ~np.isnan(samples.values)
    times, values = samples.times_us[is_number], samples.values[is_number]
    columns = {COUNT: np.ones(len(values)), SUM: values}
    for name in ("min", "max", "first", "last"):
        if name in parts:
            columns[name] = values
    for name in ("first_us", "last_us"):
        if name in parts:
            columns[name] = times.astype(np.float64)
    if SQUARES in parts:
        columns[SQUARES] = np.zeros(len(values))
    return Rollups(times, samples.group[is_number], {"": columns})


def growth(samples: Samples, carry: Carry) -> Rollups:
    """How much each number is more than the one before it in its series.

    A fall is a reset, behind which the number itself is the growth. Where nothing comes before
    there is no growth, and nothing is known of it.
    """
    numbers = samples.by_series()
    is_number = ~np.isnan(numbers.values)
    series, values = numbers.series[is_number], numbers.values[is_number]
    earlier = carry.values[series].copy()
    follows = series[1:] == series[:-1]
    earlier[1:][follows] = values[:-1][follows]
    with np.errstate(invalid="ignore", over="ignore"):
        steps = np.where(values < earlier, values, values - earlier)
    known = ~np.isnan(steps)
    return Rollups(
        numbers.times_us[is_number][known],
        numbers.group[is_number][known],
        {"": {"increase": steps[known]}},
    )


def holdings(
    samples: Samples,
    carry: Carry,
    span_us: tuple[int, int],
    hold_us: int,
    windows: Windows,
) -> Rollups:
    """For how long each value held in each window: until the next one of its series, at most
    `hold_us`, and within the span. None ends it."""
    start_us, stop_us = span_us
    known = np.flatnonzero(~carry.is_ended & (carry.times_us + hold_us > start_us))
    # A value from before stands in front of its series, so that it ends as any other does.
    before = Samples(carry.times_us[known], carry.values[known], known, carry.group[known])
    every = Samples(
        np.concatenate((before.times_us, samples.times_us)),
        np.concatenate((before.values, samples.values)),
        np.concatenate((before.series, samples.series)),
        np.concatenate((before.group, samples.group)),
    ).by_series()
    until = np.full(len(every.times_us), stop_us)
    follows = every.series[1:] == every.series[:-1]
    until[:-1][follows] = every.times_us[1:][follows]
    until = np.minimum(np.minimum(until, every.times_us + hold_us), stop_us)
    begin = np.maximum(every.times_us, start_us)
    holds = np.flatnonzero((until > begin) & ~np.isnan(every.values))
    return _cut(begin[holds], until[holds], every.values[holds], every.group[holds], windows)


def _cut(begin: Times, until: Times, values: Numbers, group: Places, windows: Windows) -> Rollups:
    """Stretches of time cut at the borders of windows."""
    if not len(begin):
        return Rollups.empty()
    first, last = windows.numbers(begin), windows.numbers(until - 1)
    n_pieces = last - first + 1
    owner = np.repeat(np.arange(len(begin)), n_pieces)
    place = np.arange(len(owner)) - np.repeat(np.cumsum(n_pieces) - n_pieces, n_pieces)
    number = first[owner] + place
    starts, ends = windows.starts_us(number), windows.starts_us(number + 1)
    from_us = np.maximum(begin[owner], starts)
    held_s = (np.minimum(until[owner], ends) - from_us) / 1e6
    return Rollups(from_us, group[owner], {"": {HELD: held_s, INTEGRAL: values[owner] * held_s}})


def carried(samples: Samples, carry: Carry) -> None:
    """Take the last values of `samples` into the carry."""
    if not len(samples.times_us):
        return
    is_number = ~np.isnan(samples.values)
    series = samples.series
    # Of equal places the last assignment stays, and samples are in the order of time.
    carry.times_us[series[is_number]] = samples.times_us[is_number]
    carry.values[series[is_number]] = samples.values[is_number]
    carry.is_ended[series] = ~is_number
    carry.group[series] = samples.group
