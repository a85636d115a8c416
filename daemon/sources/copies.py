"""Several copies of one message: MQTT 5 sends one for each filter that its topic fits.

Filters that overlap are subscribed with an identifier each (MQTT 5 section 3.8.2.1.2), which stands
on the copies. A broker sends the copies of a message one after the other, each with another
identifier; a second message, even with the same payload, begins with one that was there already.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from daemon.messages import Receipt, Subscription
from daemon.sources.arrival import Arrival

_MAX_IDENTIFIER = 268_435_455


@dataclass(slots=True)
class Original:
    """A message whose copies may follow."""

    key: tuple[object, ...]
    identifiers: set[int]
    receipt: Receipt | None


class Copies:
    """Tells copies from messages. Network thread only; for one connection."""

    def __init__(self) -> None:
        # By QoS: a message at QoS 0 may overtake those that wait for the in-flight window.
        self._last: dict[int, Original] = {}
        self._waiting: dict[Receipt, list[Receipt]] = {}

    def original_of(self, arrival: Arrival, receipt: Receipt | None) -> Original | None:
        """What this is only a copy of; None: it is a message of its own, and known from now on."""
        identifiers = arrival.identifiers
        last = self._last.pop(arrival.qos, None)
        if not identifiers:
            return None
        key = (arrival.topic, arrival.payload, arrival.is_retained, arrival.is_duplicate)
        if last is not None and last.key == key and last.identifiers.isdisjoint(identifiers):
            last.identifiers.update(identifiers)
            self._last[arrival.qos] = last
            return last
        self._last[arrival.qos] = Original(key, set(identifiers), receipt)
        if receipt is not None:
            self._waiting[receipt] = []
        return None

    def waits(self, original: Original, copy: Receipt) -> bool:
        """Have a copy's receipt answered after its original's; False if that was answered."""
        if original.receipt is None or original.receipt not in self._waiting:
            return False
        self._waiting[original.receipt].append(copy)
        return True

    def answered(self, receipt: Receipt) -> list[Receipt]:
        """A message is acknowledged; the receipts of its copies, to be answered now."""
        return self._waiting.pop(receipt, [])


def identifiers_for(names: Sequence[str]) -> dict[str, int]:
    """An identifier for each filter that overlaps with another one; the same in every run, because
    the broker may have messages that it took for an earlier one."""
    overlapping: set[str] = set()
    split = [(name, name.split("/")) for name in names]
    # Discovery may bring thousands of topics; two without a wildcard fit no topic both.
    wild = [(name, levels) for name, levels in split if "+" in levels or "#" in levels]
    for one, levels in wild:
        for other, others in split:
            if one != other and _overlap(levels, others):
                overlapping |= {one, other}
    return {name: zlib.crc32(name.encode()) % _MAX_IDENTIFIER + 1 for name in overlapping}


def with_equal_qos(wanted: Sequence[Subscription]) -> tuple[Subscription, ...]:
    """Filters that overlap ask for the same QoS, so that all copies of a message are worth the same
    and it does not matter which one is kept."""
    names = identifiers_for([one.topic_filter for one in wanted])
    highest = max((one.qos for one in wanted if one.topic_filter in names), default=0)
    return tuple(one._replace(qos=highest) if one.topic_filter in names else one for one in wanted)


def _overlap(levels: Sequence[str], others: Sequence[str]) -> bool:
    """Whether a topic may fit both. Those that begin with $ are not left out."""
    for level, other in zip(levels, others, strict=False):
        if "#" in (level, other):
            return True
        if level != other and "+" not in (level, other):
            return False
    rest = levels[len(others) :] or others[len(levels) :]
    # `a/#` fits `a` too.
    return not rest or list(rest) == ["#"]
