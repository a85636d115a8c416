"""What an announcement says of when its device can be reached, as rules of their own. Pure.

Many entities of a device name the same topic; which of them has its rule is not decided here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from daemon.config import parse_value_template
from daemon.config.value_templates import Templates
from daemon.discovery.topics import check_topic

MEASUREMENT = "availability"
FIELD = "online"


def availability_of(
    config: Mapping[str, Any], templates: Templates, reasons: list[str]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Topics, each with the rule of the field `online` there; what cannot be used becomes one of
    the reasons. A topic that has states too says of a value whether it is there, not of the
    device, and is passed over."""
    states = {text for key, text in config.items() if key.endswith("_topic") and key != _TOPIC}
    for item in _items(config):
        topic = item["topic"]
        if topic in states:
            continue
        try:
            check_topic(topic)
            if template := item.get("value_template"):
                parse_value_template(template, templates)
        except ValueError as error:
            reasons.append(f"availability: {error}")
            continue
        yield topic, _field(item)


_TOPIC = "availability_topic"


def _items(config: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    yield from config.get("availability", ())
    if _TOPIC in config:
        item = {"topic": config[_TOPIC], "value_template": config.get("availability_template", "")}
        words = ("payload_available", "payload_not_available")
        yield item | {key: config[key] for key in words if key in config}


def _field(item: Mapping[str, str]) -> dict[str, Any]:
    online = item.get("payload_available", "online").strip() or "online"
    offline = item.get("payload_not_available", "offline").strip() or "offline"
    numbers = {online: 1} if offline.casefold() == online.casefold() else {online: 1, offline: 0}
    rule: dict[str, Any] = {"enum": numbers, "on_unknown": "drop", "optional": True}
    template = item.get("value_template")
    return {"value_template": template, **rule} if template else rule
