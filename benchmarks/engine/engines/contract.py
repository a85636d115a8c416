"""The interface that every measured engine has.

What is timed returns the engine's own kind of answer; `rows`, `series` and `means` turn it, outside
the measured time, into one form that can be compared. What an engine has not raises
NotImplementedError.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from ..household import Row


class Engine:
    """One database of the household's points, closed at first."""

    database: ClassVar[str]
    """The name of its file in a directory of points."""
    is_database: ClassVar[bool] = True
    """Whether it has every operation."""

    def load(self, directory: Path) -> None:
        """Make the database from `household.csv` and `wide.csv`, in `directory`; not timed."""

    def settle(self, path: Path) -> None:
        """Bring a copied database into the state that a program which used it leaves behind."""

    def open(self, path: Path) -> None:
        """Open the database."""
        raise NotImplementedError

    def close(self) -> None:
        """Close it."""
        raise NotImplementedError

    def count(self, measurement: str | None) -> int:
        """The number of points of a measurement, or of all."""
        raise NotImplementedError

    def hour(self, start_us: int, stop_us: int) -> Any:
        """The points from one time to before another, by time."""
        raise NotImplementedError

    def latest(self) -> Any:
        """The last point of each device."""
        raise NotImplementedError

    def rows(self, answer: Any) -> list[Row]:
        """The points of an answer of `hour` or `latest`."""
        raise NotImplementedError

    def count_where(self, threshold: float) -> int:
        """The number of points with temperature > threshold."""
        raise NotImplementedError

    def series(self) -> Any:
        """Time and temperature of `climate`, by time."""
        raise NotImplementedError

    def pairs(self, answer: Any) -> Iterable[tuple[int, float]]:
        """(time_us, temperature) of an answer of `series`."""
        raise NotImplementedError

    def daily_mean(self) -> Any:
        """The mean temperature per UTC day and room."""
        raise NotImplementedError

    def means(self, answer: Any) -> Iterable[tuple[int, str, float]]:
        """(day_us, room, mean) of an answer of `daily_mean`."""
        raise NotImplementedError

    def batch(self, rows: Sequence[Row]) -> Any:
        """Points in the form that `insert` takes; not timed."""
        raise NotImplementedError

    def insert(self, batch: Any) -> None:
        """Store a batch, durable on return."""
        raise NotImplementedError

    def remove_before(self, time_us: int) -> int:
        """Remove older points and give back their space; their number."""
        raise NotImplementedError

    def change_room(self, device: str, room: str) -> int:
        """Give a device's points another room; their number."""
        raise NotImplementedError
