r"""Points as a wide table in CSV: a column for each tag and each field. Pure.

Our own header is `time,measurement,tags.room,fields.temperature`. An empty cell: the point has no
such key. `_none` is None, `\` an empty text, and a text that begins with `\` gets another one in
front, so that every point comes back as it was. Other tables are read too: `Columns` says what
their columns mean.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from daemon.exchange.form import Losses, NoPointError
from daemon.query import to_us, utc_text
from tinyflux import Point

_NONE = "_none"
_WHOLE = re.compile(r"[+-]?[0-9]+")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIX_UNITS = ((1e17, 1e-3), (1e14, 1.0), (1e11, 1e3), (0.0, 1e6))
"""From which size on a number is ns, µs, ms and else s, and how many µs one of them is."""


class CsvWriter:
    """Encodes points under a header that is fixed when this is made."""

    def __init__(self, tags: Iterable[str], fields: Iterable[str]) -> None:
        self._tags = sorted(tags)
        self._fields = sorted(fields)

    def header(self) -> bytes:
        """The first line."""
        names = ("tags." + key for key in self._tags), ("fields." + key for key in self._fields)
        return _text_of([["time", "measurement", *names[0], *names[1]]])

    def encode(self, points: Sequence[Point], losses: Losses) -> bytes:
        """A line for each point."""
        del losses  # everything can be said
        return _text_of(self._cells(point) for point in points)

    def _cells(self, point: Point) -> list[str]:
        assert point.time is not None  # what is stored has one
        tags, fields = point.tags, point.fields
        cells = [utc_text(to_us(point.time, UTC)), point.measurement]
        for key in self._tags:
            text = tags.get(key, "")
            if text is None:
                cells.append(_NONE)
            elif text == "":
                cells.append("\\" if key in tags else "")
            else:
                cells.append("\\" + text if text[0] == "\\" else text)
        for key in self._fields:
            if key in fields:
                number = fields[key]
                cells.append(_NONE if number is None else repr(number))
            else:
                cells.append("")
        return cells


def _text_of(rows: Iterable[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    # Of two characters, because the writer quotes a cell only for those that end its lines.
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a table of another program mean."""

    zone: tzinfo = UTC
    """Of times that name none."""
    time: str = "time"
    measurement: str | None = None
    """Of every point; None where a column `measurement` says it."""
    tags: tuple[str, ...] = ()
    """Names of columns that are tags; the others are fields."""
    skipped: tuple[str, ...] = ()


class CsvReader:
    """Decodes rows under the header that it is made with."""

    def __init__(self, header: list[str], columns: Columns) -> None:
        """Raises NoPointError where the header has no time or no measurement."""
        self._columns = columns
        self._names = [_column_name(name) for name in header]
        if columns.time not in self._names:
            raise NoPointError(
                f"there is no column {columns.time!r}; the columns are {', '.join(self._names)}: "
                "say which one is the time with --time-column"
            )
        if columns.measurement is None and "measurement" not in self._names:
            raise NoPointError(
                "there is no column 'measurement'; give the measurement with --measurement"
            )
        missing = [name for name in (*columns.tags, *columns.skipped) if name not in self._names]
        if missing:
            raise NoPointError(
                f"there is no column {missing[0]!r}; the columns are {', '.join(self._names)}"
            )

    def decode(self, cells: list[str], losses: Losses) -> Point | None:
        """The point of a row, None for an empty one. Raises NoPointError."""
        del losses
        if not cells:
            return None
        if len(cells) != len(self._names):
            raise NoPointError(f"{len(self._names)} cells are needed, found {len(cells)}")
        time: datetime | None = None
        measurement = self._columns.measurement or Point.default_measurement_name
        tags: dict[str, str | None] = {}
        fields: dict[str, int | float | None] = {}
        for name, cell in zip(self._names, cells, strict=True):
            if name == self._columns.time:
                time = _time(cell, self._columns.zone)
            elif name == "measurement" and self._columns.measurement is None:
                measurement = cell
            elif cell == "" or name in self._columns.skipped:
                continue
            elif name.startswith("tags."):
                tags[name[5:]] = _tag(cell)
            elif name in self._columns.tags:
                tags[name] = cell
            else:
                fields[name.removeprefix("fields.")] = _number(name, cell)
        try:
            return Point(time=time, measurement=measurement, tags=tags, fields=fields)
        except ValueError as error:
            raise NoPointError(str(error)) from None


def _column_name(name: str) -> str:
    """As it is, if it is one of ours; else without blanks, and without the mark of an encoding."""
    is_ours = name.startswith(("tags.", "fields."))
    return name if is_ours else name.lstrip("\ufeff").strip()


def _tag(cell: str) -> str | None:
    if cell == _NONE:
        return None
    return cell[1:] if cell[0] == "\\" else cell


def _number(name: str, cell: str) -> int | float | None:
    if cell == _NONE:
        return None
    try:
        return int(cell) if _WHOLE.fullmatch(cell) else float(cell)
    except ValueError:
        raise NoPointError(
            f"column {name!r} holds {cell[:40]!r}, which is no number: name it in --tag-columns if "
            "it is a tag, or in --skip-columns"
        ) from None


def _time(cell: str, zone: tzinfo) -> datetime:
    try:
        number = float(cell)
    except ValueError:
        number = None
    try:
        if number is not None:
            factor = next(factor for least, factor in _UNIX_UNITS if abs(number) >= least)
            whole = int(cell) if _WHOLE.fullmatch(cell) else number
            us = whole * int(factor) if factor >= 1 else whole / 1000
            return _EPOCH + timedelta(microseconds=int(us))
        moment = datetime.fromisoformat(cell.strip())
    except (ValueError, OverflowError, StopIteration):
        raise NoPointError(
            f"found the time {cell[:40]!r}; allowed: ISO 8601, or s, ms, µs or ns since 1970"
        ) from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
