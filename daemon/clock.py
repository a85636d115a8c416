"""Where time comes from, and whether it can be believed.

Wall time stamps points; monotonic time measures waits and schedules, because a board without a
clock chip steps its wall clock while it runs. Tests pass a clock that they set.
"""

from __future__ import annotations

import ctypes
import functools
import time
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Two readings of time; neither of them sleeps."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC by the wall clock; may step either way."""

    def monotonic_s(self) -> float:
        """Seconds since some fixed moment; never steps, and runs while the board is suspended."""


class BoardClock(Clock, Protocol):
    """A clock that knows whether somebody has set it right."""

    @property
    def boot_id(self) -> str:
        """Names this boot: monotonic times of one boot can be compared. Empty: nobody knows."""

    def is_synchronised(self) -> bool:
        """Whether the system says that its wall clock is synchronised."""

    def awaits_synchronisation(self) -> bool:
        """Whether the wall clock may be wrong now and will be set right: there is a time service
        that has not done so yet, or a board without a clock chip."""


# timesyncd makes it when it has set the clock, once for each boot (systemd-timesyncd.service(8)).
_TIMESYNC = Path("/run/systemd/timesync")
_TIME_SERVICES = (
    _TIMESYNC,
    Path("/run/chrony"),
    Path("/run/chronyd.pid"),
    Path("/run/ntpd.pid"),
    Path("/run/ntpsec"),
    Path("/run/openntpd"),
)
_CLOCK_CHIP = Path("/sys/class/rtc/rtc0/since_epoch")
# Only boards have a device tree here; on them a missing chip means a clock that stood still.
_DEVICE_TREE = Path("/proc/device-tree/model")
_CHIP_TOLERANCE_S = 300.0
_STA_UNSYNC = 0x0040


class SystemClock:
    """The board's own clocks."""

    def now_us(self) -> int:
        """Microseconds since 1970-01-01 UTC, as the board believes now."""
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        """Seconds since boot, time in suspend included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    @functools.cached_property
    def boot_id(self) -> str:
        """The kernel's random name of this boot; empty where it does not say."""
        try:
            return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except OSError:
            return ""

    def is_synchronised(self) -> bool:
        """Whether timesyncd or the kernel says so; chrony and ntpd tell the kernel."""
        # The file first: a sandbox may forbid to ask the kernel.
        return (_TIMESYNC / "synchronized").exists() or _is_kernel_synchronised()

    def awaits_synchronisation(self) -> bool:
        """See `BoardClock`. A clock chip that agrees with the wall clock has set it at boot."""
        if self.is_synchronised() or self._agrees_with_chip():
            return False
        return any(path.exists() for path in (*_TIME_SERVICES, _DEVICE_TREE))

    def _agrees_with_chip(self) -> bool:
        try:
            chip_s = int(_CLOCK_CHIP.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return False
        return abs(chip_s - self.now_us() / 1e6) < _CHIP_TOLERANCE_S


class _Timex(ctypes.Structure):
    """The beginning of `struct timex` (adjtimex(2)); the rest is only given room."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 400),
    )


def _is_kernel_synchronised() -> bool:
    """The kernel's own word; False where it may not be asked."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (OSError, AttributeError):
        return False
    state = _Timex()
    return adjtimex(ctypes.byref(state)) >= 0 and not state.status & _STA_UNSYNC
