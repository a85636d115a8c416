"""How long a source may leave its connection unread."""

from __future__ import annotations

from daemon.clock import Clock


class Pause:
    """How long nothing was read because there was no room."""

    def __init__(self, longest_s: float, clock: Clock) -> None:
        self._longest_s = longest_s
        self._clock = clock
        self._since_s: float | None = None

    def is_too_long(self, *, is_paused: bool) -> bool:
        """Whether the link would break soon: its PINGRESP lies behind the unread data."""
        if not is_paused:
            self._since_s = None
            return False
        now_s = self._clock.monotonic_s()
        if self._since_s is None:
            self._since_s = now_s
        return now_s - self._since_s > self._longest_s
