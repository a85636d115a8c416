"""Hypothesis strategies: points and queries of the nastiest kind that the format can hold."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from hypothesis import strategies as st

from tests.tinyflux.model import Edit
from tinyflux import FieldQuery, MeasurementQuery, Point, TagQuery, TimeQuery
from tinyflux.predicates import Query
from tinyflux.queries import BaseQuery

NASTY = (
    *("", " ", ",", '"', '""', "\n", "\r", "\r\n", "\n\n", "a,b", ' "a" ', "'", ";", "\t", "\0"),
    *("_", "t_", "f_", "_tag_", "_field_", "_tag_a", "t_a", "_none ", "none", "nan", "1", "0x1"),
    *("é", "𝄞", "\u2028", "\x85", "\x1c", "\ufeff", "ß", "a\0", "a\n", "\ra", "\\", "#"),
    *("2025-01-01T00:00:00", "2025-01-01T00:00:00,m\r\n", '",\n', "x" * 70, "ä" * 40),
)
KEYS = ("room", "a", "a b", "_", "_tag_", "t_", "f_", "_field_x", "t_a", "", "_none", 'q"', "n\nl")

any_text = st.text(st.characters(codec="utf-8"), max_size=6)
pieces = st.lists(st.sampled_from(NASTY) | any_text, max_size=3).map("".join)


def mostly(*usual: Any) -> Callable[[st.SearchStrategy[Any]], st.SearchStrategy[Any]]:
    """The strategy that mostly draws one of `usual`: so that queries find something."""
    return lambda rare: st.integers(0, 3).flatmap(
        lambda number: rare if number == 3 else st.sampled_from(usual)
    )


texts = mostly("x", "y", "X", "", "a,b")(st.sampled_from(NASTY) | pieces)
tag_values = mostly("x", "y", "X", "", "a,b", None)(texts.filter(lambda text: text != "_none"))
keys = mostly("room", "a", "t_a")(st.sampled_from(KEYS) | pieces)
measurements = mostly("_default", "m", "")(st.sampled_from(("_none", "a,b", "l\nl")) | pieces)

integers = st.one_of(
    st.integers(-3, 3),
    st.integers(),
    st.sampled_from([sign * (2**power + off) for sign in (1, -1) for power in (53, 63, 64)
                     for off in (-1, 0, 1)]),
    st.sampled_from([10**400, -(10**308) * 9, 2**1024]),
)  # fmt: skip
floats = st.one_of(
    st.floats(),
    st.sampled_from([0.0, -0.0, 1.0, 2.0, 0.1, 1e16, 1e22, 5e-324, -2.5e-310, 1e308, 2.0**53]),
    st.sampled_from([float("inf"), float("-inf"), float("nan")]),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-99, max_value=99).map(
        float
    ),
)
rhs_numbers = mostly(0, 1, 2, 1.0, 2**53 + 1, -0.5, None)(integers | floats)


@st.composite
def huge(draw: st.DrawFn) -> int:
    """An int of so many digits that Python refuses to write it out (nor does a test's report)."""
    return draw(st.integers(-9, 9)) * 10 ** draw(st.sampled_from((4298, 4299, 4300, 4999)))


zones = st.one_of(
    st.just(UTC),
    st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
BASE = datetime(2025, 3, 30, 1, tzinfo=UTC)
close_times = st.integers(-5, 5).map(lambda hours: BASE + timedelta(hours=hours))
edge_times = st.sampled_from(
    [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC),
     datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC),
     datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)]
)  # fmt: skip
aware_times = st.datetimes(
    datetime(1, 1, 2), datetime(9999, 12, 30), timezones=zones, allow_imaginary=False
)
naive_times = st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1))
times = st.one_of(close_times, close_times, close_times, edge_times, aware_times, naive_times)

tag_sets = st.dictionaries(keys, tag_values, max_size=4)
field_sets = st.dictionaries(keys, rhs_numbers, max_size=4)
huge_fields = st.dictionaries(keys, huge(), max_size=1)


@st.composite
def points(draw: st.DrawFn) -> Point:
    """A point of any content."""
    return Point(
        time=draw(times),
        measurement=draw(measurements),
        tags=draw(tag_sets),
        fields=draw(field_sets) | draw(st.just({}) | st.just({}) | huge_fields),
    )


class FunctionError(Exception):
    """What the functions of these queries raise."""


def is_long(text: str | None) -> bool:
    """A test of texts that fails on None."""
    if text is None:
        raise FunctionError("no text")
    return len(text) > 1


def is_above(number: float | None, limit: float) -> bool:
    """A test of numbers that fails on None and on some numbers."""
    if number is None or number == 1:
        raise FunctionError(f"{type(number).__name__} refused")
    return number > limit


def half(number: float) -> float:
    """Raises for None, zero and what is too large."""
    return 1 / number + number / 2


def upper(text: str) -> str:
    """Raises for None."""
    return text.upper()


def length(text: str) -> int | None:
    """Raises for None; gives None for the empty text."""
    return len(text) or None


def hour(moment: datetime) -> int:
    """The hour in UTC."""
    return moment.astimezone(UTC).hour


def is_even_hour(moment: datetime, zone: timezone) -> bool:
    """A test of times."""
    return moment.astimezone(zone).hour % 2 == 0


COMPARISONS: tuple[Callable[[Any, Any], Any], ...] = (
    operator.eq,
    operator.ne,
    operator.lt,
    operator.le,
    operator.gt,
    operator.ge,
)
REGEXES = ("", "a", "[a-z]+", r"\w*", ".", ".*", "^x", "x$", "\n", '"')


@st.composite
def _text_queries(draw: st.DrawFn, start: BaseQuery, rhs: st.SearchStrategy[Any]) -> Any:
    kind = draw(st.sampled_from(("compare", "compare", "regex", "exists", "test", "map", "maps")))
    if kind == "compare":
        return draw(st.sampled_from(COMPARISONS))(start, draw(rhs))
    if kind == "regex":
        how = draw(st.sampled_from((BaseQuery.matches, BaseQuery.search)))
        return how(start, draw(st.sampled_from(REGEXES)), draw(st.sampled_from((0, re.I, re.S))))
    if kind == "test":
        return start.test(is_long)
    if kind == "map":
        return draw(st.sampled_from(COMPARISONS))(start.map(length), draw(st.integers(0, 3)))
    if kind == "maps":
        return start.map(upper).map(length).exists()
    return start.exists()


@st.composite
def _number_queries(draw: st.DrawFn, start: BaseQuery) -> Any:
    kind = draw(st.sampled_from(("compare", "compare", "compare", "exists", "test", "map")))
    compare = draw(st.sampled_from(COMPARISONS))
    if kind == "compare":
        return compare(start, draw(rhs_numbers))
    if kind == "test":
        return start.test(is_above, draw(st.integers(-2, 2)))
    if kind == "map":
        return compare(start.map(half), draw(st.integers(-2, 2) | st.none() | st.just("text")))
    return start.exists()


@st.composite
def _time_queries(draw: st.DrawFn) -> Any:
    kind = draw(st.sampled_from(("compare", "compare", "compare", "test", "map")))
    compare = draw(st.sampled_from(COMPARISONS))
    if kind == "compare":
        return compare(TimeQuery(), draw(times))
    if kind == "test":
        return TimeQuery().test(is_even_hour, UTC)
    return compare(TimeQuery().map(hour), draw(st.integers(0, 5)))


simple_queries: st.SearchStrategy[Query] = st.one_of(
    st.sampled_from((TagQuery().noop(), FieldQuery().noop(), MeasurementQuery().noop())),
    keys.flatmap(lambda key: _text_queries(TagQuery()[key], tag_values)),
    keys.flatmap(lambda key: _number_queries(FieldQuery()[key])),
    _text_queries(MeasurementQuery(), measurements),
    _time_queries(),
)
queries: st.SearchStrategy[Query] = st.recursive(
    simple_queries,
    lambda parts: st.one_of(
        parts.map(operator.invert),
        st.builds(operator.and_, parts, parts),
        st.builds(operator.or_, parts, parts),
    ),
    max_leaves=4,
)


def later(moment: datetime) -> datetime:
    """A time in another zone; raises at the end of time."""
    return moment.astimezone(timezone(timedelta(hours=2))) + timedelta(hours=1)


def marked(tags: dict[str, str | None]) -> dict[str, str | None]:
    """Tags to merge in."""
    return {"n": str(len(tags)), "room": tags.get("room")}


def doubled(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields to merge in; raises on None and on numbers that are too large."""
    return {key: value * 2 for key, value in fields.items()}


edits: st.SearchStrategy[Edit] = st.builds(
    Edit,
    time=st.none() | times | st.just(later),
    measurement=st.none() | measurements | st.just(str.upper),
    tags=st.none() | st.none() | tag_sets | st.just(marked),
    fields=st.none() | field_sets | st.just(doubled),
    unset_tags=st.lists(keys, max_size=2).map(tuple),
    unset_fields=st.lists(keys, max_size=2).map(tuple),
).filter(lambda edit: bool(edit.arguments))
