"""How many points each series has, and from when to when; counted from columns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from daemon.query.question import Selection
from tinyflux import TinyFlux
from tinyflux.grouping import Group, Grouping

_CHUNK_ROWS = 1 << 18
"""Looked at together, so that memory does not grow with the file."""


@dataclass(frozen=True, slots=True)
class SeriesCount:
    """One series: a measurement and a tag set, in which a tag that is None is left out."""

    measurement: str
    tags: dict[str, str]
    n_points: int
    first_us: int
    """Least time, µs UTC."""
    last_us: int


def census(
    db: TinyFlux, selection: Selection, *, chunk_rows: int = _CHUNK_ROWS
) -> list[SeriesCount]:
    """Every series that has a selected point, by measurement and tags."""
    view = db.view()
    rows = view.rows(selection.query(), selection.measurement)
    grouping = Grouping(None)
    counts = np.zeros(0, dtype=np.int64)
    first = np.zeros(0, dtype=np.int64)
    last = np.zeros(0, dtype=np.int64)
    for start in range(0, len(rows), chunk_rows):
        part = rows[start : start + chunk_rows]
        numbers, times_us = view.groups(part, grouping), view.times_us(part)
        more = len(grouping) - len(counts)
        counts = np.pad(counts, (0, more))
        first = np.pad(first, (0, more), constant_values=np.iinfo(np.int64).max)
        last = np.pad(last, (0, more), constant_values=np.iinfo(np.int64).min)
        counts += np.bincount(numbers, minlength=len(counts))
        np.minimum.at(first, numbers, times_us)
        np.maximum.at(last, numbers, times_us)
    return sorted(
        (
            _series(group, *figures)
            for group, *figures in zip(
                grouping.groups, counts.tolist(), first.tolist(), last.tolist(), strict=True
            )
            if figures[0]
        ),
        key=lambda series: (series.measurement, sorted(series.tags.items())),
    )


def _series(group: Group, n_points: int, first_us: int, last_us: int) -> SeriesCount:
    *tags, measurement = group
    named = dict(pair for pair in tags if isinstance(pair, tuple))
    return SeriesCount(str(measurement), named, n_points, first_us, last_us)
