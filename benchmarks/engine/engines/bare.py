"""No database: the bytes of the rows, one write and one fsync. What any durable append costs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..household import Row, csv_line
from .contract import Engine


class Bare(Engine):
    """Only inserts."""

    database = "household.csv"
    only = frozenset({"insert_one", "insert_batch"})

    def open(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND)

    def close(self) -> None:
        os.close(self._fd)

    def batch(self, rows: Sequence[Row]) -> Any:
        return "".join(map(csv_line, rows)).encode()

    def insert(self, batch: Any) -> None:
        os.write(self._fd, batch)
        os.fsync(self._fd)
