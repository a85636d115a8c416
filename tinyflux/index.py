"""The documented index: a table of columns that answers queries with row numbers.

A TinyFlux instance keeps one. It is not part of the interface that programs need.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import numpy as np

from tinyflux.arguments import items_of, whole_number
from tinyflux.columns import RowArray
from tinyflux.errors import ArgumentError
from tinyflux.point import Point
from tinyflux.predicates import Query
from tinyflux.queries import require_query
from tinyflux.segment import segment_of_points
from tinyflux.storable import require_point
from tinyflux.table import Table
from tinyflux.times import from_us

__all__ = ["Index", "IndexResult"]


class IndexResult:
    """The rows that a query found, among `index_count` rows."""

    def __init__(self, items: Iterable[int], index_count: int) -> None:
        rows = np.array(sorted(items))
        if len(rows) and rows.dtype.kind not in "iu":
            raise ArgumentError(f"items are row numbers, ints, found {rows[0].item()!r} among them")
        self._rows = rows.astype(np.int64)
        self._index_count = index_count

    @property
    def items(self) -> set[int]:
        """The row numbers."""
        return set(self._rows.tolist())

    @property
    def rows(self) -> RowArray:
        """The row numbers as an ascending int64 array."""
        return self._rows

    @property
    def index_count(self) -> int:
        """The number of rows in the index that was searched."""
        return self._index_count

    def __and__(self, other: IndexResult) -> IndexResult:
        return IndexResult(self.items & other.items, self._index_count)

    def __or__(self, other: IndexResult) -> IndexResult:
        return IndexResult(self.items | other.items, self._index_count)

    def __invert__(self) -> IndexResult:
        return IndexResult(set(range(self._index_count)) - self.items, self._index_count)

    def __len__(self) -> int:
        return len(self._rows)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IndexResult):
            return NotImplemented
        return self.items == other.items and self.index_count == other.index_count

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"IndexResult({len(self._rows)} of {self._index_count} rows)"


def _points(points: Iterable[Point]) -> list[Point]:
    return [require_point(point) for point in items_of("an index", points, "Points")]


class Index:
    """Columns over every point of a database, in insertion order.

    Points that come late need no rebuild: `valid` stays true. `build`, `insert`, `remove`,
    `update` and `invalidate` return the index itself, so that calls chain.
    """

    def __init__(self, valid: bool = True) -> None:
        self._table = Table()
        self._valid = valid

    @property
    def table(self) -> Table:
        """The columns."""
        return self._table

    @property
    def empty(self) -> bool:
        """Whether the index holds no point."""
        return self._table.n_rows == 0

    @property
    def valid(self) -> bool:
        """Whether the index represents the present state of its database."""
        return self._valid

    @property
    def latest_time(self) -> datetime | None:
        """The greatest time in the index, aware UTC; None where it is empty."""
        if self.empty:
            return None
        return from_us(max(segment.time_order.last_us for segment in self._table.segments))

    @property
    def lateset_time(self) -> datetime | None:
        """`latest_time`, as the documentation spells it."""
        return self.latest_time

    def __len__(self) -> int:
        return self._table.n_rows

    def __repr__(self) -> str:
        state = "valid" if self._valid else "invalid"
        return f"Index({len(self)} points in {len(self._table.segments)} segments, {state})"

    def adopt(self, table: Table) -> Index:
        """Make `table` the content; the index is valid then."""
        self._table = table
        self._valid = True
        return self

    def build(self, points: Iterable[Point]) -> Index:
        """Hold `points` and nothing else; TypeError for what is no Point."""
        points = _points(points)
        return self.adopt(Table()).insert(points)

    def insert(self, points: Iterable[Point] = ()) -> Index:
        """Add `points` behind the others, late or not; one without a time counts as now.

        Raises TypeError for what is no Point.
        """
        points = _points(points)
        if points:
            self._table.append(segment_of_points(points))
        return self

    def remove(self, r_items: Iterable[int]) -> Index:
        """Remove rows by number; those behind them move up.

        Raises ValueError for a row that is not there.
        """
        is_kept = np.ones(len(self), dtype=np.bool_)
        is_kept[self._rows("remove", r_items)] = False
        return self.adopt(self._table.rewritten(is_kept, {}))

    def update(self, u_items: Mapping[int, int]) -> Index:
        """Renumber rows: maps old numbers to new ones; rows that are not named are dropped.

        Raises ValueError for a row that is not there, and for new numbers with a gap.
        """
        if not isinstance(u_items, Mapping):
            raise ArgumentError(f"update takes a mapping of row numbers, found {u_items!r:.80}")
        self._rows("update", u_items)
        rows = sorted(u_items, key=lambda row: u_items[row])
        if sorted(u_items.values()) != list(range(len(rows))):
            raise ValueError("the new row numbers must be 0, 1, 2, … without a gap")
        ascending = np.array(sorted(rows), dtype=np.int64)
        points = dict(zip(ascending.tolist(), self._table.points(ascending), strict=True))
        return self.build([points[row] for row in rows])

    def _rows(self, what: str, numbers: Iterable[int]) -> list[int]:
        rows = [whole_number(what, row, 0) for row in items_of(what, numbers, "row numbers")]
        if rows and max(rows) >= len(self):
            raise ValueError(
                f"{what}: there is no row {max(rows)}; the index has {len(self)}, numbered from 0"
            )
        return rows

    def invalidate(self) -> Index:
        """Mark the index as no longer representing its database, and empty it."""
        self._table = Table()
        self._valid = False
        return self

    def search(self, query: Query) -> IndexResult:
        """The rows that match `query`."""
        return IndexResult(self._table.rows(require_query(query), None).tolist(), len(self))

    def get_measurements(self) -> set[str]:
        """The distinct measurements."""
        return self._table.measurements()

    def get_field_keys(self, measurement: str | None = None) -> set[str]:
        """The distinct field keys, of all points or of one measurement."""
        return self._table.keys("fields", measurement)

    def get_tag_keys(self, measurement: str | None = None) -> set[str]:
        """The distinct tag keys, of all points or of one measurement."""
        return self._table.keys("tags", measurement)

    def get_field_values(
        self, field_key: str, measurement: str | None = None
    ) -> list[int | float | None]:
        """The values of a field in insertion order."""
        return self._table.field_values(field_key, measurement)

    def get_tag_values(
        self, tag_keys: Iterable[str] = (), measurement: str | None = None
    ) -> dict[str, set[str | None]]:
        """The distinct values of each of `tag_keys`, of every tag where none is named."""
        keys = list(tag_keys) or sorted(self.get_tag_keys(measurement))
        return {key: self._table.tag_values(key, measurement) for key in keys}

    def get_timestamps(self, measurement: str | None = None) -> list[float]:
        """POSIX timestamps in insertion order."""
        rows = self._table.rows(None, measurement)
        return (self._table.times_us(rows) / 1_000_000).tolist()  # type: ignore[no-any-return]
