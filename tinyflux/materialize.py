"""From columns back to Python: Points, values and times of some rows of a segment."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, cast

import numpy as np

from tinyflux.columns import Column, RowArray, positions_of
from tinyflux.point import Point
from tinyflux.segment import Segment
from tinyflux.times import datetimes


@contextmanager
def paused_collector() -> Iterator[None]:
    """Within it Python's cyclic collector does not run: a million new dicts hold no cycle."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def points_of(segment: Segment, rows: RowArray) -> list[Point]:
    """New Points of `rows` (ascending), in that order."""
    with paused_collector():
        tags: list[dict[str, Any]] = [{} for _ in range(len(rows))]
        fields: list[dict[str, Any]] = [{} for _ in range(len(rows))]
        met: dict[int, tuple[Any, Any]] = {}
        _fill(tags, segment.tags, rows, met)
        _fill(fields, segment.fields, rows, met)
        moments = datetimes(segment.times_us[rows])
        # Every row has a measurement.
        measurements = cast("list[str]", segment.measurement.pythons(rows))
        return Point.many_of_parts(moments, measurements, tags, fields)


def _fill(
    mappings: list[dict[str, Any]], columns: Any, rows: RowArray, met: dict[int, tuple[Any, Any]]
) -> None:
    """Put the values of each column into the mappings of those of `rows` that carry it.

    `met` keeps where a presence meets the rows: columns share it.
    """
    for key, column in columns.items():
        presence = column.rows
        if id(presence) not in met:
            positions, places = positions_of(presence, rows)
            met[id(presence)] = (
                positions,
                places if isinstance(places, slice) else places.tolist(),
            )
        positions, places = met[id(presence)]
        values = column.pythons(positions)
        if isinstance(places, slice):
            for mapping, value in zip(mappings, values, strict=True):
                mapping[key] = value
        else:
            for place, value in zip(places, values, strict=True):
                mappings[place][key] = value


def values_of(column: Column | None, rows: RowArray) -> list[Any]:
    """The column's value in each of `rows`; None where a row does not carry it."""
    values: list[Any] = [None] * len(rows)
    if column is not None:
        positions, places = positions_of(column.rows, rows)
        found = column.pythons(positions)
        if isinstance(places, slice):
            return list(found)
        for place, value in zip(places.tolist(), found, strict=True):
            values[place] = value
    return values


def selected(segment: Segment, rows: RowArray, key: str) -> list[Any]:
    """What `select` gives for one key: `time`, `measurement`, `tags.x` or `fields.x`."""
    if key == "time":
        moments: list[datetime] = datetimes(segment.times_us[rows])
        return moments
    if key == "measurement":
        return list(segment.measurement.pythons(rows))
    attribute, _, name = key.partition(".")
    return values_of((segment.tags if attribute == "tags" else segment.fields).get(name), rows)


def carried_values(column: Column, rows: RowArray | None) -> list[Any]:
    """The values of those of `rows` (None: every row) that carry the column."""
    if rows is None:
        return list(column.pythons(np.s_[:]))
    positions, _ = positions_of(column.rows, rows)
    return list(column.pythons(positions))
