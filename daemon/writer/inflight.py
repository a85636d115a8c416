"""How many messages each broker has sent without an acknowledgement yet.

A broker stops sending when its window is full, so a writer that only waited for its commit
interval would get twenty messages per interval. Knows nothing of paho.

How wide the window is nobody can be asked: on MQTT 3.1.1 the broker's setting decides, on MQTT 5
our receive maximum bounds it (section 3.1.2.11.3), and Mosquitto sends as many, but another broker
may send fewer. So the width that was told is believed until a broker falls silent with fewer
messages open, and goes on at once when they are acknowledged.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from daemon.messages import Receipt

ASSUMED_WINDOW = 20
"""Mosquitto's default max_inflight_messages, and the least that brokers are known to use."""

# A broker that has sent nothing for so long before an acknowledgement may have waited for it,
_SILENCE_S = 0.3
# and it has, if half as many messages as were acknowledged come within this.
_BURST_S = 0.25


@dataclass(frozen=True, slots=True)
class Window:
    """A broker's in-flight window as far as it is told."""

    width: int = ASSUMED_WINDOW


@dataclass(slots=True)
class _Flight:
    window: Window
    connection: int = 0
    unacknowledged: int = 0
    width: int = 0
    """What is believed of this connection."""
    arrived_s: float = 0.0
    answered_s: float = 0.0
    stalled: int = 0
    """As many were open, and perhaps all that the broker sends, at the last acknowledgement."""
    since: int = 0
    """How many have come since then."""


class InFlight:
    """The unacknowledged messages of every source. One thread at a time: the inbox's lock."""

    def __init__(
        self, windows: Mapping[str, Window], monotonic_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._flights = {source: _Flight(window) for source, window in windows.items()}
        self._monotonic_s = monotonic_s

    def arrived(self, source: str, receipt: Receipt) -> bool:
        """Count one more; True when about half of the window waits and a commit is urgent."""
        flight = self._flights.setdefault(source, _Flight(Window()))
        if receipt.connection != flight.connection:
            # Whatever the ended connection had open, the broker will send again.
            flight.connection = receipt.connection
            flight.unacknowledged = flight.stalled = 0
            flight.width = flight.window.width
        flight.unacknowledged += 1
        flight.arrived_s = self._monotonic_s()
        if flight.stalled:
            self._look_for_burst(flight)
        return flight.unacknowledged >= self._half(flight)

    def acknowledged(self, source: str, receipts: Sequence[Receipt]) -> None:
        """These have been answered; those of an ended connection count no more."""
        flight = self._flights.setdefault(source, _Flight(Window()))
        answered = sum(1 for receipt in receipts if receipt.connection == flight.connection)
        open_before = flight.unacknowledged
        flight.unacknowledged = max(0, flight.unacknowledged - answered)
        if answered:
            now_s = self._monotonic_s()
            was_silent = now_s - flight.arrived_s >= _SILENCE_S
            flight.stalled = open_before if was_silent and not flight.unacknowledged else 0
            flight.answered_s, flight.since = now_s, 0

    def is_urgent(self) -> bool:
        """True while a source has about half of its window waiting."""
        return any(
            flight.unacknowledged >= self._half(flight)
            for flight in self._flights.values()
            if flight.unacknowledged
        )

    def _look_for_burst(self, flight: _Flight) -> None:
        flight.since += 1
        if flight.arrived_s - flight.answered_s > _BURST_S:
            flight.stalled = 0
        elif flight.since * 2 >= flight.stalled:
            if flight.stalled > 1:
                flight.width = min(flight.width, flight.stalled)
            flight.stalled = 0

    @staticmethod
    def _half(flight: _Flight) -> int:
        return max(1, flight.width // 2)
