"""One tier brought in line with what it is made of: which rows are missing, wrong, or done with.

Behind the horizon (see `horizon`) a window is computed from all of its rows, so that doing it twice
changes nothing. Before it the rows are gone; what comes there is added to the row that stands for
them, and goes in the same change. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from daemon.retention.horizon import Book, book_name, read_book
from daemon.retention.layers import Layer
from daemon.retention.queries import between
from daemon.retention.rollups import (
    COUNT,
    HELD,
    INTEGRAL,
    SUM,
    Numbers,
    Rollups,
    added_up,
    joined,
    stored_columns,
)
from daemon.retention.samples import NEVER_US, Carry, as_rollups, carried, growth, holdings
from daemon.retention.source import (
    Overlay,
    Piece,
    Source,
    pieces_of_time,
    read_rollups,
    rolled_fields,
    tag_keys,
)
from daemon.retention.windows import Windows
from tinyflux.columns import RowArray
from tinyflux.grouping import Grouping
from tinyflux.view import View

_NO_ROWS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Delta:
    """What a piece of time wants of the tier."""

    fresh: Rollups
    """Rows that are missing."""
    mended: Rollups
    """Rows that are other than they should be, as they should be."""
    replaced: RowArray
    """The rows in the place of which these come."""
    merged: int = 0
    """Points that came after the others of their window had gone."""


@dataclass(frozen=True, slots=True)
class Borders:
    """Times of a layer, at borders of its windows, µs UTC."""

    complete_us: int
    """Windows before it are over, and late points have had their time."""
    cutoff_us: int
    """What is older may go; NEVER_US where nothing may."""


@dataclass
class TierWork:
    """The work on one layer of a view. `overlay` tells what is changed of its source."""

    view: View
    layer: Layer
    windows: Windows
    borders: Borders
    overlay: Overlay = field(default_factory=Overlay)
    kept: RowArray = field(default_factory=lambda: _NO_ROWS)
    """Points that stay although they are older than the cutoff, and are not in the roll-ups until
    they go; ascending."""
    start_us: int = NEVER_US
    """Rows of the tier before it are known to be right."""
    carries: dict[str, Carry] = field(default_factory=dict)
    at_cutoff: dict[str, Carry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # Of the roll-ups and the book too: what has gone may have had tags that nothing has now.
        names = (self.layer.source, self.layer.target, book_name(self.layer.target))
        self._keys = tuple(sorted({*tag_keys(self.view, *names), *self.overlay.keys}))
        self._by = self._keys if self.layer.tier.by is None else self.layer.tier.by
        self._series, self._groups = Grouping(self._keys), Grouping(self._by)
        self._source = Source(self.view, self.layer, self._series, self._groups)
        new = [key for key in self.overlay.added.fields if self.layer.statistics(key) is not None]
        self._fields = sorted({*self._source.fields(), *new})
        self._all_fields = sorted(
            {*self._fields, *rolled_fields(self.view.keys("fields", self.layer.target))}
        )
        self._added = self.overlay.grouped(self._groups)
        self._book = read_book(self.view, self.layer.target, self._series, self._groups)

    @property
    def book(self) -> Book:
        """What is gone already."""
        return self._book

    @property
    def series(self) -> Grouping:
        """The series of the source by number."""
        return self._series

    @property
    def groups(self) -> Grouping:
        """What the rows of the tier are for, by number."""
        return self._groups

    @property
    def fields(self) -> list[str]:
        """The fields that are rolled up."""
        return self._fields

    @property
    def added(self) -> Rollups:
        """The rows of the source that this run brings."""
        return self._added

    @property
    def source(self) -> Source:
        """What it is made of."""
        return self._source

    def tags_of_group(self, number: int) -> dict[str, str]:
        """The tags of the roll-ups of a group."""
        return _tags(self._by, self._groups.groups[number])

    def as_overlay(self, removed: RowArray, added: Rollups) -> Overlay:
        """What changes of this tier, for the next one."""
        tags = [self.tags_of_group(number) for number in range(len(self._groups))]
        return Overlay(removed, added, tags, self._by)

    def tags_of_series(self) -> list[dict[str, str]]:
        """The tags of each series, by its number."""
        return [_tags(self._keys, values) for values in self._series.groups]

    def deltas(self, *, is_full: bool) -> Iterator[Delta]:
        """All that the tier wants, piece by piece in the order of time; `is_full`: as a rewrite
        does it, with what comes to rows that are gone, else only what can be added."""
        if is_full:
            yield from self._late()
        yield from self._main(is_full=is_full)

    # What comes behind the horizon: computed from all of its rows.

    def _main(self, *, is_full: bool) -> Iterator[Delta]:
        first_us = max(self.view.span_us[0], self.start_us)
        start_us = self.windows.start_us(first_us)
        cutoff_us = self.borders.cutoff_us
        self.carries = {key: carry.copy() for key, carry in self._book.carries.items()}
        edges = (cutoff_us, self._book.latest_us)
        if start_us >= cutoff_us:
            self._note_cutoff()
        for start, stop, rows in pieces_of_time(
            self._source, start_us, self.borders.complete_us, self.windows, edges
        ):
            computed = self._computed(start, stop, rows, is_full=is_full)
            yield self._compared(start, stop, computed, is_full=is_full)
            if stop == cutoff_us:
                self._note_cutoff()

    def _note_cutoff(self) -> None:
        self.at_cutoff = {key: carry.copy() for key, carry in self.carries.items()}

    def _computed(self, start: int, stop: int, rows: RowArray, *, is_full: bool) -> Rollups:
        if not self.layer.is_raw:
            every = self._source_rollups(start, stop, rows)
            every = every.at(every.times_us >= self._book.horizons_us(every.group))
            return self._cells(every)
        if is_full and stop <= self.borders.cutoff_us:
            rows = _without(rows, self.kept)
        piece = self._source.piece(rows)
        piece = piece.at(piece.times_us >= self._book.horizons_us(piece.group))
        cells = joined([self._of_field(key, piece, (start, stop)) for key in self._fields])
        cells = added_up(cells, cells.times_us)
        return cells.at(cells.times_us >= self._book.horizons_us(cells.group))

    def _of_field(self, key: str, piece: Piece, span_us: tuple[int, int]) -> Rollups:
        samples = self._source.samples(piece, key)
        parts = self.layer.parts(key)
        carry = self.carries.setdefault(key, Carry())
        carry.reach(len(self._series))
        found = [as_rollups(samples, parts)]
        if "increase" in parts:
            found.append(growth(samples, carry))
        if HELD in parts:
            hold_us = round(self.layer.hold_s * 1e6)
            found.append(holdings(samples, carry, span_us, hold_us, self.windows))
        carried(samples, carry)
        every = joined(found)
        if not len(every):
            return every
        unknown = np.full(len(every), np.nan)
        columns = {name: unknown.copy() for name in (COUNT, SUM, *parts)}
        columns.update(every.fields[""])
        return self._cells(Rollups(every.times_us, every.group, {key: columns}))

    def _cells(self, every: Rollups) -> Rollups:
        if not len(every):
            return Rollups.empty()
        starts = self.windows.starts_us(self.windows.numbers(every.times_us))
        return _counted(added_up(every, starts))

    def _source_rollups(self, start: int, stop: int, rows: RowArray) -> Rollups:
        rows = _without(rows, self.overlay.removed)
        stored = read_rollups(self.view, rows, self._groups, self._fields)
        added = self._added
        return joined([stored, added.at((added.times_us >= start) & (added.times_us < stop))])

    # What comes before the horizon: added to the row that stands for what has gone.

    def _late(self) -> Iterator[Delta]:
        stop_us = min(self._book.latest_us, self.borders.cutoff_us)
        start_us = self.windows.start_us(self.view.span_us[0])
        for start, stop, rows in pieces_of_time(self._source, start_us, stop_us, self.windows):
            late, n_points = self._late_rollups(start, stop, _without(rows, self.kept))
            if len(late):
                yield self._merged(start, stop, late, n_points)

    def _late_rollups(self, start: int, stop: int, rows: RowArray) -> tuple[Rollups, int]:
        if not self.layer.is_raw:
            every = self._source_rollups(start, stop, rows)
            every = every.at(every.times_us < self._book.horizons_us(every.group))
            return every, len(every)
        piece = self._source.piece(rows)
        piece = piece.at(piece.times_us < self._book.horizons_us(piece.group))
        return joined([self._late_field(key, piece) for key in self._fields]), len(piece.rows)

    def _late_field(self, key: str, piece: Piece) -> Rollups:
        # Without what depends on neighbours: they are gone.
        every = as_rollups(self._source.samples(piece, key), self.layer.parts(key))
        return Rollups(every.times_us, every.group, {key: every.fields.get("", {})})

    def _merged(self, start: int, stop: int, late: Rollups, n_points: int) -> Delta:
        coming = self._cells(late)
        rows, stored = self._stored(start, stop)
        chosen = np.flatnonzero(_places(coming, stored)[1] >= 0)
        both = joined([stored.at(chosen), coming])
        cells = _counted(added_up(both, both.times_us))
        is_known = _places(stored, cells)[1] >= 0
        return Delta(cells.at(~is_known), cells.at(is_known), rows[chosen], n_points)

    # What is stored beside what should be.

    def _stored(self, start: int, stop: int) -> tuple[RowArray, Rollups]:
        """The stored rows of the tier in a piece of time."""
        rows = self.view.rows(between(start, stop), self.layer.target)
        return rows, read_rollups(self.view, rows, self._groups, self._all_fields)

    def _compared(self, start: int, stop: int, computed: Rollups, *, is_full: bool) -> Delta:
        rows, stored = self._stored(start, stop)
        n_stored, place_of = _places(computed, stored)
        times_stored = np.bincount(place_of[place_of >= 0], minlength=len(computed))
        is_equal = times_stored == 1
        is_equal[n_stored < 0] = False
        known = np.flatnonzero(is_equal)
        is_equal[known] = self._are_equal(computed.at(known), rows[n_stored[known]])
        is_wrong = (times_stored > 0) & ~is_equal
        is_replaced = np.zeros(len(rows), dtype=np.bool_)
        met = place_of >= 0
        is_replaced[met] = is_wrong[place_of[met]]
        if is_full and len(self.kept) and stop <= self.borders.cutoff_us:
            is_replaced |= (place_of < 0) & self._is_of_kept(stored)
        return Delta(computed.at(times_stored == 0), computed.at(is_wrong), rows[is_replaced])

    def _are_equal(self, computed: Rollups, rows: RowArray) -> NDArray[np.bool_]:
        """Whether each row says what it should."""
        are_equal = np.ones(len(computed), dtype=np.bool_)
        ascending = np.argsort(rows)
        for key, columns in self.columns(computed).items():
            for name, column in columns.items():
                found = np.empty(len(rows))
                found[ascending], _ = self.view.numbers(rows[ascending], f"{key}_{name}")
                are_equal &= np.isclose(found, column, rtol=1e-9, atol=1e-12, equal_nan=True)
        return are_equal

    def _is_of_kept(self, stored: Rollups) -> NDArray[np.bool_]:
        """Which rows stand for windows of points that are kept, and are in no roll-up any more."""
        piece = self._source.piece(self.kept)
        starts = self.windows.starts_us(self.windows.numbers(piece.times_us))
        cells = Rollups(starts, piece.group, {})
        is_behind = stored.times_us >= self._book.horizons_us(stored.group)
        return (_places(cells, stored)[1] >= 0) & is_behind

    def columns(self, rollups: Rollups) -> dict[str, dict[str, Numbers]]:
        """The columns of the tier by field and suffix, as they are stored."""
        return {
            key: stored_columns(parts, self.layer.statistics(key) or ())
            for key, parts in rollups.fields.items()
        }


def _tags(keys: Sequence[str], values: Sequence[object]) -> dict[str, str]:
    return {key: str(value) for key, value in zip(keys, values, strict=True) if value is not None}


def _without(rows: RowArray, others: RowArray) -> RowArray:
    return rows[~np.isin(rows, others, assume_unique=True)] if len(others) else rows


def _counted(rollups: Rollups) -> Rollups:
    """A field of which something is known without a value has a count and a sum of 0."""
    for parts in rollups.fields.values():
        held = parts.get(HELD)
        if held is not None:
            is_bare = np.isnan(parts[COUNT]) & ~np.isnan(held)
            parts[COUNT][is_bare] = 0.0
            parts[SUM][is_bare] = 0.0
        if INTEGRAL in parts and held is None:
            raise ValueError("a sum over time without the time")
    return rollups


def _places(wanted: Rollups, rows: Rollups) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each wanted window and group the first of `rows` that is of it, and for each row which
    wanted one it is of; -1 where there is none."""
    n_wanted = len(wanted)
    times = np.concatenate((wanted.times_us, rows.times_us))
    group = np.concatenate((wanted.group, rows.group))
    order = np.lexsort((group, times))
    is_new = np.ones(len(order), dtype=np.bool_)
    is_new[1:] = np.diff(times[order]) != 0
    is_new[1:] |= np.diff(group[order]) != 0
    cell = np.empty(len(order), dtype=np.int64)
    cell[order] = np.cumsum(is_new) - 1
    n_cells = int(cell.max()) + 1 if len(cell) else 0
    owner, first = np.full(n_cells, -1), np.full(n_cells, -1)
    owner[cell[:n_wanted]] = np.arange(n_wanted)
    first[cell[n_wanted:][::-1]] = np.arange(len(rows))[::-1]
    return first[cell[:n_wanted]], owner[cell[n_wanted:]]
