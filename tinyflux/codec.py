"""The text of a row: a Point to CSV cells and back, as FORMAT.md says.

The slow and exact road; `parsing` takes many rows of one shape at once and must agree with this.
Knows the dialect and the encoding, never files.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, TypeVar

from tinyflux.line_protocol import FieldSet, TagSet
from tinyflux.point import Point, parts_of, validate_fields, validate_tags
from tinyflux.text_encoding import TextEncoding
from tinyflux.times import format_us, from_us, parse_iso, to_storable_us

V = TypeVar("V")

NONE_TEXT = "_none"
TAG, FIELD = "_tag_", "_field_"
COMPACT_TAG, COMPACT_FIELD = "t_", "f_"
LINE_ENDS = ("\r\n", "\n", "\r")

_INTEGER = re.compile(r"[+-]?[0-9]+\Z")
_NEEDS_QUOTES = re.compile(r'["\r\n]')
_STR_DIGITS = 640
"""Python's int() takes so many digits whatever its limit is set to (4300 by default)."""


class RowCodec:
    """Encodes and decodes rows in one encoding and csv dialect.

    `dialect` is what `csv.writer` takes (`delimiter`, `quotechar`, `quoting`, `lineterminator`…),
    `head` the first bytes of the file, whose mark tells the byte order where `encoding` does not.
    Raises TypeError or ValueError for what `csv` refuses, LookupError for an unknown encoding.
    """

    def __init__(
        self,
        encoding: str | None = None,
        dialect: dict[str, Any] | None = None,
        head: bytes = b"",
    ) -> None:
        self.dialect = dict(dialect or {})
        self.text_encoding = TextEncoding.of(encoding or "utf-8", head)
        self.encoding = self.text_encoding.name
        try:
            self._writer_dialect = csv.writer(io.StringIO(), **self.dialect).dialect
        except csv.Error as error:
            raise ValueError(f"the csv dialect {self.dialect!r} cannot be used: {error}") from error
        self._reader_dialect = dict(self.dialect)
        if self._writer_dialect.quoting in (csv.QUOTE_NONNUMERIC, *_NEWER_QUOTING):
            # csv.reader would turn bare cells into floats; the text decides here.
            self._reader_dialect["quoting"] = csv.QUOTE_MINIMAL
        if self._writer_dialect.lineterminator not in LINE_ENDS:
            raise ValueError(
                f"lineterminator {self._writer_dialect.lineterminator!r} cannot be read back: "
                f"csv knows {', '.join(map(repr, LINE_ENDS))}"
            )
        self._text(_SAMPLE)

    @property
    def is_plain(self) -> bool:
        """UTF-8 in csv's default dialect, or one that reads the same: what is read fast."""
        dialect = self._writer_dialect
        return (
            self.encoding == "utf-8"
            and dialect.delimiter == ","
            and dialect.quotechar == '"'
            and dialect.doublequote
            and dialect.escapechar is None
            and not dialect.skipinitialspace
            and dialect.quoting != csv.QUOTE_NONE
            and dialect.lineterminator in ("\r\n", "\n")
        )

    @property
    def quotes_singly(self) -> bool:
        """Whether a cell is written the same whatever stands beside it."""
        return self.is_plain and bool(self._writer_dialect.quoting == csv.QUOTE_MINIMAL)

    @property
    def key(self) -> str:
        """Encoding and dialect as text: what is read with another key may be other rows."""
        return f"{self.encoding} {sorted(self.dialect.items())!r}"

    @property
    def line_end(self) -> bytes:
        """The bytes that end a row."""
        return self._writer_dialect.lineterminator.encode(self.encoding)

    @property
    def quote(self) -> bytes:
        """The bytes of the character that quotes a cell; none where there is none."""
        return (self._writer_dialect.quotechar or "").encode(self.encoding)

    @property
    def row_ends(self) -> tuple[bytes, ...]:
        """The characters that end a row, each of one width in bytes."""
        marks = ("\n", "\r") if self.ends_with_return else ("\n",)
        return tuple(mark.encode(self.encoding) for mark in marks)

    @property
    def ends_with_return(self) -> bool:
        """Whether the dialect ends its rows with a carriage return alone."""
        return bool(self._writer_dialect.lineterminator == "\r")

    def encode(self, point: Point, is_compact: bool) -> bytes:
        """The row of `point`, its end included.

        Raises ValueError for what the format cannot hold, naming it.
        """
        cells = cells_of(point, is_compact=is_compact)
        text = self._text(cells)
        try:
            return text.encode(self.encoding)
        except UnicodeEncodeError as error:
            raise ValueError(
                f"{text[error.start : error.end]!r} cannot be written in {self.encoding}: "
                f"{error.reason}; the row is {text[:80]!r}"
            ) from error

    def encode_like(self, point: Point, old: Sequence[str]) -> bytes:
        """The row of `point` in the place of the row whose cells are `old`.

        In its key style, and with the keys that both have in its order; new keys follow.
        """
        tag_keys, field_keys, is_compact = _keys_of(tuple(old[2::2]))
        time, measurement, tags, fields = parts_of(point)
        if time is not None:
            tags, fields = _ordered(tags, tag_keys), _ordered(fields, field_keys)
            point = Point.of_parts(time, measurement, tags, fields)
        return self.encode(point, is_compact)

    def _text(self, cells: Sequence[str]) -> str:
        if self.quotes_singly:
            text = ",".join(cells)
            if text.count(",") == len(cells) - 1 and not _NEEDS_QUOTES.search(text):
                return text + self._writer_dialect.lineterminator
        # With this end, whatever the dialect's own, csv quotes or escapes both newline characters.
        buffer = io.StringIO(newline="")
        try:
            csv.writer(buffer, **{**self.dialect, "lineterminator": "\r\n"}).writerow(cells)
            text = buffer.getvalue().removesuffix("\r\n") + self._writer_dialect.lineterminator
            if not self.is_plain:
                self._require_readable(cells, text)
        except csv.Error as error:
            raise ValueError(f"this csv dialect cannot hold {cells!r}: {error}") from error
        return text

    def _require_readable(self, cells: Sequence[str], text: str) -> None:
        """Raise csv.Error if `text` is read as other cells: csv writes what it cannot read."""
        allow_long_cells(len(text))
        found = list(self.rows(io.StringIO(text, newline="")))
        if found != [list(cells)]:
            raise csv.Error(f"it would be read as {found!r}")

    def cell(self, text: str) -> str:
        """A cell of a row as it is written, quoted if need be; only where `quotes_singly`."""
        buffer = io.StringIO(newline="")
        # Another cell beside it: csv quotes an empty one that stands alone.
        csv.writer(buffer, **{**self.dialect, "lineterminator": "\r\n"}).writerow(("", text))
        return buffer.getvalue()[1:-2]

    def rows(self, lines: Iterable[str]) -> Any:
        """A csv.reader over text lines that keep their ends; `line_num` counts lines taken."""
        return csv.reader(lines, **self._reader_dialect)


_NO_LIMIT = (1 << 31) - 1


def allow_long_cells(n_characters: int) -> None:
    """Let csv read cells of that length: it writes longer ones than it reads by default.

    The limit is process-wide.
    """
    if csv.field_size_limit() < n_characters:
        csv.field_size_limit(min(_NO_LIMIT, n_characters))


_SAMPLE = ("2025-01-01T00:00:00", "measurement", "_tag_key", "value", "_field_key", "1")
"""A row that every usable dialect holds."""
_NEWER_QUOTING = tuple(
    getattr(csv, name) for name in ("QUOTE_STRINGS", "QUOTE_NOTNULL") if hasattr(csv, name)
)


def cells_of(point: Point, *, is_compact: bool) -> list[str]:
    """The cells of a row: time, measurement, then keys and values of tags and fields."""
    tag, field = (COMPACT_TAG, COMPACT_FIELD) if is_compact else (TAG, FIELD)
    cells = [time_cell(point), point.measurement]
    for key, text in point.tags.items():
        cells.append(tag + key)
        cells.append(NONE_TEXT if text is None else text)
    for key, number in point.fields.items():
        cells.append(field + key)
        cells.append(number_text(number))
    return cells


def time_cell(point: Point) -> str:
    """The first cell of the row of `point`; ValueError where it has no time."""
    time = point.time
    if time is None:
        raise ValueError(f"a point needs a time to be written: {point!r}")
    if type(time) is datetime and time.tzinfo is UTC:
        # As UTC without saying so, six times as fast as by `replace`.
        return datetime.combine(time, time.time()).isoformat()
    return format_us(to_storable_us(time))


def number_text(number: int | float | None) -> str:
    """A field value as text that reads back as the same value."""
    if number is None:
        return NONE_TEXT
    if type(number) is float:
        return repr(number)
    if -(1 << 63) < number < 1 << 63:
        return str(number)
    return format(Decimal(number), "f")


def parse_number(text: str) -> int | float | None:
    """A field cell's value; ValueError where it is none."""
    if text in ("", NONE_TEXT):
        return None
    if _INTEGER.match(text):
        return int(text) if len(text) < _STR_DIGITS else int(Decimal(text))
    return float(text)


def point_of(cells: Sequence[str]) -> Point:
    """The Point of a row's cells; ValueError says what is wrong with them."""
    if len(cells) < 2 or len(cells) % 2:
        raise ValueError(
            f"it has {len(cells)} cells; a row has a time, a measurement, and a key and a value "
            f"for each tag and field"
        )
    try:
        time_us = parse_iso(cells[0])
    except ValueError as error:
        raise ValueError(f"its first cell {cells[0][:40]!r} is no ISO 8601 time") from error
    tags: TagSet = {}
    fields: FieldSet = {}
    for place in range(2, len(cells), 2):
        is_tag, key = split_key(cells[place])
        text = cells[place + 1]
        if is_tag:
            tags[key] = None if text == NONE_TEXT else text
            continue
        try:
            fields[key] = parse_number(text)
        except ValueError as error:
            raise ValueError(f"field {key!r} is {text[:40]!r}, no number") from error
    return Point.of_parts(from_us(time_us), cells[1], tags, fields)


def split_key(cell: str) -> tuple[bool, str]:
    """Whether a key cell names a tag, and the key; ValueError if it names neither."""
    for prefix, is_tag in (
        (TAG, True),
        (FIELD, False),
        (COMPACT_TAG, True),
        (COMPACT_FIELD, False),
    ):
        if cell.startswith(prefix):
            return is_tag, cell[len(prefix) :]
    raise ValueError(
        f"key {cell[:40]!r} begins with none of {TAG}, {FIELD}, {COMPACT_TAG}, {COMPACT_FIELD}"
    )


@lru_cache(maxsize=1024)
def _keys_of(cells: tuple[str, ...]) -> tuple[list[str], list[str], bool]:
    """The tag and the field keys of a row's key cells in their order, and whether it is compact."""
    keys = [split_key(cell) for cell in cells]
    tags = [key for is_tag, key in keys if is_tag]
    fields = [key for is_tag, key in keys if not is_tag]
    return tags, fields, any(cell.startswith((COMPACT_TAG, COMPACT_FIELD)) for cell in cells)


def _ordered(values: dict[str, V], keys: Sequence[str]) -> dict[str, V]:
    """`values` with the keys that are among `keys` first, in their order."""
    return {**{key: values[key] for key in keys if key in values}, **values}


def is_compact_row(cells: Sequence[str]) -> bool:
    """Whether a row is written with the compact prefixes."""
    return _keys_of(tuple(cells[2::2]))[2]


def check_storable(point: Point, measurement: str | None) -> None:
    """Raise ValueError if no storage may hold `point`.

    `measurement` is what the point's own is about to become; None leaves it.

    The same for every storage, so that a program can change its storage: what the CSV format
    cannot hold (the text `_none` as a tag's value, lone surrogates) is refused everywhere.
    """
    validate_tags(point.tags)
    validate_fields(point.fields)
    for key in point.fields:
        _check_text(key, "field key")
    _check_text(point.measurement if measurement is None else measurement, "measurement")
    for key, text in point.tags.items():
        _check_text(key, "tag key")
        if text is None:
            continue
        _check_text(text, f"tag {key!r}")
        if text == NONE_TEXT:
            raise ValueError(
                f"tag {key!r} is the text {NONE_TEXT!r}, which stands for None in the file; "
                f"use None or another text"
            )


def _check_text(text: str, what: str) -> None:
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"{what} {text!r} holds a lone surrogate ({text[error.start]!r}), which no encoding "
            f"can write"
        ) from error
