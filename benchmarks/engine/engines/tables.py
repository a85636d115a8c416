"""What SQLite and DuckDB have in common: one table, a column for every tag and field."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..household import COLUMNS, FIELDS, Row

KINDS = {"battery": "INTEGER", "co2": "INTEGER", "lux": "INTEGER", "motion": "INTEGER"}
_PLACES = {key: 4 + COLUMNS.index(fields[0]) for key, fields in FIELDS.items()}


def columns_sql(time: str, number: str) -> str:
    """The columns of the table."""
    fields = ", ".join(f"{name} {KINDS.get(name, number)}" for name in COLUMNS)
    return f"time {time} NOT NULL, measurement TEXT NOT NULL, device TEXT, room TEXT, {fields}"


def wide(row: Row) -> tuple[Any, ...]:
    """The values of a row in the table's order."""
    before = _PLACES[row.measurement] - 4
    after = len(COLUMNS) - before - len(row.values)
    return (*row[:4], *(None,) * before, *row.values, *(None,) * after)


def narrow(found: Iterable[tuple[Any, ...]]) -> list[Row]:
    """Rows of the table, with times in µs, as points."""
    points = []
    for line in found:
        time_us, measurement, device, room = line[:4]
        place = _PLACES[measurement]
        values = line[place : place + len(FIELDS[measurement])]
        points.append(Row(time_us, measurement, device, room, values))
    return points
