"""A query over the columns of a segment: which rows match.

Gives exactly what `query(point)` gives on each row, errors of a user's `test` included, but
compares whole columns at once, and runs functions and regexes on texts once per distinct value.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import NoneType
from typing import Any

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
from tinyflux.known_queries import (
    Parts,
    ValueTest,
    is_logic,
    is_noop,
    parts_of,
    runs_tests,
    time_bounds,
)
from tinyflux.materialize import points_of
from tinyflux.predicates import (
    COMPARISONS,
    EQUALITIES,
    Always,
    Comparison,
    Instant,
    NoValueError,
    Path,
    Query,
    UserTest,
)
from tinyflux.segment import Segment
from tinyflux.times import datetimes

Mask = NDArray[np.bool_]


@dataclass(slots=True)
class Failure:
    """The first row of a segment on which a user's function raised."""

    row: int
    error: Exception


@dataclass(slots=True)
class Evaluation:
    """Which rows of one segment match; `failure` where a `test` raised on a row in scope."""

    matching: Selection
    failure: Failure | None = None

    @property
    def selection(self) -> Selection:
        """The matching rows; raises what a `test` raised on the first row that it raised on.

        To be asked for outside of generators: they may not raise StopIteration, which a `test` may.
        """
        if self.failure is not None:
            raise self.failure.error
        return self.matching

    @property
    def is_nothing(self) -> bool:
        """Whether no row matches and nothing was raised."""
        return self.failure is None and selection_size(self.matching) == 0


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
    parts: Parts | None = ("measurement", Path(), Always())
    if query is not None:
        parts = parts_of(query)
    if parts is None or parts[0] != "measurement" or isinstance(parts[2], UserTest):
        return None
    _, path, test = parts
    return sum(
        n_rows
        for name, n_rows in counts.items()
        if measurement in (None, name) and _fits(name, path, test)
    )


def _fits(name: str, path: Path, test: ValueTest) -> bool:
    try:
        return test(path.mapped(name))
    except NoValueError:
        return False


def _of_measurement(segment: Segment, name: str, scope: Selection) -> Selection:
    column = segment.measurement
    if column.values == (name,):
        return scope
    if name not in column.values:
        return np.empty(0, dtype=np.int64)
    codes = column.codes[scope]
    return _rows_at(scope, np.flatnonzero(codes == column.values.index(name)))


def _rows_at(scope: Selection, places: RowArray) -> RowArray:
    if not isinstance(scope, slice):
        return scope[places]
    return places + scope.start if scope.start else places


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
        if not is_logic(query):
            parts = parts_of(query)
            return self.point_by_point(query) if parts is None else self.simple(*parts)
        first = self.mask(query.query1)
        if query.query2 is None:
            return ~first
        second = self.mask(query.query2)
        return first & second if query.operator is operator.and_ else first | second

    def simple(self, attribute: str, path: Path, test: ValueTest) -> Mask:
        if is_noop(path, test):
            return np.ones(selection_size(self.scope), dtype=np.bool_)
        if attribute == "time":
            return self.time(path, test)
        if attribute == "measurement":
            return self.scattered(self.segment.measurement, path, test, text_mask)
        if attribute == "tags":
            return self.scattered(self.segment.tags.get(path.key or ""), path, test, text_mask)
        return self.scattered(self.segment.fields.get(path.key or ""), path, test, field_mask)

    def scattered(
        self, column: Any, path: Path, test: ValueTest, mask_of: Callable[..., _Tested]
    ) -> Mask:
        """The mask of one column over the scope: False where a row does not carry it."""
        mask = np.zeros(selection_size(self.scope), dtype=np.bool_)
        if column is None:
            return mask
        positions, places = positions_of(column.rows, self.scope)
        tested = mask_of(column, positions, path, test)
        mask[places] = tested.mask
        if tested.failure is not None:
            place, error = tested.failure
            at = np.arange(len(mask))[places][place]
            self.failures.append(Failure(self.row(int(at)), error))
        return mask

    def time(self, path: Path, test: ValueTest) -> Mask:
        times_us = self.segment.times_us[self.scope]
        if isinstance(test, Instant):
            # An aware time may lie outside what int64 µs of stored rows reach, never of int64.
            mask: Mask = COMPARISONS[test.symbol](times_us, test.rhs_us)
            return mask
        tested = values_mask(datetimes(times_us), path, test)
        if tested.failure is not None:
            place, error = tested.failure
            self.failures.append(Failure(self.row(place), error))
        return tested.mask

    def point_by_point(self, query: Query) -> Mask:
        """Of a query that a caller built by hand: only the call says what it means."""
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


def text_mask(column: TextColumn, positions: Any, path: Path, test: ValueTest) -> _Tested:
    """Test the texts at `positions`; each distinct value once."""
    codes = column.codes[positions]
    if not path.maps and isinstance(test, Comparison) and test.symbol == "==":
        rhs = test.rhs
        if rhs is None or type(rhs) is str:
            hit = column.values.index(rhs) if rhs in column.values else -1
            return _Tested(codes == hit)
    hits = np.zeros(len(column.values), dtype=np.bool_)
    errors: dict[int, Exception] = {}
    present = list(range(len(column.values)))
    if path.maps or isinstance(test, UserTest):  # a function is only called for rows in scope
        present = np.flatnonzero(np.bincount(codes, minlength=len(column.values))).tolist()
    for code in present:
        try:
            hits[code] = test(path.mapped(column.values[code]))
        except NoValueError:
            continue
        except Exception as error:  # noqa: BLE001 - kept for the caller, who raises it
            errors[code] = error
    failure = None
    if errors:
        place, code = min((int(np.argmax(codes == code)), code) for code in errors)
        failure = (place, errors[code])
    return _Tested(hits[codes], failure)


def field_mask(column: FieldColumn, positions: Any, path: Path, test: ValueTest) -> _Tested:
    """Test the numbers at `positions`, whole columns at once where no function is involved."""
    if not path.maps:
        if isinstance(test, Comparison) and type(test.rhs) in (int, float, NoneType):
            return _Tested(_compared(column, positions, test.symbol, test.rhs))
        if isinstance(test, Always):
            return _Tested(np.ones(len(column.numbers[positions]), dtype=np.bool_))
    return values_mask(column.pythons(positions), path, test)


def values_mask(values: list[Any], path: Path, test: ValueTest) -> _Tested:
    """Test Python values one by one."""
    mask = np.zeros(len(values), dtype=np.bool_)
    failure: tuple[int, Exception] | None = None
    for place, value in enumerate(values):
        try:
            mask[place] = test(path.mapped(value))
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
