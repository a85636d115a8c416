"""An import that can be broken off at any moment, and gone on with by the same request.

Batches are stored one after the other, each with one write, and a small file beside the data says
up to where. A kill between the two leaves one batch in doubt: the next run looks which of its
points are stored.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any

from daemon.errors import RequestError
from daemon.exchange.exporting import Report
from daemon.exchange.form import Form, Losses, NoPointError
from daemon.exchange.lines import point_of_json, point_of_protocol
from daemon.exchange.parquet import parquet_points
from daemon.exchange.source import DataSource
from daemon.exchange.wide_csv import Columns, CsvReader
from daemon.files import replace_file
from daemon.query import Selection, to_us
from tinyflux import Point, TimeQuery, TinyFlux

Records = Generator[tuple[int, Point | None], None, None]
"""Positions behind records, and their points; None for a record that is passed over.

A position is a byte of the text, of a data file and of Parquet the number of points.
"""

_BATCH_POINTS = 5000


class Import:
    """One import. `run` does it; everything is on disk when that returns."""

    def __init__(
        self,
        source: Path,
        data: Path,
        form: Form | None,
        columns: Columns,
        *,
        identity: str | None = None,
    ) -> None:
        """`identity` says by what a broken off import is known again; default: size and time."""
        self._source, self._data, self._form, self._columns = source, data, form, columns
        stat = source.stat()
        self._key = identity or json.dumps(
            [form, str(source.absolute()), stat.st_size, stat.st_mtime_ns, repr(columns)]
        )
        name = hashlib.sha256(str(source.absolute()).encode()).hexdigest()[:12]
        self._state = data.with_name(f".{data.name}.import-{name}.json")
        self._is_skipping = False

    def restart(self) -> None:
        """Forget what was begun: the next run begins at the first record."""
        self._state.unlink(missing_ok=True)

    def run(
        self,
        reached: Callable[[int], None],
        *,
        is_compact: bool,
        is_skipping_bad: bool,
        is_skipping_stored: bool = False,
    ) -> Report:
        """Store every point; `reached` hears of the position.

        Raises RequestError for the first record that is no point, unless these are skipped, and
        OSError; what was stored stays, and the next run of the same request goes on from there.
        """
        self._is_skipping = is_skipping_bad
        report = Report(Losses())
        state = self._read_state()
        position = state["position"] if state else 0
        if state:
            report.n_points = report.resumed_at = state["points"]
            report.losses.n_left_out = state["left_out"]
        is_in_doubt = state is not None
        with TinyFlux(self._data) as db, closing(self.records(position, report.losses)) as records:
            while batch := list(islice(records, _BATCH_POINTS)):
                points = [point for _, point in batch if point is not None]
                fresh = points
                if is_in_doubt or is_skipping_stored:
                    fresh = _not_stored(db, points)
                    is_in_doubt = False
                self._note(position, report)
                db.insert_multiple(fresh, compact_key_prefixes=is_compact, batch_size=_BATCH_POINTS)
                report.n_points += len(points)
                position = batch[-1][0]
                reached(position)
            self._state.unlink(missing_ok=True)
        return report

    def _note(self, position: int, report: Report) -> None:
        """Say, before a batch is stored, where it begins: from there the next run goes on."""
        state = {
            "key": self._key,
            "position": position,
            "points": report.n_points,
            "left_out": report.losses.n_left_out,
        }
        replace_file(self._state, json.dumps(state).encode())

    def _read_state(self) -> dict[str, Any] | None:
        try:
            state = json.loads(self._state.read_bytes())
            return dict(state) if state["key"] == self._key else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def records(self, position: int, losses: Losses) -> Records:
        """What the source holds behind a position, in an order that stays."""
        if self._form == "tinyflux":
            with _unpacked(self._source, self._data.parent) as path:
                yield from _stored_points(path, position)
        elif self._form == "parquet":
            try:
                yield from parquet_points(self._source, position)
            except NoPointError as error:
                raise RequestError(f"{self._source}: {error}") from None
        else:
            with _opened(self._source) as file:
                if self._form == "csv":
                    yield from self._rows(file, position, losses)
                else:
                    yield from self._lines(file, position, losses)

    def _lines(self, file: IO[bytes], position: int, losses: Losses) -> Records:
        read = point_of_protocol if self._form == "line" else point_of_json
        file.seek(position)
        for line in file:
            position += len(line)
            try:
                yield position, read(line.decode(), losses)
            except ValueError as error:
                self._bad(error, position - len(line), losses)
                yield position, None

    def _rows(self, file: IO[bytes], position: int, losses: Losses) -> Records:
        counted = _CountedLines(file)
        csv.field_size_limit(1 << 24)
        try:
            reader = CsvReader(next(csv.reader(counted), []), self._columns)
        except ValueError as error:
            raise RequestError(f"{self._source}: {error}") from None
        if position:
            counted.go_to(position)
        rows = csv.reader(counted, strict=True)
        while True:
            start = counted.position
            try:
                cells = next(rows)
                point = reader.decode(cells, losses)
            except StopIteration:
                return
            except (ValueError, csv.Error) as error:
                self._bad(error, start, losses)
                yield counted.position, None
                continue
            yield counted.position, point

    def _bad(self, error: Exception, start: int, losses: Losses) -> None:
        if not self._is_skipping:
            raise RequestError(
                f"{self._source}, line {_line_number(self._source, start)}: {error}; correct it, "
                "or pass over what is no point with --skip-bad; what stands before it is stored, "
                "and the next run goes on from there"
            ) from None
        losses.left_out(str(error))


class _CountedLines:
    """Lines as text, and the number of bytes that they were."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.position = 0

    def go_to(self, position: int) -> None:
        """Go on from a byte where a line begins."""
        self._file.seek(position)
        self.position = position

    def __iter__(self) -> _CountedLines:
        return self

    def __next__(self) -> str:
        line = self._file.readline()
        if not line:
            raise StopIteration
        self.position += len(line)
        return line.decode()


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if is_packed else path.open("rb")  # type: ignore[return-value]


@contextmanager
def _unpacked(path: Path, folder: Path) -> Iterator[Path]:
    """The file itself, or while it is needed an unpacked copy in `folder`."""
    with path.open("rb") as file:
        is_packed = file.read(2) == b"\x1f\x8b"
    if not is_packed:
        yield path
        return
    with TemporaryDirectory(prefix=".import-", dir=folder) as temporary:
        copy = Path(temporary) / "unpacked.csv"
        with gzip.open(path) as packed, copy.open("wb") as plain:
            shutil.copyfileobj(packed, plain, 1 << 20)
        yield copy


def _line_number(path: Path, position: int) -> int:
    with _opened(path) as file:
        number = 1
        while position > 0 and (data := file.read(min(position, 1 << 20))):
            number += data.count(b"\n")
            position -= len(data)
    return number


def _stored_points(path: Path, n_done: int) -> Records:
    """The points of a data file behind the first `n_done`, each with the number up to it."""
    with DataSource(path, Selection()) as source:
        at = 0
        for piece in source.pieces(source.start):
            skipped = min(len(piece.points), max(0, n_done - at))
            yield from enumerate(piece.points[skipped:], at + skipped + 1)
            at += len(piece.points)


def _not_stored(db: TinyFlux, points: Sequence[Point]) -> list[Point]:
    """The points that the data does not hold; of equal ones as many as it lacks."""
    times = [point.time for point in points if point.time is not None]
    if not times:
        return list(points)
    stored = Counter(
        map(_identity, db.search((TimeQuery() >= min(times)) & (TimeQuery() <= max(times))))
    )
    fresh = []
    for point in points:
        identity = _identity(point)
        if stored[identity] > 0:
            stored[identity] -= 1
        else:
            fresh.append(point)
    return fresh


def _identity(point: Point) -> tuple[object, ...]:
    assert point.time is not None  # what is read has one
    return (
        to_us(point.time, UTC),
        point.measurement,
        frozenset(point.tags.items()),
        frozenset((key, repr(number)) for key, number in point.fields.items()),
    )
