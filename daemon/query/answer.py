"""The answer to a question, as columns and rows that are made while they are read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from enum import Enum
from typing import Any, TypeAlias

import numpy as np

from daemon.query.moments import to_us
from daemon.query.names import require_known
from daemon.query.question import Question, Selection
from tinyflux import Point, TinyFlux
from tinyflux.columns import RowArray
from tinyflux.errors import CacheDamageError

_CHUNK_ROWS = 4096
_NO_ROWS = np.empty(0, dtype=np.int64)

Cell: TypeAlias = int | float | str | None
"""A time in µs UTC, a number or a text; None where there is none."""


class Role(Enum):
    """What a column shows of a point."""

    TIME = "time"
    MEASUREMENT = "measurement"
    TAG = "tag"
    FIELD = "field"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an answer."""

    name: str
    """Unique in the answer: `tags.key` or `fields.key` where two would have one name."""
    role: Role
    key: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Columns, and rows with a cell for each; the rows can be read once."""

    columns: tuple[Column, ...]
    rows: Iterator[tuple[Cell, ...]]
    n_rows: int
    """How many the rows are."""
    n_found: int
    """How many there were without a limit."""


def answer(db: TinyFlux, question: Question) -> Answer:
    """The answer; RequestError for a measurement, tag, value or field that is not there."""
    check_names(db, question)
    if question.how:
        return _statistics(db, question)
    columns = _columns_of_points(db, question)
    if question.is_latest:
        selection = question.selection
        query = selection.query(question.fields)
        found = db.latest(query, question.by, selection.measurement)
        kept = _limited(found, question)
        rows = (_cells(point, columns) for point in kept)
        return Answer(columns, rows, len(kept), len(found))
    return _points(db, question, columns)


def check_names(db: TinyFlux, question: Question) -> None:
    """Raise RequestError, with the nearest names, for what the data does not have."""
    selection = question.selection
    check_selection(db, selection)
    measurement = selection.measurement
    where = _where(measurement)
    fields = db.get_field_keys(measurement)
    for key in question.fields:
        require_known("field", key, fields, where)
    tags = db.get_tag_keys(measurement)
    for key in question.by or ():
        require_known("tag", key, tags, where)


def check_selection(db: TinyFlux, selection: Selection) -> None:
    """Raise RequestError, with the nearest names, for what the data does not have."""
    measurement = selection.measurement
    if measurement is not None:
        require_known("measurement", measurement, db.get_measurements(), "in the data")
    where = _where(measurement)
    tags: Collection[str] = db.get_tag_keys(measurement) if selection.tags else ()
    for condition in selection.tags:
        require_known("tag", condition.key, tags, where)
        if condition.text and not condition.is_negated:
            values = db.get_tag_values([condition.key], measurement)[condition.key]
            known = [value for value in values if value is not None]
            require_known(f"{condition.key} called", condition.text, known, where)
    fields: Collection[str] = db.get_field_keys(measurement) if selection.where else ()
    for asked in selection.where:
        require_known("field", asked.key, fields, where)


def _where(measurement: str | None) -> str:
    return "in the data" if measurement is None else f"in {measurement}"


def _columns_of_points(db: TinyFlux, question: Question) -> tuple[Column, ...]:
    measurement = question.selection.measurement
    tags = db.get_tag_keys(measurement)
    fields = question.fields or tuple(db.get_field_keys(measurement))
    taken = ["time", "measurement", *tags, *fields]

    def named(role: Role, prefix: str, key: str) -> Column:
        return Column(f"{prefix}.{key}" if taken.count(key) > 1 else key, role, key)

    return (
        Column("time", Role.TIME, "time"),
        *([Column("measurement", Role.MEASUREMENT, "measurement")] if measurement is None else []),
        *(named(Role.TAG, "tags", key) for key in tags),
        *(named(Role.FIELD, "fields", key) for key in fields),
    )


def _points(db: TinyFlux, question: Question, columns: tuple[Column, ...]) -> Answer:
    selection = question.selection
    view = db.view()
    rows = view.rows(selection.query(question.fields), selection.measurement)
    times_us = view.times_us(rows)
    if not bool((times_us[1:] >= times_us[:-1]).all()):
        rows = rows[np.argsort(times_us, kind="stable")]
    kept = _limited(rows, question)
    return Answer(columns, _made(db, kept, columns), len(kept), len(rows))


def _limited(rows: Any, question: Question) -> Any:
    """The latest so many of a sequence in the order of time, in the order that is wanted."""
    if question.limit is not None:
        rows = rows[max(0, len(rows) - question.limit) :]
    return rows[::-1] if question.is_reversed else rows


def _made(db: TinyFlux, rows: RowArray, columns: Sequence[Column]) -> Iterator[tuple[Cell, ...]]:
    """Cells of rows in their order, some thousand at a time."""
    view = db.view()
    for start in range(0, len(rows), _CHUNK_ROWS):
        part = rows[start : start + _CHUNK_ROWS]
        ascending = np.argsort(part, kind="stable")
        try:
            points = view.points(part[ascending])
        except CacheDamageError as error:
            db.engine.discard_cache(error)
            view = db.view()
            points = view.points(part[ascending])
        cells = [_cells(point, columns) for point in points]
        for place in np.argsort(ascending, kind="stable").tolist():
            yield cells[place]


def _cells(point: Point, columns: Sequence[Column]) -> tuple[Cell, ...]:
    tags, fields = point.tags, point.fields
    assert point.time is not None  # what is stored has one
    cells: list[Cell] = []
    for column in columns:
        if column.role is Role.TAG:
            cells.append(tags.get(column.key))
        elif column.role is Role.FIELD:
            cells.append(fields.get(column.key))
        elif column.role is Role.TIME:
            cells.append(to_us(point.time, UTC))
        else:
            cells.append(point.measurement)
    return tuple(cells)


def _statistics(db: TinyFlux, question: Question) -> Answer:
    selection, by = question.selection, question.by or ()
    fields = question.fields or tuple(db.get_field_keys(selection.measurement))
    if not fields:
        return Answer((Column("time", Role.TIME, "time"),), iter(()), 0, 0)
    found = db.aggregate(
        selection.query(),
        fields,
        every=None if question.every is None else question.every.window,
        how=question.how,
        by=by,
        tz=question.zone,
        measurement=selection.measurement,
    )
    names = list(found)
    columns = (
        Column("time", Role.TIME, "time"),
        *(Column(name, Role.TAG, key) for name, key in zip(names[1:], by, strict=False)),
        *(Column(name, Role.FIELD, name) for name in names[1 + len(by) :]),
    )
    n_found = len(found["time"])
    order = _limited(np.arange(n_found), question)
    lists = [_plain(array[order].tolist()) for array in found.values()]
    return Answer(columns, zip(*lists, strict=True), len(order), n_found)


def _plain(values: list[Any]) -> list[Cell]:
    """NaN means that the field has no value in this window and group."""
    return [None if value != value else value for value in values]
