"""New points of a file that others write to, in the order in which they arrive."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from daemon.query.question import Selection
from tinyflux import Point, TinyFlux
from tinyflux.view import View

_REMEMBERED_ROWS = 64
_SEARCHED_ROWS = 200_000


class Follower:
    """Looks at a file again and again; use as a context manager. Takes no lock.

    When retention puts a rewritten file in the place of the old one, what was seen is found in it
    by the bytes of the last rows, which a rewrite keeps.
    """

    def __init__(self, db: TinyFlux, path: Path, selection: Selection) -> None:
        self._db = db
        self._path = path
        self._query = selection.query()
        self._measurement = selection.measurement
        self._n_seen = 0
        self._last: list[bytes] = []
        self._held = -1
        self._looked: tuple[int, int] | None = None
        self.n_lost = 0
        """How often a rewrite left nothing of what was seen: points may have been passed over."""

    def __enter__(self) -> Self:
        self._hold()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._held >= 0:
            os.close(self._held)
            self._held = -1

    def last(self, n_points: int) -> list[Point]:
        """The last so many points that are there; what comes later is of `new`."""
        view = self._view()
        rows = view.rows(self._query, self._measurement)
        self._seen(view)
        return view.points(rows[max(0, len(rows) - n_points) :])

    def new(self) -> list[Point]:
        """What was added since the last call. Raises OSError when the file has gone."""
        if not self._is_replaced():
            stat = os.fstat(self._held)
            if (stat.st_size, stat.st_mtime_ns) == self._looked:
                return []
        view = self._view()
        rows = np.arange(self._n_seen, view.n_rows, dtype=np.int64)
        self._seen(view)
        query, measurement = self._query, self._measurement
        return [
            point
            for point in view.points(rows)
            if (measurement is None or point.measurement == measurement)
            and (query is None or query(point))
        ]

    def _view(self) -> View:
        """What is stored now, with `_n_seen` put right if the file is another one."""
        was_replaced = self._is_replaced()
        if was_replaced:
            self._hold()
        stat = os.fstat(self._held)
        self._looked = (stat.st_size, stat.st_mtime_ns)
        view = self._db.view()
        if was_replaced or view.n_rows < self._n_seen:
            self._n_seen = self._found_again(view)
        return view

    def _seen(self, view: View) -> None:
        first = max(self._n_seen, view.n_rows - _REMEMBERED_ROWS)
        texts = [text for row in range(first, view.n_rows) for text in _text_of(view, row)]
        self._last = [*self._last, *texts][-_REMEMBERED_ROWS:]
        self._n_seen = view.n_rows

    def _found_again(self, view: View) -> int:
        """How many rows of another file were seen in the one before."""
        oldest = max(0, view.n_rows - _SEARCHED_ROWS)
        known = set(self._last)
        # Rows keep their order: the first one that is met from the end is the last one seen.
        for row in range(view.n_rows - 1, oldest - 1, -1):
            if not known.isdisjoint(_text_of(view, row)):
                return row + 1
        if self._last:
            self.n_lost += 1
        return view.n_rows

    def _is_replaced(self) -> bool:
        now, held = os.stat(self._path), os.fstat(self._held)
        return (now.st_dev, now.st_ino) != (held.st_dev, held.st_ino)

    def _hold(self) -> None:
        """Keep the file open: an inode that is in use is given to no other file."""
        if self._held >= 0:
            os.close(self._held)
        self._held = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)


def _text_of(view: View, row: int) -> list[bytes]:
    return list(view.texts(np.array([row], dtype=np.int64)))
