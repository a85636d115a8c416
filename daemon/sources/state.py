"""How a broker's connection is at one moment, for status and doctor."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BrokerState:
    """One broker as its source sees it."""

    name: str
    url: str
    protocol: str
    client_id: str
    is_connected: bool
    """Whether it has accepted us and answered our subscriptions."""
    since_us: int
    """Wall clock of the last change of `is_connected`, or of the start."""
    for_s: float
    """How long ago that was, whatever the wall clock has done since."""
    connections: int
    """How often it has accepted us."""
    failures: int
    """Failed tries since it was last connected."""
    trouble: str
    """Why it does not deliver, with what to do; empty while it does."""
    refused: tuple[str, ...]
    """Topic filters that it does not let us subscribe to."""
    has_session: bool
    """Whether it had kept our session when it last accepted us."""

    @property
    def is_well(self) -> bool:
        """Whether everything that was asked for is delivered."""
        return self.is_connected and not self.refused

    def as_json(self) -> dict[str, object]:
        """For the status file."""
        return {
            "url": self.url,
            "protocol": self.protocol,
            "client_id": self.client_id,
            "connected": self.is_connected,
            "since_us": self.since_us,
            "for_s": round(self.for_s, 1),
            "connections": self.connections,
            "failures": self.failures,
            "trouble": self.trouble,
            "refused": list(self.refused),
            "has_session": self.has_session,
        }
