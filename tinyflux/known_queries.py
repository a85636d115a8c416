"""What is known of a query before it is run: its parts, whose errors it may raise, its times.

What a query means is what its call does. Only where every part of it is of this package is that
known beforehand: a caller may build one by hand, or override how it is called.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias, TypeGuard

from tinyflux.predicates import (
    Always,
    Comparison,
    CompoundQuery,
    Instant,
    Path,
    Query,
    Regex,
    SimpleQuery,
    UserTest,
)

ValueTest: TypeAlias = "Callable[[Any], bool]"
"""What a query does with a value; NoValueError is False."""
Parts: TypeAlias = "tuple[str, Path, ValueTest]"
"""The attribute of a point, the way from there to the value, and the test of it."""

FOREVER = (-(1 << 62), 1 << 62)
"""Time bounds that exclude nothing, µs."""

_TESTS = frozenset((Always, Comparison, Instant, Regex, UserTest))
_HAS_KEY = {"time": False, "measurement": False, "tags": True, "fields": True}


def is_logic(query: object) -> TypeGuard[CompoundQuery]:
    """Whether a query is `&`, `|` or `~` of others."""
    if type(query) is not CompoundQuery:
        return False
    how = query.operator
    if query.query2 is None:
        return how is operator.not_
    return how is operator.and_ or how is operator.or_


def parts_of(query: Query) -> Parts | None:
    """The parts of a query that looks at one value; None where only calling it tells its meaning.

    A key is there for tags and fields, and for them only, but in `noop`.
    """
    if type(query) is not SimpleQuery or type(query.path_resolver) is not Path:
        return None
    attribute, path, test = query.point_attr, query.path_resolver, query.value_test
    if type(test) not in _TESTS:
        return None
    if type(test) is Instant and (attribute != "time" or path.maps):
        return None
    has_key = _HAS_KEY.get(attribute)
    if (path.key is not None) is has_key or (has_key is not None and is_noop(path, test)):
        return attribute, path, test
    return None


def is_noop(path: Path, test: ValueTest) -> bool:
    """Whether every point has the value, and passes the test."""
    return type(test) is Always and path.key is None and not path.maps


def runs_tests(query: Query) -> bool:
    """Whether a caller's function decides: only its errors reach the caller."""
    if is_logic(query):
        second = query.query2
        return runs_tests(query.query1) or (second is not None and runs_tests(second))
    parts = parts_of(query)
    return parts is None or type(parts[2]) is UserTest


def time_bounds(query: Query) -> tuple[int, int]:
    """Earliest and latest µs that a row can have on which `query` is true."""
    if is_logic(query):
        if query.operator is not operator.and_ or query.query2 is None:
            return FOREVER
        first, second = time_bounds(query.query1), time_bounds(query.query2)
        return max(first[0], second[0]), min(first[1], second[1])
    parts = parts_of(query)
    if parts is None or not isinstance(parts[2], Instant):
        return FOREVER
    rhs_us = parts[2].rhs_us
    return {
        "<": (FOREVER[0], rhs_us - 1),
        "<=": (FOREVER[0], rhs_us),
        ">": (rhs_us + 1, FOREVER[1]),
        ">=": (rhs_us, FOREVER[1]),
        "==": (rhs_us, rhs_us),
    }.get(parts[2].symbol, FOREVER)
