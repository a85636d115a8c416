"""What travels between the collector's rooms: small frozen values.

A `Message` comes from a broker, a `Reading` from a poll; the mapping turns either into a `Mapped`,
which has exactly one `Outcome`. Nothing here knows paho, the scheduler or the engine's files.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from tinyflux import Point

JsonValue: TypeAlias = (
    "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
)


class Outcome(enum.StrEnum):
    """The fate of one message or poll result. The list is closed: the ledger must balance."""

    STORED = "stored"
    UNCHANGED = "unchanged"
    THROTTLED = "throttled"
    MERGED = "merged"
    DUPLICATE = "duplicate"
    RETAINED_SEEN = "retained-seen"
    NO_VALUE = "no-value"
    NO_RULE = "no-rule"
    REJECTED = "rejected"
    DROPPED = "dropped"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a broker wants back for one QoS 1 message, valid on one connection only.

    Packet ids start anew with a connection: an acknowledgement sent after a reconnect would delete
    another message, so `connection` counts the connections of a source, from 1. A number is left
    out before one on which the broker has begun a new session, and so is that of a connection on
    which nothing came: of what came before it the broker sends nothing again.
    """

    connection: int
    packet_id: int


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message as it arrived."""

    source: str
    """The broker's name in the configuration."""
    topic: str
    payload: bytes
    received_us: int
    """Wall clock at arrival, µs UTC."""
    qos: int = 0
    is_retained: bool = False
    is_duplicate: bool = False
    """The broker's DUP flag (MQTT 3.1.1 section 3.3.1.1)."""
    is_seen: bool = False
    """Retained, and its topic had this payload last: no new reading."""
    receipt: Receipt | None = None
    """None for QoS 0: nothing to acknowledge."""
    monotonic_us: int | None = None
    """Monotonic clock at arrival, µs: the wall clock may have been wrong. None: not taken."""
    cut_bytes: int = 0
    """How many bytes of the payload were not kept, because it is longer than any rule takes."""
    is_clock_doubtful: bool = False
    """`received_us` is from a clock that could not be believed, and will not be put right."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One result of a poll, already decoded; its rule is the poll's own."""

    poll: str
    """The poll's name, unique in a configuration."""
    value: JsonValue
    received_us: int
    monotonic_us: int | None = None
    """As in `Message`."""
    is_clock_doubtful: bool = False
    """As in `Message`."""


IGNORED = "ignored"
"""The kind of an outcome that the configuration asked for: nothing is said of it."""


class Origin(NamedTuple):
    """Where a point comes from that need not be stored as it is."""

    rule: str
    names: Mapping[str, str]
    """What the wildcards of its topic stand for."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """What the mapping made of one message or reading.

    A rejected one may carry points: what fitted is stored, and the message is kept for replay.
    """

    outcome: Outcome
    points: tuple[Point, ...] = ()
    rule: str = ""
    """The rule's place in the configuration, as `sources[2]`; empty where none matched."""
    reason: str = ""
    """Why it was rejected, or stored otherwise than it said, for a person; else empty."""
    kind: str = ""
    """A short word for the reason (`not-json`, `missing`, `type`), to count and log once by."""
    origins: tuple[Origin | None, ...] = ()
    """For each point where it comes from, None if it is to be stored as it is; empty: all are."""
    gone: tuple[Origin, ...] = ()
    """Devices that say that they are gone: all series of these rules whose topics have these
    names."""


class RetainHandling(enum.IntEnum):
    """When a broker sends retained messages after a SUBSCRIBE (MQTT 5 section 3.8.3.1)."""

    ALWAYS = 0
    IF_NEW = 1
    NEVER = 2


class Subscription(NamedTuple):
    """What is asked of a broker for one topic filter."""

    topic_filter: str
    qos: int
    retain_handling: RetainHandling = RetainHandling.ALWAYS
    """Only MQTT 5 knows it."""


class Mapper(Protocol):
    """Topic and payload to points. Never raises for what a device or a sensor sent."""

    def map(self, item: Message | Reading) -> Mapped:
        """The outcome and the points of one item; called from the writer thread only."""


class Acknowledger(Protocol):
    """The side of a source that tells a broker what is on disk."""

    def acknowledge(self, receipts: Sequence[Receipt]) -> None:
        """Acknowledge these, in the order of receipt; those of an ended connection are ignored.

        Called from the writer thread after the fsync that made their fate durable.
        """
