"""Waits between tries, longer each time, never in step with other clients."""

from __future__ import annotations

import random


class Backoff:
    """From `min_s` doubling to `max_s`, each shortened by up to a third at random."""

    def __init__(self, min_s: float, max_s: float, chooser: random.Random | None = None) -> None:
        self._min_s = min_s
        self._max_s = max_s
        self._next_s = min_s
        self._chooser = chooser or random.Random()

    def next_s(self) -> float:
        """How long to wait before the next try."""
        wait_s = self._next_s
        self._next_s = min(2 * wait_s, self._max_s)
        return wait_s * self._chooser.uniform(2 / 3, 1.0)

    def reset(self) -> None:
        """It worked: begin again with the shortest wait."""
        self._next_s = self._min_s
