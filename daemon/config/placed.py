"""A rule for messages together with where it comes from: the configuration itself, or a preset."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.config.sources import SourceRule
from daemon.config.topics import TopicFilter, parse_topic_filter
from daemon.documents import Place

NOWHERE = Place("", 0)


class Tier(enum.IntEnum):
    """Whose rules come first; a lower one (the greater number) never adds a series of a higher."""

    SOURCES = 0
    PRESETS = 1
    DISCOVERY = 2


@dataclass(frozen=True, slots=True)
class PlacedRule:
    """One rule as the mapping uses it."""

    name: str
    """As outcomes call it: `sources[2]`, `presets.zigbee2mqtt[3]`, `discovery.plug_power`."""
    rule: SourceRule
    tier: Tier = Tier.SOURCES
    bound: Mapping[str, str] = field(default_factory=dict)
    """Names that no level of the topic brings, as though a wildcard had: {"device": "boiler"}."""
    place: Place = NOWHERE
    """Where it is written; line 0 where it is not."""

    @property
    def topic_filter(self) -> TopicFilter:
        """The rule's topic, taken apart."""
        return parse_topic_filter(self.rule.topic)
