"""What comes from a broker over a connection: a message, or its answer for a topic filter."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Arrival:
    """One PUBLISH as it came in."""

    topic: str
    payload: bytes
    qos: int
    packet_id: int
    is_retained: bool
    is_duplicate: bool
    identifiers: tuple[int, ...] = ()
    """MQTT 5: those of the subscriptions that it came for, where they have any."""
    cut_bytes: int = 0
    """How many bytes of the payload were not kept."""


@dataclass(frozen=True, slots=True)
class Grant:
    """The broker's answer for one topic filter."""

    topic_filter: str
    refusal: str = ""
    """Why it was refused; empty when it was granted."""
