"""Messages and readings as tests need them."""

from __future__ import annotations

from daemon.messages import JsonValue, Mapped, Message, Outcome, Reading, Receipt

RECEIVED_US = 1_772_366_400_000_000


def message(
    topic: str = "a/b",
    payload: bytes = b"1",
    *,
    packet_id: int = 0,
    connection: int = 1,
    source: str = "home",
    is_retained: bool = False,
    is_duplicate: bool = False,
    received_us: int = RECEIVED_US,
    monotonic_us: int | None = None,
) -> Message:
    """At QoS 1 with a packet id, at QoS 0 without."""
    return Message(
        source,
        topic,
        payload,
        received_us,
        qos=1 if packet_id else 0,
        is_retained=is_retained,
        is_duplicate=is_duplicate,
        receipt=Receipt(connection, packet_id) if packet_id else None,
        monotonic_us=monotonic_us,
    )


def reading(value: JsonValue = 1.5, poll: str = "system") -> Reading:
    return Reading(poll, value, RECEIVED_US)


def rejected(reason: str = "not JSON", kind: str = "not-json", rule: str = "sources[0]") -> Mapped:
    return Mapped(Outcome.REJECTED, rule=rule, reason=reason, kind=kind)
