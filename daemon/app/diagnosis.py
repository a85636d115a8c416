"""What a look at the brokers of a configuration means: findings with their remedies.

Pure: it is handed what was seen. The rules that need a broker are here; each is a sentence that a
person can act on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from daemon.config import BrokerConfig, Config, parse_topic_filter
from daemon.health.findings import Finding, Level
from daemon.mapping.topics import TopicTrie
from daemon.sources import mosquitto
from daemon.sources.probe import Sight

_SHOWN = 10
_LEAST_S = 60.0
# A broker that holds less than a day of messages is worth a warning.
_PATIENCE_S = 86_400.0

# Where a device family publishes, and what makes it publish at QoS 1. Only settings that exist.
_DEVICE_SETTINGS = (
    ("zigbee2mqtt/", "Zigbee2MQTT: `device_options: {qos: 1}` in its configuration.yaml"),
    ("shellies/", "Shelly (first generation): `Max QoS` 1 in its MQTT settings"),
    ("/sensor/", "ESPHome: `qos: 1` at the sensor"),
)


@dataclass(slots=True)
class Traffic:
    """Messages of one broker: how they arrive, and how fast."""

    topics: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Arrivals at QoS 0 and at QoS 1."""
    protected_hz: float = 0.0
    """Messages a second at QoS 1."""


def saved_traffic(ledger: Mapping[str, Any]) -> Traffic:
    """What a run has counted, as its ledger says; nothing where that is too short to judge."""
    try:
        seconds = float(ledger["seconds"])
        topics = {
            name: (int(tally["qos0"]), int(tally["qos1"]))
            for name, tally in ledger["topics"].items()
            if not name.startswith(("poll ", "("))
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return Traffic()
    if seconds < _LEAST_S:
        return Traffic()
    return Traffic(topics, sum(at_1 for _, at_1 in topics.values()) / seconds)


def seen_traffic(sight: Sight) -> Traffic:
    """What came while we listened."""
    counted = {name: (at_0, at_1) for name, (at_0, at_1) in sight.topics.items()}
    return Traffic(counted, sight.live / sight.listened_s if sight.listened_s else 0.0)


def of_configuration(config: Config) -> Iterator[Finding]:
    """What can be said without any broker."""
    for sentence in config.exposures:
        text, _, remedy = sentence.partition("; ")
        yield Finding(Level.WARNING, "access", text, remedy)


def of_broker(
    name: str,
    config: BrokerConfig,
    sight: Sight,
    traffic: Traffic,
    rules: Sequence[tuple[str, str, int]],
    options: Mapping[str, list[str]] | None,
) -> Iterator[Finding]:
    """What was found at one broker.

    `rules` are the place, topic and QoS of each rule that is for it; `options` those of its own
    configuration where that could be read.
    """
    place = f"broker {name}"
    if sight.trouble:
        # It names the broker as well.
        yield Finding(Level.ERROR, place, sight.trouble.removeprefix(f"{place} "))
    else:
        yield Finding(Level.GOOD, place, f"connected as a guest ({sight.version or 'no version'})")
    for topic_filter, reason in sight.refused.items():
        yield Finding(
            Level.ERROR,
            place,
            f"it does not let us subscribe to {topic_filter!r} ({reason})",
            "give the user the right to read there, or take the topic out of the configuration",
        )
    if sight.session_s is not None and sight.session_s < config.session_s:
        yield Finding(
            Level.WARNING,
            place,
            f"it keeps our session for {_duration(sight.session_s)} only, not for "
            f"{_duration(config.session_s)} as asked: what it publishes later is lost",
            "raise its limit (Mosquitto: persistent_client_expiration)",
        )
    yield from _unprotected(place, traffic, rules, options)
    if not sight.trouble or options is not None:
        # Who knows what it is, if it could not be looked at?
        yield from _patience(place, traffic, options)
    yield from _lines(place, sight, options)


def _unprotected(
    place: str,
    traffic: Traffic,
    rules: Sequence[tuple[str, str, int]],
    options: Mapping[str, list[str]] | None,
) -> Iterator[Finding]:
    bare = sorted(
        (name for name, (at_0, at_1) in traffic.topics.items() if at_0),
        key=lambda name: -traffic.topics[name][0],
    )
    if not bare:
        if traffic.topics:
            yield Finding(Level.GOOD, place, f"all {len(traffic.topics)} topics arrive at QoS 1")
        return
    own = sorted({rule for name in bare for rule in _lowering_rules(name, rules)})
    if own:
        yield Finding(
            Level.WARNING,
            place,
            f"{', '.join(own)} subscribes at QoS 0, whatever the devices publish",
            "write qos: 1 there, or leave it out",
        )
    shown = ", ".join(bare[:_SHOWN]) + (
        f" and {len(bare) - _SHOWN} more" if len(bare) > _SHOWN else ""
    )
    queues = options is not None and mosquitto.queues_qos_0(options)
    yield Finding(
        Level.NOTE if queues else Level.WARNING,
        place,
        f"{len(bare)} of {len(traffic.topics)} topics arrive at QoS 0, so nobody sends again what "
        f"is lost on the way: {shown}"
        + ("; the broker keeps them while the collector is away" if queues else
           "; what they say while the collector is away is gone"),
        "let the devices publish at QoS 1" + "".join(f"; {hint}" for hint in _device_hints(bare))
        + ("" if queues else "; or let Mosquitto keep QoS 0 messages for a client that is away:"),
        () if queues else ("queue_qos0_messages true",),
    )  # fmt: skip


def _lowering_rules(topic: str, rules: Sequence[tuple[str, str, int]]) -> Iterator[str]:
    matching = TopicTrie([parse_topic_filter(text) for _, text, _ in rules]).match(topic)
    fitting = [rules[number] for number in matching]
    if fitting and all(qos == 0 for _, _, qos in fitting):
        yield from (place for place, _, _ in fitting)


def _device_hints(topics: Sequence[str]) -> list[str]:
    return [hint for part, hint in _DEVICE_SETTINGS if any(part in topic for topic in topics)]


def _patience(
    place: str, traffic: Traffic, options: Mapping[str, list[str]] | None
) -> Iterator[Finding]:
    """How long the broker can hold what is published while the collector is off."""
    limit = mosquitto.DEFAULT_QUEUE if options is None else mosquitto.queue_limit(options)
    if limit == 0:
        yield Finding(
            Level.GOOD,
            place,
            "it keeps what is published while the collector is off, as long as its memory lasts",
        )
        return
    rate_hz = traffic.protected_hz
    if rate_hz <= 0:
        reach = "no QoS 1 message has come by which to say how long that lasts"
    else:
        reach = f"at {rate_hz:.2g} messages a second at QoS 1 that is {_duration(limit / rate_hz)}"
    keeps = (
        f"a Mosquitto keeps {limit} messages, unless it is told otherwise,"
        if options is None
        else f"it keeps {limit} messages"
    )
    yield Finding(
        Level.WARNING if rate_hz > 0 and limit / rate_hz < _PATIENCE_S else Level.NOTE,
        place,
        f"{keeps} for a collector that is off, and drops the rest in silence: {reach}",
        "in mosquitto.conf:",
        ("max_queued_messages 0",),
    )


def _lines(place: str, sight: Sight, options: Mapping[str, list[str]] | None) -> Iterator[Finding]:
    if options is not None:
        wishes = mosquitto.missing(options)
        if not wishes:
            yield Finding(Level.GOOD, place, "its configuration keeps what it has not delivered")
            return
        level, text = Level.WARNING, "its configuration lacks what keeps messages safe"
    elif sight.trouble or (sight.version and "mosquitto" not in sight.version.lower()):
        return
    else:
        wishes, level = list(mosquitto.WISHES), Level.NOTE
        text = "its configuration cannot be read from here; these lines keep messages safe"
    yield Finding(
        level,
        place,
        text,
        "in mosquitto.conf, then restart it:",
        # Comments have lines of their own there.
        tuple(line for wish in wishes for line in (f"# {wish.reason}", wish.line)),
    )


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
