"""Where the rows of a file begin and end: bytes to records of text cells, nothing parsed yet.

Newlines inside quotes end no row; a row without its end is none. Knows the codec, never what a row
means.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tinyflux.codec import RowCodec, allow_long_cells
from tinyflux.errors import DamageError

_CELL = rb'(?:"[^"]*+(?:""[^"]*+)*+"[^,\r\n]*+|(?!")[^,\r\n]*+)'
_RECORD = re.compile(_CELL + rb"(?:," + _CELL + rb")*+[\r\n]")
"""The first record in csv's default dialect."""
_ROW_START = re.compile(
    rb"[\r\n]\0*(?:[0-9]\0*){4}-\0*(?:[0-9]\0*){2}-\0*(?:[0-9]\0*){2}T[0-9:.\0]+,"
)
"""In UTF-16 and UTF-32, too, where NUL bytes stand in between."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bytes that begin at the start of a row, and where they stand."""

    data: bytes
    offset: int
    """Of the first byte, from the file's start."""
    path: str


@dataclass(frozen=True, slots=True)
class Record:
    """One row as text, and where its bytes stand in the chunk."""

    cells: list[str]
    start: int
    stop: int


def records(chunk: Chunk, codec: RowCodec, *, is_lenient: bool = False) -> Iterator[Record]:
    """The complete records of a chunk; blank lines are passed over.

    A record that is not finished when the bytes end is left out. Raises DamageError for bytes that
    are no text; `is_lenient` lets bytes pass that are no UTF-8, for who wants to know where records
    end.
    """
    errors = "surrogateescape" if is_lenient and codec.encoding == "utf-8" else "strict"
    text, trouble = _decoded(chunk, codec, errors)
    lines = _LineFeed(text, codec)
    reader = codec.rows(lines)
    while True:
        start = lines.stop
        try:
            cells = next(reader, None)
        except csv.Error as error:
            if lines.is_exhausted:
                break  # a strict dialect minds that a quote is still open
            raise DamageError(chunk.path, chunk.offset + start, str(error)) from error
        if cells is None or lines.is_exhausted or not lines.last_is_complete:
            break
        if cells and not (len(cells) == 1 and not cells[0].strip()):
            yield Record(cells, start, lines.stop)
    if trouble is not None:
        reason = f"its bytes are no {codec.encoding}: {trouble.reason}"
        raise DamageError(chunk.path, chunk.offset + start, reason) from trouble


class _LineFeed:
    """Physical lines for csv.reader, counting the bytes it has taken."""

    def __init__(self, text: str, codec: RowCodec) -> None:
        self._lines = io.StringIO(text, newline="")
        self._encoding = codec.encoding
        self._ends_with_return = codec.ends_with_return
        self._n_left = len(text)
        self.stop = 0
        self.last_is_complete = True
        self.is_exhausted = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._lines.readline()
        if not line:
            self.is_exhausted = True
            raise StopIteration
        self.stop += (
            len(line)
            if line.isascii() and self._encoding == "utf-8"
            else len(line.encode(self._encoding, "surrogateescape"))
        )
        self._n_left -= len(line)
        # A carriage return at the very end may wait for its newline.
        is_end = line[-1] == "\n" or self._ends_with_return or self._n_left > 0
        self.last_is_complete = is_end and line[-1] in "\r\n"
        return line


def _decoded(chunk: Chunk, codec: RowCodec, errors: str) -> tuple[str, UnicodeDecodeError | None]:
    """The chunk's text as far as its bytes are whole characters, and why it ends where it does."""
    allow_long_cells(len(chunk.data))
    data = chunk.data
    if codec.encoding == "utf-8":
        data = data if codec.ends_with_return else data[: data.rfind(b"\n") + 1]
    try:
        return data.decode(codec.encoding, errors), None
    except UnicodeDecodeError as error:
        is_cut = "unexpected end" in error.reason or "truncated" in error.reason
        return data[: error.start].decode(codec.encoding), None if is_cut else error


def next_row_start(data: bytes, start: int, codec: RowCodec) -> int | None:
    """Where a row begins behind a newline at or behind `start`, going by its time; or None.

    Only a guess: the text of a value may look like that.
    """
    found = _ROW_START.search(data, start)
    if found is None:
        return None
    newline = "\n".encode(codec.encoding)
    return found.start() - newline.index(b"\n") + len(newline)


def may_finish(data: bytes, codec: RowCodec) -> bool:
    """False if the first record of `data` does not end in it, found without taking it apart."""
    return not codec.is_plain or _RECORD.match(data) is not None


def line_end(data: bytes, start: int, codec: RowCodec) -> int:
    """Behind the line that holds byte `start` of `data`; `start` where it does not end in it."""
    if codec.is_plain:
        return data.find(b"\n", start) + 1 or start
    width = len(codec.row_ends[0])
    for place in range(start - start % width, len(data) - width + 1, width):
        if data[place : place + width] in codec.row_ends:
            return place + width
    return start


def resumption(data: bytes, start: int, codec: RowCodec) -> int:
    """Where rows may go on behind bytes at `start` that are none; `start` where nowhere.

    Where a lost byte has moved all that follows out of step, at the next that looks like a row.
    """
    if len(codec.row_ends[0]) > 1:
        place = next_row_start(data, start, codec)
        if place is not None:
            return place
    return line_end(data, start, codec)
