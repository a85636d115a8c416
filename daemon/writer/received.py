"""What was written of the messages of one broker, by packet id, in fixed memory.

A broker sends again what it has no acknowledgement of, with the old packet id, in the old order,
and before anything new (MQTT 3.1.1 sections 4.4 and 4.6). So whatever it has not sent again by the
time that something new comes is acknowledged, and its packet id may come with another message.
"""

from __future__ import annotations

from array import array

from daemon.writer.notes import Mark

# A strict broker has no more unacknowledged than its window; Mosquitto 2.0.11 had 40,000 when it
# was too slow to read acknowledgements. A memory shorter than what comes again, in the old order,
# recognises nothing of it. Yet fewer than there are packet ids, by more than an inbox holds: one
# that is given out anew means another message.
_MAX_MESSAGES = 50_000
_PACKET_IDS = 65_536
_BEGINS, _SETTLES, _AGAIN = int(Mark.BEGINS), int(Mark.SETTLES), int(Mark.AGAIN)


class Received:
    """Packet id to a hash of topic and payload, of the newest messages; 1 MB whatever happens."""

    def __init__(self) -> None:
        self._hashes = array("Q", bytes(8 * _PACKET_IDS))
        self._numbers = array("Q", bytes(8 * _PACKET_IDS))
        self._count = 0
        self._settled = 0
        """Messages up to this number are acknowledged and come no more."""
        self._began = 0
        """How many came before this connection."""
        self._fresh_since = 0
        """How many came before the first new message of this connection."""
        self._may_repeat = True
        self._reach = _MAX_MESSAGES
        """A packet id stands for the same message as long as fewer others have come since."""

    def come(self, marks: int, packet_id: int, digest: bytes) -> bool:
        """Take note of the next message; whether it was written before and is now sent again.

        Only what the broker marks as sent again is recognised: the same value twice is two
        readings.
        """
        if marks & _BEGINS:
            self._may_repeat = True
            self._began = self._count
            if marks & _SETTLES:
                self._settled = self._count
        if not marks & _AGAIN:
            if self._may_repeat:
                self._may_repeat = False
                self._settled = self._began
                self._fresh_since = self._count
            elif (number := self._numbers[packet_id]) > self._fresh_since:
                # This broker gives packet ids out anew as soon as they are acknowledged.
                self._reach = min(self._reach, self._count - number)
        is_known = self._may_repeat and self._has(packet_id, digest)
        self._count += 1
        self._hashes[packet_id] = int.from_bytes(digest, "little")
        self._numbers[packet_id] = self._count
        return is_known

    def forget(self, packet_id: int) -> None:
        """The message that came with this packet id last was not written."""
        self._numbers[packet_id] = 0

    def _has(self, packet_id: int, digest: bytes) -> bool:
        number = self._numbers[packet_id]
        is_recent = number > self._settled and self._count - number < self._reach
        return is_recent and self._hashes[packet_id] == int.from_bytes(digest, "little")
