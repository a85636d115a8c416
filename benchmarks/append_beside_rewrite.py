"""How long an append waits for a rewrite: the longest, as a share of the rewrite's time.

One process appends a point at a time, with and without an fsync for each; another rewrites all of a
file of a million points (an update of every point, and a removal of 5% scattered ones).

    .venv/bin/python -m benchmarks.append_beside_rewrite [--points 1000000] [--folder .]
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tinyflux import FieldQuery, Point, TinyFlux

_TIME = datetime(2025, 1, 1, tzinfo=UTC)
_REWRITES: dict[str, Callable[[TinyFlux], int]] = {
    "update of every point": lambda db: db.update_all(tags={"changed": "yes"}),
    "removal of 5% scattered points": lambda db: db.remove(
        FieldQuery().n.test(lambda n: n is not None and n % 20 == 0)
    ),
}


def main() -> None:
    """Measure and print a line for each rewrite and way of appending."""
    parser = argparse.ArgumentParser(description="Measure appends beside a rewrite.")
    parser.add_argument("--points", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="a directory on the disk to measure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for name in _REWRITES:
            for is_durable in (True, False):
                path = Path(folder, "data.csv")
                path.unlink(missing_ok=True)
                _fill(path, options.points)
                _measure(path, name, is_durable=is_durable)


def _fill(path: Path, n_points: int) -> None:
    with TinyFlux(path, flush_on_insert=False, auto_index=False) as db:
        for first in range(0, n_points, 10_000):
            numbers = range(first, min(first + 10_000, n_points))
            db.insert_multiple(map(_point, numbers), batch_size=10_000)
    with TinyFlux(path) as db:
        db.publish_index()


def _point(n: int) -> Point:
    return Point(
        time=_TIME + timedelta(seconds=n),
        measurement="climate",
        tags={"room": f"room {n % 7}"},
        fields={"n": n, "temperature": n % 300 / 10},
    )


def _measure(path: Path, name: str, *, is_durable: bool) -> None:
    context = multiprocessing.get_context("spawn")
    stop, results = context.Event(), context.Queue()
    appender = context.Process(target=_append, args=(path, is_durable, stop, results))
    appender.start()
    results.get()
    time.sleep(1.0)
    with TinyFlux(path) as db:
        begun_s = time.monotonic()
        n_changed = _REWRITES[name](db)
        took_s = time.monotonic() - begun_s
    stop.set()
    waits: list[tuple[float, float]] = results.get()
    appender.join()
    within = [wait for at, wait in waits if begun_s <= at + wait and at <= begun_s + took_s]
    before = [wait for at, wait in waits if at + wait < begun_s]
    longest = max(within)
    how = "fsync each" if is_durable else "no fsync"
    print(
        f"{name}: {n_changed:,} points in {took_s:.2f} s; appends ({how}): {len(within):,} beside "
        f"it, the longest {longest * 1000:.0f} ms = {longest / took_s:.1%} of it "
        f"(without a rewrite: {max(before) * 1000:.0f} ms)",
        flush=True,
    )


def _append(path: Path, is_durable: bool, stop: Any, results: Any) -> None:
    waits: list[tuple[float, float]] = []
    with TinyFlux(path, auto_index=False, flush_on_insert=is_durable) as db:
        results.put("begun")
        n = 10_000_000
        while not stop.is_set():
            begun_s = time.monotonic()
            db.insert(_point(n))
            waits.append((begun_s, time.monotonic() - begun_s))
            n += 1
            time.sleep(0.001)
    results.put(waits)


if __name__ == "__main__":
    main()
