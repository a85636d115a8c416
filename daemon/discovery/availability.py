"""What an announcement says of when its device can be reached, as rules of their own. Pure.

Many entities of a device name the same topic; which of them has its rule is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from daemon.config import parse_value_template
from daemon.config.value_templates import Templates
from daemon.discovery.topics import check_topic

MEASUREMENT = "availability"
FIELD = "online"


@dataclass(frozen=True, slots=True)
class Presence:
    """A topic that says whether a device can be reached."""

    topic: str
    template: str
    online: str
    offline: str
    is_of_value: bool = False
    """Whether the entity's states come on this topic too: it says of a value whether it counts,
    not of the device whether it is there."""

    def option(self) -> dict[str, Any]:
        """It as one of the `availability` of a rule."""
        words = {"online": [self.online], "offline": [self.offline]}
        return {"topic": self.topic, **self._source(), **words}

    def field(self) -> dict[str, Any]:
        """The rule of a field that is 1 or 0."""
        numbers = {self.online: 1, self.offline: 0}
        return {**self._source(), "enum": numbers, "on_unknown": "drop", "optional": True}

    def _source(self) -> dict[str, str]:
        return {"value_template": self.template} if self.template else {}


def presences_of(
    config: Mapping[str, Any], templates: Templates, reasons: list[str]
) -> Iterator[Presence]:
    """The topics; what cannot be used becomes one of the reasons."""
    states = {text for key, text in config.items() if key.endswith("_topic") and key != _TOPIC}
    for item in _items(config):
        presence = Presence(
            item["topic"],
            item.get("value_template", ""),
            item.get("payload_available", "").strip() or "online",
            item.get("payload_not_available", "").strip() or "offline",
            is_of_value=item["topic"] in states,
        )
        try:
            _check(presence, templates)
            yield presence
        except ValueError as error:
            reasons.append(f"availability: {error}")


def _check(presence: Presence, templates: Templates) -> None:
    check_topic(presence.topic)
    if presence.template:
        parse_value_template(presence.template, templates)
    if presence.online.casefold() == presence.offline.casefold():
        raise ValueError(f"{presence.online[:40]!r} means both, online and offline")


_TOPIC = "availability_topic"


def _items(config: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    yield from config.get("availability", ())
    if _TOPIC in config:
        item = {"topic": config[_TOPIC], "value_template": config.get("availability_template", "")}
        words = ("payload_available", "payload_not_available")
        yield item | {key: config[key] for key in words if key in config}
