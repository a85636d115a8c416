"""The live table on a real pseudo-terminal, with rich and without."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest

from daemon.health import LiveTable, SeriesBoard
from tests.daemon.clocks import SetClock
from tests.daemon.waiting import wait_until
from tinyflux import Point

SHOW = """
import logging, sys, time
from daemon.clock import SystemClock
from daemon.health import LiveTable, SeriesBoard
from daemon.logs import set_up
from tinyflux import Point
set_up("info", "terminal")
board = SeriesBoard(SystemClock())
table = LiveTable(board, title="cabin", status=lambda: f"{board.points} points")
table.start()
for number in range(3):
    board.observe([Point(measurement="climate", tags={"room": "kitchen"}, fields={"t": number})])
    logging.getLogger("daemon.app").warning("line %d", number)
time.sleep(0.7)
board.observe([
    Point(measurement="m", tags={"id": f"{n:03}"}, fields={"v": 1}) for n in range(100)])
table.stop()
print("the end")
"""


def on_terminal(code: str) -> str:
    """All that a program writes to a terminal of 80x24."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {**os.environ, "TERM": "xterm", "NO_COLOR": "1"}
    for name in ("COLUMNS", "LINES"):
        environment.pop(name, None)
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=theirs, stderr=theirs, stdin=theirs, env=environment
    )
    os.close(theirs)
    written = bytearray()
    # Linux answers EIO when the last program has closed the terminal.
    with contextlib.suppress(OSError):
        while chunk := os.read(ours, 65536):
            written += chunk
    os.close(ours)
    assert child.wait(60) == 0
    return written.decode()


def test_rich_table_stays_in_place_and_log_lines_go_by_above_it() -> None:
    written = on_terminal(SHOW)
    assert "climate kitchen" in written
    assert "line 2" in written
    assert "and 82 more series  103 points" in written
    assert written.rstrip().endswith("the end")
    assert "\x1b[?1049h" not in written, "the alternate screen takes the last table away"
    assert "\x1b[?25h" in written, "the cursor is back"
    assert all(len(line) <= 80 for line in written.splitlines() if "\x1b" not in line)


def test_without_rich_the_table_is_printed() -> None:
    written = on_terminal("import sys; sys.modules['rich'] = None\n" + SHOW)
    assert "\x1b" not in written
    assert "climate kitchen" in written
    assert written.count("cabin") == 2
    assert "and 82 more series  103 points" in written


class ListScreen:
    """Keeps what was shown."""

    every_s = 0.001

    def __init__(self) -> None:
        self.shown: list[list[str]] = []
        self.closed = 0

    def show(self, lines: list[str]) -> None:
        self.shown.append(lines)

    def close(self) -> None:
        self.closed += 1


def test_last_state_is_shown_before_the_screen_is_closed() -> None:
    board, screen = SeriesBoard(SetClock()), ListScreen()
    table = LiveTable(board, title="cabin", screen=screen)
    table.start()
    wait_until(lambda: len(screen.shown) > 3, "some refreshes")
    board.observe([Point(measurement="climate", fields={"t": 21})])
    table.stop()
    assert "t=21" in screen.shown[-1][2]
    assert screen.closed == 1


def test_stop_is_safe_before_start_and_twice() -> None:
    screen = ListScreen()
    table = LiveTable(SeriesBoard(SetClock()), title="cabin", screen=screen)
    table.stop()
    table.start()
    table.start()
    table.stop()
    table.stop()
    assert screen.closed == 1


@pytest.mark.parametrize("module", ["rich", "psutil", "apscheduler"])
def test_import_of_health_is_light(module: str) -> None:
    code = f"import sys, daemon.health; print({module!r} in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False\n"
