"""The bounded queue between those who collect and the one who writes.

What is in it has been received and is neither stored nor acknowledged. Its room is freed when the
writer has written an item, not when it takes it: while the disk is full, memory stays bounded.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from daemon.messages import Message, Reading, Receipt
from daemon.writer.inflight import InFlight, Window

Item: TypeAlias = Message | Reading

# What an item costs beside its text: the object, its numbers, its place in the queue.
_OVERHEAD_BYTES = 300
# QoS 0 and polls get this part of the room, so that a flood of what cannot be sent again never
# stops the reading of what must not be lost.
_UNPROTECTED_SHARE = 0.75
_COME_BACK_SHARE = 0.1
# More than this many items are worth a write at once.
_BATCH = 256
_MAX_NAMES = 100
OTHERS = "(others)"
"""Where a bounded table counts the names that it has no place for."""


@dataclass(frozen=True, slots=True)
class InboxCounts:
    """The inbox at one moment; `received` = `dropped` + `taken` + `waiting`."""

    received: int
    dropped: int
    taken: int
    waiting: int
    waiting_bytes: int
    dropped_by: Mapping[str, int]
    """Topics and polls whose items were dropped, the first hundred by name."""


class Inbox:
    """Messages and readings in order of receipt. Any thread puts; the writer thread takes."""

    def __init__(
        self,
        *,
        max_items: int = 10_000,
        max_bytes: int = 16 * 2**20,
        windows: Mapping[str, Window] | None = None,
    ) -> None:
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._in_flight = InFlight(windows or {})
        self._items: deque[Item] = deque()
        self._held_items = 0
        self._held_bytes = 0
        self._received = 0
        self._dropped = 0
        self._dropped_by: dict[str, int] = {}
        self._taken = 0
        self._is_urgent = False
        self._is_refused = False
        self._is_closed = False
        self._lock = threading.Lock()
        self._arrived = threading.Condition(self._lock)
        self._pressed = threading.Condition(self._lock)

    def put(self, item: Item) -> bool:
        """Whether the item was taken in; False: no room for what nobody will send again, or closed.

        A QoS 1 message is always taken in before `close`: its sender asks `has_room` before it
        reads on. What is refused is counted as dropped, but for a QoS 1 message that comes after
        `close`: unacknowledged, it will be sent again.
        """
        size = size_bytes(item)
        receipt = item.receipt if isinstance(item, Message) else None
        with self._lock:
            if self._is_closed:
                if receipt is None:
                    self._received += 1
                    self._drop(item)
                return False
            self._received += 1
            # How large one item may be is for its rule to say.
            is_alone = not self._held_items
            if receipt is None and not is_alone and not self._fits(size, _UNPROTECTED_SHARE):
                self._drop(item)
                return False
            self._items.append(item)
            self._held_items += 1
            self._held_bytes += size
            self._wake(item, receipt)
        return True

    def has_room(self) -> bool:
        """Whether a source may read on."""
        with self._lock:
            return self._fits(0, 1.0)

    def is_nearly_empty(self) -> bool:
        """Whether a source that left because there was no room may come back.

        What it brought before it left is stored by then, so that what comes again is recognised and
        acknowledged at once: each return makes some progress, however slow the disk is.
        """
        with self._lock:
            return self._fits(0, _COME_BACK_SHARE)

    def refuse(self, *, is_refused: bool) -> None:
        """Whether the disk takes nothing at present. Writer thread."""
        self._is_refused = is_refused

    @property
    def is_refused(self) -> bool:
        """Whether room cannot be expected soon: the disk takes nothing."""
        return self._is_refused

    def wait(self, timeout_s: float) -> bool:
        """True as soon as there is an item or the inbox is closed; False after the timeout."""
        with self._lock:
            self._arrived.wait_for(lambda: bool(self._items) or self._is_closed, timeout_s)
            return bool(self._items) or self._is_closed

    def wait_urgent(self, timeout_s: float) -> bool:
        """True as soon as waiting longer would hold a broker up, many items wait, or it is closed.

        False after the timeout.
        """
        with self._lock:
            self._pressed.wait_for(self._must_hurry, timeout_s)
            return self._must_hurry()

    def is_urgent(self) -> bool:
        """Whether about half of a broker's window waits for its acknowledgement."""
        with self._lock:
            return self._is_urgent

    def take(self, limit: int = 2000) -> list[Item]:
        """The oldest items, at most `limit`; their room stays taken until `release`."""
        with self._lock:
            count = min(limit, len(self._items))
            self._taken += count
            return [self._items.popleft() for _ in range(count)]

    def release(self, items: Sequence[Item]) -> None:
        """These have been written: their room is free."""
        total = sum(size_bytes(item) for item in items)
        with self._lock:
            self._held_items -= len(items)
            self._held_bytes -= total

    def copied(self, source: str, receipt: Receipt) -> None:
        """Another copy of a message that is here already takes a place in its broker's window."""
        with self._lock:
            self._is_urgent = self._in_flight.arrived(source, receipt) or self._is_urgent
            if self._must_hurry():
                self._pressed.notify()

    def acknowledged(self, source: str, receipts: Sequence[Receipt]) -> None:
        """These receipts have been answered: the broker may send as many more."""
        with self._lock:
            self._in_flight.acknowledged(source, receipts)
            self._is_urgent = self._in_flight.is_urgent()

    def close(self) -> None:
        """Take nothing in any more; what is there can still be taken out. Safe twice."""
        with self._lock:
            self._is_closed = True
            self._arrived.notify_all()
            self._pressed.notify_all()

    @property
    def is_closed(self) -> bool:
        """Whether `close` was called."""
        with self._lock:
            return self._is_closed

    def counts(self) -> InboxCounts:
        """All counters at one moment."""
        with self._lock:
            return InboxCounts(
                received=self._received,
                dropped=self._dropped,
                taken=self._taken,
                waiting=len(self._items),
                waiting_bytes=self._held_bytes,
                dropped_by=dict(self._dropped_by),
            )

    def _drop(self, item: Item) -> None:
        self._dropped += 1
        name = item.topic if isinstance(item, Message) else item.poll
        if name not in self._dropped_by and len(self._dropped_by) >= _MAX_NAMES:
            name = OTHERS
        self._dropped_by[name] = self._dropped_by.get(name, 0) + 1

    def _fits(self, size: int, share: float) -> bool:
        return (
            self._held_items < self._max_items * share
            and self._held_bytes + size <= self._max_bytes * share
        )

    def _must_hurry(self) -> bool:
        return self._is_urgent or self._is_closed or len(self._items) >= _BATCH

    def _wake(self, item: Item, receipt: Receipt | None) -> None:
        if len(self._items) == 1:
            self._arrived.notify()
        if receipt is not None and isinstance(item, Message):
            is_urgent = self._in_flight.arrived(item.source, receipt)
            self._is_urgent = self._is_urgent or is_urgent
        if self._must_hurry():
            self._pressed.notify()


def size_bytes(item: Item) -> int:
    """About what an item takes of the memory."""
    if isinstance(item, Message):
        return _OVERHEAD_BYTES + len(item.topic) + len(item.payload)
    return _OVERHEAD_BYTES + len(item.poll) + len(str(item.value))
