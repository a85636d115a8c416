"""A look at what devices announce, beside a running service or without one.

With a client id of its own and without a session, so that nothing of the service is disturbed.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from daemon.clock import Clock
from daemon.config import Config, DiscoveryConfig
from daemon.discovery import Registry
from daemon.errors import EX_CONFIG, EX_UNAVAILABLE, StartError
from daemon.messages import Message
from daemon.sources import Endpoint, link_settings
from daemon.sources.listener import Disconnected, Event, Listener, Refused

_TURN_S = 0.1
_MAX_WAITING = 50_000


@dataclass(frozen=True, slots=True)
class Announced:
    """What was announced at one broker while we listened."""

    broker: str
    registry: Registry
    troubles: tuple[str, ...]
    """Why something may be missing, each with what to do."""


def discover(
    config: Config, clock: Clock, listen_s: float, endpoints: Mapping[str, Endpoint]
) -> Iterator[Announced]:
    """Listen for so long at each broker that has `discovery`, or at all where none has it.

    `endpoints` are where embedded brokers listen. Raises StartError where there is nothing to
    listen to.
    """
    chosen = {
        name: broker.discovery
        for name, broker in config.brokers.items()
        if broker.discovery is not None
    } or dict.fromkeys(config.brokers, DiscoveryConfig())
    if not chosen:
        raise StartError(f"{config.origin} has no `brokers` to listen to", EX_CONFIG)
    for name, options in chosen.items():
        if config.brokers[name].is_embedded and name not in endpoints:
            raise StartError(
                f"brokers.{name} is embedded, and no collector of this configuration runs: start "
                "it, then devices can announce themselves",
                EX_UNAVAILABLE,
            )
        yield _look(config, name, options, clock, listen_s, endpoints.get(name))


def _look(
    config: Config,
    name: str,
    options: DiscoveryConfig,
    clock: Clock,
    listen_s: float,
    endpoint: Endpoint | None,
) -> Announced:
    registry = Registry(options)
    events: queue.Queue[Event] = queue.Queue(_MAX_WAITING)
    settings = link_settings(config, name, endpoint)
    listener = Listener(settings, registry.filters, events.put, clock)
    troubles: list[str] = []
    listener.start()
    end_s = time.monotonic() + listen_s
    try:
        while (left_s := end_s - time.monotonic()) > 0:
            try:
                event = events.get(timeout=min(_TURN_S, left_s))
            except queue.Empty:
                continue
            if isinstance(event, Message):
                registry.take(event.topic, event.payload)
            elif isinstance(event, Disconnected):
                troubles.append(event.reason)
            elif isinstance(event, Refused):
                troubles.append(
                    f"{name} does not let us listen to {event.topic_filter}: {event.reason}"
                )
    finally:
        listener.close()
    return Announced(name, registry, tuple(dict.fromkeys(troubles)))
