"""How a process steps back behind all others, for CPU and for the disk."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform

_IDLE_CLASS = 3 << 13
_OF_PROCESS = 1
# The number of ioprio_set(2), which libc does not wrap, by machine (syscall tables of Linux).
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "armv7l": 314, "armv6l": 314, "i686": 289}


def lower_priority(pid: int = 0) -> None:
    """A process (0: this one) runs and reads the disk when nobody else wants to, from now on.

    Does what the system allows, and is silent about the rest: it is a courtesy.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, 19)
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None and platform.system() == "Linux":
        ctypes.CDLL(None, use_errno=True).syscall(number, _OF_PROCESS, pid, _IDLE_CLASS)
