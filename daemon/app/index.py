"""The index cache as a scheduled job: made in a child process of low priority.

Programs that open the data file then read only the rows since the last run. A thread would take
the interpreter from the writer.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from daemon.errors import CollectorError
from daemon.retention import lower_priority
from daemon.scheduling import Every, Schedule

_log = logging.getLogger(__name__)

_LOOK_S = 60.0
_MANY_POINTS = 1 << 15
"""About a second of reading on a small board, and some 1.5 MB written."""
_WORTH_POINTS = 1 << 12
"""At the end, so many are worth a run."""
_SMALL_BYTES = 1 << 20
"""A file that is read in no time."""


class CacheError(CollectorError):
    """The index cache could not be made; nothing depends on it but speed."""


class IndexJob:
    """Makes the index cache of a data file when many points have come since the last time.

    `n_stored` tells how many points this run of the collector has stored.
    """

    timeout_s = 3600.0

    def __init__(self, data: Path, n_stored: Callable[[], int]) -> None:
        self._data = data
        self._n_stored = n_stored
        self._n_indexed = -_MANY_POINTS  # what was there before us may lack it
        self._child: subprocess.Popen[bytes] | None = None
        self._is_cancelled = False

    def schedule(self) -> Schedule:
        """When to look whether there is something to do."""
        return Every(_LOOK_S)

    def run(self) -> None:
        """One look, and one run if it is time. CacheError when that failed."""
        if self._n_stored() - self._n_indexed >= _MANY_POINTS and self._is_large():
            self._make(None)

    def finish(self, timeout_s: float) -> None:
        """A last run, if it is worth it; given up after `timeout_s`."""
        n_new = self._n_stored() - max(self._n_indexed, 0)
        if n_new < _WORTH_POINTS or not self._is_large():
            return
        try:
            self._make(timeout_s)
        except CacheError as error:
            _log.info("%s", error)

    def _is_large(self) -> bool:
        try:
            return self._data.stat().st_size >= _SMALL_BYTES
        except OSError:
            return False

    def _make(self, timeout_s: float | None) -> None:
        n_stored = self._n_stored()
        self._is_cancelled = False
        # -P: a folder called tinyflux where we were started is not ours.
        with subprocess.Popen(
            (sys.executable, "-P", "-m", "tinyflux", "index", str(self._data)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as child:
            self._child = child
            lower_priority(child.pid)
            try:
                _, trouble = child.communicate(timeout=timeout_s)
            except subprocess.TimeoutExpired:
                child.kill()
                raise CacheError(f"the index cache was not made in {timeout_s:g} s") from None
            finally:
                self._child = None
        if child.returncode == 0:
            self._n_indexed = n_stored
        elif not self._is_cancelled:
            text = trouble.decode(errors="replace").strip()[-2000:]
            raise CacheError(f"the index cache could not be made: {text}")

    def cancel(self) -> None:
        """End a run that is under way; the cache stays as it was."""
        child = self._child
        if child is not None and child.poll() is None:
            self._is_cancelled = True
            child.terminate()
