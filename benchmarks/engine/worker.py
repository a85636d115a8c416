"""One measured process: opens a database, answers what it is asked, prints what it took as JSON.

Its environment decides which `tinyflux` it imports, so it knows nothing of the checkout around it.
"""

from __future__ import annotations

import gc
import hashlib
import json
import struct
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from .engines import engine_class
from .engines.contract import Engine
from .household import Row, late_rows, newer_rows
from .questions import BATCH_ROWS, BATCHES, BY_KEY, INSERTS, LATE_ROWS, Household

_WARM_S = 2.0
"""A question that takes longer is not asked once more only to warm up."""
_QUICK_S = 0.2
_QUICK_ASKS = 5
"""A quick question is asked so often once it is warm, and the median counts: an interpreter needs
some calls to warm up, and a neighbour's moment is as long as the question."""
_BUDGET_S = 20.0
"""No more repetitions of a question in this process after so long."""


def anonymous_bytes() -> int:
    """Resident memory of this process less its file-backed pages."""
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        if line.startswith("Anonymous:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/smaps_rollup has no line 'Anonymous:'")


class Session:
    """The measurements of one engine on one database."""

    def __init__(self, engine: Engine, path: Path, household: Household) -> None:
        self.engine, self.path, self.household = engine, path, household
        self.results: list[dict[str, Any]] = []

    def measure(self, keys: Iterable[str], repetitions: list[int]) -> None:
        """Carry out operations; those of kind `read` share one opening."""
        reads = [key for key in keys if BY_KEY[key].kind == "read"]
        if reads:
            self.engine.open(self.path)
            self.engine.count("climate")
            for key in reads:
                self._read(key, repetitions)
            self.engine.close()
        for key in keys:
            if BY_KEY[key].kind != "read":
                self._alone(BY_KEY[key].kind, key, repetitions[0])

    def _add(self, key: str, repetition: int, seconds: float, answer: Any) -> None:
        self.results.append(
            {
                "operation": key,
                "repetition": repetition,
                "seconds": seconds,
                "memory_bytes": anonymous_bytes(),
                "answer": answer,
            }
        )

    def _read(self, key: str, repetitions: list[int]) -> None:
        spent = 0.0
        for repetition in repetitions:
            ask, form = self._question(key, repetition)
            seconds, answer = _timed(ask)
            is_quick = seconds < _QUICK_S
            if is_quick or (repetition == repetitions[0] and seconds < _WARM_S):
                found = []
                for _ in range(_QUICK_ASKS if is_quick else 1):
                    seconds, answer = _timed(ask)
                    found.append(seconds)
                seconds = median(found)
            # A question without a parameter has the same answer every time.
            is_new = repetition == repetitions[0] or key in ("hour", "count_where")
            self._add(key, repetition, seconds, form(answer) if is_new else None)
            del answer
            spent += seconds
            if spent > _BUDGET_S:
                break

    def _question(
        self, key: str, repetition: int
    ) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
        """What to time, and what turns its answer into text that can be compared."""
        engine, household = self.engine, self.household
        if key == "hour":
            start_us, stop_us = household.hour(repetition)
            return lambda: engine.hour(start_us, stop_us), self._rows_digest
        if key == "count_where":
            threshold = household.threshold(repetition)
            return lambda: engine.count_where(threshold), int
        if key == "latest":
            return engine.latest, lambda answer: _digest(sorted(engine.rows(answer)))
        if key == "series":
            return engine.series, lambda answer: _pairs_digest(engine.pairs(answer))
        if key == "daily_mean":
            return engine.daily_mean, lambda answer: sorted(map(list, engine.means(answer)))
        return lambda: engine.count("climate"), int

    def _rows_digest(self, answer: Any) -> str:
        return _digest(self.engine.rows(answer))

    def _alone(self, kind: str, key: str, repetition: int) -> None:
        if kind == "open":
            seconds, answer = _timed(self._opened)
            self._add(key, repetition, seconds, answer)
        elif key == "memory_hour":
            self.engine.open(self.path)
            answer = self.engine.rows(self.engine.hour(*self.household.hour(repetition)))
            self._add(key, repetition, 0.0, _digest(answer))
        elif key == "memory_append":
            self._appended(key, repetition)
        elif key == "late":
            self._late(key, repetition)
        elif key in ("insert_one", "insert_batch"):
            self._inserted(key, repetition)
        else:
            self._changed(key, repetition)
        self.engine.close()

    def _opened(self) -> int:
        self.engine.open(self.path)
        return self.engine.count("climate")

    def _appended(self, key: str, repetition: int) -> None:
        self.engine.open(self.path)
        rows = newer_rows(self.household.last_us, BATCHES * BATCH_ROWS, repetition)
        for start in range(0, len(rows), BATCH_ROWS):
            self.engine.insert(self.engine.batch(rows[start : start + BATCH_ROWS]))
        del rows
        self._add(key, repetition, 0.0, None)

    def _late(self, key: str, repetition: int) -> None:
        engine, span = self.engine, self.household.late_span()
        batch = engine.batch(late_rows(*span, LATE_ROWS, repetition))
        engine.open(self.path)
        engine.count("climate")
        engine.hour(*self.household.hour(repetition))

        def insert_and_ask() -> Any:
            engine.insert(batch)
            return engine.hour(*span)

        seconds, answer = _timed(insert_and_ask)
        self._add(key, repetition, seconds, self._rows_digest(answer))

    def _inserted(self, key: str, repetition: int) -> None:
        n_rows, n_batches = (1, INSERTS) if key == "insert_one" else (BATCH_ROWS, BATCHES)
        rows = newer_rows(self.household.last_us, n_rows * n_batches, repetition)
        starts = range(0, len(rows), n_rows)
        batches = [self.engine.batch(rows[start : start + n_rows]) for start in starts]
        self.engine.open(self.path)

        # The middle one: a neighbour's write that the disk did first is not this engine's cost.
        seconds = median(_timed_insert(self.engine, batch) for batch in batches)
        self._add(key, repetition, seconds, self._count_after())

    def _count_after(self) -> int | None:
        return self.engine.count(None) if self.engine.is_database else None

    def _changed(self, key: str, repetition: int) -> None:
        engine = self.engine
        engine.open(self.path)
        engine.count("climate")
        if key == "remove_oldest":
            seconds, n_changed = _timed(lambda: engine.remove_before(self.household.tenth_us()))
        else:
            seconds, n_changed = _timed(lambda: engine.change_room("climate_05", "winter garden"))
        after = _digest(sorted(engine.rows(engine.latest())))
        self._add(key, repetition, seconds, [n_changed, engine.count(None), after])


def _timed_insert(engine: Engine, batch: Any) -> float:
    start = perf_counter()
    engine.insert(batch)
    return perf_counter() - start


def _timed(ask: Callable[[], Any]) -> tuple[float, Any]:
    gc.collect()
    start = perf_counter()
    answer = ask()
    return perf_counter() - start, answer


def _digest(rows: Iterable[Row]) -> str:
    digest = hashlib.sha256()
    n_rows = 0
    for row in rows:
        # An engine with one type for numbers gives 90.0 for 90.
        digest.update(repr((*row[:4], tuple(map(float, row.values)))).encode())
        n_rows += 1
    return f"{n_rows} rows {digest.hexdigest()[:16]}"


def _pairs_digest(pairs: Iterable[tuple[int, float]]) -> str:
    digest = hashlib.sha256()
    n_pairs = 0
    for time_us, value in pairs:
        digest.update(struct.pack("<qd", time_us, value))
        n_pairs += 1
    return f"{n_pairs} values {digest.hexdigest()[:16]}"


def main(text: str) -> None:
    """Do what the JSON `text` says and print the results as one line of JSON."""
    order = json.loads(text)
    start = perf_counter()
    engine = engine_class(order["engine"])()
    import_s = perf_counter() - start
    path = Path(order["path"])
    report: dict[str, Any] = {"import_s": import_s, "import_bytes": anonymous_bytes()}
    if order["task"] == "load":
        engine.load(path)
    elif order["task"] == "settle":
        engine.settle(path)
    else:
        session = Session(engine, path, Household(order["n_points"], order["last_us"]))
        session.measure(order["operations"], order["repetitions"])
        report["results"] = session.results
    sys.stdout.write(json.dumps(report) + "\n")
