"""Between a database and its storage: columns in line with what is stored, and changes to it.

`FileEngine` works on the CSV file itself; `ObjectEngine` on any storage that appends, reads and
resets. Both give the same answers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Protocol, TypeAlias

from tinyflux.columns import RowArray
from tinyflux.errors import NestedChangeError
from tinyflux.file_columns import FileColumns
from tinyflux.index import Index
from tinyflux.point import Point
from tinyflux.replacement import Replacement, replacing
from tinyflux.rewrite import NewRows, Rewrite
from tinyflux.segment import segment_of_points
from tinyflux.storable import Inserted, Ready, given, storable
from tinyflux.storages import CSVStorage, MemoryStorage, Storage
from tinyflux.table import Table

logger = logging.getLogger(__name__)

PointMaker: TypeAlias = Callable[[Table, RowArray], list[Point]]
"""Gives the points of ascending rows of a table."""


class Change(Protocol):
    """An open change: the table it decides on, and the way to carry it out."""

    @property
    def table(self) -> Table:
        """Every stored row, which no other rewrite changes meanwhile."""

    def carry_out(self, new: NewRows, inserted: Inserted) -> None:
        """Make the stored rows those of `new`, at once, and give what `inserted` holds.

        Where that fails the Points of the caller are as they were.
        """


class Engine(Protocol):
    """What a database needs of its storage."""

    @property
    def index(self) -> Index:
        """The index as it is, without reading the storage for it."""

    def is_empty(self) -> bool:
        """Whether nothing is stored."""

    def current(self) -> Index:
        """The index in line with what is stored now."""

    def snapshot(self) -> Table:
        """The columns of what is stored now; a passing table where the index is not in use."""

    def discard_cache(self, error: Exception) -> None:
        """Drop a cache that was found damaged."""

    def publish(self) -> None:
        """Write what a cache on disk lacks."""

    def rebuild(self) -> None:
        """Read everything anew into the index."""

    def scan(self) -> Iterator[Point]:
        """Every point in insertion order, without the index."""

    def point_maker(self) -> PointMaker:
        """What gives the points of rows as they are now, whatever changes afterwards."""

    def prepared(
        self, points: Iterable[object], measurement: str | None, *, is_compact: bool
    ) -> Ready:
        """Points as `append` takes them; checks as `storable`."""

    def append(self, ready: Ready) -> None:
        """Store points behind the others, and give the caller's what is stored of them."""

    def change(self) -> AbstractContextManager[Change]:
        """Open a change of stored rows."""

    def reset(self) -> None:
        """Remove everything."""


def engine_of(storage: Storage, *, is_indexed: bool) -> Engine:
    """The engine for a storage; `is_indexed`: whether it may build an index by itself.

    A subclass that appends, reads or resets in a way of its own is asked to, as any user's storage.
    """
    if isinstance(storage, CSVStorage) and is_unchanged(storage, CSVStorage):
        return FileEngine(storage, is_indexed=is_indexed)
    return ObjectEngine(storage, is_indexed=is_indexed)


def is_unchanged(storage: Storage, base: type[Storage]) -> bool:
    """Whether what `storage` does with points is what `base` does."""
    return isinstance(storage, base) and all(
        getattr(type(storage), name) is getattr(base, name) for name in ("append", "read", "reset")
    )


class FileEngine:
    """The engine of a CSV file."""

    def __init__(self, storage: CSVStorage, *, is_indexed: bool) -> None:
        self._storage = storage
        self._columns = FileColumns(storage.file)
        self._index = Index(valid=is_indexed or self.is_empty())

    @property
    def index(self) -> Index:
        """The index as it is; not valid for a file that holds something and may not be read."""
        if not self._storage.can_read and not self.is_empty():
            self._index.invalidate()
        return self._index

    def is_empty(self) -> bool:
        """Whether the file holds no byte of a row."""
        file = self._storage.file
        return file.current().size_bytes <= file.header_size()

    def current(self) -> Index:
        """The index in line with the file; reads what was appended since."""
        return self._index.adopt(self._columns.current())

    def snapshot(self) -> Table:
        """The columns of the file as it is now."""
        return self._columns.current().snapshot()

    def discard_cache(self, error: Exception) -> None:
        """Drop the cache on disk and the columns that came from it."""
        logger.warning("%s: the index cache is made anew: %s", self._storage.path, error)
        self._columns.discard_cache()

    def publish(self) -> None:
        """Write what the cache on disk lacks."""
        self._columns.publish()

    def rebuild(self) -> None:
        """Read the file anew."""
        self._columns.forget()
        self.current()

    def scan(self) -> Iterator[Point]:
        """Every point of the file, read in pieces."""
        return self._storage.points()

    def point_maker(self) -> PointMaker:
        """Makes new points from the columns."""
        return Table.points

    def prepared(
        self, points: Iterable[object], measurement: str | None, *, is_compact: bool
    ) -> Ready:
        """The rows of points."""
        return self._storage.rows_of(points, measurement, is_compact=is_compact)

    def append(self, ready: Ready) -> None:
        """Append rows; the index reads them when it is asked next."""
        self._storage.append_rows(ready.items)
        ready.give()

    @contextmanager
    def change(self) -> Iterator[Change]:
        """Hold the rewrite lock while rows are chosen and rewritten."""
        with replacing(self._storage.file) as replacement:
            yield _FileChange(self._storage, self._columns, replacement)

    def reset(self) -> None:
        """Put an empty file in the place of this one."""
        self._storage.reset()
        self._columns.forget()
        self._index.adopt(Table())


class _FileChange:
    def __init__(self, storage: CSVStorage, columns: FileColumns, replacement: Replacement) -> None:
        self._storage = storage
        self._columns = columns
        self._replacement = replacement
        # Rows that others append while the change is decided on are no part of it.
        self._table = columns.current().snapshot()

    @property
    def table(self) -> Table:
        return self._table

    def carry_out(self, new: NewRows, inserted: Inserted) -> None:
        if new.is_only_added:
            ready = self._storage.rows_of(new.added, None, is_compact=new.is_compact)
            self._storage.append_rows(ready.items)
        else:
            columns = self._columns
            rewrite = Rewrite(
                self._replacement, self._storage.file, self._table, columns.is_continued
            )
            columns.adopt(*rewrite.carry_out(new))
        inserted.give()


class ObjectEngine:
    """The engine of a storage that holds Point objects, or gives new ones at each read."""

    def __init__(self, storage: Storage, *, is_indexed: bool) -> None:
        self._storage = storage
        is_plain_memory = is_unchanged(storage, MemoryStorage)
        self._memory = storage if is_plain_memory and isinstance(storage, MemoryStorage) else None
        # Whoever may not read cannot tell what is there already, and needs no index.
        is_empty = storage.can_read and not storage.read()
        self._index = Index(valid=is_empty)
        self._indexed = self._stored()
        if is_indexed and storage.can_read and not is_empty:
            self.rebuild()

    @property
    def index(self) -> Index:
        """The index as it is."""
        return self._index

    def is_empty(self) -> bool:
        """Whether nothing is stored."""
        return not self._storage.read()

    def current(self) -> Index:
        """The index; it follows every change made through this engine."""
        if not self._index.valid:
            self.rebuild()
        self._catch_up()
        return self._index

    def snapshot(self) -> Table:
        """The index's columns, or those of a passing index."""
        self._catch_up()
        if self._index.valid:
            return self._index.table.snapshot()
        return Table([segment_of_points(self._storage.read())])

    def _stored(self) -> Sequence[Point] | None:
        """The list that a memory storage keeps; None for any other storage."""
        return self._memory.stored() if self._memory is not None else None

    def _catch_up(self) -> None:
        """Index what came to a memory storage by itself, or through another database on it.

        Any other storage would have to be read to see that; its `reindex` does.
        """
        stored, n_known = self._stored(), self._index.table.n_rows
        if stored is None or not self._index.valid:
            return
        if stored is not self._indexed or len(stored) < n_known:
            self.rebuild()
        elif len(stored) > n_known:
            self._index.insert(stored[n_known:])

    def discard_cache(self, error: Exception) -> None:
        """There is no cache."""

    def publish(self) -> None:
        """There is no cache."""

    def rebuild(self) -> None:
        """Read the storage anew."""
        self._index.build(self._storage.read())
        self._indexed = self._stored()

    def scan(self) -> Iterator[Point]:
        """Every stored point."""
        return iter(self._points())

    def _points(self) -> list[Point]:
        """A list of our own: a user's storage may give the one that it keeps."""
        return list(self._storage.read())

    def point_maker(self) -> PointMaker:
        """Gives the stored objects of a memory storage, else new points made from the columns."""
        stored = self._stored()  # a change puts another list in its place
        if stored is None:
            return Table.points
        return lambda _table, rows: [stored[row] for row in rows.tolist()]

    def prepared(
        self, points: Iterable[object], measurement: str | None, *, is_compact: bool
    ) -> Ready:
        """The points themselves."""
        return storable(points, measurement)

    def append(self, ready: Ready) -> None:
        """Append, then index what was appended if the index is in use."""
        self._catch_up()
        with given(ready):  # the storage takes the caller's own Points, as they are stored
            self.add(ready.points)

    def add(self, points: Sequence[Point]) -> None:
        """Store and index points that are as they are stored."""
        self._storage.append(points)
        if self._index.valid:
            self._index.insert(points)

    @contextmanager
    def change(self) -> Iterator[Change]:
        """No other process shares these objects: there is nothing to lock."""
        self._catch_up()
        points = self._storage.read()
        if self._index.valid and len(points) != self._index.table.n_rows:
            self._index.build(points)  # somebody else changed the storage
        yield _ObjectChange(self, points)

    def carry_out(self, table: Table, new: NewRows) -> None:
        """Replace what is stored, and the index by the changed columns."""
        stored = self._points()
        if len(stored) != table.n_rows:
            raise NestedChangeError(
                f"{type(self._storage).__name__} holds {len(stored)} points, and held "
                f"{table.n_rows} when this change began: something appended to it or reset it "
                f"meanwhile; nothing more was changed"
            )
        points = [
            new.replaced.get(row, point) for row, point in enumerate(stored) if new.is_kept[row]
        ]
        points.extend(new.added)
        if self._memory is not None:
            self._memory.replace(points)
        else:
            self._reset_to(points, stored)
        if self._index.valid:
            changed = table.rewritten(new.is_kept, new.replaced)
            if new.added:
                changed.append(segment_of_points(new.added))
            self._index.adopt(changed)
        self._indexed = self._stored()

    def _reset_to(self, points: Sequence[Point], before: Sequence[Point]) -> None:
        """Read, reset, append: what a storage without rewrites can do."""
        self._storage.reset()
        try:
            self._storage.append(points)
        except BaseException:
            self._storage.reset()
            self._storage.append(before)
            raise

    def reset(self) -> None:
        """Remove everything."""
        self._storage.reset()
        self._index.adopt(Table())
        self._indexed = self._stored()


class _ObjectChange:
    def __init__(self, engine: ObjectEngine, points: Sequence[Point]) -> None:
        self._engine = engine
        index = engine.index
        self._table = index.table.snapshot() if index.valid else Table([segment_of_points(points)])

    @property
    def table(self) -> Table:
        return self._table

    def carry_out(self, new: NewRows, inserted: Inserted) -> None:
        own = replace(new, added=inserted.own(new.added))
        with given(inserted):
            if own.is_only_added:
                self._engine.add(own.added)
            else:
                self._engine.carry_out(self._table, own)
