"""What a command may know of where its output goes."""

from __future__ import annotations

import io
import select
import sys


def is_stdout_read() -> bool:
    """False once the reader of a pipe has gone: who has nothing to write would never find out."""
    try:
        number = sys.stdout.fileno()
    except io.UnsupportedOperation:
        return True  # a program that runs the command takes its text itself
    poller = select.poll()
    poller.register(number, 0)
    return not any(happened & select.POLLERR for _, happened in poller.poll(0))
