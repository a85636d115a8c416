"""TinyFlux 1.2.0 from PyPI, through its documented API."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, time
from importlib.metadata import version
from typing import Any

import tinyflux
from tinyflux import FieldQuery, MeasurementQuery

from ..questions import day_of
from .points_api import PointsApi, to_us

if version("tinyflux") != "1.2.0" or not str(tinyflux.__file__).startswith(sys.prefix):
    raise ImportError(
        f"measuring TinyFlux 1.2.0: {tinyflux.__file__} is not it; `make bench` installs it"
    )


class TinyFlux12(PointsApi):
    """What its API has no method for is done in Python over what it returns."""

    def latest(self) -> Any:
        found: dict[str, Any] = {}
        for point in self._db.all(sorted=False):
            device = point.tags["device"]
            if device not in found or point.time > found[device].time:
                found[device] = point
        return list(found.values())

    def series(self) -> Any:
        keys = ("time", "fields.temperature")
        found = self._db.select(keys, MeasurementQuery() == "climate")
        found.sort()
        return found

    def pairs(self, answer: Any) -> Iterable[tuple[int, float]]:
        return ((to_us(when), value) for when, value in answer)

    def daily_mean(self) -> Any:
        keys = ("time", "tags.room", "fields.temperature")
        groups: dict[tuple[Any, str], list[float]] = defaultdict(list)
        for when, room, value in self._db.select(keys, FieldQuery().temperature.exists()):
            groups[when.date(), room].append(value)
        return {key: (sum(values) / len(values)) for key, values in groups.items()}

    def means(self, answer: Any) -> Iterable[tuple[int, str, float]]:
        return (
            (day_of(to_us(datetime.combine(day, time(), UTC))), room, mean)
            for (day, room), mean in answer.items()
        )
