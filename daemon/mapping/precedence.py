"""Which tier makes a series: a lower one never adds what a higher one makes.

Within one message and across topics. What is announced adds nothing to a series that a rule makes;
a preset adds those fields that no source makes, so that a rule for one field leaves the others to
it. The memory is bounded, and lasts as long as the mapper: after a restart a lower tier may make a
series until the higher one does.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest
from typing import NamedTuple

from daemon.config import Tier
from daemon.messages import Mapped, Origin, Outcome
from tinyflux import Point

_MAX_SERIES = 50_000

LEFT_OUT = "other-rule"
"""The kind of an outcome whose points another rule makes."""

_Series = tuple[str, frozenset[tuple[str, str | None]]]


class _Made(NamedTuple):
    """Who makes a series: the highest tier that has made a point of it."""

    tier: Tier
    rule: str
    """The rule that was last."""
    fields: frozenset[str]


class Precedence:
    """Remembers the series of the higher tiers. One thread."""

    def __init__(self, max_series: int = _MAX_SERIES) -> None:
        self._made: dict[_Series, _Made] = {}
        self._max_series = max_series

    def sift(self, tier: Tier, mapped: Mapped, *, is_lowest: bool) -> Mapped:
        """What a rule of this tier has made, without what a higher one makes; DUPLICATE where
        nothing is left. `is_lowest`: nobody needs to know later what it has made."""
        if not mapped.points or (is_lowest and not self._made):
            return mapped
        kept: list[Point] = []
        origins: list[Origin | None] = []
        maker = ""
        for point, origin in zip_longest(mapped.points, mapped.origins):
            series = (point.measurement, frozenset(point.tags.items()))
            known = self._made.get(series)
            rest: Point | None = point
            if known is not None and known.tier < tier:
                rest = _without(point, known.fields) if tier is Tier.PRESETS else None
                if rest is not point:
                    maker = maker or known.rule
            elif not is_lowest:
                self._remember(series, _made(point, tier, mapped.rule, known))
            if rest is not None:
                kept.append(rest)
                origins.append(origin)
        if not maker:
            return mapped
        if kept or mapped.outcome is not Outcome.STORED:
            return replace(mapped, points=tuple(kept), origins=tuple(origins))
        reason = f"{maker} makes this series already"
        return Mapped(Outcome.DUPLICATE, rule=mapped.rule, reason=reason, kind=LEFT_OUT)

    def _remember(self, series: _Series, made: _Made) -> None:
        # The one seen last stands last, so that the one not seen for longest goes first.
        self._made.pop(series, None)
        if len(self._made) >= self._max_series:
            del self._made[next(iter(self._made))]
        self._made[series] = made


def _made(point: Point, tier: Tier, rule: str, known: _Made | None) -> _Made:
    if known is not None and known.tier is tier:
        if known.rule == rule and known.fields.issuperset(point.fields):
            return known
        return _Made(tier, rule, known.fields.union(point.fields))
    return _Made(tier, rule, frozenset(point.fields))


def _without(point: Point, names: frozenset[str]) -> Point | None:
    """The point without these fields; None if it has no others."""
    if names.isdisjoint(point.fields):
        return point
    fields = {name: number for name, number in point.fields.items() if name not in names}
    if not fields:
        return None
    return Point(time=point.time, measurement=point.measurement, tags=point.tags, fields=fields)
