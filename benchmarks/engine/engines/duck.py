"""DuckDB from PyPI: one table in the order of arrival, loaded with COPY, its own defaults."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from ..household import COLUMNS, DAY_US, Row
from .contract import Engine
from .tables import columns_sql, narrow, wide

_NAMES = ("time", "measurement", "device", "room", *COLUMNS)
_IN_US = ", ".join(("epoch_us(time)", *_NAMES[1:]))


class Duck(Engine):
    """Times are TIMESTAMP, which is µs of UTC."""

    database = "household.duckdb"
    _db: Any = None

    def load(self, directory: Path) -> None:
        path = directory / self.database
        path.unlink(missing_ok=True)
        self.open(path)
        self._db.execute(f"CREATE TABLE points ({columns_sql('TIMESTAMP', 'DOUBLE')})")
        source = str(directory / "wide.csv")
        # The rows keep the file's order: preserve_insertion_order is DuckDB's default.
        self._db.execute(
            f"INSERT INTO points SELECT make_timestamp(time_us), {', '.join(_NAMES[1:])} "
            f"FROM read_csv('{source}', header = true, sample_size = -1)"
        )
        self._db.execute("CHECKPOINT")
        self.close()

    def open(self, path: Path) -> None:
        self._db = duckdb.connect(str(path))

    def close(self) -> None:
        self._db.close()

    def _value(self, sql: str, *values: Any) -> int:
        return int(self._db.execute(sql, values).fetchone()[0])

    def count(self, measurement: str | None) -> int:
        if measurement is None:
            return self._value("SELECT count(*) FROM points")
        return self._value("SELECT count(*) FROM points WHERE measurement = ?", measurement)

    def hour(self, start_us: int, stop_us: int) -> Any:
        sql = (
            f"SELECT {_IN_US} FROM points WHERE time >= make_timestamp(?) "
            "AND time < make_timestamp(?) ORDER BY time"
        )
        return self._db.execute(sql, (start_us, stop_us)).fetchall()

    def latest(self) -> Any:
        chosen = ", ".join(f"arg_max({name}, time)" for name in COLUMNS)
        sql = (
            "SELECT epoch_us(max(time)), arg_max(measurement, time), device, "
            f"arg_max(room, time), {chosen} FROM points GROUP BY device"
        )
        return self._db.execute(sql).fetchall()

    def rows(self, answer: Any) -> list[Row]:
        return narrow(answer)

    def count_where(self, threshold: float) -> int:
        return self._value("SELECT count(*) FROM points WHERE temperature > ?", threshold)

    def series(self) -> Any:
        sql = "SELECT time, temperature FROM points WHERE measurement = 'climate' ORDER BY time"
        return self._db.execute(sql).fetchnumpy()

    def pairs(self, answer: Any) -> Iterable[tuple[int, float]]:
        times_us = answer["time"].astype("datetime64[us]").astype(np.int64)
        return zip(times_us.tolist(), answer["temperature"].tolist(), strict=True)

    def daily_mean(self) -> Any:
        sql = (
            f"SELECT epoch_us(time) // {DAY_US}, room, avg(temperature) FROM points "
            "WHERE temperature IS NOT NULL GROUP BY 1, 2"
        )
        return self._db.execute(sql).fetchall()

    def means(self, answer: Any) -> Iterable[tuple[int, str, float]]:
        return ((day * DAY_US, room, mean) for day, room, mean in answer)

    def batch(self, rows: Sequence[Row]) -> Any:
        """A single row as values; several as columns, which DuckDB reads without a loop."""
        lines = [wide(row) for row in rows]
        if len(lines) == 1:
            return lines[0]
        return {
            name: np.array(column, dtype=object if isinstance(column[0], str) else None)
            if None not in column
            else np.full(len(column), np.nan)
            for name, column in zip(_NAMES, zip(*lines, strict=True), strict=True)
        }

    def insert(self, batch: Any) -> None:
        if isinstance(batch, tuple):
            marks = ", ".join("?" * len(COLUMNS))
            sql = f"INSERT INTO points VALUES (make_timestamp(?), ?, ?, ?, {marks})"
            self._db.execute(sql, batch)
            return
        fields = ", ".join(f"nullif({name}, 'nan'::DOUBLE)" for name in COLUMNS)
        sql = (
            f"INSERT INTO points SELECT make_timestamp(time), measurement, device, room, {fields} "
            "FROM batch"
        )
        self._db.execute(sql)

    def remove_before(self, time_us: int) -> int:
        sql = "DELETE FROM points WHERE time < make_timestamp(?)"
        n_removed = self._value(sql, time_us)
        self._db.execute("CHECKPOINT")
        return n_removed

    def change_room(self, device: str, room: str) -> int:
        return self._value("UPDATE points SET room = ? WHERE device = ?", room, device)
