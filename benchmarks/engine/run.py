"""Measures the cells of a run, each in a process of its own, engine by engine within a round."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from .datasets import Dataset, dataset, fresh_copy
from .environment import described, worker_command
from .questions import BY_KEY, OPERATIONS
from .results import Results

TOO_LONG_S = 120.0
"""What is expected to take longer is measured smaller, and extrapolated."""
_ONCE_S = 10.0
"""What took longer in one round is not asked again in the next."""
_TIMEOUT_S = 1800.0
_DATABASES = {"sqlite": "household.sqlite", "duckdb": "household.duckdb"}
_INSERTS = ("insert_one", "insert_batch")
_BARE = ("open_cold", *_INSERTS)
_READ_CSV = ("ours", "tinyflux")
_LARGEST = {"tinyflux": 1_000_000}
_LARGEST_WRITTEN = 1_000_000
_SMALLEST_HELD = 1_000_000
"""The processes whose memory counts are measured from this size on."""


class WorkerError(Exception):
    """A measured process failed."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be measured."""

    sizes: tuple[int, ...]
    engines: tuple[str, ...]
    operations: tuple[str, ...]
    rounds: int
    repetitions: int

    def is_asked(self, engine: str, operation: str, n_points: int) -> bool:
        """Whether the table has this cell."""
        kind = BY_KEY[operation].kind
        if engine == "bare":
            return operation in _BARE and n_points <= _LARGEST_WRITTEN
        if n_points > _LARGEST.get(engine, n_points):
            return False
        if operation == "open_cold" and engine not in _READ_CSV:
            return False
        if kind == "write" and len(self.operations) == len(OPERATIONS):
            return n_points <= _LARGEST_WRITTEN
        return kind != "memory" or n_points >= _SMALLEST_HELD


class Run:
    """A run in progress."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.results = Results(described(list(request.engines)))
        self._too_slow: set[tuple[str, str, int]] = set()

    def measure(self) -> Results:
        """Every cell that was asked for, smallest size first."""
        for n_points in sorted(self.request.sizes):
            points = dataset(n_points)
            for engine in self.request.engines:
                self._load(engine, points)
            for number in range(self.request.rounds):
                for engine in self.request.engines:
                    print(f"{n_points:,} points, round {number + 1}: {engine} ...", flush=True)
                    self._round(engine, points, number)
            for key in _INSERTS:
                if key in self.request.operations:
                    self._insert(key, points)
        return self.results

    def _load(self, engine: str, points: Dataset) -> None:
        asked = [
            key for key in self.request.operations
            if self.request.is_asked(engine, key, points.n_points)
        ]  # fmt: skip
        if not asked or engine == "bare":
            return
        if not points.is_loaded(engine):
            print(f"Loading {points.n_points:,} points into {engine} ...", flush=True)
            self._work(engine, points, points.directory, "load")
            points.mark_loaded(engine)
        self._work(engine, points, points.directory / _database(engine), "settle")

    def _round(self, engine: str, points: Dataset, number: int) -> None:
        repetitions = self.request.repetitions
        numbers = list(range(number * repetitions, (number + 1) * repetitions))
        keys = [key for key in self.request.operations if self._is_due(engine, key, points)]
        keys = [key for key in keys if key not in _INSERTS]
        reads = [key for key in keys if BY_KEY[key].kind == "read"]
        path = points.directory / _database(engine)
        if reads:
            self._measure(engine, points, path, reads, numbers)
        for key in keys:
            if BY_KEY[key].kind == "open":
                self._open(engine, points, key, numbers)
            elif key == "memory_hour" and number == 0:
                self._measure(engine, points, path, [key], numbers)
            elif key == "memory_append" and number == 0:
                self._measure(engine, points, fresh_copy(points, path.name), [key], numbers)
            elif BY_KEY[key].kind == "write":
                copy = fresh_copy(points, path.name)
                self._work(engine, points, copy, "settle")
                self._measure(engine, points, copy, [key], numbers)
        shutil.rmtree(points.directory / "copy", ignore_errors=True)

    def _insert(self, key: str, points: Dataset) -> None:
        """Inserts of all engines in close turns, into copies made before.

        What one fsync takes depends on what the disk did a moment ago, a copy above all.
        """
        engines = [name for name in self.request.engines if self._is_due(name, key, points)]
        copies = {
            engine: fresh_copy(points, _database(engine), f"copy-{engine}") for engine in engines
        }
        for number in range(self.request.rounds * bool(engines)):
            print(f"{points.n_points:,} points, inserts, round {number + 1} ...", flush=True)
            for engine in engines:
                self._measure(engine, points, copies[engine], [key], [number])
        for copy in copies.values():
            shutil.rmtree(copy.parent)

    def _is_due(self, engine: str, key: str, points: Dataset) -> bool:
        n_points = points.n_points
        if not self.request.is_asked(engine, key, n_points):
            return False
        if (engine, key, n_points) in self._too_slow:
            return False
        smaller = [
            cell
            for size in self.results.sizes()
            if size < n_points and (cell := self.results.found(engine, key, size))
        ]
        if not smaller or not BY_KEY[key].is_linear or BY_KEY[key].kind == "memory":
            return True
        expected_s = smaller[-1].median_s * n_points / smaller[-1].n_points
        if expected_s <= TOO_LONG_S:
            return True
        cell = self.results.cell(engine, key, n_points)
        cell.seconds = [expected_s]
        cell.extrapolated_from = smaller[-1].n_points
        return False

    def _open(self, engine: str, points: Dataset, key: str, numbers: list[int]) -> None:
        path = points.directory / _database(engine)
        if key == "open_cold" and engine == "ours":
            path = fresh_copy(points, path.name)
        for number in numbers:
            if (engine, key, points.n_points) in self._too_slow:
                return
            if path.parent.name == "copy":
                shutil.rmtree(path.parent / f".{path.name}.index", ignore_errors=True)
            self._measure(engine, points, path, [key], [number])

    def _measure(
        self, engine: str, points: Dataset, path: Path, keys: list[str], numbers: list[int]
    ) -> None:
        start = perf_counter()
        report = self._work(engine, points, path, "measure", keys, numbers)
        self.results.add(engine, points.n_points, report)
        if perf_counter() - start > _ONCE_S:
            self._too_slow.update((engine, key, points.n_points) for key in keys)

    def _work(
        self,
        engine: str,
        points: Dataset,
        path: Path,
        task: str,
        keys: list[str] | None = None,
        numbers: list[int] | None = None,
    ) -> dict[str, Any]:
        order = {
            "engine": engine,
            "task": task,
            "path": str(path),
            "n_points": points.n_points,
            "last_us": points.last_us,
            "operations": keys,
            "repetitions": numbers,
        }
        command = worker_command(engine, json.dumps(order))
        # Away from the checkout: nothing is found in the working directory by chance.
        done = subprocess.run(
            command, cwd=points.directory, capture_output=True, text=True, timeout=_TIMEOUT_S
        )
        if done.returncode:
            what = ", ".join(keys or [task])
            raise WorkerError(
                f"measuring {what} of {engine} at {points.n_points} points failed:\n{done.stderr}"
            )
        report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return report


def _database(engine: str) -> str:
    return _DATABASES.get(engine, "household.csv")
