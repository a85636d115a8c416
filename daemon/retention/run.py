"""A run of the retention rules: plan, one atomic change of the data file, report.

Takes the CPU and the disk for as long as a rewrite of the file lasts, so the collector does it in
a child process. Logs nothing: it answers with a report.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from daemon.clock import Clock, SystemClock
from daemon.config import Config
from daemon.retention.errors import RetentionError
from daemon.retention.memory import load_done, memory_path, save_done
from daemon.retention.plan import Plan, fingerprint, plan_retention
from daemon.retention.report import Report, RuleReport
from tinyflux import TinyFlux
from tinyflux.predicates import Query


def preview(config: Config, clock: Clock | None = None) -> Report:
    """What `run` would do now; changes nothing. Raises RetentionError."""
    data, clock = config.storage.path, clock or SystemClock()
    done = load_done(memory_path(data))
    began_us, began_s = clock.now_us(), time.monotonic()
    plan = Plan((), ())
    if data.exists():
        try:
            with TinyFlux(str(data), access_mode="r") as db:
                plan = plan_retention(config.retention.rules, began_us, _Stored(db), done)
        except (OSError, ValueError) as error:
            raise RetentionError(f"cannot plan retention of {data}: {error}") from error
    size = _size_bytes(data)
    counts = [step.points for step in plan.steps]
    took_s = time.monotonic() - began_s
    return Report(
        str(data), began_us, took_s, size, size, _rules(plan, counts), plan.done_before, True
    )


def run(config: Config, clock: Clock | None = None) -> Report:
    """Carry out the rules now; all of it is on disk when this returns, or none of it.

    What is to be done once is remembered right after that: a power cut in between repeats it, one
    time. Raises RetentionError.
    """
    data, clock = config.storage.path, clock or SystemClock()
    done = load_done(memory_path(data))
    began_us, began_s = clock.now_us(), time.monotonic()
    size_before = _size_bytes(data)
    plan, counts = Plan((), ()), list[int]()
    if data.exists():
        try:
            with TinyFlux(str(data)) as db:
                plan = plan_retention(config.retention.rules, began_us, _Stored(db), done)
                counts = _carried_out(db, plan)
        except (OSError, ValueError) as error:
            raise RetentionError(
                f"retention of {data} failed, nothing was changed: {error}"
            ) from error
        _remember(config, done)
    took_s = time.monotonic() - began_s
    size_after = _size_bytes(data)
    return Report(
        str(data), began_us, took_s, size_before, size_after, _rules(plan, counts), plan.done_before
    )


class _Stored:
    """The points of an open database as the planner sees them."""

    def __init__(self, db: TinyFlux) -> None:
        self._db = db

    def count(self, query: Query) -> int:
        return self._db.count(query)


def _carried_out(db: TinyFlux, plan: Plan) -> list[int]:
    if not plan.points:
        return [0] * len(plan.steps)
    # Those without points too: an update may bring some under the rule behind it.
    return db.apply([step.change for step in plan.steps])


def _rules(plan: Plan, counts: list[int]) -> tuple[RuleReport, ...]:
    return tuple(
        RuleReport(step.rule, step.told, points)
        for step, points in zip(plan.steps, counts, strict=True)
    )


def _remember(config: Config, done: Mapping[str, str]) -> None:
    # All of them are done by now. What the configuration no longer has is forgotten.
    names = {fingerprint(rule): rule.name for rule in config.retention.rules if rule.once}
    if names == done:
        return
    path = memory_path(config.storage.path)
    try:
        save_done(path, names)
    except OSError as error:
        raise RetentionError(
            f"retention is done, but {path} cannot be written: {error}; rules with `once: true` "
            "will be carried out again"
        ) from error


def _size_bytes(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
