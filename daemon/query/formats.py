"""An answer as lines of text: table, CSV, JSON or line protocol. Pure."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import tzinfo
from typing import Literal

from daemon.errors import RequestError
from daemon.query.answer import Answer, Cell, Column, Role
from daemon.query.texts import local_text, number_text, plain, utc_text, zone_name
from tinyflux.line_protocol import FieldSet, LineParts, TagSet, to_line

Format = Literal["table", "csv", "json", "line"]
FORMATS: tuple[Format, ...] = ("table", "csv", "json", "line")


def lines_of(
    found: Answer, form: Format, *, zone: tzinfo, measurement: str | None
) -> Iterator[str]:
    """The lines of an answer, without their ends; made while they are read, but for a table."""
    if form == "table":
        return table_lines(found, zone)
    if form == "csv":
        return _csv_lines(found)
    if form == "json":
        return _json_lines(found)
    return _protocol_lines(found, measurement)


def table_lines(found: Answer, zone: tzinfo) -> Iterator[str]:
    """Columns that hold something, aligned; a line with the headings, none where nothing is."""
    rows = list(found.rows)
    if not rows:
        return
    has_millis = any(isinstance(row[0], int) and row[0] % 1_000_000 for row in rows)

    def shown(column: Column, cell: Cell) -> str:
        if cell is None:
            return ""
        if column.role is Role.TIME:
            return local_text(int(cell), zone, has_millis=has_millis)
        return plain(cell) if isinstance(cell, str) else number_text(cell)

    right: set[int] = set()
    columns: list[list[str]] = []
    for place, column in enumerate(found.columns):
        cells = [shown(column, row[place]) for row in rows]
        if any(cells):
            name = f"time ({zone_name(zone)})" if column.role is Role.TIME else plain(column.name)
            if column.role is Role.FIELD:
                right.add(len(columns))
            columns.append([name, *cells])
    yield from aligned(list(zip(*columns, strict=True)), right)


def aligned(rows: Sequence[Sequence[str]], right: Collection[int]) -> Iterator[str]:
    """Rows of cells as lines with straight columns; those of the numbers in `right` end flush."""
    widths = [max(map(_width, cells)) for cells in zip(*rows, strict=True)]
    for row in rows:
        parts = []
        for place, (cell, width) in enumerate(zip(row, widths, strict=True)):
            room = " " * (width - _width(cell))
            parts.append(room + cell if place in right else cell + room)
        yield "  ".join(parts).rstrip()


def _width(text: str) -> int:
    """Places on a terminal."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide - sum(unicodedata.combining(letter) > 0 for letter in text)


def _csv_lines(found: Answer) -> Iterator[str]:
    line = _csv_writer()
    yield line([column.name for column in found.columns])
    for row in found.rows:
        yield line(
            [
                utc_text(int(cell)) if column.role is Role.TIME and cell is not None else cell
                for column, cell in zip(found.columns, row, strict=True)
            ]
        )


def _csv_writer() -> Callable[[list[Cell]], str]:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="")

    def line(cells: list[Cell]) -> str:
        text.seek(0)
        text.truncate()
        writer.writerow(cells)
        return text.getvalue()

    return line


def _json_lines(found: Answer) -> Iterator[str]:
    """One array, an object a line; a script may read it as a whole or line by line."""
    before = "["
    for row in found.rows:
        said = {
            column.name: _json_value(column, cell)
            for column, cell in zip(found.columns, row, strict=True)
            if cell is not None
        }
        yield f"{before}{json.dumps(said, ensure_ascii=False, allow_nan=False)}"
        before = ","
    yield "]" if before == "," else "[]"


def _json_value(column: Column, cell: Cell) -> Cell:
    if column.role is Role.TIME and cell is not None:
        return utc_text(int(cell))
    if isinstance(cell, float) and cell - cell != 0:
        return str(cell)  # JSON has no word for infinity
    return cell


def _protocol_lines(found: Answer, measurement: str | None) -> Iterator[str]:
    """A line for each row that has a number; what the protocol has no word for is left out."""
    for row in found.rows:
        parts = _parts(found.columns, row, measurement)
        if any(number is not None and number - number == 0 for number in parts.fields.values()):
            try:
                yield to_line(parts)
            except ValueError as error:
                raise RequestError(f"{error}; --format json can say it") from None


def _parts(columns: Sequence[Column], row: Sequence[Cell], measurement: str | None) -> LineParts:
    name, time_us = measurement or "all", None
    tags: TagSet = {}
    fields: FieldSet = {}
    for column, cell in zip(columns, row, strict=True):
        if column.role is Role.TIME and cell is not None:
            time_us = int(cell)
        elif column.role is Role.MEASUREMENT:
            name = str(cell)
        elif column.role is Role.TAG:
            tags[column.key] = None if cell is None else str(cell)
        elif not isinstance(cell, str):
            fields[column.key] = cell
    return LineParts(time_us, name, tags, fields)
