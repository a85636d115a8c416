"""The points of a seeded household, the same on every machine.

Twenty devices in ten rooms report about once a minute each, at their own uneven times. One point in
200 arrives ten minutes to two hours late. A smaller size is the beginning of a larger one.
"""

from __future__ import annotations

import csv
import heapq
import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import NamedTuple

SEED = 13
LATE_SHARE = 0.005
START_US = int(datetime(2025, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
FIELDS = {
    "climate": ("temperature", "humidity", "battery"),
    "power": ("power", "energy"),
    "air": ("co2", "pm25"),
    "light": ("lux", "motion"),
}
COLUMNS = tuple(field for fields in FIELDS.values() for field in fields)
INTEGERS = frozenset({"battery", "co2", "lux", "motion"})
_DEVICES = {"climate": 8, "power": 6, "air": 3, "light": 3}
_ROOMS = (
    "kitchen", "living room", "bedroom", "bath", "attic",
    "cellar", "hall", "office", "nursery", "garage",
)  # fmt: skip


class Row(NamedTuple):
    """One point; `values` in the order of `FIELDS[measurement]`."""

    time_us: int
    measurement: str
    device: str
    room: str
    values: tuple[int | float, ...]


class _Device:
    def __init__(self, measurement: str, number: int, room: str, dice: random.Random) -> None:
        self.measurement, self.room, self.dice = measurement, room, dice
        self.name = f"{measurement}_{number:02d}"
        self.base = dice.gauss(20.5, 1.5)
        self.drift = self.energy = 0.0

    def pause_us(self) -> int:
        """Until its next report: sensors on a timer, or on an event."""
        if self.measurement == "light":
            return int(self.dice.expovariate(1 / MINUTE_US)) + 1
        return int(self.dice.uniform(50, 70) * 1_000_000)

    def values(self, time_us: int) -> tuple[int | float, ...]:
        dice = self.dice
        day = math.sin(2 * math.pi * (time_us % DAY_US) / DAY_US - 2)
        self.drift = 0.999 * self.drift + dice.gauss(0, 0.05)
        if self.measurement == "climate":
            temperature = round(self.base + 2 * day + self.drift, 2)
            humidity = round(50 - 6 * day + 3 * self.drift, 1)
            return temperature, humidity, 100 - (time_us - START_US) // (4 * DAY_US) % 90
        if self.measurement == "power":
            power = round(abs(dice.gauss(60, 80)), 1)
            self.energy += power / 60_000
            return power, round(self.energy, 3)
        if self.measurement == "air":
            return int(700 + 250 * day + 90 * self.drift), round(abs(8 + 4 * self.drift), 1)
        return max(0, int(400 * day + dice.gauss(20, 30))), int(dice.random() < 0.3)


def _measured(seed: int) -> Iterator[Row]:
    """Points by time, all at different times."""
    devices = []
    for place, (measurement, count) in enumerate(_DEVICES.items()):
        for number in range(count):
            dice = random.Random(f"{seed} {measurement} {number}")
            room = _ROOMS[(number * 3 + place) % len(_ROOMS)]
            devices.append(_Device(measurement, number, room, dice))
    due = [(START_US + device.pause_us(), index) for index, device in enumerate(devices)]
    heapq.heapify(due)
    last_us = START_US
    while True:
        time_us, index = due[0]
        device = devices[index]
        time_us = last_us = max(time_us, last_us + 1)
        values = device.values(time_us)
        yield Row(time_us, device.measurement, device.name, device.room, values)
        heapq.heapreplace(due, (time_us + device.pause_us(), index))


def household(n_points: int, seed: int = SEED) -> Iterator[Row]:
    """So many points in the order of arrival."""
    return islice(_arrived(seed), n_points)


def _arrived(seed: int) -> Iterator[Row]:
    dice = random.Random(f"{seed} arrival")
    waiting: list[tuple[int, Row]] = []
    for row in _measured(seed):
        while waiting and waiting[0][0] <= row.time_us:
            yield heapq.heappop(waiting)[1]
        if dice.random() < LATE_SHARE:
            delay_us = int(dice.uniform(10 * MINUTE_US, 120 * MINUTE_US))
            heapq.heappush(waiting, (row.time_us + delay_us, row))
        else:
            yield row


def csv_line(row: Row) -> str:
    """The row as the documented CSV format has it."""
    time = datetime.fromtimestamp(row.time_us / 1e6, UTC).replace(
        microsecond=row.time_us % 1_000_000, tzinfo=None
    )
    cells = [time.isoformat(), row.measurement, "_tag_device", row.device, "_tag_room", row.room]
    for key, value in zip(FIELDS[row.measurement], row.values, strict=True):
        cells += (f"_field_{key}", repr(value))
    return ",".join(cells) + "\r\n"


def write_household(directory: Path, n_points: int) -> int:
    """Write the points as `household.csv` (the documented format) and `wide.csv`; the last time.

    `wide.csv` has a header and a column for every field, for what loads tables.
    """
    with (
        (directory / "household.csv").open("w", newline="") as points,
        (directory / "wide.csv").open("w", newline="") as wide,
    ):
        table = csv.writer(wide)
        table.writerow(("time_us", "measurement", "device", "room", *COLUMNS))
        places = {key: COLUMNS.index(fields[0]) for key, fields in FIELDS.items()}
        last_us = 0
        for row in household(n_points):
            last_us = max(last_us, row.time_us)
            points.write(csv_line(row))
            before = places[row.measurement]
            after = len(COLUMNS) - before - len(row.values)
            table.writerow((*row[:4], *("",) * before, *row.values, *("",) * after))
    return last_us


def newer_rows(last_us: int, n_rows: int, round_number: int) -> list[Row]:
    """Points behind `last_us`, as a running collector would add them."""
    dice = random.Random(f"{SEED} new {round_number}")
    return [_invented(last_us + (step + 1) * 3_000_000, dice) for step in range(n_rows)]


def late_rows(start_us: int, stop_us: int, n_rows: int, round_number: int) -> list[Row]:
    """Points between two times, in no order."""
    dice = random.Random(f"{SEED} late {round_number}")
    times = dice.sample(range(start_us, stop_us), n_rows)
    return [_invented(time_us, dice) for time_us in times]


def _invented(time_us: int, dice: random.Random) -> Row:
    values = (round(dice.gauss(20, 2), 2), round(dice.gauss(50, 5), 1), 90)
    return Row(time_us, "climate", f"climate_{dice.randrange(8):02d}", "kitchen", values)
