"""Points as a wide Parquet table: the only door to pyarrow, which is an extra.

Columns are `time`, `measurement`, `tags.key` and `fields.key`. What such a table cannot say (None,
an int in a column of floats, an int of more than 64 bits) stands as JSON in the column `_exact`,
which is null for all other points; so every point comes back as it was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

from daemon.errors import EX_UNAVAILABLE, RequestError
from daemon.exchange.form import NoPointError
from daemon.exchange.source import Survey
from daemon.query import to_us
from tinyflux import Point
from tinyflux.columns import FLOAT
from tinyflux.line_protocol import INT64

_EXACT = "_exact"
_BATCH_ROWS = 5000


def pyarrow() -> tuple[Any, Any]:
    """The modules pyarrow and pyarrow.parquet; RequestError where they are not installed."""
    try:
        import pyarrow
        import pyarrow.parquet as parquet
    except ImportError:
        raise RequestError(
            "Parquet needs pyarrow: pip install 'tinyflux-collector[parquet]'", EX_UNAVAILABLE
        ) from None
    return pyarrow, parquet


class ParquetPart:
    """A file of row groups, under a schema made from what the points carry."""

    def __init__(self, path: Path, survey: Survey) -> None:
        self._arrow, parquet = pyarrow()
        self._tags = sorted(survey.tags)
        self._floats = {key: FLOAT in kinds for key, kinds in sorted(survey.fields.items())}
        self._schema = _schema(self._arrow, self._tags, self._floats)
        self._writer = parquet.ParquetWriter(path, self._schema, compression="zstd")

    def write(self, points: Sequence[Point]) -> None:
        """Add a row group."""
        columns: dict[str, list[Any]] = {name: [] for name in self._schema.names}
        for point in points:
            self._add(point, columns)
        self._writer.write_table(self._arrow.table(columns, schema=self._schema))

    def close(self) -> None:
        """Complete the file."""
        self._writer.close()

    def _add(self, point: Point, columns: dict[str, list[Any]]) -> None:
        assert point.time is not None  # what is stored has one
        nones, ints = [], {}
        columns["time"].append(to_us(point.time, UTC))
        columns["measurement"].append(point.measurement)
        for key in self._tags:
            text = point.tags.get(key)
            columns["tags." + key].append(text)
            if text is None and key in point.tags:
                nones.append("tags." + key)
        for key, is_float in self._floats.items():
            number = point.fields.get(key)
            if number is None:
                if key in point.fields:
                    nones.append("fields." + key)
            elif isinstance(number, int) and (is_float or number not in INT64):
                ints[key] = str(number)
                number = float(number) if is_float and abs(number) < 1 << 1000 else None
            columns["fields." + key].append(number)
        said = ({"none": nones} if nones else {}) | ({"int": ints} if ints else {})
        columns[_EXACT].append(json.dumps(said) if said else None)


def _schema(arrow: Any, tags: Sequence[str], floats: dict[str, bool]) -> Any:
    text = arrow.dictionary(arrow.int32(), arrow.string())
    return arrow.schema(
        [
            ("time", arrow.timestamp("us", tz="UTC")),
            ("measurement", text),
            *(("tags." + key, text) for key in tags),
            *(
                ("fields." + key, arrow.float64() if is_float else arrow.int64())
                for key, is_float in floats.items()
            ),
            (_EXACT, arrow.string()),
        ]
    )


def join_parts(parts: Sequence[Path], path: Path) -> None:
    """One file of several, a row group at a time."""
    _, parquet = pyarrow()
    writer = None
    for part in parts:
        with parquet.ParquetFile(part) as file:
            if writer is None:
                writer = parquet.ParquetWriter(path, file.schema_arrow, compression="zstd")
            for number in range(file.num_row_groups):
                writer.write_table(file.read_row_group(number))
    if writer is not None:
        writer.close()


def parquet_points(path: Path, n_done: int) -> Iterator[tuple[int, Point]]:
    """The points behind the first `n_done`, each with the number of points up to it.

    Raises NoPointError for a file that is no Parquet, or has other columns.
    """
    arrow, parquet = pyarrow()
    try:
        file = parquet.ParquetFile(path)
    except (arrow.ArrowInvalid, arrow.ArrowException) as error:
        raise NoPointError(f"this is no Parquet file: {error}") from None
    with file:
        names = file.schema_arrow.names
        if "time" not in names or "measurement" not in names:
            raise NoPointError(
                "the columns time and measurement are needed, and tags.KEY and fields.KEY for the "
                f"rest; found {', '.join(names)}"
            )
        at = 0
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            if at + batch.num_rows > n_done:
                for number, row in enumerate(batch.to_pylist(), at + 1):
                    if number > n_done:
                        yield number, _point(row)
            at += batch.num_rows


def _point(row: dict[str, Any]) -> Point:
    said = json.loads(row.get(_EXACT) or "{}")
    tags: dict[str, str | None] = {}
    fields: dict[str, int | float | None] = {}
    for name, value in row.items():
        if name.startswith("tags.") and value is not None:
            tags[name[5:]] = str(value)
        elif name.startswith("fields.") and value is not None:
            fields[name[7:]] = value
    for name in said.get("none", ()):
        (tags if name.startswith("tags.") else fields)[name.partition(".")[2]] = None
    fields.update({key: int(text) for key, text in said.get("int", {}).items()})
    time = row["time"]
    try:
        if time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        return Point(time=time, measurement=row["measurement"], tags=tags, fields=fields)
    except (ValueError, TypeError, AttributeError) as error:
        raise NoPointError(str(error)) from None
