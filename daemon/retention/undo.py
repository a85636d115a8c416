"""`retention --undo`: what the last run removed or changed is brought back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np

from daemon.clock import Clock, SystemClock
from daemon.config import Config
from daemon.retention.errors import RetentionError
from daemon.retention.keeping import Record, points_in, records
from daemon.retention.queries import between, moment
from daemon.retention.report import Report, RuleReport
from daemon.retention.turn import turn
from tinyflux import Point, RemoveRows, TinyFlux
from tinyflux.changes import Change
from tinyflux.columns import RowArray
from tinyflux.times import to_us
from tinyflux.view import View

_BATCH_POINTS = 5_000
Key = tuple[object, ...]


def undo(config: Config, clock: Clock | None = None) -> Report:
    """Bring back what the last run changed; on disk when this returns.

    What came for it goes first, in one change; then what went is added, piece by piece. Killed in
    between it is repeated, and adds nothing twice. Points that came since stay. Raises
    RetentionError.
    """
    data, clock = config.storage.path, clock or SystemClock()
    began_us, began_s = clock.now_us(), time.monotonic()
    found = records(data)
    if not found:
        raise RetentionError(
            f"there is nothing to undo of {data}: retention.undo says how long what a run removes "
            "is kept for that, and no run that changed points was that recently"
        )
    chosen = [record for record in found if record.run == found[0].run]
    told = f"undo the run of {moment(found[0].run_us):%Y-%m-%d %H:%M:%S} UTC"
    size_before = data.stat().st_size if data.exists() else 0
    try:
        with turn(data), TinyFlux(str(data)) as db:
            gone = back = 0
            for record in chosen:  # its last change first
                gone += _take_back(db, record)
                back += _bring_back(db, record, is_compact=config.storage.compact_keys)
                record.delete()
    except (OSError, ValueError) as error:
        raise RetentionError(
            f"{told} of {data} failed: {error}; what is kept for it is still there: try again"
        ) from error
    rules = (
        RuleReport("undo", f"{told}: take back what had come", gone),
        RuleReport("undo", f"{told}: bring back what had gone", back),
    )
    took_s = time.monotonic() - began_s
    return Report(str(data), began_us, took_s, size_before, data.stat().st_size, rules, ())


def _take_back(db: TinyFlux, record: Record) -> int:
    wanted = Counter(map(_key, points_in(record.added)))
    if not wanted:
        return 0
    times = [key[0] for key in wanted]
    span_us = min(times), max(times)  # type: ignore[type-var]

    def decide(view: View) -> list[Change]:
        names = sorted({str(key[1]) for key in wanted})
        rows = [_found(view, name, span_us, wanted) for name in names]  # type: ignore[arg-type]
        chosen = np.sort(np.concatenate(rows))
        return [RemoveRows(chosen)] if len(chosen) else []

    return sum(db.revise(decide))


def _found(
    view: View, measurement: str, span_us: tuple[int, int], wanted: Counter[Key]
) -> RowArray:
    rows = view.rows(between(span_us[0], span_us[1] + 1), measurement)
    left, chosen = Counter(wanted), []
    for start in range(0, len(rows), _BATCH_POINTS):
        part = rows[start : start + _BATCH_POINTS]
        for row, point in zip(part.tolist(), view.points(part), strict=True):
            key = _key(point)
            if left[key] > 0:
                left[key] -= 1
                chosen.append(row)
    return np.array(chosen, dtype=np.int64)


def _bring_back(db: TinyFlux, record: Record, *, is_compact: bool) -> int:
    back = 0
    for batch in _batches(points_in(record.removed)):
        there = Counter(map(_key, _beside(db, batch)))
        missing = []
        for point in batch:
            key = _key(point)
            if there[key] > 0:
                there[key] -= 1
            else:
                missing.append(point)
        back += db.insert_multiple(missing, compact_key_prefixes=is_compact)
    return back


def _beside(db: TinyFlux, batch: list[Point]) -> Iterator[Point]:
    """What is stored in the same span of time."""
    times = [to_us(point.time) for point in batch if point.time is not None]
    view = db.view()
    span = between(min(times), max(times) + 1)
    for name in sorted({point.measurement for point in batch}):
        rows = view.rows(span, name)
        for start in range(0, len(rows), _BATCH_POINTS):
            yield from view.points(rows[start : start + _BATCH_POINTS])


def _batches(points: Iterable[Point]) -> Iterator[list[Point]]:
    source = iter(points)
    while batch := list(islice(source, _BATCH_POINTS)):
        yield batch


def _key(point: Point) -> Key:
    assert point.time is not None
    return (
        to_us(point.time),
        point.measurement,
        frozenset(point.tags.items()),
        frozenset(point.fields.items()),
    )
