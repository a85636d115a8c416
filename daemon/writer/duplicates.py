"""Which messages a broker sent again because our acknowledgement did not reach it.

The acknowledgement of a message is lost when the connection ends before it is durable; the broker
then sends the message again, marked, with its old packet id (MQTT 3.1.1 section 4.4). Remembers
the newest messages of the last two connections of this run; after a crash nothing is remembered.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from daemon.messages import Message

_MAX_MESSAGES = 2000


@dataclass(slots=True)
class _Received:
    """What came on one connection: packet id to a hash of topic and payload."""

    connection: int = 0
    by_packet_id: OrderedDict[int, int] = field(default_factory=OrderedDict)


class DuplicateMemory:
    """Writer thread only."""

    def __init__(self) -> None:
        self._current: dict[str, _Received] = {}
        self._previous: dict[str, _Received] = {}

    def is_seen(self, message: Message) -> bool:
        """Whether this message came on the connection before and is now sent again.

        Only what the broker marks as sent again is recognised: the same value twice is two
        readings.
        """
        receipt = message.receipt
        if receipt is None:
            return False
        current = self._current.get(message.source)
        if current is None or current.connection != receipt.connection:
            if current is not None:
                self._previous[message.source] = current
            current = self._current[message.source] = _Received(receipt.connection)
        digest = hash((message.topic, message.payload))
        current.by_packet_id.pop(receipt.packet_id, None)
        current.by_packet_id[receipt.packet_id] = digest
        if len(current.by_packet_id) > _MAX_MESSAGES:
            current.by_packet_id.popitem(last=False)
        previous = self._previous.get(message.source)
        if previous is None or previous.connection != receipt.connection - 1:
            return False
        return message.is_duplicate and previous.by_packet_id.pop(receipt.packet_id, None) == digest
