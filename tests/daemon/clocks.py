"""A clock that tests set: wall time and monotonic time, each moved on its own."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SetClock:
    """Stands still until it is told otherwise; safe from any thread."""

    def __init__(self, wall: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)) -> None:
        self._lock = threading.Lock()
        self._wall_us = (wall - EPOCH) // timedelta(microseconds=1)
        self._monotonic_us = 1_000_000_000

    def now_us(self) -> int:
        with self._lock:
            return self._wall_us

    def monotonic_s(self) -> float:
        with self._lock:
            return self._monotonic_us / 1e6

    def wall(self) -> datetime:
        return EPOCH + timedelta(microseconds=self.now_us())

    def pass_time(self, seconds: float) -> None:
        """Both clocks go on, as they do when nobody sets one."""
        with self._lock:
            self._wall_us += round(seconds * 1e6)
            self._monotonic_us += round(seconds * 1e6)

    def set_wall(self, wall: datetime) -> None:
        """Somebody sets the clock; monotonic time does not notice."""
        with self._lock:
            self._wall_us = (wall - EPOCH) // timedelta(microseconds=1)
