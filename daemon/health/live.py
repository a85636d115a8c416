"""Keeps the live table on the terminal while the collector runs.

With rich the table stays in its place and log lines go by above it; without rich it is printed
anew from time to time. Neither uses the terminal's alternate screen, so what was shown last stays
to be read.
"""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable
from typing import Protocol

from daemon.health.series import SeriesBoard
from daemon.health.table import table_lines

_LONGEST_WAIT_S = 5.0


class Screen(Protocol):
    """Where a table is shown."""

    every_s: float

    def show(self, lines: list[str]) -> None:
        """Show these lines instead of those before."""

    def close(self) -> None:
        """Leave the last lines where they are; the terminal is as it was."""


class LiveTable:
    """Shows a board on a screen from a thread of its own, between `start` and `stop`."""

    def __init__(
        self,
        board: SeriesBoard,
        *,
        title: str,
        status: Callable[[], str] = lambda: "",
        screen: Screen | None = None,
    ) -> None:
        self._board = board
        self._title = title
        self._status = status
        self._screen = screen
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Show it from now on; does nothing when it is shown already."""
        if self._thread is None:
            self._stopping.clear()
            screen = self._screen or open_screen()
            self._thread = threading.Thread(
                target=self._run, args=(screen,), name="live-table", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Show the last state and leave it there. Safe before `start`, and twice."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._stopping.set()
            thread.join(_LONGEST_WAIT_S)

    def _run(self, screen: Screen) -> None:
        try:
            screen.show(self._lines())
            while not self._stopping.wait(screen.every_s):
                screen.show(self._lines())
            screen.show(self._lines())
        finally:
            screen.close()

    def _lines(self) -> list[str]:
        width, height = shutil.get_terminal_size()
        # One column and two lines less: a full last column wraps, and log lines want to be seen.
        return table_lines(
            self._board.rows(),
            title=self._title,
            status=self._status(),
            width=width - 1,
            height=height - 2,
        )


def open_screen() -> Screen:
    """A screen of rich, or the plain one where rich is not installed."""
    try:
        from daemon.health.rich_screen import RichScreen
    except ImportError:
        return PlainScreen()
    return RichScreen()


class PlainScreen:
    """Prints the table to stdout every ten seconds."""

    every_s = 10.0

    def show(self, lines: list[str]) -> None:
        """Print the lines, and a blank one behind."""
        sys.stdout.write("\n".join([*lines, "", ""]))
        sys.stdout.flush()

    def close(self) -> None:
        """Nothing to put back."""
