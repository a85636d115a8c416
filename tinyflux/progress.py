"""Progress of long work: one line on a terminal after a second, nothing anywhere else."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

_QUIET_S = 1.0
_STEP_S = 0.2


class Progress:
    """Shows how far work over `total_bytes` has come; use as a context manager."""

    def __init__(self, doing: str, total_bytes: int) -> None:
        self._doing = doing
        self._total = total_bytes
        self._started = self._shown = time.monotonic()
        self._is_visible = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._is_visible:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def reached(self, done_bytes: int) -> None:
        """Say how many bytes are done."""
        now = time.monotonic()
        if now - self._started < _QUIET_S or now - self._shown < _STEP_S:
            return
        if sys.stderr is None or not sys.stderr.isatty():
            return
        self._shown = now
        self._is_visible = True
        share = done_bytes / self._total if self._total else 1.0
        left_s = (now - self._started) * (1 - share) / share if share else 0.0
        sys.stderr.write(f"\r\x1b[K{self._doing}: {share:.0%}, {left_s:.0f} s left")
        sys.stderr.flush()
