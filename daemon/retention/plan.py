"""What the retention rules would do now: rules, the time and what exists, to an ordered list.

Pure: reads no file and no clock, changes nothing, logs nothing. The same rules at the same time
over the same points give the same plan.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import and_
from typing import Protocol, TypeAlias

from daemon.config import Match, RetentionRule
from daemon.config import Update as UpdateRule
from tinyflux import MeasurementQuery, Remove, TagQuery, TimeQuery, Update
from tinyflux.predicates import Query


class Inventory(Protocol):
    """What exists."""

    def count(self, query: Query) -> int:
        """How many points match."""


@dataclass(frozen=True, slots=True)
class Step:
    """One rule's change, ready for the engine."""

    rule: str
    change: Remove | Update
    points: int
    """How many points it changes, before any other step is carried out; points that an earlier
    step removes are left out."""
    told: str
    """The change in words: `remove what is older than 7 days`."""
    once: str = ""
    """What to remember when it is done, for a rule that is carried out once."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in the order of the rules."""

    steps: tuple[Step, ...]
    done_before: tuple[str, ...]
    """Rules to be carried out once that have been."""

    @property
    def points(self) -> int:
        """How many points are removed or changed in all."""
        return sum(step.points for step in self.steps)


Selected: TypeAlias = "tuple[Remove | Update, Query, str]"


def plan_retention(
    rules: Sequence[RetentionRule],
    now_us: int,
    inventory: Inventory,
    done: Collection[str] = (),
) -> Plan:
    """The steps of all rules at `now_us` (wall clock, µs UTC); `done`: what need not be repeated.

    Steps that concern no point are in the plan too, with 0 points.
    """
    now = datetime.fromtimestamp(now_us // 1_000_000, UTC) + timedelta(microseconds=now_us % 10**6)
    steps: list[Step] = []
    removed: list[Query] = []
    skipped: list[str] = []
    for rule in rules:
        once = fingerprint(rule) if rule.once else ""
        if once and once in done:
            skipped.append(rule.name)
            continue
        change, query, told = _selected(rule, now)
        points = inventory.count(reduce(and_, (~earlier for earlier in removed), query))
        if isinstance(change, Remove):
            removed.append(query)
        steps.append(Step(rule.name, change, points, told, once))
    return Plan(tuple(steps), tuple(skipped))


def fingerprint(rule: RetentionRule) -> str:
    """What a rule does, as a short text: the same for a rule that was only renamed."""
    content = rule.model_dump(mode="json", include={"match", "update"})
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _selected(rule: RetentionRule, now: datetime) -> Selected:
    query = _matching(rule.match)
    if rule.update is not None:
        query &= ~_is_already(rule.update)
        change = Update(
            query,
            measurement=rule.update.measurement,
            tags=dict(rule.update.tags) or None,
            unset_tags=rule.update.unset_tags or None,
        )
        return change, query, _told(rule.update)
    assert rule.max_age_s is not None
    oldest = _oldest_kept(now, rule.max_age_s)
    query &= TimeQuery() < oldest
    return Remove(query), query, f"remove what is older than {oldest:%Y-%m-%d %H:%M} UTC"


def _oldest_kept(now: datetime, max_age_s: float) -> datetime:
    try:
        return now - timedelta(seconds=max_age_s)
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _matching(match: Match) -> Query:
    parts: list[Query] = [
        TagQuery()[key] == text
        if _is_plain(text)
        else TagQuery()[key].matches(_regex(text), _FLAGS)
        for key, text in match.tags.items()
    ]
    name = match.measurement
    if name is not None:
        measurement = MeasurementQuery()
        plain = _is_plain(name)
        parts.insert(0, measurement == name if plain else measurement.matches(_regex(name), _FLAGS))
    return reduce(and_, parts)


def _is_already(update: UpdateRule) -> Query:
    """The points that the update would leave as they are."""
    parts: list[Query] = [TagQuery()[key] == text for key, text in update.tags.items()]
    parts += [~TagQuery()[key].exists() for key in update.unset_tags]
    if update.measurement is not None:
        parts.append(MeasurementQuery() == update.measurement)
    return reduce(and_, parts)


def _told(update: UpdateRule) -> str:
    parts = [f"rename to {update.measurement}"] if update.measurement is not None else []
    parts += [f"set tag {key} to {text}" for key, text in update.tags.items()]
    parts += [f"unset tag {key}" for key in update.unset_tags]
    return ", ".join(parts)


_FLAGS = re.DOTALL


def _is_plain(text: str) -> bool:
    return "*" not in text and "?" not in text


def _regex(text: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in text)
