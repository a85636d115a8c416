"""SIGTERM and Ctrl-C as a request to stop in order, SIGHUP as one to reload."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from functools import partial
from types import FrameType, TracebackType
from typing import Self


class StopRequest:
    """While entered, the first signal asks for a stop; a second Ctrl-C ends the process at once.

    SIGHUP asks for a reload, but for a process at a terminal: it says there that the terminal has
    gone. Main thread only.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._is_reload_asked = False
        self._undo: list[Callable[[], object]] = []
        self.reason = ""

    def __enter__(self) -> Self:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number == signal.SIGHUP and signal.getsignal(number) == signal.SIG_IGN:
                continue  # nohup(1) has asked for that
            before = signal.signal(number, self._on_signal)
            self._undo.append(partial(signal.signal, number, before))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._undo:
            self._undo.pop()()

    def wait(self, timeout_s: float) -> bool:
        """True as soon as a stop is asked for; False after the timeout."""
        return self._asked.wait(timeout_s)

    def take_reload(self) -> bool:
        """Whether a reload was asked for since the last time."""
        was_asked, self._is_reload_asked = self._is_reload_asked, False
        return was_asked

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP and not os.isatty(2):
            self._is_reload_asked = True
            return
        self.reason = signal.Signals(number).name
        self._asked.set()
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
