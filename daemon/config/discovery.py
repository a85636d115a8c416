"""Options of Home Assistant's MQTT discovery at one broker."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from daemon.config.section import Items, Section
from daemon.config.topics import parse_topic_filter
from daemon.config.value_templates import Templates

DEFAULT_PREFIX = "homeassistant"


def _check_prefix(prefix: str) -> str:
    if not prefix or prefix.endswith("/") or prefix.startswith(("/", "$")):
        raise ValueError(f"a prefix is the beginning of a topic, such as {DEFAULT_PREFIX}")
    levels = parse_topic_filter(prefix).levels
    if {"+", "#"} & set(levels):
        raise ValueError(
            f"a prefix has no wildcards; devices announce below one topic, such as {DEFAULT_PREFIX}"
        )
    return prefix


def _check_pattern(pattern: str) -> str:
    if not pattern.strip():
        raise ValueError("a pattern is the name of an entity, with * and ?, as sensor.*_power")
    return pattern


_Pattern = Annotated[str, AfterValidator(_check_pattern)]


class DiscoveryConfig(Section):
    """Devices that announce themselves for Home Assistant become rules, after all others."""

    prefix: Annotated[str, AfterValidator(_check_prefix)] = DEFAULT_PREFIX
    """Where devices announce themselves."""
    templates: Templates = "simple"
    """Which of the templates that devices announce are run: those that need no Jinja (simple), or
    all (full). They come from whoever may publish at the broker; Jinja's sandbox bounds neither
    time nor memory."""
    include: Items[_Pattern] = ()
    """Take only these entities: names with * and ?, as sensor.*_temperature. What is named here is
    taken even if it is left out by default, as diagnostic entities are."""
    exclude: Items[_Pattern] = ()
    """Never take these entities, as *_linkquality."""
    availability: bool = True
    """False: nothing is said of devices that come and go. True: points of measurement availability
    with the field online, and null for what a device that is gone said last."""
    max_entities: int = Field(default=2000, ge=1, le=20_000)
    """Announcements beyond this many entities are rejected."""


def as_discovery(value: object) -> object:
    """`discovery: true`, and `discovery:` alone, are the defaults; false is none."""
    if value is True or value is None:
        return {}
    return None if value is False else value
