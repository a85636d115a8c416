"""What becomes of an item, before anything is written: known already, or mapped."""

from __future__ import annotations

import logging

from daemon.messages import Mapped, Mapper, Message, Outcome
from daemon.writer.duplicates import DuplicateMemory
from daemon.writer.inbox import Item
from daemon.writer.retained import RetainedMemory

_log = logging.getLogger("daemon.writer")


class Intake:
    """Remembers what brokers sent, and asks the mapping. Writer thread only."""

    def __init__(self, mapper: Mapper) -> None:
        self._mapper = mapper
        self._duplicates = DuplicateMemory()
        self._retained = RetainedMemory()

    def fate_of(self, item: Item) -> Mapped:
        """The outcome and the points of an item; never raises. Once for each item."""
        if isinstance(item, Message):
            if self._duplicates.is_seen(item):
                return Mapped(Outcome.DUPLICATE)
            if self._retained.is_seen(item):
                return Mapped(Outcome.RETAINED_SEEN)
        try:
            return self._mapper.map(item)
        except Exception as error:  # noqa: BLE001 - part of the writer loop: it costs one item only
            name = f"topic {item.topic}" if isinstance(item, Message) else f"poll {item.poll}"
            _log.exception("the mapping failed on %s", name)
            return Mapped(Outcome.REJECTED, reason=f"mapping failed: {error!r}", kind="bug")
