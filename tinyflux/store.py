"""Points in, points out: everything a database does but to hand out measurement handles."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sized
from datetime import datetime
from functools import partial
from itertools import islice, takewhile
from types import TracebackType
from typing import Any, ClassVar, Self

from tinyflux.arguments import (
    items_of,
    require_callable,
    require_key,
    require_measurement,
    require_name,
    texts_of,
    whole_number,
)
from tinyflux.arguments import select_keys as checked_keys
from tinyflux.changes import (
    FieldChange,
    Keys,
    Remove,
    TagChange,
    TextChange,
    TimeChange,
    Update,
)
from tinyflux.engine import Engine, engine_of
from tinyflux.errors import CacheDamageError
from tinyflux.index import Index
from tinyflux.operations import (
    append_op,
    read_op,
    reset_op,
    temp_storage_op,
    write_op,
)
from tinyflux.point import Point
from tinyflux.predicates import Query
from tinyflux.queries import require_query
from tinyflux.reading import IndexReader, Reader, ScanReader, Span
from tinyflux.revision import Revision
from tinyflux.storable import Ready
from tinyflux.storages import CSVStorage, Storage

logger = logging.getLogger(__name__)

_BATCH_POINTS = 1000


class PointStore(Revision):
    """The operations of a database on its storage."""

    default_measurement_name: ClassVar[str] = Point.default_measurement_name
    default_storage_class: ClassVar[type[Storage]] = CSVStorage

    def __init__(self, *args: Any, auto_index: bool = True, **kwargs: Any) -> None:
        storage_class: Callable[..., Storage] = kwargs.pop("storage", self.default_storage_class)
        self._storage = require_callable("storage", storage_class)(*args, **kwargs)
        self._auto_index = auto_index
        self._engine = engine_of(self._storage, is_indexed=auto_index)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return self.count_all()

    def __iter__(self) -> Iterator[Point]:
        return self.iterate()

    def __repr__(self) -> str:
        place = getattr(self._storage, "path", None)
        what = f"{type(self._storage).__name__}{f' {str(place)!r}' if place else ''}"
        return f"TinyFlux({what}, auto_index={self._auto_index})"

    @property
    def storage(self) -> Storage:
        """The storage instance."""
        return self._storage

    @property
    def engine(self) -> Engine:
        """What keeps columns and storage in line; for the parts of this package."""
        return self._engine

    @property
    def index(self) -> Index:
        """The index instance, in line with what is stored where it is in use."""
        if self._uses_index and self._storage.can_read:
            return self._engine.current()
        return self._engine.index

    @property
    def _uses_index(self) -> bool:
        return self._auto_index or self._engine.index.valid

    def _reader(self, measurement: object = None) -> Reader:
        """What answers; ArgumentError for a `measurement` that is none."""
        require_measurement(measurement)
        if self._uses_index:
            return IndexReader(self._engine.current().table, self._engine.point_maker())
        return ScanReader(self._engine.scan)

    @read_op
    def count_all(self, measurement: str | None = None) -> int:
        """The number of points."""
        return self._reader().count(None, measurement)

    @read_op
    def iterate(self, measurement: str | None = None) -> Iterator[Point]:
        """Every point in insertion order, as they are now."""
        return self._iterated(measurement, self._reader().iterate(measurement))

    def _iterated(self, measurement: str | None, points: Iterator[Point]) -> Iterator[Point]:
        n_given = 0
        while True:
            try:
                for point in points:
                    yield point
                    n_given += 1
                return
            except CacheDamageError as error:
                self._engine.discard_cache(error)
                points = islice(self._reader().iterate(measurement), n_given, None)

    @read_op
    def all(self, sorted: bool = True) -> list[Point]:
        """Every point, by time unless `sorted` is false, then in insertion order."""
        return self._reader().search(None, None, Span(is_sorted=sorted))

    def close(self) -> None:
        """Close the storage; twice is fine."""
        self._storage.close()

    @read_op
    def contains(self, query: Query, measurement: str | None = None) -> bool:
        """Whether any point matches."""
        return self._reader(measurement).first(require_query(query), measurement) is not None

    @read_op
    def count(self, query: Query, measurement: str | None = None) -> int:
        """The number of points that match."""
        return self._reader(measurement).count(require_query(query), measurement)

    @read_op
    def get(self, query: Query, measurement: str | None = None) -> Point | None:
        """The first point that matches, in insertion order, or None."""
        return self._reader(measurement).first(require_query(query), measurement)

    @read_op
    def search(
        self,
        query: Query,
        measurement: str | None = None,
        sorted: bool = True,
        *,
        limit: int | None = None,
        reverse: bool = False,
    ) -> list[Point]:
        """The points that match, by time (equal times in insertion order), or as inserted.

        `reverse` gives that order backwards; `limit` no more than so many of the first, so that
        `limit=10, reverse=True` are the ten latest.
        """
        if limit is not None:
            limit = whole_number("limit", limit, 0)
        span = Span(is_sorted=sorted, limit=limit, is_reversed=reverse)
        return self._reader(measurement).search(require_query(query), measurement, span)

    @read_op
    def select(
        self, select_keys: str | Iterable[str], query: Query, measurement: str | None = None
    ) -> list[Any]:
        """Attributes of the points that match, in insertion order.

        A key is `time`, `measurement`, `tags.<key>` or `fields.<key>`; a point without the tag or
        field gives None. One key as a str gives a list of values, an iterable a list of tuples.
        """
        is_one = isinstance(select_keys, str)
        keys = checked_keys(select_keys)
        found = self._reader(measurement).select(keys, require_query(query), measurement)
        return [values[0] for values in found] if is_one else found

    @read_op
    def get_field_keys(self, measurement: str | None = None) -> list[str]:
        """The distinct field keys, sorted."""
        return sorted(self._reader(measurement).keys("fields", measurement))

    @read_op
    def get_field_values(
        self, field_key: str, measurement: str | None = None
    ) -> list[int | float | None]:
        """The values of a field in insertion order, duplicates and None included."""
        key = require_key("field_key", field_key)
        return self._reader(measurement).field_values(key, measurement)

    @read_op
    def get_measurements(self) -> list[str]:
        """The distinct measurements, sorted."""
        return sorted(self._reader().measurements())

    @read_op
    def get_tag_keys(self, measurement: str | None = None) -> list[str]:
        """The distinct tag keys, sorted."""
        return sorted(self._reader(measurement).keys("tags", measurement))

    @read_op
    def get_tag_values(
        self, tag_keys: Iterable[str] = (), measurement: str | None = None
    ) -> dict[str, list[str | None]]:
        """The distinct values of each of `tag_keys` (of every tag if none is named).

        Sorted, None last; a key that no point carries has the value [].
        """
        keys = texts_of("tag_keys", tag_keys)
        reader = self._reader(measurement)
        return {
            key: sorted(reader.tag_values(key, measurement), key=_none_last)
            for key in keys or sorted(reader.keys("tags", measurement))
        }

    @read_op
    def get_timestamps(self, measurement: str | None = None) -> list[datetime]:
        """The time of each point, aware UTC, in insertion order."""
        return self._reader(measurement).timestamps(measurement)

    @append_op
    def insert(
        self, point: Point, measurement: str | None = None, compact_key_prefixes: bool = False
    ) -> int:
        """Store one point; returns 1.

        Writes time (now, if it has none; UTC) and `measurement`, if given, into `point`. Raises
        TypeError for what is no Point, ValueError for what cannot be stored, OSError where the
        storage refuses; nothing is stored then, and `point` is as it was.
        """
        engine = self._engine
        engine.append(engine.prepared([point], measurement, is_compact=compact_key_prefixes))
        return 1

    @append_op
    def insert_multiple(
        self,
        points: Iterable[Point],
        measurement: str | None = None,
        compact_key_prefixes: bool = False,
        batch_size: int = _BATCH_POINTS,
    ) -> int:
        """Store points, `batch_size` of them in one write; returns their number.

        A collection is checked as a whole before anything is stored; what an iterator gives,
        batch by batch.
        """
        batch_size = whole_number("batch_size", batch_size, 1)
        points = items_of("insert_multiple", points, "Points")
        n_stored = 0
        prepare = partial(
            self._engine.prepared, measurement=measurement, is_compact=compact_key_prefixes
        )
        for batch in _batches(points, prepare, batch_size):
            self._engine.append(batch)
            n_stored += len(batch.points)
        return n_stored

    @write_op
    def reindex(self) -> None:
        """Read everything anew into the index, which is used from then on.

        Raises OSError if the storage cannot be written to: documented so, although nothing is.
        """
        if self._engine.index.valid:
            logger.debug("%r: the index is valid and made anew all the same", self)
        self._engine.rebuild()

    @read_op
    def publish_index(self) -> None:
        """Write what the index cache on disk lacks, so that programs open the database quickly.

        Done without being asked when some ten thousand rows were read that the cache lacks. Where
        there is no file, or its directory cannot be written, nothing happens.
        """
        self._engine.publish()

    @write_op
    @temp_storage_op
    def remove(self, query: Query, measurement: str | None = None) -> int:
        """Remove the points that match; returns their number."""
        return self._apply([Remove(require_query(query), measurement)])[0]

    @reset_op
    def remove_all(self) -> None:
        """Remove every point."""
        self._engine.reset()

    @write_op
    @temp_storage_op
    def drop_measurement(self, name: str) -> int:
        """Remove every point of a measurement; returns their number.

        Raises ValueError for a name that is no str: None would mean every measurement.
        """
        return self._apply([Remove(None, require_name(name))])[0]

    @write_op
    @temp_storage_op
    def update(
        self,
        query: Query,
        time: TimeChange = None,
        measurement: TextChange = None,
        tags: TagChange = None,
        fields: FieldChange = None,
        unset_fields: Keys = None,
        unset_tags: Keys = None,
        _measurement: str | None = None,
    ) -> int:
        """Change the points that match; returns the number of those that became different.

        Each argument is a new value or a function of the old one; mappings are merged into tags
        and fields. Nothing is written when a function raises or gives what cannot be stored.
        """
        require_query(query)
        return self._apply(
            [Update(query, time, measurement, tags, fields, unset_fields, unset_tags, _measurement)]
        )[0]

    @write_op
    @temp_storage_op
    def update_all(
        self,
        time: TimeChange = None,
        measurement: TextChange = None,
        tags: TagChange = None,
        fields: FieldChange = None,
        unset_fields: Keys = None,
        unset_tags: Keys = None,
    ) -> int:
        """Change every point, as `update`."""
        return self._apply(
            [Update(None, time, measurement, tags, fields, unset_fields, unset_tags)]
        )[0]


def _batches(
    points: Iterable[Point], prepare: Callable[[Iterable[Point]], Ready], batch_size: int
) -> Iterable[Ready]:
    """The points, ready to be stored: all of a collection before the first is given."""
    source = iter(points)
    batches = iter(lambda: prepare(islice(source, batch_size)), None)
    ready = takewhile(lambda batch: batch.points, batches)
    return list(ready) if isinstance(points, Sized) else ready


def _none_last(value: str | None) -> tuple[bool, str]:
    return value is None, value or ""
