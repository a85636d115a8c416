"""A simulated household under the rules of docs/retention.md, night by night: size, rows, truth.

`python -m benchmarks.retention_year --days 365 --rate 10` (make soak-retention). Every night a real
run in this process, on a clock that is set. At the end each tier is compared with statistics of all
points ever made, which are computed here, apart from the collector's code.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daemon.config import Config, load_config
from daemon.retention import run
from tinyflux import TinyFlux

START = datetime(2025, 1, 1, tzinfo=UTC)
RULES = """
storage: {path: data.csv}
collector: {timezone: UTC}
retention:
  rules:
    - name: everything
      match: {measurement: "*"}
      max_age: 7d
      keep_last: 1
      downsample:
        - {every: 5m, max_age: 30d}
        - {every: 1h, max_age: 2y}
        - {every: 1d}
"""
_TIERS = (("home_5m", 300), ("home_1h", 3600), ("home_1d", 86_400))


class SetClock:
    """A wall clock that is set."""

    def __init__(self, wall: datetime) -> None:
        self._us = round(wall.timestamp() * 1e6)

    def now_us(self) -> int:
        """The time it was set to."""
        return self._us

    def monotonic_s(self) -> float:
        """The same, in seconds."""
        return self._us / 1e6


class Household:
    """Sensors that report in turn; the sums of all they said, by window."""

    def __init__(self, rate: float, series: int, every_s: tuple[int, ...], days: int) -> None:
        self._rng = np.random.default_rng(1)
        self._rate, self._series = rate, series
        self._n = {e: np.zeros((series, days * 86_400 // e + 1), np.int64) for e in every_s}
        self._sum = {e: np.zeros((series, days * 86_400 // e + 1)) for e in every_s}

    def day(self, number: int, path: Path) -> int:
        """Append one day to the data file; a hundredth of the points is of the day before."""
        n = round(86_400 * self._rate)
        at = number * 86_400 + np.sort(self._rng.integers(0, 86_400_000, n)) / 1000
        late = self._rng.random(n) < 0.01
        at[late] = np.maximum(at[late] - self._rng.integers(0, 20 * 3600, int(late.sum())), 0)
        at = np.round(at, 3)
        sensor = self._rng.integers(0, self._series, n)
        value = np.round(20 + 3 * np.sin(at / 86_400 * 6.28) + self._rng.normal(0, 0.3, n), 2)
        for every_s, counts in self._n.items():
            window = (at // every_s).astype(np.int64)
            np.add.at(counts, (sensor, window), 1)
            np.add.at(self._sum[every_s], (sensor, window), value)
        times = (np.datetime64(START.replace(tzinfo=None), "ms")
                 + (at * 1000).round().astype("timedelta64[ms]")).astype(str)  # fmt: skip
        with path.open("a", newline="") as file:
            file.writelines(
                f"{when},home,t_sensor,s{who},f_t,{what}\r\n"
                for when, who, what in zip(times, sensor.tolist(), value.tolist(), strict=True)
            )
        return n

    def expected(self, every_s: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Counts and sums by sensor and window."""
        return self._n[every_s], self._sum[every_s]


def disagreements(config: Config, house: Household) -> int:
    """How many roll-ups differ from what all points say."""
    bad = 0
    with TinyFlux(str(config.storage.path), access_mode="r") as db:
        for target, every_s in _TIERS:
            found = db.to_numpy(None, ["t_count", "t_sum"], target, tags=["sensor"])
            window = (found["time"] - round(START.timestamp() * 1e6)) // (every_s * 1_000_000)
            sensor = np.array([int(name[1:]) for name in found["sensor"]], dtype=np.int64)
            counts, sums = house.expected(every_s)
            first = int(window.min()) if len(window) else 0
            wrong = counts[sensor, window] != found["t_count"]
            wrong |= ~np.isclose(sums[sensor, window], found["t_sum"], rtol=1e-9)
            missing = int((counts[:, first : int(window.max())] > 0).sum()) - int(
                (window < window.max()).sum()
            )
            print(f"{target}: {len(window):,} rows, {int(wrong.sum())} wrong, {missing} missing")
            bad += int(wrong.sum()) + abs(missing)
    return bad


def main() -> int:
    """Run the simulation; 1 where a roll-up differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--rate", type=float, default=10.0, help="points a second")
    parser.add_argument("--series", type=int, default=50)
    options = parser.parse_args()
    house = Household(options.rate, options.series, tuple(e for _, e in _TIERS), options.days)
    with tempfile.TemporaryDirectory(prefix="retention-year-") as folder:
        path = Path(folder) / "config.yaml"
        path.write_text(RULES)
        config = load_config(path)
        data, largest, points, slowest = config.storage.path, 0, 0, 0.0
        for number in range(options.days):
            points += house.day(number, data)
            began = time.monotonic()
            run(config, SetClock(START + timedelta(days=number + 1, hours=3)))
            slowest = max(slowest, time.monotonic() - began)
            size = data.stat().st_size
            largest = max(largest, size)
            if number % 30 == 29 or number == options.days - 1:
                print(f"day {number + 1}: {size / 1e6:.0f} MB, largest {largest / 1e6:.0f} MB, "
                      f"slowest night {slowest:.1f} s", flush=True)  # fmt: skip
        # Everything is over, and late points have had their time.
        run(config, SetClock(START + timedelta(days=options.days + 3)), is_urgent=True)
        print(f"{points:,} points in all; {data.stat().st_size / 1e6:.0f} MB are left")
        return 1 if disagreements(config, house) else 0


if __name__ == "__main__":
    sys.exit(main())
