"""What shows from outside that a collector works: for systemd's watchdog and its status line."""

from __future__ import annotations

from dataclasses import dataclass

# The writer's loop turns at least twice a minute, on a full disk too; but a card may take half a
# minute for one fsync.
HANGS_S = 90.0


@dataclass(frozen=True, slots=True)
class Vitals:
    """One look."""

    turns: int
    """How often the writer's loop has turned."""
    points: int
    """How many points became durable in this run."""
    lag_s: float
    """How long the oldest item that is not durable yet has waited."""
    is_refused: bool
    """Whether the disk refused the last attempt to write."""


class Pulse:
    """Looks again and again; says whether the writer hangs, and how fast it is."""

    def __init__(self, now_s: float) -> None:
        self._turns = -1
        self._turned_s = now_s
        self._points = 0
        self._counted_s = now_s

    def is_beating(self, vitals: Vitals, now_s: float) -> bool:
        """False once the writer's loop has not turned for `HANGS_S`."""
        if vitals.turns != self._turns:
            self._turns, self._turned_s = vitals.turns, now_s
        return now_s - self._turned_s < HANGS_S

    def line(self, vitals: Vitals, now_s: float) -> str:
        """Rate since the last line, and lag, in a few words."""
        took_s = now_s - self._counted_s
        rate = (vitals.points - self._points) / took_s if took_s > 0 else 0.0
        self._points, self._counted_s = vitals.points, now_s
        refused = "the disk takes nothing; " if vitals.is_refused else ""
        return f"{refused}{rate:.3g} points/s, lag {vitals.lag_s:.1f} s"
