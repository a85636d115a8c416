"""The data file as a program handles it that knows FORMAT.md and Python's csv module."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

from tests.tinyflux.model import copied
from tinyflux import Point


def row(point: Point, tag: str = "_tag_", field: str = "_field_") -> list[str]:
    """The cells of a point."""
    point = copied(point)
    assert point.time is not None
    cells = [point.time.replace(tzinfo=None).isoformat(), point.measurement]
    for key, text in point.tags.items():
        cells += [tag + key, "_none" if text is None else text]
    for key, number in point.fields.items():
        cells += [field + key, _text(number)]
    return cells


def _text(number: int | float | None) -> str:
    if number is None:
        return "_none"
    return repr(number) if isinstance(number, float) else f"{Decimal(number):f}"


def write(file: TextIO, points: Iterable[Point], end: str = "\r\n") -> None:
    """Write the rows of points, compact and not in turn."""
    styles = (("_tag_", "_field_"), ("t_", "f_"))
    write_rows(file, [row(point, *styles[place % 2]) for place, point in enumerate(points)], end)


def write_rows(file: TextIO, rows: Iterable[Sequence[str]], end: str = "\r\n") -> None:
    """Write rows; each is quoted as for CRLF, whatever its end."""
    for cells in rows:
        text = _Line()
        csv.writer(text).writerow(cells)
        file.write(text.text.removesuffix("\r\n") + end)


class _Line:
    text = ""

    def write(self, text: str) -> None:
        self.text += text


def read(path: Path, **dialect: Any) -> list[list[str]]:
    """Every row's cells."""
    csv.field_size_limit(1 << 30)
    with open(path, encoding="utf-8", newline="") as file:
        return [cells for cells in csv.reader(file, **dialect) if cells]


def point_of(cells: Sequence[str]) -> Point:
    """The point of a row in either style."""
    tags: dict[str, str | None] = {}
    fields: dict[str, Any] = {}
    for key, text in zip(cells[2::2], cells[3::2], strict=True):
        for prefix in ("_tag_", "t_"):
            if key.startswith(prefix):
                tags[key.removeprefix(prefix)] = None if text == "_none" else text
                break
        else:
            name = key.removeprefix("_field_") if key[0] == "_" else key.removeprefix("f_")
            fields[name] = None if text == "_none" else _number(text)
    time = datetime.fromisoformat(cells[0]).replace(tzinfo=UTC)
    return Point(time=time, measurement=cells[1], tags=tags, fields=fields)


def _number(text: str) -> int | float:
    if text.lstrip("+-").isdigit():
        return int(Decimal(text))
    return float(text)
