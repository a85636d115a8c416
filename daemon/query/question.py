"""What is asked of a data file, and the engine's query for it."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import reduce
from typing import Any

from daemon.query.conditions import FieldCondition, TagCondition
from daemon.query.durations import Length
from tinyflux import FieldQuery, TagQuery, TimeQuery
from tinyflux.predicates import Query

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COMPARISONS: dict[str, Callable[[Any, float], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which points: all that is given must fit; of conditions on one tag, one that is not negated.

    Times are µs UTC, `until_us` itself excluded.
    """

    measurement: str | None = None
    tags: tuple[TagCondition, ...] = ()
    where: tuple[FieldCondition, ...] = ()
    since_us: int | None = None
    until_us: int | None = None

    def query(self, fields: tuple[str, ...] = ()) -> Query | None:
        """The engine's query, None for every point; a point must carry one of `fields`, if any.

        The measurement is not in it: the engine takes that apart.
        """
        terms: list[Any] = []
        if self.since_us is not None:
            terms.append(TimeQuery() >= _moment(self.since_us))
        if self.until_us is not None:
            terms.append(TimeQuery() < _moment(self.until_us))
        terms += [_any_of(key, self.tags) for key in {tag.key: None for tag in self.tags}]
        terms += [_of_field(condition) for condition in self.where]
        if fields:
            terms.append(reduce(operator.or_, (FieldQuery()[key].exists() for key in fields)))
        return reduce(operator.and_, terms) if terms else None


@dataclass(frozen=True, slots=True)
class Question:
    """What to show of the points of a selection."""

    selection: Selection
    zone: tzinfo
    """Whose calendar windows follow."""
    fields: tuple[str, ...] = ()
    """In this order; none: all there are."""
    how: tuple[str, ...] = ()
    """Statistics; none: the points themselves."""
    every: Length | None = None
    """The window of the statistics; None: one for everything."""
    by: tuple[str, ...] | None = None
    """Tags whose values are kept apart; None: of statistics none, of the latest points all."""
    is_latest: bool = False
    """Only the last point of each series."""
    limit: int | None = None
    """At most so many rows, the latest."""
    is_reversed: bool = False
    """The latest first."""


def _moment(time_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=time_us)


def _any_of(key: str, conditions: tuple[TagCondition, ...]) -> Any:
    """Any of what a tag may be, and all of what it may not."""
    mine = [condition for condition in conditions if condition.key == key]
    wanted = [_of_tag(one) for one in mine if not one.is_negated]
    unwanted = [~_of_tag(one) for one in mine if one.is_negated]
    return reduce(operator.and_, [*unwanted, *([reduce(operator.or_, wanted)] if wanted else [])])


def _of_tag(condition: TagCondition) -> Any:
    tag = TagQuery()[condition.key]
    if condition.pattern is not None:
        return (tag.search if condition.is_part else tag.matches)(condition.pattern)
    if condition.text == "":
        return ~(tag != None)  # noqa: E711 - a query, which compares with None by !=
    return tag == condition.text


def _of_field(condition: FieldCondition) -> Any:
    field = FieldQuery()[condition.key]
    if condition.operator == "exists":
        return field.exists()
    return _COMPARISONS[condition.operator](field, condition.number)
