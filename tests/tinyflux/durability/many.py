"""Four readers, one appender and one retention run on one file at once.

    python -m tests.tinyflux.durability.many --seconds 60

The appender writes numbers 0, 1, 2…, a batch at a time. Retention removes from the front and
updates what stays. So a reader must always find consecutive numbers (a prefix of what was written,
less what was removed), each once, and never less far than it has seen before.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tinyflux import CSVStorage, FieldQuery, Point, Remove, TagQuery, TinyFlux, Update

TIME = datetime(2025, 1, 1, tzinfo=UTC)
N_READERS = 4
BATCH = 10
KEPT = 20_000

Report = dict[str, object]


def _point(n: int) -> Point:
    return Point(
        time=TIME + timedelta(milliseconds=n), tags={"age": "new"}, fields={"n": n, "half": n / 2}
    )


def _append(path: Path, until_s: float) -> Report:
    waits = []
    n_rows = 0
    with TinyFlux(path, auto_index=False, flush_on_insert=False) as db:
        assert isinstance(db.storage, CSVStorage)
        while time.monotonic() < until_s:
            begun_s = time.monotonic()
            db.insert_multiple(map(_point, range(n_rows, n_rows + BATCH)))
            waits.append(time.monotonic() - begun_s)
            n_rows += BATCH
            if n_rows % (BATCH * 50) == 0:
                db.storage.sync()
    return {"rows": n_rows, "appends": len(waits), "longest_s": max(waits)}


def _retain(path: Path, until_s: float) -> Report:
    runs_s = []
    first = 0
    wrong = []
    with TinyFlux(path) as db:
        while time.monotonic() < until_s:
            newest = max((n for n in db.get_field_values("n") if n is not None), default=0)
            limit = max(first, int(newest) - KEPT)
            begun_s = time.monotonic()
            n_removed, _ = db.apply(
                [
                    Remove(FieldQuery().n < limit),
                    Update(
                        (TagQuery().age == "new") & (FieldQuery().n < newest), tags={"age": "old"}
                    ),
                ]
            )
            runs_s.append(time.monotonic() - begun_s)
            if n_removed != limit - first:
                wrong.append(f"removed {n_removed} rows from {first} to {limit}")
            first = limit
            time.sleep(0.05)
    return {"rewrites": len(runs_s), "longest_s": max(runs_s), "first": first, "wrong": wrong}


def _read(path: Path, until_s: float) -> Report:
    n_reads = 0
    seen = -1
    wrong: list[str] = []
    with TinyFlux(path) as db:
        while time.monotonic() < until_s and not wrong:
            numbers = [int(n) for n in db.get_field_values("n") if n is not None]
            n_reads += 1
            if not numbers:
                continue
            if numbers != list(range(numbers[0], numbers[0] + len(numbers))):
                wrong.append(f"{len(numbers)} numbers from {numbers[0]} are not consecutive")
            if (numbers[-1] + 1) % BATCH:
                wrong.append(f"a part of a batch: {numbers[-1]} is the last number")
            if numbers[-1] < seen:
                wrong.append(f"the last number was {seen} and is {numbers[-1]}")
            seen = numbers[-1]
            n_reads += 1
            if db.count(FieldQuery().n > seen - 5) < 5:
                wrong.append(f"the last rows before {seen} were gone in the next query")
    return {"reads": n_reads, "wrong": wrong}


@dataclass
class Minute:
    """What was seen."""

    seconds: float
    n_reads: int = 0
    n_appends: int = 0
    n_rows: int = 0
    n_rewrites: int = 0
    longest_append_s: float = 0.0
    longest_rewrite_s: float = 0.0
    wrong: list[str] = field(default_factory=list)


def _started(work: Callable[[Path, float], Report], path: Path, until_s: float) -> tuple[int, int]:
    """A child that does the work: its process id, and where its report can be read."""
    reader, writer = os.pipe()
    child = os.fork()
    if child:
        os.close(writer)
        return child, reader
    report: Report = {}
    try:
        os.close(reader)
        report = work(path, until_s)
    except BaseException as error:  # noqa: BLE001 - the parent must hear of it
        report = {"wrong": [f"{work.__name__}: {error!r}"]}
    finally:
        os.write(writer, json.dumps(report).encode())
        os._exit(0)


def run(folder: Path, *, seconds: float) -> Minute:
    """Let them all work for so long; what was seen."""
    path = folder / "data.csv"
    TinyFlux(path).close()
    until_s = time.monotonic() + seconds
    works = [_append, _retain, *[_read] * N_READERS]
    children = [_started(work, path, until_s) for work in works]
    reports = []
    for child, reader in children:
        with os.fdopen(reader, "rb") as said:
            reports.append(json.loads(said.read()))
        os.waitpid(child, 0)
    seen = Minute(seconds)
    for report in reports:
        seen.wrong.extend(report.get("wrong", []))
        seen.n_reads += report.get("reads", 0)
    append, retain = reports[0], reports[1]
    if not seen.wrong:
        seen.n_appends, seen.n_rows = append["appends"], append["rows"]
        seen.longest_append_s, seen.longest_rewrite_s = append["longest_s"], retain["longest_s"]
        seen.n_rewrites = retain["rewrites"]
        with TinyFlux(path) as db:
            if db.get_field_values("n") != list(range(retain["first"], seen.n_rows)):
                seen.wrong.append("rows are lost or doubled at the end")
    return seen


def main() -> int:
    """0 if nothing was wrong."""
    parser = argparse.ArgumentParser(description="readers, an appender and retention at once")
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        seen = run(Path(folder), seconds=options.seconds)
    print(
        f"{seen.n_reads:,} reads ({seen.n_reads / seen.seconds:,.0f} a second), "
        f"{seen.n_rows:,} rows in {seen.n_appends:,} appends "
        f"(the longest {seen.longest_append_s:.3f} s), "
        f"{seen.n_rewrites} rewrites (the longest {seen.longest_rewrite_s:.3f} s); "
        f"wrong: {len(seen.wrong)}"
    )
    for text in seen.wrong:
        print(text)
    return 1 if seen.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
