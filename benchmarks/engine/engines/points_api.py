"""What TinyFlux 1.2.0 and our engine have in common: the documented API, word for word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tinyflux import FieldQuery, MeasurementQuery, Point, TagQuery, TimeQuery, TinyFlux

from ..household import FIELDS, Row
from .contract import Engine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_time(time_us: int) -> datetime:
    """An aware datetime, exact."""
    return _EPOCH + timedelta(microseconds=time_us)


def to_us(time: datetime) -> int:
    """Microseconds since 1970, exact."""
    return (time - _EPOCH) // timedelta(microseconds=1)


class PointsApi(Engine):
    """The operations that need nothing but the documented API."""

    database = "household.csv"
    _db: Any = None

    def open(self, path: Path) -> None:
        self._db = TinyFlux(str(path))

    def close(self) -> None:
        self._db.close()

    def count(self, measurement: str | None) -> int:
        if measurement is None:
            return len(self._db)
        return int(self._db.count(MeasurementQuery() == measurement))

    def hour(self, start_us: int, stop_us: int) -> Any:
        query = (TimeQuery() >= to_time(start_us)) & (TimeQuery() < to_time(stop_us))
        return self._db.search(query)

    def rows(self, answer: Any) -> list[Row]:
        return [
            Row(
                to_us(point.time),
                point.measurement,
                point.tags["device"],
                point.tags["room"],
                tuple(point.fields[key] for key in FIELDS[point.measurement]),
            )
            for point in answer
        ]

    def count_where(self, threshold: float) -> int:
        return int(self._db.count(FieldQuery().temperature > threshold))

    def batch(self, rows: Sequence[Row]) -> Any:
        return [
            Point(
                time=to_time(row.time_us),
                measurement=row.measurement,
                tags={"device": row.device, "room": row.room},
                fields=dict(zip(FIELDS[row.measurement], row.values, strict=True)),
            )
            for row in rows
        ]

    def insert(self, batch: Any) -> None:
        if len(batch) == 1:
            self._db.insert(batch[0])
        else:
            self._db.insert_multiple(batch)

    def remove_before(self, time_us: int) -> int:
        return int(self._db.remove(TimeQuery() < to_time(time_us)))

    def change_room(self, device: str, room: str) -> int:
        return int(self._db.update(TagQuery().device == device, tags={"room": room}))
