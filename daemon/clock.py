"""Where time comes from.

Wall time stamps points; monotonic time measures waits and schedules, because a board without a
clock chip steps its wall clock while it runs. Tests pass a clock that they set.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Two readings of time; neither of them sleeps."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC by the wall clock; may step either way."""

    def monotonic_s(self) -> float:
        """Seconds since some fixed moment; never steps, and runs while the board is suspended."""


def boot_id() -> str:
    """Which boot of the machine this is; empty where the kernel does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


class SystemClock:
    """The board's own clocks."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC, as the board believes now."""
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        """Seconds since boot, time in suspend included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)
