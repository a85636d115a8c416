"""Which tier makes a series: a lower one never adds what a higher one makes.

Within one message and across topics. The memory is bounded, and lasts as long as the mapper: after
a restart a lower tier may make a series until the higher one does.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest

from daemon.config import Tier
from daemon.messages import Mapped, Origin, Outcome
from tinyflux import Point

_MAX_SERIES = 50_000

LEFT_OUT = "other-rule"
"""The kind of an outcome whose points another rule makes."""

_Series = tuple[str, frozenset[tuple[str, str | None]]]


class Precedence:
    """Remembers the series of the higher tiers. One thread."""

    def __init__(self, max_series: int = _MAX_SERIES) -> None:
        self._makers: dict[_Series, tuple[Tier, str]] = {}
        self._max_series = max_series

    def sift(self, tier: Tier, mapped: Mapped) -> Mapped:
        """What a rule of this tier has made, without the points that a higher one makes; DUPLICATE
        where nothing is left."""
        if not mapped.points:
            return mapped
        kept: list[Point] = []
        origins: list[Origin | None] = []
        maker = ""
        for point, origin in zip_longest(mapped.points, mapped.origins):
            series = (point.measurement, frozenset(point.tags.items()))
            known = self._makers.get(series)
            if known is not None and known[0] < tier:
                maker = maker or known[1]
                continue
            kept.append(point)
            origins.append(origin)
            if tier is not Tier.DISCOVERY:
                self._remember(series, tier, mapped.rule)
        if not maker:
            return mapped
        if kept or mapped.outcome is not Outcome.STORED:
            return replace(mapped, points=tuple(kept), origins=tuple(origins))
        reason = f"{maker} makes this series already"
        return Mapped(Outcome.DUPLICATE, rule=mapped.rule, reason=reason, kind=LEFT_OUT)

    def _remember(self, series: _Series, tier: Tier, rule: str) -> None:
        # The one seen last stands last, so that the one not seen for longest goes first.
        self._makers.pop(series, None)
        if len(self._makers) >= self._max_series:
            del self._makers[next(iter(self._makers))]
        self._makers[series] = (tier, rule)
