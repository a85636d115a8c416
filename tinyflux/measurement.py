"""A handle on the points of one measurement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, tzinfo
from typing import Any

from numpy.typing import NDArray

from tinyflux.arguments import require_name
from tinyflux.changes import FieldChange, Keys, TagChange, TextChange, TimeChange
from tinyflux.index import Index
from tinyflux.point import Point
from tinyflux.predicates import Query
from tinyflux.queries import MeasurementQuery
from tinyflux.storages import Storage
from tinyflux.store import PointStore

__all__ = ["Measurement"]


class Measurement:
    """The points of one measurement of a database; every method is restricted to them."""

    def __init__(self, name: str, db: PointStore) -> None:
        self._name = require_name(name)
        self._db = db

    def __len__(self) -> int:
        return self._db.count_all(self._name)

    def __iter__(self) -> Iterator[Point]:
        return self._db.iterate(self._name)

    def __repr__(self) -> str:
        return f"Measurement({self._name!r}, {self._db!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Measurement):
            return NotImplemented
        return self._name == other.name and self.storage is other.storage

    def __hash__(self) -> int:
        return hash((self._name, id(self.storage)))

    @property
    def name(self) -> str:
        """The measurement's name."""
        return self._name

    @property
    def index(self) -> Index:
        """The index of the database."""
        return self._db.index

    @property
    def storage(self) -> Storage:
        """The storage of the database."""
        return self._db.storage

    def all(self, sorted: bool = True) -> list[Point]:
        """Every point, by time unless `sorted` is false, then in insertion order."""
        return self._db.search(MeasurementQuery().noop(), self._name, sorted)

    def contains(self, query: Query) -> bool:
        """Whether any point matches."""
        return self._db.contains(query, self._name)

    def count(self, query: Query) -> int:
        """The number of points that match."""
        return self._db.count(query, self._name)

    def get(self, query: Query) -> Point | None:
        """The first point that matches, in insertion order, or None."""
        return self._db.get(query, self._name)

    def search(
        self,
        query: Query,
        sorted: bool = True,
        *,
        limit: int | None = None,
        reverse: bool = False,
    ) -> list[Point]:
        """The points that match, by time, or as inserted, as `TinyFlux.search`."""
        return self._db.search(query, self._name, sorted, limit=limit, reverse=reverse)

    def latest(
        self, query: Query | None = None, by: str | Iterable[str] | None = None
    ) -> list[Point]:
        """The last point of each series or combination of tags, as `TinyFlux.latest`."""
        return self._db.latest(query, by, self._name)

    def aggregate(
        self,
        query: Query | None,
        fields: str | Iterable[str],
        every: str | timedelta | None = None,
        how: str | Iterable[str] = "mean",
        by: str | Iterable[str] = (),
        tz: str | tzinfo | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Statistics per window and combination of tags, as `TinyFlux.aggregate`."""
        return self._db.aggregate(query, fields, every, how, by, tz, self._name)

    def to_numpy(
        self,
        query: Query | None = None,
        fields: str | Iterable[str] | None = None,
        *,
        tags: str | Iterable[str] | None = None,
    ) -> dict[str, NDArray[Any]]:
        """The points that match as arrays, as `TinyFlux.to_numpy`."""
        return self._db.to_numpy(query, fields, self._name, tags=tags)

    def to_pandas(
        self,
        query: Query | None = None,
        fields: str | Iterable[str] | None = None,
        *,
        tags: str | Iterable[str] | None = None,
    ) -> Any:
        """The points that match as a pandas DataFrame."""
        return self._db.to_pandas(query, fields, self._name, tags=tags)

    def to_polars(
        self,
        query: Query | None = None,
        fields: str | Iterable[str] | None = None,
        *,
        tags: str | Iterable[str] | None = None,
    ) -> Any:
        """The points that match as a polars DataFrame."""
        return self._db.to_polars(query, fields, self._name, tags=tags)

    def select(self, keys: str | Iterable[str], query: Query) -> list[Any]:
        """Attributes of the points that match, as `TinyFlux.select` gives them."""
        return self._db.select(keys, query, self._name)

    def get_field_keys(self) -> list[str]:
        """The distinct field keys, sorted."""
        return self._db.get_field_keys(self._name)

    def get_field_values(self, field_key: str) -> list[int | float | None]:
        """The values of a field in insertion order."""
        return self._db.get_field_values(field_key, self._name)

    def get_tag_keys(self) -> list[str]:
        """The distinct tag keys, sorted."""
        return self._db.get_tag_keys(self._name)

    def get_tag_values(self, tag_keys: Iterable[str] = ()) -> dict[str, list[str | None]]:
        """The distinct values of each of `tag_keys`, of every tag if none is named."""
        return self._db.get_tag_values(tag_keys, self._name)

    def get_timestamps(self) -> list[datetime]:
        """The time of each point, aware UTC, in insertion order."""
        return self._db.get_timestamps(self._name)

    def insert(self, point: Point, compact_key_prefixes: bool = False) -> int:
        """Store one point, whose measurement becomes this one; returns 1."""
        return self._db.insert(point, self._name, compact_key_prefixes)

    def insert_multiple(
        self, points: Iterable[Point], compact_key_prefixes: bool = False, batch_size: int = 1000
    ) -> int:
        """Store points, whose measurement becomes this one; returns their number."""
        return self._db.insert_multiple(points, self._name, compact_key_prefixes, batch_size)

    def remove(self, query: Query) -> int:
        """Remove the points that match; returns their number."""
        return self._db.remove(query, self._name)

    def remove_all(self) -> int:
        """Remove every point of the measurement; returns their number."""
        return self._db.drop_measurement(self._name)

    def update(
        self,
        query: Query,
        time: TimeChange = None,
        measurement: TextChange = None,
        tags: TagChange = None,
        fields: FieldChange = None,
        unset_fields: Keys = None,
        unset_tags: Keys = None,
    ) -> int:
        """Change the points that match; returns the number of those that became different."""
        return self._db.update(
            query, time, measurement, tags, fields, unset_fields, unset_tags, self._name
        )

    def update_all(
        self,
        time: TimeChange = None,
        measurement: TextChange = None,
        tags: TagChange = None,
        fields: FieldChange = None,
        unset_fields: Keys = None,
        unset_tags: Keys = None,
    ) -> int:
        """Change every point of the measurement."""
        return self.update(
            MeasurementQuery().noop(),
            time,
            measurement,
            tags,
            fields,
            unset_fields,
            unset_tags,
        )
