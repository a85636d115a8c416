"""What a sensor of several parts says of those that fail: one line a change, not one a reading."""

from __future__ import annotations

import logging
from collections.abc import Mapping


class PartLog:
    """Remembers which parts fail, and says what is new."""

    def __init__(self, logger: logging.Logger, poll: str, level: int = logging.WARNING) -> None:
        self._logger = logger
        self._poll = poll
        self._level = level
        self._failing: frozenset[str] = frozenset()

    def tell(self, reasons: Mapping[str, str]) -> None:
        """These parts failed in this reading, for these reasons; all others did not."""
        for part in sorted(reasons.keys() - self._failing):
            self._logger.log(
                self._level, "poll %s: without %s: %s", self._poll, part, reasons[part]
            )
        for part in sorted(self._failing - reasons.keys()):
            self._logger.info("poll %s: %s is there again", self._poll, part)
        self._failing = frozenset(reasons)
