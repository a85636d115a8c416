"""One run at a time in a folder: two would add the same roll-ups twice."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.retention.errors import RetentionError

WAIT_S = 30.0


@contextmanager
def turn(data: Path, wait_s: float = WAIT_S) -> Iterator[None]:
    """Hold the turn of the data's folder; RetentionError where another run does not end.

    An flock on the folder itself: nothing is left behind, and the kernel gives it back with the
    process.
    """
    descriptor = os.open(data.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + wait_s
        while not _taken(descriptor):
            if time.monotonic() > deadline:
                raise RetentionError(
                    f"another run of the retention rules is under way in {data.parent}; nothing "
                    "was changed: try again when it has ended"
                )
            time.sleep(0.2)
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
