"""A query over the columns of a segment: which rows match.

Gives exactly what `query(point)` gives on each row, errors of a user's `test` included, but
compares whole columns at once, and runs functions and regexes on texts once per distinct value.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard, cast

import numpy as np
from numpy.typing import NDArray

from tinyflux.columns import (
    EXACT,
    FLOAT64_INT_LIMIT,
    NONE,
    FieldColumn,
    RowArray,
    Selection,
    TextColumn,
    as_rows,
    nearest_float,
    positions_of,
    selection_size,
)
from tinyflux.materialize import points_of
from tinyflux.predicates import (
    COMPARISONS,
    EQUALITIES,
    CompoundQuery,
    NoValueError,
    Path,
    Query,
    SimpleQuery,
)
from tinyflux.segment import Segment
from tinyflux.times import datetimes, to_us

Mask = NDArray[np.bool_]

FOREVER = (-(1 << 62), 1 << 62)
"""Time bounds that exclude nothing, µs."""


@dataclass(slots=True)
class Failure:
    """The first row of a segment on which a user's function raised."""

    row: int
    error: Exception


@dataclass(slots=True)
class Evaluation:
    """Which rows of one segment match; `failure` where a `test` raised on a row in scope."""

    selection: Selection
    failure: Failure | None = None

    @property
    def rows(self) -> RowArray:
        """The matching rows, ascending."""
        return as_rows(self.selection)


def matching_rows(
    query: Query | None, measurement: str | None, segment: Segment, among: Mask | None = None
) -> Evaluation:
    """The rows of `segment` that are of `measurement` (None: any) and match `query` (None: all).

    `among` tells for each row whether it is looked at at all (None: each is).
    """
    scope: Selection = segment.everything()
    if query is not None and not runs_tests(query):
        low_us, high_us = time_bounds(query)
        first_us, last_us = segment.span_us
        if high_us < first_us or low_us > last_us:
            scope = slice(0, 0)
        elif low_us > first_us or high_us < last_us:
            scope = segment.time_order.between(segment.times_us, low_us, high_us)
    if measurement is not None and selection_size(scope):
        scope = _of_measurement(segment, measurement, scope)
    if among is not None:
        rows = as_rows(scope)
        scope = rows[among[rows]]
    if query is None or selection_size(scope) == 0:
        return Evaluation(scope)
    run = _Run(segment, scope)
    mask = run.mask(query)
    rows = np.flatnonzero(mask)
    return Evaluation(_rows_at(scope, rows), run.first_failure)


def count_by_measurement(
    query: Query | None, measurement: str | None, counts: Mapping[str, int]
) -> int | None:
    """The number of matching rows, of the rows of each measurement.

    None where the query asks for more than the measurement.
    """
    if query is not None and not _is_of_measurement(query):
        return None
    return sum(
        n_rows
        for name, n_rows in counts.items()
        if measurement in (None, name) and (query is None or _fits(name, query))
    )


def _is_of_measurement(query: Query) -> TypeGuard[SimpleQuery]:
    is_simple = isinstance(query, SimpleQuery) and query.point_attr == "measurement"
    return is_simple and not runs_tests(query)


def _fits(name: str, query: SimpleQuery) -> bool:
    path = cast(Path, query.path_resolver)
    try:
        return bool(query.value_test(path.mapped(name)))
    except NoValueError:
        return False


def runs_tests(query: Query) -> bool:
    """Whether a function of `test` is part of the query: only its errors reach the caller."""
    if isinstance(query, SimpleQuery):
        return query.operator == "test" or not _is_known(query)
    return any(runs_tests(part) for part in (query.query1, query.query2) if part is not None)


def time_bounds(query: Query) -> tuple[int, int]:
    """Earliest and latest µs that a matching row can have, as far as conjunctions tell."""
    if isinstance(query, CompoundQuery):
        if query.operator is not operator.and_ or query.query2 is None:
            return FOREVER
        first, second = time_bounds(query.query1), time_bounds(query.query2)
        return max(first[0], second[0]), min(first[1], second[1])
    if query.point_attr != "time" or not _is_known(query) or query.path_resolver != Path():
        return FOREVER
    if query.operator not in ("<", "<=", ">", ">=", "=="):
        return FOREVER
    rhs_us = to_us(query.rhs)
    return {
        "<": (FOREVER[0], rhs_us - 1),
        "<=": (FOREVER[0], rhs_us),
        ">": (rhs_us + 1, FOREVER[1]),
        ">=": (rhs_us, FOREVER[1]),
        "==": (rhs_us, rhs_us),
    }[query.operator]


def _is_known(query: SimpleQuery) -> bool:
    """Whether a builder of this package made the query, so that its parts can be trusted."""
    return isinstance(query.path_resolver, Path)


def _of_measurement(segment: Segment, name: str, scope: Selection) -> Selection:
    column = segment.measurement
    if column.values == (name,):
        return scope
    if name not in column.values:
        return np.empty(0, dtype=np.int64)
    codes = column.codes[scope]
    return _rows_at(scope, np.flatnonzero(codes == column.values.index(name)))


def _rows_at(scope: Selection, places: RowArray) -> RowArray:
    return places + scope.start if isinstance(scope, slice) else scope[places]


@dataclass(slots=True)
class _Run:
    """One query over one scope; a mask is as long as the scope."""

    segment: Segment
    scope: Selection
    failures: list[Failure] = field(default_factory=list)

    @property
    def first_failure(self) -> Failure | None:
        return min(self.failures, key=lambda failure: failure.row, default=None)

    def mask(self, query: Query) -> Mask:
        if isinstance(query, SimpleQuery):
            return self.simple(query)
        first = self.mask(query.query1)
        if query.query2 is None:
            return ~first
        second = self.mask(query.query2)
        return first & second if query.operator is operator.and_ else first | second

    def simple(self, query: SimpleQuery) -> Mask:
        if not isinstance(query.path_resolver, Path):
            return self.point_by_point(query)
        if query.operator == "noop":
            return np.ones(selection_size(self.scope), dtype=np.bool_)
        if query.point_attr == "time":
            return self.time(query, query.path_resolver)
        if query.point_attr == "measurement":
            return self.scattered(self.segment.measurement, query, query.path_resolver, text_mask)
        key = query.path_resolver.key or ""
        if query.point_attr == "tags":
            column = self.segment.tags.get(key)
            return self.scattered(column, query, query.path_resolver, text_mask)
        number = self.segment.fields.get(key)
        return self.scattered(number, query, query.path_resolver, field_mask)

    def scattered(
        self, column: Any, query: SimpleQuery, path: Path, test: Callable[..., _Tested]
    ) -> Mask:
        """The mask of one column over the scope: False where a row does not carry it."""
        mask = np.zeros(selection_size(self.scope), dtype=np.bool_)
        if column is None:
            return mask
        positions, places = positions_of(column.rows, self.scope)
        tested = test(column, positions, query, path)
        mask[places] = tested.mask
        if tested.failure is not None:
            place, error = tested.failure
            at = np.arange(len(mask))[places][place]
            self.failures.append(Failure(self.row(int(at)), error))
        return mask

    def time(self, query: SimpleQuery, path: Path) -> Mask:
        times_us = self.segment.times_us[self.scope]
        if not path.maps and query.operator in COMPARISONS:
            compare = COMPARISONS[query.operator]
            # An aware time may lie outside what int64 µs of stored rows reach, never of int64.
            mask: Mask = compare(times_us, to_us(query.rhs))
            return mask
        return self.one_by_one(datetimes(times_us), query, path)

    def one_by_one(self, values: list[Any], query: SimpleQuery, path: Path) -> Mask:
        tested = values_mask(values, query, path)
        if tested.failure is not None:
            place, error = tested.failure
            self.failures.append(Failure(self.row(place), error))
        return tested.mask

    def point_by_point(self, query: SimpleQuery) -> Mask:
        """A query that a caller built by hand: only the call says what it means."""
        rows = as_rows(self.scope)
        mask = np.zeros(len(rows), dtype=np.bool_)
        for place, point in enumerate(points_of(self.segment, rows)):
            try:
                mask[place] = query(point)
            except Exception as error:  # noqa: BLE001 - kept for the caller, who raises it
                self.failures.append(Failure(int(rows[place]), error))
        return mask

    def row(self, place: int) -> int:
        return int(_rows_at(self.scope, np.array([place]))[0])


@dataclass(slots=True)
class _Tested:
    """A mask over some values, and the first place at which a test raised."""

    mask: Mask
    failure: tuple[int, Exception] | None = None


def text_mask(column: TextColumn, positions: Any, query: SimpleQuery, path: Path) -> _Tested:
    """Test the texts at `positions`; each distinct value once."""
    codes = column.codes[positions]
    if not path.maps and query.operator == "==":
        if query.rhs not in column.values:
            return _Tested(np.zeros(len(codes), dtype=np.bool_))
        return _Tested(codes == column.values.index(query.rhs))
    hits = np.zeros(len(column.values), dtype=np.bool_)
    errors: dict[int, Exception] = {}
    present = list(range(len(column.values)))
    if query.operator == "test":
        present = np.flatnonzero(np.bincount(codes, minlength=len(column.values))).tolist()
    for code in present:
        try:
            hits[code] = query.value_test(path.mapped(column.values[code]))
        except NoValueError:
            continue
        except Exception as error:  # noqa: BLE001 - kept for the caller, who raises it
            errors[code] = error
    failure = None
    if errors:
        place, code = min((int(np.argmax(codes == code)), code) for code in errors)
        failure = (place, errors[code])
    return _Tested(hits[codes], failure)


def field_mask(column: FieldColumn, positions: Any, query: SimpleQuery, path: Path) -> _Tested:
    """Test the numbers at `positions`, whole columns at once where no function is involved."""
    if path.maps or query.operator == "test":
        return values_mask(column.pythons(positions), query, path)
    if query.operator == "exists":
        return _Tested(np.ones(len(column.numbers[positions]), dtype=np.bool_))
    return _Tested(_compared(column, positions, query.operator, query.rhs))


def values_mask(values: list[Any], query: SimpleQuery, path: Path) -> _Tested:
    """Test Python values one by one."""
    mask = np.zeros(len(values), dtype=np.bool_)
    failure: tuple[int, Exception] | None = None
    for place, value in enumerate(values):
        try:
            mask[place] = query.value_test(path.mapped(value))
        except NoValueError:
            continue
        except Exception as error:  # noqa: BLE001 - kept for the caller, who raises it
            failure = failure or (place, error)
    return _Tested(mask, failure)


def _compared(column: FieldColumn, positions: Any, symbol: str, rhs: int | float | None) -> Mask:
    """Numbers against a number or None, exact for integers of any size."""
    numbers = column.numbers[positions]
    if rhs is None:
        is_none = column.kinds_at(positions) == NONE
        none: dict[str, Mask] = {"==": is_none, "!=": ~is_none}
        return none.get(symbol, np.zeros(len(numbers), dtype=np.bool_))
    # None stands as NaN among the numbers: it is unequal to each and has no order, as in Python.
    mask = _against_floats(numbers, symbol, rhs)
    if column.exact:
        compare = COMPARISONS[symbol]
        at = np.arange(len(column.numbers))[positions]
        for place in np.flatnonzero(column.kinds_at(positions) == EXACT).tolist():
            mask[place] = compare(column.exact[int(at[place])], rhs)
    return mask


def _against_floats(numbers: NDArray[np.float64], symbol: str, rhs: int | float) -> Mask:
    nearest = nearest_float(rhs) if isinstance(rhs, int) else rhs
    if isinstance(rhs, int) and abs(rhs) > FLOAT64_INT_LIMIT and nearest != rhs:
        # No float equals rhs: it lies between two, and `nearest` is one of them.
        if symbol in EQUALITIES:
            return np.full(len(numbers), symbol == "!=")
        is_above = nearest > rhs
        symbol = {True: {"<=": "<", ">": ">="}, False: {"<": "<=", ">=": ">"}}[is_above].get(
            symbol, symbol
        )
    mask: Mask = COMPARISONS[symbol](numbers, nearest)
    return mask
