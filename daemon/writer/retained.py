"""Which payload each topic had last: a retained message that brings it again is no new reading.

A broker sends retained messages after every SUBSCRIBE, so each reconnect would invent history.
Remembers hashes of this run only, of a bounded number of topics, the least recent forgotten first.
"""

from __future__ import annotations

from collections import OrderedDict

from daemon.messages import Message


class RetainedMemory:
    """Writer thread only."""

    def __init__(self, max_topics: int = 20_000) -> None:
        self._max_topics = max_topics
        self._last: OrderedDict[tuple[str, str], int] = OrderedDict()

    def is_seen(self, message: Message) -> bool:
        """Whether this is a retained message with the payload that its topic had last."""
        key = (message.source, message.topic)
        digest = hash(message.payload)
        is_same = self._last.get(key) == digest
        self._last[key] = digest
        self._last.move_to_end(key)
        if len(self._last) > self._max_topics:
            self._last.popitem(last=False)
        return is_same and message.is_retained
