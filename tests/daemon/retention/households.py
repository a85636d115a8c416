"""A household in plain Python: what was measured, and what roll-ups of all of it must say."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from statistics import stdev

from daemon.config import Config, load_config
from tinyflux import Point, TinyFlux

START = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of one room, `at` seconds after START."""

    at: float
    room: str
    value: float | None

    @property
    def time(self) -> datetime:
        """When it was measured."""
        return START + timedelta(seconds=self.at)


def configured(folder: Path, rules: str, more: str = "") -> Config:
    """A configuration with these rules, one a line."""
    path = folder / "config.yaml"
    path.write_text(
        f"storage: {{path: data.csv}}\nretention:\n  {more}\n  rules:\n"
        + "".join(f"    - {rule}\n" for rule in rules.strip().splitlines())
    )
    return load_config(path)


def store(config: Config, samples: Iterable[Sample], measurement: str = "climate") -> None:
    """Insert samples."""
    with TinyFlux(str(config.storage.path)) as db:
        db.insert_multiple(
            Point(
                time=sample.time,
                measurement=measurement,
                tags={"room": sample.room},
                fields={"t": sample.value},
            )
            for sample in samples
        )


def stored(config: Config, measurement: str) -> list[Point]:
    """The points of a measurement by time."""
    with TinyFlux(str(config.storage.path)) as db:
        return db.measurement(measurement).all()


Cell = tuple[datetime, str]


def rolled(config: Config, measurement: str) -> dict[Cell, Mapping[str, float]]:
    """The rows of a tier by window and room; each stands there once."""
    points = stored(config, measurement)
    cells = {(point.time, point.tags["room"]): point.fields for point in points}
    assert len(cells) == len(points), "a window is there twice"
    return cells  # type: ignore[return-value]


def window_of(time: datetime, every_s: int, zone: tzinfo = UTC) -> datetime:
    """When the window begins that holds a time; days on the zone's calendar."""
    if every_s % 86_400 == 0:
        local = time.astimezone(zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        return midnight.astimezone(UTC)
    seconds = time.timestamp()
    return datetime.fromtimestamp(seconds - seconds % every_s, UTC)


def expected(
    samples: Sequence[Sample], every_s: int, zone: tzinfo = UTC
) -> dict[Cell, dict[str, float]]:
    """Statistics of all samples per window and room, computed from the samples themselves."""
    cells: dict[Cell, list[Sample]] = defaultdict(list)
    for sample in sorted(samples, key=lambda each: each.at):
        if sample.value is not None:
            cells[window_of(sample.time, every_s, zone), sample.room].append(sample)
    return {cell: _statistics(found) for cell, found in cells.items()}


def _statistics(found: Sequence[Sample]) -> dict[str, float]:
    values = [sample.value for sample in found if sample.value is not None]
    statistics = {
        "t_count": len(values),
        "t_sum": math.fsum(values),
        "t_mean": math.fsum(values) / len(values),
        "t_min": min(values),
        "t_max": max(values),
        "t_first": values[0],
        "t_last": values[-1],
    }
    if len(values) > 1:
        statistics["t_std"] = stdev(values)
    return statistics


def increases(samples: Sequence[Sample], every_s: int) -> dict[Cell, float]:
    """How much the counter of each room grew in each window."""
    grown: dict[Cell, float] = defaultdict(float)
    before: dict[str, float] = {}
    for sample in sorted(samples, key=lambda each: each.at):
        if sample.value is None:
            continue
        if sample.room in before:
            last = before[sample.room]
            step = sample.value if sample.value < last else sample.value - last
            grown[window_of(sample.time, every_s), sample.room] += step
        before[sample.room] = sample.value
    return grown


def held(
    samples: Sequence[Sample], every_s: int, hold_s: float, until: datetime
) -> dict[Cell, tuple[float, float]]:
    """Seconds that a value was known, and value times seconds, per window and room."""
    sums: dict[Cell, list[float]] = defaultdict(lambda: [0.0, 0.0])
    by_room: dict[str, list[Sample]] = defaultdict(list)
    for sample in sorted(samples, key=lambda each: each.at):
        by_room[sample.room].append(sample)
    for room, series in by_room.items():
        for place, sample in enumerate(series):
            if sample.value is None:
                continue
            end = min(sample.time + timedelta(seconds=hold_s), until)
            if place + 1 < len(series):
                end = min(end, series[place + 1].time)
            at = sample.time
            while at < end:
                window = window_of(at, every_s)
                stop = min(end, window + timedelta(seconds=every_s))
                seconds = (stop - at).total_seconds()
                sums[window, room][0] += seconds
                sums[window, room][1] += seconds * sample.value
                at = stop
    return {cell: (seconds, integral) for cell, (seconds, integral) in sums.items()}
