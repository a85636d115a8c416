"""A chain of tiers at work on one view: what is missing, and what changes when rows go. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo

import numpy as np

from daemon.retention.horizon import book_points
from daemon.retention.layers import Chain, Layer
from daemon.retention.proof import Going, prove
from daemon.retention.queries import moment
from daemon.retention.rollups import Rollups, joined, plain
from daemon.retention.samples import NEVER_US
from daemon.retention.shelves import EVER_US, Shelf
from daemon.retention.source import Overlay
from daemon.retention.tiers import Borders, Delta, TierWork
from daemon.retention.windows import Windows
from tinyflux import Point
from tinyflux.columns import RowArray
from tinyflux.view import View


@dataclass(slots=True)
class Sealed:
    """What comes when rows go, and which rows it comes in the place of."""

    replaced: RowArray
    points: list[Point]
    told: list[tuple[str, int]]
    """What is done, in words, and how many it concerns."""
    rollups: dict[int, tuple[TierWork, Rollups]] = field(default_factory=dict)
    """By layer the roll-ups that come."""


@dataclass(slots=True)
class ChainWork:
    """The tiers of one measurement over one view."""

    chain: Chain
    view: View
    now_us: int
    zone: tzinfo

    def windows(self, layer: Layer) -> Windows:
        """The windows of a layer."""
        first_us, last_us = self.view.span_us
        return Windows.of(
            layer.tier.every, self.zone, min(first_us, self.now_us), max(last_us, self.now_us)
        )

    def complete_us(self, layer: Layer) -> int:
        """Up to where the windows of a layer are over, and late points have had their time."""
        late_us = round(self.chain.rule.late_or_default_s * 1e6)
        return self.windows(layer).start_us(self.now_us - late_us)

    def shelves(self) -> list[Shelf]:
        """What may go of the points and of each tier."""
        rule = self.chain.rule
        found: list[Shelf] = []
        for place, layer in enumerate(self.chain.layers):
            shelf = Shelf(
                rule, layer.source, layer.query, self.complete_us(layer), self.windows(layer),
                keep_last=rule.keep_last if layer.is_raw else 0, chain=self.chain, layer=place,
            )  # fmt: skip
            _age(shelf, layer.source_age_s, self.now_us)
            found.append(shelf)
        last = self.chain.layers[-1]
        shelf = Shelf(rule, last.target, None, EVER_US, chain=self.chain, layer=len(found))
        _age(shelf, last.tier.max_age_s, self.now_us)
        return [*found, shelf]

    def missing(self, layer: Layer, start_us: int = NEVER_US) -> Iterator[tuple[TierWork, Delta]]:
        """What a tier wants that only has to be added, piece by piece."""
        work = TierWork(
            self.view, layer, self.windows(layer),
            Borders(self.complete_us(layer), NEVER_US), start_us=self.start_us(layer, start_us),
        )  # fmt: skip
        for delta in work.deltas(is_full=False):
            yield work, delta

    def start_us(self, layer: Layer, changed_us: int) -> int:
        """From where on a tier is looked at: the tiers behind the first are right up to the
        horizon of the points, but for what this run changes (`changed_us`: from then on)."""
        if layer.is_raw:
            return NEVER_US
        rows = self.view.rows(None, layer.target)
        if not len(rows):
            return NEVER_US
        raw = TierWork(
            self.view, self.chain.layers[0], self.windows(self.chain.layers[0]),
            Borders(NEVER_US, NEVER_US),
        ).book  # fmt: skip
        newest = int(self.view.times_us(rows).max())
        first = raw.latest_us if raw.latest_us > NEVER_US else self.view.span_us[0]
        earliest = min(first, newest, changed_us if changed_us > NEVER_US else newest)
        return self.windows(layer).start_us(earliest)

    def sealed(self, shelves: Sequence[Shelf]) -> Sealed:
        """What comes in the place of the rows that go from these shelves."""
        result = Sealed(np.empty(0, dtype=np.int64), [], [])
        overlay = Overlay()
        replaced: list[RowArray] = []
        changed_us = NEVER_US
        for place, layer in enumerate(self.chain.layers):
            shelf = shelves[place]
            work = self._sealing(layer, shelf, overlay, changed_us)
            fresh, mended, rows, n_merged = _collected(work)
            replaced.append(rows)
            result.told += _told(layer, len(fresh), len(mended), n_merged)
            coming = joined([fresh, mended])
            rows = np.unique(rows)
            prove(Going(self.chain.rule.name, work, shelf.cutoff_us, shelf.kept, coming, rows))
            if place:
                self._drop_gone(result, place, shelf.cutoff_us)
            result.rollups[place + 1] = (work, coming)
            self._write_book(result, work, shelf, replaced)
            overlay = work.as_overlay(rows, coming)
            changed_us = int(coming.times_us.min()) if len(coming) else NEVER_US
        self._drop_gone(result, len(self.chain.layers), shelves[-1].cutoff_us)
        for work, rollups in result.rollups.values():
            result.points += list(points_of(work, rollups))
        result.replaced = np.unique(np.concatenate(replaced))
        return result

    def _sealing(self, layer: Layer, shelf: Shelf, overlay: Overlay, changed_us: int) -> TierWork:
        start_us = self.start_us(layer, changed_us)
        if not layer.is_raw and shelf.cutoff_us > NEVER_US:
            start_us = NEVER_US  # all that goes is looked at once more
        return TierWork(
            self.view, layer, self.windows(layer),
            Borders(self.complete_us(layer), shelf.cutoff_us), overlay, shelf.kept, start_us,
        )  # fmt: skip

    @staticmethod
    def _drop_gone(result: Sealed, place: int, cutoff_us: int) -> None:
        """Roll-ups that would come only to go in the same change."""
        work, rollups = result.rollups[place]
        result.rollups[place] = (work, rollups.at(rollups.times_us >= cutoff_us))

    def _write_book(
        self, result: Sealed, work: TierWork, shelf: Shelf, replaced: list[RowArray]
    ) -> None:
        book = work.book
        if shelf.cutoff_us <= book.latest_us and not len(shelf.going(self.view)):
            return
        rows = shelf.going(self.view)
        n_gone = np.bincount(self.view.groups(rows, work.series), minlength=len(work.series))
        points = dict(book.points)
        for number in np.flatnonzero(n_gone).tolist():
            points[number] = points.get(number, 0) + int(n_gone[number])
        is_behind = shelf.cutoff_us > book.latest_us
        result.points += book_points(
            work.layer.target,
            work.tags_of_series(),
            max(shelf.cutoff_us, book.latest_us),
            points,
            (work.at_cutoff if is_behind else book.carries) if work.layer.is_raw else {},
        )
        replaced.append(book.rows)


def _age(shelf: Shelf, age_s: float | None, now_us: int) -> None:
    if age_s is not None:
        shelf.raise_to(now_us - round(age_s * 1e6))


def _collected(work: TierWork) -> tuple[Rollups, Rollups, RowArray, int]:
    fresh, mended, rows, n_merged = [], [], [], 0
    for delta in work.deltas(is_full=True):
        fresh.append(delta.fresh)
        mended.append(delta.mended)
        rows.append(delta.replaced)
        n_merged += delta.merged
    none = np.empty(0, dtype=np.int64)
    return joined(fresh), joined(mended), np.concatenate([none, *rows]), n_merged


def _told(layer: Layer, fresh: int, mended: int, merged: int) -> list[tuple[str, int]]:
    late = f" ({merged} came after the others of their window had gone)" if merged else ""
    return [
        (f"roll {layer.source} up into {layer.target}", fresh),
        (f"mend roll-ups of {layer.target}{late}", mended),
    ]


def points_of(work: TierWork, rollups: Rollups) -> Iterator[Point]:
    """The rows of a tier as points, in the order of time."""
    order = np.lexsort((rollups.group, rollups.times_us))
    rollups = rollups.at(order)
    columns = [
        (f"{key}_{name}", name, column.tolist(), (~np.isnan(column)).tolist())
        for key, parts in work.columns(rollups).items()
        for name, column in parts.items()
    ]
    tags: dict[int, dict[str, str]] = {}
    times, groups = rollups.times_us.tolist(), rollups.group.tolist()
    for place, (time_us, group) in enumerate(zip(times, groups, strict=True)):
        if group not in tags:
            tags[group] = work.tags_of_group(group)
        fields = {
            key: plain(name, column[place]) for key, name, column, known in columns if known[place]
        }
        yield Point(
            time=moment(time_us), measurement=work.layer.target, tags=tags[group], fields=fields
        )
