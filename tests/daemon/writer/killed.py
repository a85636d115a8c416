"""A writer that is killed before one durable step: `python -m tests.daemon.writer.killed`.

Arguments: folder, name of the step, name of the file, how many of these steps are done before, and
`wait` if the clock cannot be believed or `take` if what has waited is due.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from daemon.clock_trust import ClockTrust, clock_path
from daemon.messages import Message
from daemon.spool import Spool
from daemon.writer import ClockHold
from tests.daemon.boards import SetBoard
from tests.daemon.waiting import wait_until
from tests.daemon.writer.conftest import RunningWriter
from tests.daemon.writer.items import RECEIVED_US, message
from tinyflux.files import intercepted

BOOT = "f7a2902d"
TEXTS = ("1", "wet", "2", "2", "3")
"""What is put: two messages are alike, but for their time."""


def messages(
    *, connection: int, is_duplicate: bool = False, texts: Sequence[str] = TEXTS
) -> list[Message]:
    """The messages as they come on this connection."""
    return [
        message(
            payload=text.encode(),
            packet_id=number,
            connection=1,  # each process counts from 1
            is_duplicate=is_duplicate,
            # When it comes again is another time.
            received_us=RECEIVED_US + 1_000_000 * connection + number,
        )
        for number, text in enumerate(texts, start=1)
    ]


def writer_of(folder: Path, board: SetBoard | None) -> RunningWriter:
    """A writer that commits soon; with a board it waits for the board's clock."""
    hold = None
    if board is not None:
        trust = ClockTrust(board, 60.0, clock_path(folder / "data.csv"))
        hold = ClockHold(board, trust, Spool(folder / "data.spool", board.boot_id))
    return RunningWriter(folder, interval_s=0.05, hold=hold, boot_id=BOOT)


def board_of(how: str) -> SetBoard | None:
    """A board whose clock nobody has set, or that is set by now."""
    if how not in ("wait", "take"):
        return None
    board = SetBoard(datetime(2026, 3, 1, tzinfo=UTC), boot_id=BOOT)
    if how == "take":
        board.synchronise(datetime(2026, 11, 24, tzinfo=UTC))
    return board


def main(folder: Path, step: str, name: str, after: int, how: str) -> None:
    """Ends by SIGKILL, at the latest when all is acknowledged."""
    running = writer_of(folder, board_of(how))
    left = [after]

    def kill(done: str, path: str) -> None:
        if (done, Path(path).name) == (step, name):
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1

    if how == "take":
        with intercepted(kill):
            running.writer.start()
            wait_until(lambda: running.writer.held() == 0, "the end of the waiting")
    else:
        # In one batch: they are there before it begins.
        for one in messages(connection=1):
            running.inbox.put(one)
        with intercepted(kill):
            running.writer.start()
            wait_until(lambda: len(running.acknowledged.receipts) == len(TEXTS), "all of them")
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
