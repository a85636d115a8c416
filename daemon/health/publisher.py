"""Writes the status file again and again, in a thread of its own: a slow disk holds nobody up."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping

from daemon.health.status_file import StatusFile

_log = logging.getLogger(__name__)

_JOIN_S = 2.0
_LOOK_S = 0.5

Snapshot = Callable[[], Mapping[str, object]]
"""How the collector is now; called in the publisher's thread."""


Pulse = Callable[[], object]
"""What a person would want to hear of at once, to compare; cheap."""


class StatusPublisher:
    """Between `start` and `stop` the file is never much older than `every_s`.

    Where it is in memory, it is written as soon as the pulse has changed as well.
    """

    def __init__(self, file: StatusFile, snapshot: Snapshot, pulse: Pulse = lambda: None) -> None:
        self._file = file
        self._snapshot = snapshot
        self._pulse = pulse
        self._stopping = threading.Event()
        self._is_trouble_said = False
        self._thread = threading.Thread(target=self._run, name="status", daemon=True)

    def start(self) -> None:
        """Write it now and from now on; returns at once."""
        self._thread.start()

    def stop(self) -> None:
        """Write it a last time. Safe twice and before `start`."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_JOIN_S)

    def _run(self) -> None:
        pulse = self._pulse()
        self._publish()
        left_s = self._file.every_s
        while not self._stopping.wait(_LOOK_S):
            left_s -= _LOOK_S
            before, pulse = pulse, self._pulse()
            if left_s <= 0 or (pulse != before and self._file.is_in_memory):
                self._publish()
                left_s = self._file.every_s
        self._publish()

    def _publish(self) -> None:
        try:
            self._file.write(self._snapshot())
        except OSError as error:
            if not self._is_trouble_said:
                _log.warning("cannot write the status file: %s; `status` shows an old one", error)
            self._is_trouble_said = True
        else:
            self._is_trouble_said = False
