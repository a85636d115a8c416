"""Processes that a program leaves behind, found by a mark in their environment, and killed.

A process group does not hold what starts a session of its own (setsid, a daemon); a child that is
left by its parent cannot be told from any other. What both keep is the environment that the program
was started with, unless they empty it on purpose.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import time

MARK = "TINYFLUX_POLL_RUN"

# A process that forks while it is looked for is met in the next round.
_ROUNDS = 100
_PAUSE_S = 0.002


def new_mark() -> str:
    """A text that no other run has."""
    return secrets.token_hex(16)


def kill_marked(mark: str, first: int) -> bool:
    """Kill every process of ours that has this mark; whether none is left. `first` is the number of
    the process that was given the mark, whose descendants have later ones.

    Reads one small file for each process of our user that has begun since (a fraction of a
    millisecond).
    """
    wanted = f"{MARK}={mark}".encode()
    quiet_rounds = 0
    for _ in range(_ROUNDS):
        found = _marked(wanted, first)
        # What has just ended may have left a child that came after the list was made.
        quiet_rounds = 0 if found else quiet_rounds + 1
        if quiet_rounds == 2:
            return True
        for number in found:
            if not _kill(number, wanted):
                return False
        time.sleep(_PAUSE_S)
    return False


def _marked(wanted: bytes, first: int) -> list[int]:
    """The processes of our user that have the mark."""
    own, user = os.getpid(), os.geteuid()
    # Numbers begin anew where the kernel has come to the last one.
    lowest = first if _latest_number() >= first else 0
    found = []
    with os.scandir("/proc") as entries:
        for entry in entries:
            if not entry.name.isdecimal() or int(entry.name) in (own, first):
                continue
            if int(entry.name) < lowest:
                continue
            # It may end at any moment; one of the kernel has no environment either.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if entry.stat().st_uid == user and _has(int(entry.name), wanted):
                    found.append(int(entry.name))
    return found


def _latest_number() -> int:
    """The number of the process that was started last (proc(5), loadavg)."""
    try:
        with open("/proc/loadavg", encoding="ascii") as line:
            return int(line.read().split()[-1])
    except (OSError, ValueError, IndexError):
        return 0


def _has(number: int, wanted: bytes) -> bool:
    """Whether a process has the mark. Raises FileNotFoundError or ProcessLookupError where there is
    none of this number."""
    try:
        with open(f"/proc/{number}/environ", "rb") as environment:
            return wanted in environment.read().split(b"\0")
    except PermissionError:
        return False


def _kill(number: int, wanted: bytes) -> bool:
    """Kill one process, and no other that may have its number by now."""
    try:
        descriptor = os.pidfd_open(number)
    except OSError:
        return True
    try:
        if _has(number, wanted):
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        return True
    except PermissionError:
        return False
    finally:
        os.close(descriptor)
    return True
