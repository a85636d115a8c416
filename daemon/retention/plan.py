"""What the retention rules would do now: rules, the time and what exists, to an ordered list.

Pure: reads no file and no clock, changes nothing, logs nothing. The same rules at the same time
over the same points give the same plan.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TypeAlias

import numpy as np

from daemon.config import RetentionRule
from daemon.retention.chains import ChainWork
from daemon.retention.layers import Chain, Habit, chains_of
from daemon.retention.queries import is_already, matching, moment
from daemon.retention.samples import NEVER_US
from daemon.retention.shelves import Shelf, free_bytes, limit_points, plain_shelf
from daemon.retention.updates import once_mark, update_of
from tinyflux import Insert, Point, RemoveRows, Update
from tinyflux.changes import Change
from tinyflux.columns import RowArray
from tinyflux.view import View

SMALL_BYTES = 10_000_000
"""A file up to this size is rewritten whenever there is something to do."""
_LEFT_FREE = 0.2
"""What is over `max_size` is cut so much below it, so that not every night rewrites the file."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a plan depends on beside rules and points."""

    now_us: int
    zone: tzinfo = UTC
    habits: Mapping[str, Habit] = field(default_factory=dict)
    threshold: float = 0.5
    max_size_bytes: int | None = None
    done: Collection[str] = ()
    """What was to be done once and has been, by its fingerprint."""
    is_urgent: bool = False
    """Rewrite for whatever there is to do."""
    quiet_hours: str = ""
    """When the file may be rewritten, if that is not now."""
    free_bytes: int = 0
    """So many bytes are to be made free, by what rules are for (low disk)."""


@dataclass(slots=True)
class Step:
    """What one rule does, or would do."""

    rule: str
    told: str
    points: int = 0
    """How many points it removes or changes, or how many roll-ups it adds."""
    size_bytes: int = 0
    """How many bytes go from the file by it."""
    span_us: tuple[int, int] | None = None
    """The least and the greatest time of these points."""
    archive: RowArray | None = None
    """The rows that are to be archived."""
    archive_folder: Path | None = None
    """Where to."""


@dataclass(slots=True)
class Removal:
    """What goes, and what comes in its place, in one change."""

    steps: list[Step] = field(default_factory=list)
    removed: RowArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    added: list[Point] = field(default_factory=list)
    freed_bytes: int = 0
    waits: str = ""
    """Why nothing of it is done now; empty where it is."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do."""
        return not len(self.removed) and not self.added

    def changes(self) -> list[Change]:
        """What the engine is to do."""
        if self.is_empty or self.waits:
            return []
        return [RemoveRows(self.removed), Insert(self.added)]


Stage: TypeAlias = "tuple[bool, list[int]]"
"""Whether rules change points (or remove them), and their numbers."""


def stages_of(rules: Sequence[RetentionRule]) -> list[Stage]:
    """Rules of one kind that follow each other: each stage is one change of the file."""
    stages: list[Stage] = []
    for number, rule in enumerate(rules):
        is_update = rule.update is not None
        if not stages or stages[-1][0] != is_update:
            stages.append((is_update, []))
        stages[-1][1].append(number)
    return stages


def plan_updates(
    rules: Sequence[RetentionRule], view: View, now: Circumstances
) -> tuple[list[Step], list[Change]]:
    """The steps and changes of rules with `update`; those that were done once are left out."""
    steps: list[Step] = []
    changes: list[Change] = []
    for rule in rules:
        if rule.update is None or (rule.once and fingerprint(rule) in now.done):
            continue
        asked = matching(rule.match)
        already = is_already(rule.update)
        query = asked if already is None else asked & ~already
        change, told = update_of(rule.update, query)
        rows = view.rows(change.query)
        steps.append(_step(rule.name, told, view, rows, goes=False))
        # Those without points too: an update before may bring some under it.
        changes.append(change)
        if rule.update.scale:
            changes.append(Insert([once_mark(fingerprint(rule), now.now_us)]))
    if not any(step.points for step in steps) and not _may_follow(changes):
        return steps, []
    return steps, changes


def _may_follow(changes: Sequence[Change]) -> bool:
    return any(isinstance(change, Insert) for change in changes)


def chain_works(
    rules: Sequence[RetentionRule], view: View, now: Circumstances
) -> Iterator[ChainWork]:
    """The chains of roll-ups over a view."""
    chains: list[Chain] = chains_of(rules, view.measurement_counts, now.habits)
    for chain in chains:
        yield ChainWork(chain, view, now.now_us, now.zone)


def plan_removal(
    rules: Sequence[RetentionRule],
    numbers: Sequence[int],
    view: View,
    now: Circumstances,
    *,
    mended: int = 0,
    is_estimate: bool = False,
) -> Removal:
    """What the rules of these numbers remove, and what of their roll-ups changes with it.

    `mended`: how many roll-ups are known to be wrong; they are mended when the file is rewritten.
    `is_estimate`: without the roll-ups, which costs much less.
    """
    works = [work for work in chain_works(rules, view, now) if _number(rules, work) in numbers]
    shelves = _shelves(rules, numbers, view, now, works)
    going = [shelf.going(view) for shelf in shelves]
    removal = Removal()
    for shelf, rows in zip(shelves, going, strict=True):
        step = _step(shelf.rule.name, _removal_told(shelf), view, rows)
        if shelf.rule.archive is not None and shelf.layer == 0:
            step.archive, step.archive_folder = rows, shelf.rule.archive
        removal.steps.append(step)
    removal.removed = _union(going)
    removal.freed_bytes = view.size_bytes(removal.removed)
    removal.waits = _reason_to_wait(view.size_bytes(), removal, now)
    if not is_estimate and not removal.waits and (len(removal.removed) or mended):
        _add_rollups(removal, works, shelves, view)
    return removal


def _number(rules: Sequence[RetentionRule], work: ChainWork) -> int:
    return next(place for place, rule in enumerate(rules) if rule is work.chain.rule)


def _shelves(
    rules: Sequence[RetentionRule],
    numbers: Sequence[int],
    view: View,
    now: Circumstances,
    works: Sequence[ChainWork],
) -> list[Shelf]:
    shelves: list[Shelf] = []
    for number in numbers:
        rule = rules[number]
        if rule.downsample:
            of_rule = [work for work in works if work.chain.rule is rule]
            found = [shelf for work in of_rule for shelf in work.shelves()]
        else:
            found = [plain_shelf(rules, number, view)]
            if rule.max_age_s is not None:
                found[0].raise_to(now.now_us - round(rule.max_age_s * 1e6))
        for shelf in found:
            if shelf.layer == 0:
                limit_points(shelf, view)
        shelves += found
    _make_room(shelves, view, now)
    for shelf in shelves:
        shelf.find_kept(view)
    return shelves


def _make_room(shelves: Sequence[Shelf], view: View, now: Circumstances) -> None:
    """Let go of more where the file is over `max_size`: of the last rule first, points before
    their roll-ups."""
    size = view.size_bytes()
    wanted = now.free_bytes
    if now.max_size_bytes is not None and size > now.max_size_bytes:
        wanted = max(wanted, size - round(now.max_size_bytes * (1 - _LEFT_FREE)))
    if wanted <= 0:
        return
    wanted -= view.size_bytes(_union([shelf.going(view) for shelf in shelves]))
    rules = list(dict.fromkeys(shelf.rule.name for shelf in shelves))
    for name in reversed(rules):
        for shelf in sorted(
            (shelf for shelf in shelves if shelf.rule.name == name), key=lambda each: each.layer
        ):
            if wanted > 0:
                wanted = free_bytes(shelf, view, wanted)


def _reason_to_wait(size: int, removal: Removal, now: Circumstances) -> str:
    is_over = now.max_size_bytes is not None and size > now.max_size_bytes
    if is_over or now.is_urgent or now.free_bytes > 0:
        return ""
    if size <= SMALL_BYTES:
        return _loud(removal.freed_bytes / max(size, 1), now)
    share = removal.freed_bytes / size
    if share >= now.threshold:
        return _loud(share, now)
    return (
        f"{share:.0%} of the file could go; it is rewritten at {now.threshold:.0%} "
        "(rewrite_threshold)"
    )


def _loud(share: float, now: Circumstances) -> str:
    if not now.quiet_hours:
        return ""
    return f"{share:.0%} of the file can go; it is rewritten in the quiet hours ({now.quiet_hours})"


def _add_rollups(
    removal: Removal, works: Sequence[ChainWork], shelves: Sequence[Shelf], view: View
) -> None:
    replaced = []
    for work in works:
        of_chain = [shelf for shelf in shelves if shelf.chain is work.chain]
        changed = work.sealed(of_chain)
        replaced.append(changed.replaced)
        removal.added += changed.points
        removal.steps += [
            Step(work.chain.rule.name, told, points) for told, points in changed.told if points
        ]
    removal.removed = _union([removal.removed, *replaced])


def _union(rows: Sequence[RowArray]) -> RowArray:
    found = [part for part in rows if len(part)]
    if not found:
        return np.empty(0, dtype=np.int64)
    return found[0] if len(found) == 1 else np.unique(np.concatenate(found))


def _removal_told(shelf: Shelf) -> str:
    of = f" of {shelf.measurement}" if shelf.measurement is not None else ""
    if shelf.cutoff_us <= NEVER_US:
        return f"remove nothing{of}"
    stay = f", but for the last {shelf.keep_last} of each series" if shelf.keep_last else ""
    return f"remove what is older than {moment(shelf.cutoff_us):%Y-%m-%d %H:%M} UTC{of}{stay}"


def _step(name: str, told: str, view: View, rows: RowArray, *, goes: bool = True) -> Step:
    if not len(rows):
        return Step(name, told)
    times_us = view.times_us(rows)
    span = int(times_us.min()), int(times_us.max())
    return Step(name, told, len(rows), view.size_bytes(rows) if goes else 0, span)


def fingerprint(rule: RetentionRule) -> str:
    """What a rule does, as a short text: the same for a rule that was only renamed."""
    content = rule.model_dump(mode="json", include={"match", "update"}, exclude_defaults=True)
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


__all__ = [
    "Circumstances",
    "Removal",
    "Step",
    "Update",
    "chain_works",
    "fingerprint",
    "plan_removal",
    "plan_updates",
    "stages_of",
]
