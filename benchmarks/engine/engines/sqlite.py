"""SQLite from the standard library: WAL, synchronous=FULL, indexes on time and measurement+time."""

from __future__ import annotations

import csv
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ..household import COLUMNS, DAY_US, Row
from .contract import Engine
from .tables import columns_sql, narrow, wide

_INSERT = f"INSERT INTO points VALUES ({', '.join('?' * (4 + len(COLUMNS)))})"


class Sqlite(Engine):
    """Times are integers of µs."""

    database = "household.sqlite"
    _db: sqlite3.Connection

    def load(self, directory: Path) -> None:
        path = directory / self.database
        path.unlink(missing_ok=True)
        self.open(path)
        self._db.execute(f"CREATE TABLE points ({columns_sql('INTEGER', 'REAL')})")
        with (directory / "wide.csv").open(newline="") as lines, self._db:
            self._db.executemany(_INSERT, _typed(csv.reader(lines)))
        with self._db:
            self._db.execute("CREATE INDEX by_time ON points (time)")
            self._db.execute("CREATE INDEX by_measurement ON points (measurement, time)")
            self._db.execute("ANALYZE")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.close()

    def open(self, path: Path) -> None:
        self._db = sqlite3.connect(path)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")

    def close(self) -> None:
        self._db.close()

    def _value(self, sql: str, *values: Any) -> int:
        return int(self._db.execute(sql, values).fetchone()[0])

    def count(self, measurement: str | None) -> int:
        if measurement is None:
            return self._value("SELECT count(*) FROM points")
        return self._value("SELECT count(*) FROM points WHERE measurement = ?", measurement)

    def hour(self, start_us: int, stop_us: int) -> Any:
        sql = "SELECT * FROM points WHERE time >= ? AND time < ? ORDER BY time"
        return self._db.execute(sql, (start_us, stop_us)).fetchall()

    def latest(self) -> Any:
        # With a lone max(), the other columns come from the row that has it: documented so.
        columns = ", ".join(("measurement", "device", "room", *COLUMNS))
        sql = f"SELECT max(time), {columns} FROM points GROUP BY device"
        return self._db.execute(sql).fetchall()

    def rows(self, answer: Any) -> list[Row]:
        return narrow(answer)

    def count_where(self, threshold: float) -> int:
        return self._value("SELECT count(*) FROM points WHERE temperature > ?", threshold)

    def series(self) -> Any:
        sql = "SELECT time, temperature FROM points WHERE measurement = 'climate' ORDER BY time"
        return self._db.execute(sql).fetchall()

    def pairs(self, answer: Any) -> Iterable[tuple[int, float]]:
        yield from answer

    def daily_mean(self) -> Any:
        sql = (
            f"SELECT time / {DAY_US}, room, avg(temperature) FROM points "
            "WHERE temperature IS NOT NULL GROUP BY 1, 2"
        )
        return self._db.execute(sql).fetchall()

    def means(self, answer: Any) -> Iterable[tuple[int, str, float]]:
        return ((day * DAY_US, room, mean) for day, room, mean in answer)

    def batch(self, rows: Sequence[Row]) -> Any:
        return [wide(row) for row in rows]

    def insert(self, batch: Any) -> None:
        with self._db:
            self._db.executemany(_INSERT, batch)

    def remove_before(self, time_us: int) -> int:
        with self._db:
            n_removed = self._db.execute("DELETE FROM points WHERE time < ?", (time_us,)).rowcount
        self._db.execute("VACUUM")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return n_removed

    def change_room(self, device: str, room: str) -> int:
        with self._db:
            sql = "UPDATE points SET room = ? WHERE device = ?"
            return self._db.execute(sql, (room, device)).rowcount


def _typed(lines: Iterator[list[str]]) -> Iterator[tuple[Any, ...]]:
    next(lines)
    for time_us, measurement, device, room, *values in lines:
        yield int(time_us), measurement, device, room, *(value or None for value in values)
