"""A small data file with known readings, for the commands that read one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from tinyflux import Point, TinyFlux

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


def write_readings(path: Path) -> Path:
    """Six points of `climate` in two rooms, ten minutes apart, and two of `power`."""
    with TinyFlux(path) as db:
        for step in range(3):
            moment = NOON + timedelta(minutes=10 * step)
            for room, warmer in (("kitchen", 1.5), ("attic", 4.0)):
                fields = {"temperature": 20 + step + warmer, "humidity": 40 + step}
                db.insert(
                    Point(time=moment, measurement="climate", tags={"room": room}, fields=fields)
                )
        for step, watt in enumerate((None, 85.25)):
            moment = NOON + timedelta(hours=step)
            fields = {"watt": watt, "total": 100 * (step + 1)}
            db.insert(
                Point(time=moment, measurement="power", tags={"device": "plug"}, fields=fields)
            )
    return path
