"""Progress of long work: one line on a terminal after a second, nothing anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Self

_QUIET_S = 1.0
_STEP_S = 0.2

_shown: ContextVar[Progress | None] = ContextVar("_shown", default=None)


def reached(done_bytes: int) -> None:
    """Say how far work has come to whoever shows it around this call, if somebody does."""
    progress = _shown.get()
    if progress is not None:
        progress.reached(done_bytes)


@contextmanager
def shown(doing: str, total_bytes: int) -> Iterator[None]:
    """Show how far the work within has come, unless somebody shows it around this call."""
    if _shown.get() is not None:
        yield
    else:
        with Progress(doing, total_bytes):
            yield


class Progress:
    """Shows how far work over `total_bytes` has come; use as a context manager.

    It is quiet for the first `quiet_s`.
    """

    def __init__(self, doing: str, total_bytes: int, *, quiet_s: float = _QUIET_S) -> None:
        self._doing = doing
        self._total = total_bytes
        self._quiet_s = quiet_s
        self._started = time.monotonic()
        self._shown = -_STEP_S
        self._is_visible = False
        self._token: Token[Progress | None] | None = None

    def __enter__(self) -> Self:
        self._token = _shown.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is not None:
            _shown.reset(self._token)
            self._token = None
        if self._is_visible:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def reached(self, done_bytes: int) -> None:
        """Say how many bytes are done."""
        now = time.monotonic()
        if now - self._started < self._quiet_s or now - self._shown < _STEP_S:
            return
        if sys.stderr is None or not sys.stderr.isatty():
            return
        self._shown = now
        self._is_visible = True
        share = min(1.0, done_bytes / self._total) if self._total else 1.0
        left_s = (now - self._started) * (1 - share) / share if share else 0.0
        sys.stderr.write(f"\r\x1b[K{self._doing}: {share:.0%}, {left_s:.0f} s left")
        sys.stderr.flush()
