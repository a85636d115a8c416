"""A time in which the disk refuses: said once, tried again ever more slowly, ended by itself."""

from __future__ import annotations

import errno
import logging

from daemon.clock import Clock
from tinyflux.errors import TinyFluxError

_log = logging.getLogger("daemon.writer")

_FIRST_WAIT_S = 0.5
_LONGEST_WAIT_S = 15.0
_REMEDIES = {
    errno.ENOSPC: "free some room on that file system",
    errno.EDQUOT: "raise the user's disk quota or free some room",
    errno.EROFS: "mount the file system writable again (after a look at dmesg: a card that fails "
    "is remounted read-only)",
    errno.EIO: "look at dmesg for the card's or disk's errors, it may be about to fail",
    errno.EACCES: "give the collector's user the right to write there again",
    errno.EPERM: "give the collector's user the right to write there again",
    errno.EFBIG: "raise the file size limit, or let retention remove old points",
}


class Outage:
    """Writer thread only."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_s: float | None = None
        self._said = ""
        self._wait_s = 0.0

    @property
    def is_on(self) -> bool:
        """Whether the last attempt to write failed."""
        return self._began_s is not None

    def failed(self, doing: str, error: Exception) -> float:
        """Note one more failure; seconds to wait before the next try. Each reason is said once."""
        if self._began_s is None:
            self._began_s = self._clock.monotonic_s()
            self._wait_s = _FIRST_WAIT_S
        else:
            self._wait_s = min(2 * self._wait_s, _LONGEST_WAIT_S)
        kind = f"{doing}: {getattr(error, 'errno', None)} {type(error).__name__}"
        if kind != self._said:
            self._said = kind
            _log.error(
                "%s: %s. It is tried again by itself; until then nothing is acknowledged and "
                "nothing accepted is lost",
                doing,
                _explain(error),
            )
        return self._wait_s

    def over(self) -> None:
        """The last attempt succeeded."""
        if self._began_s is not None:
            after_s = self._clock.monotonic_s() - self._began_s
            self._began_s = None
            self._said = ""
            _log.warning("writing works again after %.0f s", after_s)


def _explain(error: Exception) -> str:
    """What happened and what to do; the engine's own errors say both."""
    if not isinstance(error, OSError) or isinstance(error, TinyFluxError):
        return getattr(error, "strerror", None) or str(error)
    remedy = _REMEDIES.get(error.errno or 0)
    return f"{error}; {remedy}" if remedy else str(error)
