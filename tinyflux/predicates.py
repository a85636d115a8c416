"""What a finished query is: one test of one value of a point, or queries joined by logic.

`query(point)` on one Point is the meaning of a query. Every other way to answer it (columns, index)
gives what calling it on each point would give.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from tinyflux.point import Point, shown
from tinyflux.times import to_us

Query: TypeAlias = "SimpleQuery | CompoundQuery"

EQUALITIES: dict[str, Callable[[Any, Any], Any]] = {"==": operator.eq, "!=": operator.ne}
ORDERINGS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
COMPARISONS = EQUALITIES | ORDERINGS


class NoValueError(Exception):
    """The point has no such value.

    Its key is missing, a function in `map` raised, or what it gave raises when it is compared.
    """


@dataclass(frozen=True, slots=True)
class Path:
    """The way from a point's attribute to the value that is tested: one key, then functions."""

    key: str | None = None
    maps: tuple[Callable[[Any], Any], ...] = ()

    def __call__(self, attribute: Any) -> Any:
        """The value; NoValueError where the point has none."""
        if self.key is None:
            return self.mapped(attribute)
        if self.key not in attribute:
            raise NoValueError
        return self.mapped(attribute[self.key])

    def mapped(self, value: Any) -> Any:
        """`value` after the functions of `map`, in order."""
        for function in self.maps:
            try:
                value = function(value)
            except Exception as error:
                raise NoValueError from error
        return value

    def __repr__(self) -> str:
        return repr(self.steps)

    @property
    def steps(self) -> tuple[Any, ...]:
        """The key, where there is one, and the functions."""
        return self.maps if self.key is None else (self.key, *self.maps)


# What a query does with the value is an object, not a closure: so that queries can be pickled.


@dataclass(frozen=True, slots=True)
class Comparison:
    """Whether a value compares with `rhs` as `symbol` says; None has no order."""

    symbol: str
    rhs: Any

    def __call__(self, value: Any) -> bool:
        """NoValueError where a function in `map` gave what cannot be compared.

        Such are a text and a number in order, or arrays, whose comparison has no truth value.
        """
        if self.symbol in ORDERINGS and (value is None or self.rhs is None):
            return False
        try:
            return bool(COMPARISONS[self.symbol](value, self.rhs))
        except Exception as error:
            raise NoValueError from error


@dataclass(frozen=True, slots=True)
class Instant:
    """Whether a time compares with `rhs_us` as `symbol` says.

    In microseconds: exact, and right for a point not inserted yet.
    """

    symbol: str
    rhs_us: int

    def __call__(self, moment: Any) -> bool:
        if moment is None:
            return self.symbol == "!="
        return bool(COMPARISONS[self.symbol](to_us(moment), self.rhs_us))


@dataclass(frozen=True, slots=True)
class Regex:
    """Whether a value is text that matches, as a whole or in some part."""

    pattern: re.Pattern[str]
    is_whole: bool

    def __call__(self, value: Any) -> bool:
        if not isinstance(value, str):
            return False
        found = self.pattern.fullmatch(value) if self.is_whole else self.pattern.search(value)
        return found is not None


@dataclass(frozen=True, slots=True)
class UserTest:
    """Whether a user's function of the value is true."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]

    def __call__(self, value: Any) -> bool:
        return bool(self.function(value, *self.arguments))


@dataclass(frozen=True, slots=True)
class Always:
    """True for every value."""

    def __call__(self, _value: Any) -> bool:
        return True


class Evaluable:
    """What finished queries have in common: equality and hash by `hashval`, and logic.

    `hashval` says all that a query asks for; None where a part of it cannot be hashed.
    """

    hashval: tuple[Any, ...] | None

    def __call__(self, point: Point) -> bool:
        """Whether `point` matches."""
        raise NotImplementedError

    def is_hashable(self) -> bool:
        """Whether every part of this query can be hashed."""
        return self.hashval is not None

    def __hash__(self) -> int:
        if self.hashval is None:
            raise TypeError(f"a part of this query cannot be hashed: {self!r}")
        return hash(self.hashval)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Evaluable):
            return False
        return self.hashval is not None and self.hashval == other.hashval

    def __and__(self, other: Any) -> CompoundQuery:
        return self._joined(other, operator.and_)

    def __or__(self, other: Any) -> CompoundQuery:
        return self._joined(other, operator.or_)

    def __invert__(self) -> CompoundQuery:
        hashval = None if self.hashval is None else ("not_", self.hashval)
        return CompoundQuery(_finished(self), None, operator.not_, hashval)

    def _joined(self, other: object, how: Callable[..., Any]) -> CompoundQuery:
        query = _finished(other)
        hashval: tuple[Any, ...] | None = None
        if self.hashval is not None and query.hashval is not None:
            hashval = (how.__name__, frozenset((self.hashval, query.hashval)))
        return CompoundQuery(_finished(self), query, how, hashval)


class SimpleQuery(Evaluable):
    """One test of one value of a point; made by the builders, called with a Point.

    `rhs` is the right-hand side as it is compared; for `matches` and `search` the regex and its
    flags, for `test` the function and its arguments. It can be pickled if its functions can.

    Made by hand it asks what its call asks, `test` of what `path_resolver` gives of the attribute,
    on every storage; `operator` and `rhs` are for those who read it.
    """

    __module__ = "tinyflux.queries"  # where it is documented

    def __init__(
        self,
        point_attr: str,
        operator: str,
        rhs: Any,
        test: Callable[[Any], bool],
        path_resolver: Callable[[Any], Any],
        hashval: tuple[Any, ...] | None,
    ) -> None:
        self._point_attr = point_attr
        self.operator = operator
        self.rhs = rhs
        self.value_test = test
        self.path_resolver = path_resolver
        self.hashval = hashval

    @property
    def point_attr(self) -> str:
        """`time`, `measurement`, `tags` or `fields`."""
        return self._point_attr

    def __call__(self, point: Point) -> bool:
        """Whether `point` matches; False where it has no such value.

        Raises TypeError for what is no Point.
        """
        if not isinstance(point, Point):
            raise TypeError(f"a query is called with a Point, found {type(point).__name__}")
        try:
            return bool(self.value_test(self.path_resolver(getattr(point, self._point_attr))))
        except NoValueError:
            return False

    def __repr__(self) -> str:
        return (
            f"SimpleQuery({self._point_attr!r}, {self.operator!r}, "
            f"{self.path_resolver!r}, {shown(self.rhs)})"
        )


class CompoundQuery(Evaluable):
    """Two queries and `operator.and_` or `operator.or_`, or one query and `operator.not_`.

    Both sides are always evaluated, so that an error in a `test` does not depend on the data. Made
    by hand it may have any function of two bools, or of one, as its `operator`.
    """

    __module__ = "tinyflux.queries"  # where it is documented

    def __init__(
        self,
        query1: Query,
        query2: Query | None,
        operator: Callable[..., Any],
        hashval: tuple[Any, ...] | None,
    ) -> None:
        self.query1 = query1
        self.query2 = query2
        self.operator = operator
        self.hashval = hashval

    def __call__(self, point: Point) -> bool:
        """Whether `point` matches."""
        first = bool(self.query1(point))
        if self.query2 is None:
            return bool(self.operator(first))
        return bool(self.operator(first, bool(self.query2(point))))

    def __repr__(self) -> str:
        name = getattr(self.operator, "__name__", repr(self.operator)).strip("_")
        if self.query2 is None:
            return f"CompoundQuery({name!r}, {self.query1!r})"
        return f"CompoundQuery({name!r}, {self.query1!r}, {self.query2!r})"


def _finished(query: object) -> Query:
    """`query` if it can be evaluated; TypeError otherwise, RuntimeError for a builder."""
    if isinstance(query, SimpleQuery | CompoundQuery):
        return query
    if callable(query) and hasattr(query, "is_hashable"):
        query(Point())  # a builder without a comparison: says so itself
    raise TypeError(f"a query can only be combined with a query, found {type(query).__name__}")
