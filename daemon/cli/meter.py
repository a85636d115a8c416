"""How far long work has come: one line on a terminal, nothing anywhere else."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

_STEP_S = 0.2


class Meter:
    """Shows a share of a total, or a number where the total is not known; a context manager."""

    def __init__(self, doing: str, total: int | None) -> None:
        self._doing = doing
        self._total = total
        self._started = time.monotonic()
        self._shown = self._started
        self._is_visible = False
        self._first: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_visible:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def reached(self, done: int) -> None:
        """Say how much is done."""
        now = time.monotonic()
        if self._first is None:
            self._first = done
        if now - self._shown < _STEP_S or not sys.stderr.isatty():
            return
        self._shown = now
        self._is_visible = True
        print(
            f"\r\x1b[K{self._doing}: {self._text(done, now)}", end="", file=sys.stderr, flush=True
        )

    def _text(self, done: int, now: float) -> str:
        if not self._total:
            return f"{done:,}"
        gone = done - (self._first or 0)
        left_s = (now - self._started) * (self._total - done) / gone if gone > 0 else 0.0
        return f"{min(1.0, done / self._total):.0%}, {left_s:.0f} s left"
