"""A database over each kind of storage, opened so that it answers from its index or by scanning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tinyflux import CSVStorage, MemoryStorage, Point, Storage, TinyFlux
from tinyflux.checking import Damage, cache_disagreements, examine, open_for_check


class ListStorage(Storage):
    """The least that a user's own storage does, and no more careful than a user would be."""

    def __init__(self) -> None:
        self.items: list[Point] = []

    def append(self, points: Sequence[Point], temporary: bool = False) -> None:
        """Add points; never asked for a temporary place."""
        assert not temporary
        self.items.extend(points)

    def read(self) -> list[Point]:
        """The list itself, not a copy."""
        return self.items

    def reset(self) -> None:
        """Empty that same list."""
        self.items.clear()


def require_sound(path: Path, encoding: str | None = None) -> None:
    """Every byte of the data file is a row's, and its index cache says the same."""
    with open_for_check(path, encoding) as file:
        assert [piece for piece in examine(file) if isinstance(piece, Damage)] == []
        assert list(cache_disagreements(file)) == []


@dataclass
class Backend:
    """One place where points are kept, which may be opened any number of times."""

    storage: str
    """`csv`, `memory` or `user`."""
    auto_index: bool
    folder: Path
    handles: list[TinyFlux] = field(default_factory=list)
    kept: Storage | None = None

    @property
    def path(self) -> Path:
        """The data file of a CSV storage."""
        return self.folder / "data.csv"

    def open(self, *, auto_index: bool | None = None) -> TinyFlux:
        """A new handle on what is stored."""
        db = TinyFlux(
            storage=self._storage, auto_index=self.auto_index if auto_index is None else auto_index
        )
        self.handles.append(db)
        return db

    def _storage(self) -> Storage:
        if self.storage == "csv":
            return CSVStorage(self.path)
        if self.kept is None:
            self.kept = MemoryStorage() if self.storage == "memory" else ListStorage()
        return self.kept

    def holding(self, *points: Point) -> TinyFlux:
        """A handle on a database that held `points` before it was opened.

        Without `auto_index` it scans: only an empty database has an index from the start.
        """
        self.open(auto_index=True).insert_multiple(points)
        return self.open()

    def close(self) -> None:
        """Close every handle; the file, if there is one, must have no fault."""
        for db in self.handles:
            db.close()
        if self.path.exists():
            require_sound(self.path)


BACKENDS = tuple(
    (storage, auto_index) for storage in ("csv", "memory", "user") for auto_index in (True, False)
)

Holding = Callable[..., TinyFlux]
