"""A short look at a broker, as a stranger that leaves nothing behind.

With a client id of its own and without a session: with the service's it would take over its
session, and the messages that wait in it. Not with will or birth, which would say that the
collector is there.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from daemon.clock import Clock
from daemon.errors import SourceError
from daemon.messages import Subscription
from daemon.sources.arrival import Arrival
from daemon.sources.faults import explain_no_broker
from daemon.sources.link import Link
from daemon.sources.settings import LinkSettings

_CONNACK_S = 10.0
_TURN_S = 0.1
_VERSION_TOPIC = "$SYS/broker/version"
_MAX_TOPICS = 2000


@dataclass(slots=True)
class Sight:
    """What was seen of a broker."""

    trouble: str = ""
    """Why it could not be looked at, with what to do; empty when it could."""
    refused: dict[str, str] = field(default_factory=dict)
    """Topic filters that it denied, each with its reason."""
    topics: dict[str, list[int]] = field(default_factory=dict)
    """How many messages of each topic arrived at QoS 0 and at QoS 1; retained ones too."""
    live: int = 0
    """How many messages at QoS 1 were published while we listened."""
    version: str = ""
    """What it says of itself, as `mosquitto version 2.0.11`; empty where it says nothing."""
    session_s: int | None = None
    """MQTT 5: how long it keeps sessions, if not as long as asked for."""
    listened_s: float = 0.0


def look_at(
    settings: LinkSettings, wanted: Sequence[Subscription], clock: Clock, listen_s: float
) -> Sight:
    """Connect, subscribe, listen for so long, leave. Takes up to twenty seconds longer."""
    sight = Sight()
    probe = replace(
        settings,
        client_id=f"tf-doctor-{secrets.token_hex(4)}",
        is_passing=True,
        will=None,
        birth=None,
    )
    unacknowledged: list[int] = []

    def note(arrival: Arrival) -> None:
        if arrival.qos:
            unacknowledged.append(arrival.packet_id)
            sight.live += not arrival.is_retained
        if arrival.topic == _VERSION_TOPIC:
            sight.version = arrival.payload.decode("utf-8", "replace")[:100]
        elif arrival.topic in sight.topics or len(sight.topics) < _MAX_TOPICS:
            sight.topics.setdefault(arrival.topic, [0, 0])[min(arrival.qos, 1)] += 1

    link = Link(probe, note)
    wake_reader, wake_writer = os.pipe()
    try:
        link.open()
        _await_connack(link, probe, wake_reader, clock)
        sight.session_s = link.session_s
        link.subscribe([*wanted, Subscription(_VERSION_TOPIC, 0)])
        begin_s = clock.monotonic_s()
        while clock.monotonic_s() - begin_s < listen_s:
            link.turn(wake_reader, _TURN_S, is_reading=True)
            while unacknowledged:
                link.acknowledge(unacknowledged.pop(0))
            for grant in link.take_grants():
                if grant.refusal and grant.topic_filter != _VERSION_TOPIC:
                    sight.refused[grant.topic_filter] = grant.refusal
        sight.listened_s = clock.monotonic_s() - begin_s
    except SourceError as error:
        sight.trouble = str(error)
    finally:
        link.close()
        os.close(wake_reader)
        os.close(wake_writer)
    return sight


def _await_connack(link: Link, settings: LinkSettings, wake_fd: int, clock: Clock) -> None:
    deadline_s = clock.monotonic_s() + _CONNACK_S
    while not link.is_connected:
        if clock.monotonic_s() >= deadline_s:
            raise explain_no_broker(
                settings.address, f"it gave no answer to MQTT's CONNECT within {_CONNACK_S:.0f} s"
            )
        link.turn(wake_fd, _TURN_S, is_reading=True)
