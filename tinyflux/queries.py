"""Queries: what a point must be like. `query(point)` on one Point is the meaning of a query.

A builder (`TimeQuery`, `MeasurementQuery`, `TagQuery`, `FieldQuery`) names a value of the point; a
comparison or test makes a `SimpleQuery` of it; `&`, `|` and `~` make `CompoundQuery`s. Nothing here
knows columns or storage.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NoReturn

from tinyflux.errors import QueryError
from tinyflux.point import Point, is_field_value, plain_number
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
from tinyflux.times import from_us, is_moment, to_us
from tinyflux.utils import freeze, told_apart

__all__ = [
    "BaseQuery",
    "CompoundQuery",
    "FieldQuery",
    "MeasurementQuery",
    "SimpleQuery",
    "TagQuery",
    "TimeQuery",
]


class BaseQuery:
    """Builds queries; not itself callable with a point, which raises RuntimeError."""

    # A public name here would be no key any more: `TagQuery().path == "/"` asks for the tag `path`.
    _attribute = ""
    """The attribute of a Point that this builder looks at."""
    _needs_key = False
    _regex_refusal = ""

    def __init__(self, path: Path = Path()) -> None:  # noqa: B008 - a Path is frozen
        self._path = path

    def __call__(self, _point: Point) -> NoReturn:
        raise QueryError(
            "Empty query was evaluated: compare it with something first, "
            f"as in {type(self).__name__}(){'.key' if self._needs_key else ''} == value"
        )

    __and__ = __or__ = __rand__ = __ror__ = __call__

    def __invert__(self) -> NoReturn:
        self(Point())

    def __getattr__(self, key: str) -> BaseQuery:
        if key.startswith("__") and key.endswith("__"):
            raise AttributeError(key)
        return self[key]

    def __getitem__(self, key: str) -> BaseQuery:
        if not self._needs_key:
            raise QueryError(f"{type(self).__name__} has no keys, found {key!r}")
        if not isinstance(key, str):
            raise QueryError(f"a key of {type(self).__name__} is a str, found {key!r}")
        if self._path.steps:
            raise QueryError(f"the values of {self._attribute} have no keys, found {key!r}")
        return type(self)(Path(key))

    def __hash__(self) -> int:
        return hash((self._attribute, self._path))

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self._path!r}"

    def is_hashable(self) -> bool:
        """Whether this query names a value already, by functions that can be hashed.

        TimeQuery and MeasurementQuery do from the start, TagQuery and FieldQuery with their key.
        """
        if not self._attribute or (self._needs_key and self._path.key is None):
            return False
        try:
            hash(self)
        except TypeError:
            return False
        return True

    def map(self, func: Callable[[Any], Any]) -> BaseQuery:
        """This builder with `func` applied to the value before it is tested; chains.

        A point for which `func` raises has no such value and matches nothing. After a `map` the
        right-hand side of a comparison may have any type.
        """
        if not callable(func):
            raise TypeError(f"map takes a function, found {func!r}")
        self._require_key()
        return type(self)(Path(self._path.key, (*self._path.maps, func)))

    def __eq__(self, rhs: object) -> SimpleQuery:  # type: ignore[override]
        return self._compared("==", rhs)

    def __ne__(self, rhs: object) -> SimpleQuery:  # type: ignore[override]
        return self._compared("!=", rhs)

    def __lt__(self, rhs: Any) -> SimpleQuery:
        return self._compared("<", rhs)

    def __le__(self, rhs: Any) -> SimpleQuery:
        return self._compared("<=", rhs)

    def __gt__(self, rhs: Any) -> SimpleQuery:
        return self._compared(">", rhs)

    def __ge__(self, rhs: Any) -> SimpleQuery:
        return self._compared(">=", rhs)

    def _compared(self, symbol: str, rhs: Any) -> SimpleQuery:
        rhs = self._checked(symbol, rhs)
        return self._simple(symbol, rhs, Comparison(symbol, rhs))

    def _checked(self, symbol: str, rhs: Any) -> Any:
        """The right-hand side as it is compared; TypeError where it can never be meant."""
        self._require_key()
        return rhs if self._path.maps else self._checked_rhs(symbol, rhs)

    def _checked_rhs(self, symbol: str, rhs: Any) -> Any:
        """`rhs` as this builder's values are compared with it; TypeError if it has no such type."""
        raise NotImplementedError

    def _require_key(self) -> None:
        if not self._attribute:
            raise QueryError(
                f"{type(self).__name__} names no value of a point: begin with TimeQuery, "
                f"MeasurementQuery, TagQuery or FieldQuery"
            )
        if self._needs_key and self._path.key is None:
            raise QueryError(
                f"{type(self).__name__} needs a key: {type(self).__name__}().key or "
                f'{type(self).__name__}()["key"]'
            )

    def _simple(self, symbol: str, rhs: Any, test: Callable[[Any], bool]) -> SimpleQuery:
        return SimpleQuery(
            self._attribute, symbol, rhs, test, self._path, self._hash_of(symbol, rhs)
        )

    def _hash_of(self, symbol: str, rhs: Any) -> tuple[Any, ...] | None:
        # Stored values compare with 1 and 1.0 alike; a function may tell them apart.
        is_open = bool(self._path.maps) or symbol == "test"
        frozen = told_apart(rhs) if is_open else freeze(rhs)
        hashval = (self._attribute, symbol, self._path.steps, frozen)
        try:
            hash(hashval)
        except TypeError:
            return None
        return hashval

    def exists(self) -> SimpleQuery:
        """A query for points that have this value, None included."""
        self._require_key()
        return self._simple("exists", None, Always())

    def noop(self) -> SimpleQuery:
        """A query that every point matches, to start a composition with."""
        attribute = self._attribute or "measurement"
        return SimpleQuery(attribute, "noop", None, Always(), Path(), ("noop",))

    def test(self, func: Callable[..., Any], *args: Any) -> SimpleQuery:
        """A query for points where `func(value, *args)` is true.

        `func` must give the same result for the same value: it runs once per distinct value. What
        it raises reaches whoever runs the query.
        """
        if not callable(func):
            raise TypeError(f"test takes a function, found {func!r}")
        self._require_key()
        return self._simple("test", (func, *args), UserTest(func, args))

    def matches(self, regex: str, flags: int = 0) -> SimpleQuery:
        r"""A query for points where the whole value matches `regex`, as in `r"\w+"`."""
        return self._regex("matches", regex, flags)

    def search(self, regex: str, flags: int = 0) -> SimpleQuery:
        """A query for points where some part of the value matches `regex`."""
        return self._regex("search", regex, flags)

    def _regex(self, symbol: str, regex: str, flags: int) -> SimpleQuery:
        if self._regex_refusal and not self._path.maps:
            raise QueryError(self._regex_refusal)
        self._require_key()
        pattern: re.Pattern[str] = re.compile(regex, flags)
        if not isinstance(pattern.pattern, str):
            raise TypeError(f"a regex is a str, found {regex!r}")
        test = Regex(pattern, is_whole=symbol == "matches")
        return self._simple(symbol, (pattern.pattern, pattern.flags), test)


class TimeQuery(BaseQuery):
    """Queries on a point's time. The right-hand side is a datetime; a naive one is local time."""

    _attribute = "time"
    _regex_refusal = "a time has no text: a regex cannot test it; map it to text first"

    def _checked_rhs(self, symbol: str, rhs: Any) -> Any:
        """An aware datetime; a naive `rhs` is converted now."""
        if not is_moment(rhs):
            raise TypeError(f"a time is compared with a datetime: {symbol} {rhs!r}")
        if rhs.tzinfo is None or rhs.utcoffset() is None:
            return from_us(to_us(rhs))
        return rhs

    def _compared(self, symbol: str, rhs: Any) -> SimpleQuery:
        if self._path.maps:
            return super()._compared(symbol, rhs)
        rhs = self._checked_rhs(symbol, rhs)
        test = Instant(symbol, to_us(rhs))
        hashval = ("time", symbol, (), test.rhs_us)
        return SimpleQuery("time", symbol, rhs, test, self._path, hashval)


class MeasurementQuery(BaseQuery):
    """Queries on a point's measurement. The right-hand side is a str."""

    _attribute = "measurement"

    def _checked_rhs(self, symbol: str, rhs: Any) -> Any:
        """A str, else TypeError."""
        if not isinstance(rhs, str):
            raise TypeError(f"a measurement is compared with a str: {symbol} {rhs!r}")
        return rhs


class TagQuery(BaseQuery):
    """Queries on the value of one tag. The right-hand side is a str or None.

    `TagQuery().room == "kitchen"`; a key that is no identifier: `TagQuery()["my room"]`.
    """

    _attribute = "tags"
    _needs_key = True

    def _checked_rhs(self, symbol: str, rhs: Any) -> Any:
        """A str or None, else TypeError."""
        if rhs is not None and not isinstance(rhs, str):
            raise TypeError(
                f"a tag is compared with a str or None: "
                f"{self._path.key} {symbol} {rhs!r}; tags hold text"
            )
        return rhs


class FieldQuery(BaseQuery):
    """Queries on the value of one field. The right-hand side is an int, a float or None.

    `FieldQuery().temperature > 20`; a key that is no identifier: `FieldQuery()["my field"]`.
    """

    _attribute = "fields"
    _needs_key = True
    _regex_refusal = "a field has no text: a regex cannot test it; map it to text first"

    def _checked_rhs(self, symbol: str, rhs: Any) -> Any:
        """A plain number or None, else TypeError."""
        if not is_field_value(rhs) and not isinstance(rhs, bool):
            raise TypeError(
                f"a field is compared with a number or None: {self._path.key} {symbol} {rhs!r}"
            )
        return plain_number(rhs)


def require_query(query: object) -> Query:
    """`query` if it can be evaluated; QueryError for an empty one, TypeError for anything else."""
    if isinstance(query, SimpleQuery | CompoundQuery):
        return query
    if isinstance(query, BaseQuery):
        query(Point())
    raise TypeError(
        f"a query is needed, as TagQuery().room == 'kitchen', found {type(query).__name__}"
    )
