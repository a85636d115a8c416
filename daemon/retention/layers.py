"""Which tiers there are: rules and the measurements that exist, to one chain a measurement. Pure.

The first rule that rolls points up, or removes them without that, has them: a later rule with
`downsample` leaves them to it. What a rule rolls up into is meant by no other rule, unless that
names it in full.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_

from daemon.config import RetentionRule, RollupTier
from daemon.retention.queries import BOOK, fits, is_plain, matching, within
from daemon.retention.rollups import PARTS_OF
from tinyflux.predicates import Query

QUALITY_TAG = "time_quality"
"""Marks a point whose time is in doubt; no part of what a series is."""
_HOLD_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Habit:
    """How the points of a measurement come, as far as the collector's own rules tell."""

    is_thinned: bool = False
    hold_s: float | None = None
    counters: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Layer:
    """One tier of one measurement: where its rows come from, and what they are."""

    source: str
    target: str
    tier: RollupTier
    is_raw: bool
    """Whether the source has points, not roll-ups."""
    query: Query | None
    """Which points of the source; None for all."""
    source_age_s: float | None
    """When what this is made of goes; None: never."""
    later: tuple[RollupTier, ...]
    """The tiers made of this one."""
    habit: Habit
    hold_s: float

    def statistics(self, field: str) -> tuple[str, ...] | None:
        """The statistics of a field; None for a field that is left out."""
        asked = self.tier.statistics_of(field)
        if asked == ():
            return None
        if asked is not None:
            return asked
        if field in self.habit.counters:
            return ("increase",)
        return ("time_weighted_mean" if self.habit.is_thinned else "mean", "min", "max")

    def parts(self, field: str) -> frozenset[str]:
        """What is kept of a field, beside sum and count: for its statistics, and those of the
        tiers that are made of this one."""
        asked: set[str] = set()
        for tier in (self.tier, *self.later):
            layer = self if tier is self.tier else _with(self, tier)
            asked.update(layer.statistics(field) or ())
        return frozenset().union(*(PARTS_OF[name] for name in asked))


def _with(layer: Layer, tier: RollupTier) -> Layer:
    return Layer(
        layer.source, layer.target, tier, layer.is_raw, layer.query, layer.source_age_s, (),
        layer.habit, layer.hold_s,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Chain:
    """All tiers of one measurement under one rule."""

    rule: RetentionRule
    layers: tuple[Layer, ...]

    @property
    def source(self) -> str:
        """The measurement of the points."""
        return self.layers[0].source


def chains_of(
    rules: Sequence[RetentionRule],
    measurements: Iterable[str],
    habits: Mapping[str, Habit] | None = None,
) -> list[Chain]:
    """The chains of all rules, in their order, for the measurements that exist."""
    names = sorted(_sources(rules, [name for name in measurements if not name.startswith(BOOK)]))
    targets = targets_of(rules, names)
    taken: dict[str, list[Query | None]] = {}
    chains: list[Chain] = []
    for rule in rules:
        if rule.update is not None:
            continue
        for name in names:
            if not means(rule, name, targets):
                continue
            earlier = taken.setdefault(name, [])
            if rule.downsample and None not in earlier:
                chains.append(_chain(rule, name, earlier, (habits or {}).get(name, Habit())))
            asked = within(rule.match)
            earlier.append(reduce(and_, asked) if asked else None)
    return chains


def _sources(rules: Sequence[RetentionRule], names: Sequence[str]) -> set[str]:
    """The measurements that exist, and those of which only roll-ups are left."""
    found = set(names)
    for rule in rules:
        pattern = rule.match.measurement or "*"
        for tier in rule.downsample:
            if is_plain(pattern):
                found.add(pattern)
                continue
            into = tier.into or "{measurement}_" + tier.every
            made = re.compile("(.+)".join(map(re.escape, into.split("{measurement}"))), re.DOTALL)
            found.update(match[1] for name in names if (match := made.fullmatch(name)))
    return found


def means(rule: RetentionRule, measurement: str, targets: Iterable[str]) -> bool:
    """Whether a rule may be for points of a measurement."""
    name = rule.match.measurement
    if measurement.startswith(BOOK):
        return False
    if name is not None and is_plain(name):
        return name == measurement
    return measurement not in targets and (name is None or fits(name, measurement))


def targets_of(rules: Sequence[RetentionRule], measurements: Iterable[str]) -> frozenset[str]:
    """Those measurements that rules roll up into, whether their points are still there or not."""
    names = list(measurements)
    found: set[str] = set()
    for rule in rules:
        for tier in rule.downsample:
            target = tier.target_of(rule.match.measurement or "*")
            found.update(name for name in names if name == target or fits(target, name))
    return frozenset(found)


def taken_before(rules: Sequence[RetentionRule], number: int, measurement: str) -> Query | None:
    """The points of a measurement that an earlier rule rolls up, as a query for the others; None
    where there are none to leave alone."""
    names = [measurement]
    targets = targets_of(rules, names)
    others: list[Query] = []
    for rule in rules[:number]:
        if rule.downsample and means(rule, measurement, targets):
            others.append(~matching(rule.match))
    return reduce(and_, others) if others else None


def _chain(rule: RetentionRule, name: str, earlier: Sequence[Query | None], habit: Habit) -> Chain:
    asked = [*within(rule.match), *(~query for query in earlier if query is not None)]
    hold_s = rule.hold_s or habit.hold_s or _HOLD_S
    layers: list[Layer] = []
    source, age_s = name, rule.max_age_s
    for place, tier in enumerate(rule.downsample):
        target = tier.target_of(name)
        is_raw = place == 0
        query = reduce(and_, asked) if is_raw and asked else None
        later = rule.downsample[place + 1 :]
        layers.append(Layer(source, target, tier, is_raw, query, age_s, later, habit, hold_s))
        source, age_s = target, tier.max_age_s
    return Chain(rule, tuple(layers))
