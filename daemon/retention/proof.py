"""Before points go: their number and sum are those of the roll-ups that stay. Pure.

Counted once more, from the points that go and the rows that will stand for them, by another road
than the one that made the roll-ups.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from daemon.retention.errors import RetentionError
from daemon.retention.queries import between, moment
from daemon.retention.rollups import COUNT, SUM, Numbers, Rollups
from daemon.retention.samples import NEVER_US
from daemon.retention.source import pieces_of_time
from daemon.retention.tiers import TierWork
from tinyflux.columns import RowArray
from tinyflux.view import NUMBER, View

Sums = dict[tuple[int, int], tuple[int, float, float]]
"""By window and group: how many numbers, their sum, and the sum of their absolute values."""


@dataclass(frozen=True, slots=True)
class Going:
    """Rows that go, and what will stand for them."""

    rule: str
    tier: TierWork
    cutoff_us: int
    kept: RowArray
    coming: Rollups
    """Roll-ups that come in the same change."""
    replaced: RowArray
    """Roll-ups that go for these."""


def prove(going: Going) -> None:
    """Raise RetentionError where the roll-ups do not agree with the rows that go."""
    if going.cutoff_us <= NEVER_US:
        return
    tier, coming = going.tier, going.coming
    view = tier.view
    start_us = tier.windows.start_us(view.span_us[0])
    for start, stop, rows in pieces_of_time(tier.source, start_us, going.cutoff_us, tier.windows):
        rows = _without(rows, going.kept)
        part = coming.at((coming.times_us >= start) & (coming.times_us < stop))
        stored = view.rows(between(start, stop), tier.layer.target)
        staying = _without(stored, going.replaced)
        for key in tier.fields:
            gone = _of_points(tier, rows, key, view)
            if not tier.layer.is_raw:
                gone = _of_rollups(tier, rows, key, (start, stop))
            after = _of_tier(tier, staying, key, view)
            columns = part.fields.get(key)
            if columns is not None:
                _add(after, part.times_us, part.group, columns[COUNT], columns[SUM])
            _compare(going, key, gone, _of_tier(tier, stored, key, view), after)


def _without(rows: RowArray, others: RowArray) -> RowArray:
    return rows[~np.isin(rows, others)]


def _of_points(tier: TierWork, rows: RowArray, key: str, view: View) -> Sums:
    numbers, states = view.numbers(rows, key)
    is_number = (states == NUMBER) & ~np.isnan(numbers)
    starts = tier.windows.starts_us(tier.windows.numbers(view.times_us(rows)))
    group = view.groups(rows, tier.groups)
    sums: Sums = {}
    _add(
        sums,
        starts[is_number],
        group[is_number],
        np.ones(int(is_number.sum())),
        numbers[is_number],
    )
    return sums


def _of_rollups(tier: TierWork, rows: RowArray, key: str, span_us: tuple[int, int]) -> Sums:
    sums: Sums = {}
    view = tier.view
    rows = _without(rows, tier.overlay.removed)
    added = tier.added
    chosen = added.at((added.times_us >= span_us[0]) & (added.times_us < span_us[1]))
    columns = chosen.fields.get(key)
    windows = tier.windows
    count, total = (view.numbers(rows, f"{key}_{name}")[0] for name in (COUNT, SUM))
    starts = windows.starts_us(windows.numbers(view.times_us(rows)))
    _add(sums, starts, view.groups(rows, tier.groups), count, total)
    if columns is not None:
        starts = windows.starts_us(windows.numbers(chosen.times_us))
        _add(sums, starts, chosen.group, columns[COUNT], columns[SUM])
    return sums


def _of_tier(tier: TierWork, rows: RowArray, key: str, view: View) -> Sums:
    sums: Sums = {}
    count, _ = view.numbers(rows, f"{key}_{COUNT}")
    total, _ = view.numbers(rows, f"{key}_{SUM}")
    _add(sums, view.times_us(rows), view.groups(rows, tier.groups), count, total)
    return sums


def _add(sums: Sums, starts: RowArray, group: RowArray, count: Numbers, total: Numbers) -> None:
    counts, totals = np.nan_to_num(count), np.nan_to_num(total)
    order = np.lexsort((group, starts))
    starts, group, counts, totals = starts[order], group[order], counts[order], totals[order]
    if not len(order):
        return
    cuts = np.flatnonzero(np.diff(starts, prepend=starts[0] - 1) | np.diff(group, prepend=-1))
    parts = (np.add.reduceat(each, cuts) for each in (counts, totals, np.abs(totals)))
    keys = zip(starts[cuts].tolist(), group[cuts].tolist(), strict=True)
    for cell, n, s, size in zip(keys, *(part.tolist() for part in parts), strict=True):
        known = sums.get(cell, (0, 0.0, 0.0))
        sums[cell] = (known[0] + round(n), known[1] + s, known[2] + size)


def _compare(going: Going, key: str, gone: Sums, before: Sums, after: Sums) -> None:
    tier = going.tier
    for cell, (n_gone, sum_gone, size) in gone.items():
        start_us, group = cell
        n_before, sum_before, size_before = before.get(cell, (0, 0.0, 0.0))
        n_after, sum_after, _ = after.get(cell, (0, 0.0, 0.0))
        # What had gone before stands in the roll-up that was there.
        is_sealed = start_us < int(tier.book.horizons_us(np.array([group]))[0])
        count = n_gone + (n_before if is_sealed else 0)
        total = sum_gone + (sum_before if is_sealed else 0.0)
        slack = 1e-9 * (size + size_before) + 1e-9
        if n_after != count or not abs(sum_after - total) <= slack:
            raise RetentionError(
                f"rule {going.rule}: the roll-up of {key} in {tier.layer.target} at "
                f"{moment(start_us):%Y-%m-%d %H:%M} UTC {tier.tags_of_group(group)} has {n_after} "
                f"values with the sum {sum_after!r}, what it is made of has {count} with "
                f"{total!r}; nothing was removed. Please report this"
            )
