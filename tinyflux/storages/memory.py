"""Points in a list of this process."""

from __future__ import annotations

from collections.abc import Sequence

from tinyflux.point import Point
from tinyflux.storages.base import Storage


class MemoryStorage(Storage):
    """Keeps the very Point objects it was given, until the process ends; `close` ends nothing.

    Queries give these objects. Changing one behind the database's back is not supported: use
    `update`. To insert the same object again is such a change, too, where its time or measurement
    becomes another: an object is one point, however often it is stored. Insert a new Point, or a
    `copy.deepcopy`, for each row. (In a file every insert is a row of its own.)
    """

    def __init__(self) -> None:
        self._points: list[Point] = []
        self._aside: list[Point] = []

    @property
    def _initially_empty(self) -> bool:
        """Whether nothing is stored; documented so."""
        return not self._points

    @property
    def _memory(self) -> list[Point]:
        """A new list of the stored Points; documented so, as `read` gives them."""
        return list(self._points)

    @property
    def _temp_memory(self) -> list[Point]:
        """A new list of the Points that are kept aside; documented so."""
        return list(self._aside)

    def append(self, items: Sequence[Point], temporary: bool = False) -> None:
        """Add `items`; with `temporary` they are kept aside, no part of the database."""
        (self._aside if temporary else self._points).extend(items)

    def read(self) -> list[Point]:
        """A new list of the stored objects, in insertion order."""
        return list(self._points)

    def stored(self) -> Sequence[Point]:
        """The stored objects themselves, not to be changed."""
        return self._points

    def replace(self, points: list[Point]) -> None:
        """Store `points` instead of what was there, at once."""
        self._points = points

    def reset(self) -> None:
        """Remove everything."""
        self._points = []
        self._aside = []
