"""What becomes of an item, before anything is written: known already, or mapped."""

from __future__ import annotations

import logging
from dataclasses import replace

from daemon.messages import Mapped, Mapper, Message, Outcome
from daemon.writer.duplicates import DuplicateMemory
from daemon.writer.inbox import Item
from daemon.writer.retained import RetainedMemory

_log = logging.getLogger("daemon.writer")


class Intake:
    """Remembers what brokers sent, and asks the mapping. Writer thread only."""

    def __init__(
        self,
        mapper: Mapper,
        retained: RetainedMemory | None = None,
        duplicates: DuplicateMemory | None = None,
    ) -> None:
        self._mapper = mapper
        self._duplicates = DuplicateMemory() if duplicates is None else duplicates
        self._retained = RetainedMemory() if retained is None else retained

    def fate_of(self, item: Item) -> Mapped:
        """The outcome and the points of an item; never raises. Once for each item."""
        if isinstance(item, Message):
            if self._duplicates.is_seen(item):
                return Mapped(Outcome.DUPLICATE)
            if item.is_retained and self._retained.is_last(item):
                item = replace(item, is_seen=True)
        mapped = self._map(item)
        if isinstance(item, Message) and mapped.outcome is not Outcome.NO_RULE:
            # A topic that gets its rule later has its value stored then.
            self._retained.remember(item)
        return mapped

    def _map(self, item: Item) -> Mapped:
        try:
            return self._mapper.map(item)
        except Exception as error:  # noqa: BLE001 - part of the writer loop: it costs one item only
            name = f"topic {item.topic}" if isinstance(item, Message) else f"poll {item.poll}"
            _log.exception("the mapping failed on %s", name)
            return Mapped(Outcome.REJECTED, reason=f"mapping failed: {error!r}", kind="bug")
