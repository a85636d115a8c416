"""How long a source may leave its connection unread; and why it may leave its broker."""

from __future__ import annotations

from daemon.clock import Clock
from daemon.errors import SourceError


class RenewError(SourceError):
    """We left on purpose, to come back by other settings."""


class NoRoomError(SourceError):
    """We left on purpose, because nothing could be read for too long."""


class Pause:
    """How long nothing was read because there was no room.

    The link would break after twice the keepalive: its PINGRESP lies behind the unread data. While
    the disk refuses it is given up after a third of the keepalive; as long as the writer works, it
    is given all of it to finish a commit, whose acknowledgements are void on another connection.
    """

    def __init__(self, keepalive_s: float, clock: Clock) -> None:
        self._keepalive_s = keepalive_s
        self._clock = clock
        self._since_s: float | None = None

    def is_too_long(self, *, is_paused: bool, is_refused: bool) -> bool:
        """Whether to leave before the link breaks."""
        if not is_paused:
            self._since_s = None
            return False
        now_s = self._clock.monotonic_s()
        if self._since_s is None:
            self._since_s = now_s
        longest_s = self._keepalive_s / 3 if is_refused else self._keepalive_s
        return now_s - self._since_s > longest_s
