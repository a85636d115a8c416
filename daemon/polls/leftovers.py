"""Processes that a program leaves behind, found by a mark in their environment, and killed.

A process group does not hold what starts a session of its own (setsid, a daemon); a child that is
left by its parent cannot be told from any other. What both keep is the environment that the program
was started with, unless they empty it on purpose.
"""

from __future__ import annotations

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


def kill_marked(mark: str) -> bool:
    """Kill every process of ours that has this mark; whether none is left.

    Reads one small file for each process of our user (1 ms for 150).
    """
    wanted = f"{MARK}={mark}".encode()
    # After each one that was found, two rounds have to find none: what has just ended may have
    # left a child that came after the list of processes was made.
    needed_rounds = 1
    for _ in range(_ROUNDS):
        found, has_lost_one = _marked(wanted)
        if found or has_lost_one:
            needed_rounds = 2
        else:
            needed_rounds -= 1
            if needed_rounds == 0:
                return True
        for number in found:
            if not _kill(number, wanted):
                return False
        time.sleep(_PAUSE_S)
    return False


def _marked(wanted: bytes) -> tuple[list[int], bool]:
    """The processes of our user that have the mark, and whether one ended while it was asked."""
    own, user = os.getpid(), os.geteuid()
    found, has_lost_one = [], False
    with os.scandir("/proc") as entries:
        for entry in entries:
            if not entry.name.isdecimal() or int(entry.name) == own:
                continue
            try:
                if entry.stat().st_uid == user and _has(int(entry.name), wanted):
                    found.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                has_lost_one = True
    return found, has_lost_one


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
