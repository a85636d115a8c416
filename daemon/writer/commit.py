"""When what was written must become durable and be acknowledged.

Three reasons, and each has a figure behind it (20 messages per commit is all that a broker with
the usual window sends): the interval is over, about half of a window waits, or messages arrive
faster than the window turns over. The interval only spares the card in quiet hours.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from daemon.clock import Clock

Sync: TypeAlias = Literal["commit", "always", "never"]

# Messages closer together than this would fill half of a window of 20 in 50 ms: the broker is
# waiting for acknowledgements rather than we for messages.
_LOAD_GAP_S = 0.005
# After this long without a commit nothing is known about the load any more.
_LOAD_MEMORY_S = 0.1
# Weight of the newest commit in the estimate.
_SMOOTHING = 0.3


class CommitRule:
    """Decides for the writer thread; holds what waits for the next commit as numbers only."""

    def __init__(self, clock: Clock, *, interval_s: float, points: int, sync: Sync) -> None:
        self._clock = clock
        self._interval_s = interval_s
        self._points = points
        self._waits_for_interval = sync == "commit"
        self._waiting_items = 0
        self._waiting_points = 0
        self._waiting_receipts = 0
        self._oldest_s = 0.0
        self._last_commit_s = float("-inf")
        self._gap_s = 1.0

    def written(self, *, items: int, points: int, receipts: int) -> None:
        """So much more waits for the commit."""
        if not self._waiting_items:
            self._oldest_s = self._clock.monotonic_s()
        self._waiting_items += items
        self._waiting_points += points
        self._waiting_receipts += receipts

    def committed(self) -> None:
        """Everything that waited is durable."""
        now_s = self._clock.monotonic_s()
        if self._waiting_receipts:
            gap_s = (now_s - self._last_commit_s) / self._waiting_receipts
            self._gap_s = min(1.0, (1 - _SMOOTHING) * self._gap_s + _SMOOTHING * min(gap_s, 1.0))
        self._last_commit_s = now_s
        self._waiting_items = self._waiting_points = self._waiting_receipts = 0

    def is_due(self, *, is_urgent: bool) -> bool:
        """Whether to commit now; `is_urgent` says that about half of a window waits."""
        if not self._waiting_items:
            return False
        return (
            is_urgent
            or not self._waits_for_interval
            or self._waiting_points >= self._points
            or (self._waiting_receipts > 0 and self.is_loaded())
            or self._clock.monotonic_s() - self._oldest_s >= self._interval_s
        )

    def is_loaded(self) -> bool:
        """Whether messages arrive so fast that a broker waits for its acknowledgements."""
        is_recent = self._clock.monotonic_s() - self._last_commit_s < _LOAD_MEMORY_S
        return is_recent and self._gap_s < _LOAD_GAP_S

    def wait_s(self) -> float:
        """How long there is nothing to do as long as nothing arrives; at most the interval."""
        if not self._waiting_items:
            return self._interval_s
        over_s = self._clock.monotonic_s() - self._oldest_s
        return max(0.0, self._interval_s - over_s)
