"""How many messages each broker has sent without an acknowledgement yet.

A broker stops sending when its window is full, so a writer that only waited for its commit
interval would get twenty messages per interval. Knows nothing of paho.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.messages import Receipt

ASSUMED_WINDOW = 20
"""Mosquitto's default max_inflight_messages, and the least that brokers are known to use."""


@dataclass(frozen=True, slots=True)
class Window:
    """A broker's in-flight window as far as it is known.

    `assumed` holds without proof. Up to `ceiling` the window is believed once so many messages were
    seen unacknowledged at a time: a broker may use less than MQTT 5's receive maximum, and
    waiting for half of a window that it never fills would stop it.
    """

    assumed: int = ASSUMED_WINDOW
    ceiling: int = ASSUMED_WINDOW


@dataclass(slots=True)
class _Flight:
    window: Window
    connection: int = 0
    unacknowledged: int = 0
    peak: int = 0


class InFlight:
    """The unacknowledged messages of every source. One thread at a time: the inbox's lock."""

    def __init__(self, windows: Mapping[str, Window]) -> None:
        self._flights = {source: _Flight(window) for source, window in windows.items()}

    def arrived(self, source: str, receipt: Receipt) -> bool:
        """Count one more; True when about half of the window waits and a commit is urgent."""
        flight = self._flights.setdefault(source, _Flight(Window()))
        if receipt.connection != flight.connection:
            # Whatever the ended connection had open, the broker will send again.
            flight.connection = receipt.connection
            flight.unacknowledged = flight.peak = 0
        flight.unacknowledged += 1
        flight.peak = max(flight.peak, flight.unacknowledged)
        return flight.unacknowledged >= self._half(flight)

    def acknowledged(self, source: str, receipts: Sequence[Receipt]) -> None:
        """These have been answered; those of an ended connection count no more."""
        flight = self._flights.setdefault(source, _Flight(Window()))
        answered = sum(1 for receipt in receipts if receipt.connection == flight.connection)
        flight.unacknowledged = max(0, flight.unacknowledged - answered)

    def is_urgent(self) -> bool:
        """True while a source has about half of its window waiting."""
        return any(flight.unacknowledged >= self._half(flight) for flight in self._flights.values())

    @staticmethod
    def _half(flight: _Flight) -> int:
        window = max(flight.window.assumed, min(flight.peak, flight.window.ceiling))
        return max(1, window // 2)
