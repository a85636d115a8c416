"""What the collector tells systemd: sd_notify(3), one datagram a message.

Without NOTIFY_SOCKET in the environment every call does nothing. Trouble with the socket is logged
once and never stops the collector.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping

_log = logging.getLogger(__name__)

_SEND_TIMEOUT_S = 1.0


class Notifier:
    """One service's line to its manager. Any thread."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = _address(environment.get("NOTIFY_SOCKET", ""))
        self._watchdog_s = _watchdog_s(environment)
        self._is_trouble_said = False

    @property
    def is_connected(self) -> bool:
        """Whether anybody asked to be notified."""
        return self._address is not None

    @property
    def watchdog_s(self) -> float | None:
        """How long systemd waits for `feed_watchdog` before it kills us; None: it does not."""
        return self._watchdog_s

    def ready(self, status: str) -> None:
        """The service is up: what depends on it may start."""
        self._send(f"READY=1\nSTATUS={_line(status)}")

    def status(self, status: str) -> None:
        """One line for a person, shown by `systemctl status`."""
        self._send(f"STATUS={_line(status)}")

    def feed_watchdog(self) -> None:
        """Still working; to be called at least twice within `watchdog_s`."""
        self._send("WATCHDOG=1")

    def stopping(self, status: str = "") -> None:
        """The service is going down on purpose."""
        self._send(f"STOPPING=1\nSTATUS={_line(status)}" if status else "STOPPING=1")

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
                # Its queue may be full; that must not hold up a thread for long.
                line.settimeout(_SEND_TIMEOUT_S)
                line.sendto(message.encode(), self._address)
        except OSError as error:
            if not self._is_trouble_said:
                shown = self._address.replace("\0", "@", 1)
                _log.warning("cannot notify systemd on NOTIFY_SOCKET=%s: %s", shown, error)
            self._is_trouble_said = True
        else:
            self._is_trouble_said = False


def _address(given: str) -> str | None:
    """The socket's address; a leading @ stands for the zero byte of an abstract one."""
    if not given:
        return None
    if given[0] not in "/@":
        # vsock:… is for virtual machines that tell their host.
        _log.warning("NOTIFY_SOCKET=%s is no unix socket: systemd is not notified", given)
        return None
    return "\0" + given[1:] if given[0] == "@" else given


def _watchdog_s(environment: Mapping[str, str]) -> float | None:
    microseconds = environment.get("WATCHDOG_USEC", "")
    meant_for = environment.get("WATCHDOG_PID", str(os.getpid()))
    if not microseconds.isdecimal() or int(microseconds) == 0 or meant_for != str(os.getpid()):
        return None
    return int(microseconds) / 1e6


def _line(status: str) -> str:
    return " ".join(status.split())
