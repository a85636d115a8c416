"""Which topics an announcement may have us listen to. Pure."""

from __future__ import annotations

from daemon.config import parse_topic_filter

MAX_TOPIC = 1_000


def check_topic(topic: str) -> None:
    """Nothing for a topic that may be listened to: `+` may stand for single levels, as gateways
    announce them for devices that several of them hear.

    Raises:
        ValueError: for anything that brings more than one device's states.
    """
    if len(topic) > MAX_TOPIC or not topic.isprintable():
        raise ValueError(f"the topic {topic[:60]!r} is too long or no single line")
    levels = topic.split("/")
    if "#" in topic:
        raise ValueError(f"the topic {topic[:60]!r} has the wildcard #")
    if topic.startswith("$") or not any(level not in ("+", "") for level in levels):
        raise ValueError(f"the topic {topic[:60]!r} is no device's")
    if any("+" in level and level != "+" for level in levels) or levels[-1] == "+":
        raise ValueError(f"the topic {topic[:60]!r} has a + where no wildcard may stand")
    parse_topic_filter(topic)
