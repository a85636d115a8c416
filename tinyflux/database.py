"""The TinyFlux class: the interface of this package."""

from __future__ import annotations

from typing import Any

from tinyflux.measurement import Measurement
from tinyflux.operations import append_op, read_op, temp_storage_op, write_op
from tinyflux.store import PointStore

__all__ = ["TinyFlux", "append_op", "read_op", "temp_storage_op", "write_op"]


class TinyFlux(PointStore):
    """A time-series database.

    `TinyFlux("data.csv")` opens or creates a CSV file; `TinyFlux(storage=MemoryStorage)` keeps
    points in memory. Arguments other than `auto_index` and `storage` go to the storage.

    `auto_index=False`: an existing database is searched by scanning it, until `reindex`.

    Use one instance in one thread at a time. Many instances, in any number of processes, may share
    a CSV file: each operation sees what the others have written.
    """

    def measurement(self, name: str, **kwargs: Any) -> Measurement:
        """A handle on the points of one measurement, which need not exist yet."""
        return Measurement(name, self, **kwargs)
