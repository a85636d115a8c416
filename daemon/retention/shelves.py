"""What each rule may let go of: points or roll-ups up to some age, as far as that is covered. Pure.

A shelf is the rows of one measurement (or, without `downsample`, of all that a rule means) that go
by one age. Which of them go now is a time: what is older goes, but for the points that are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import and_

import numpy as np

from daemon.config import RetentionRule
from daemon.retention.layers import Chain, taken_before, targets_of
from daemon.retention.queries import BOOK, before, is_plain, matching
from daemon.retention.samples import NEVER_US
from daemon.retention.source import tag_keys
from daemon.retention.windows import Windows
from tinyflux import MeasurementQuery
from tinyflux.columns import RowArray
from tinyflux.grouping import Grouping
from tinyflux.predicates import Query
from tinyflux.view import View

EVER_US = 1 << 62


@dataclass(slots=True)
class Shelf:
    """Rows that go by one age."""

    rule: RetentionRule
    measurement: str | None
    """None: whatever the query means."""
    query: Query | None
    limit_us: int
    """Nothing that is younger may go: it is not rolled up yet. EVER_US where that is not asked."""
    windows: Windows | None = None
    """Whole windows go, where there is a next tier."""
    keep_last: int = 0
    cutoff_us: int = NEVER_US
    kept: RowArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    chain: Chain | None = None
    layer: int = 0
    """Of the chain: which layer is made of these rows; the number of layers for the last tier."""

    def raise_to(self, time_us: int) -> None:
        """Let go of what is older than that, as far as it may."""
        time_us = min(time_us, self.limit_us)
        if self.windows is not None and time_us > NEVER_US:
            time_us = self.windows.start_us(time_us)
        self.cutoff_us = max(self.cutoff_us, time_us)

    def rows(self, view: View, query: Query | None = None) -> RowArray:
        """All rows of the shelf (that a query asks for too)."""
        asked = [part for part in (self.query, query) if part is not None]
        return view.rows(reduce(and_, asked) if asked else None, self.measurement)

    def going(self, view: View) -> RowArray:
        """The rows that go."""
        if self.cutoff_us <= NEVER_US:
            return np.empty(0, dtype=np.int64)
        rows = self.rows(view, before(self.cutoff_us))
        return rows[~np.isin(rows, self.kept, assume_unique=True)] if len(self.kept) else rows

    def find_kept(self, view: View) -> None:
        """Look for the newest points of each series that are older than the cutoff."""
        if self.keep_last:
            names = [self.measurement] if self.measurement else list(view.measurement_counts)
            found = [self._newest(view, name) for name in names if not name.startswith(BOOK)]
            self.kept = np.sort(np.concatenate(found)) if found else self.kept

    def _newest(self, view: View, name: str) -> RowArray:
        old = before(self.cutoff_us)
        queries = [part for part in (self.query, old) if part is not None]
        series = Grouping(tag_keys(view, name))
        rows = view.rows(reduce(and_, queries), name)
        if not len(rows):
            return rows
        of_row = view.groups(rows, series)
        young = view.rows(reduce(and_, [part for part in (self.query, ~old) if part is not None]),
                          name)  # fmt: skip
        of_young = view.groups(young, series)
        n_left = self.keep_last - np.bincount(of_young, minlength=len(series))
        order = np.lexsort((rows, view.times_us(rows), of_row))[::-1]
        number = of_row[order]
        begins = np.searchsorted(-number, -number, side="left")
        rank = np.arange(len(order)) - begins
        return np.sort(rows[order[rank < n_left[number]]])


def plain_shelf(rules: Sequence[RetentionRule], number: int, view: View) -> Shelf:
    """The points that a rule without `downsample` removes.

    What an earlier rule rolls up is left to that; so are roll-ups, unless they are named in full.
    """
    rule = rules[number]
    parts = [matching(rule.match)]
    name = rule.match.measurement
    names = list(view.measurement_counts)
    if name is None or not is_plain(name):
        measurement = MeasurementQuery()
        hidden = [each for each in names if each.startswith(BOOK)]
        hidden += sorted(targets_of(rules, names))
        parts += [~(measurement == each) for each in hidden]
    for each in names if name is None or not is_plain(name) else [name]:
        others = taken_before(rules, number, each)
        if others is not None:
            parts.append(others)
    return Shelf(rule, None, reduce(and_, parts), EVER_US, keep_last=rule.keep_last)


def limit_points(shelf: Shelf, view: View) -> None:
    """Let go of what is more than `max_points`."""
    limit = shelf.rule.max_points
    if limit is None:
        return
    rows = shelf.rows(view)
    if len(rows) > limit:
        times_us = view.times_us(rows)
        newest = np.partition(times_us, len(times_us) - limit)[len(times_us) - limit]
        shelf.raise_to(int(newest))


def free_bytes(shelf: Shelf, view: View, n_bytes: int) -> int:
    """Let go of so much more, oldest first; how many bytes are still wanted then."""
    rows = shelf.rows(view, ~before(shelf.cutoff_us) if shelf.cutoff_us > NEVER_US else None)
    if not len(rows) or n_bytes <= 0:
        return n_bytes
    times_us = view.times_us(rows)
    order = np.argsort(times_us, kind="stable")
    freed = np.cumsum(view.sizes(rows)[order])
    place = int(np.searchsorted(freed, n_bytes))
    past = int(times_us[order[min(place, len(order) - 1)]]) + 1
    earlier_us = shelf.cutoff_us
    if shelf.windows is not None:
        past = shelf.windows.next_us(past - 1)
    shelf.raise_to(past)
    if shelf.cutoff_us == earlier_us:
        return n_bytes
    gone = int(np.searchsorted(times_us[order], shelf.cutoff_us))
    return n_bytes - (int(freed[gone - 1]) if gone else 0)
