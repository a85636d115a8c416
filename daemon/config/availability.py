"""`availability` of a rule: the topic on which its device, or the broker, says that it is gone."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from pydantic import BeforeValidator, model_validator

from daemon.config.paths import parse_path
from daemon.config.section import Items, Section, as_text, parsed_by
from daemon.config.topics import TopicFilter, parse_topic_filter
from daemon.config.value_templates import parse_value_template

_REST = re.compile(r"#([A-Za-z_][A-Za-z0-9_]*)?")


@dataclass(frozen=True)
class AvailabilityTopic:
    """A topic filter in which # may stand for several levels anywhere, as in
    `zigbee2mqtt/#device/availability`."""

    topic_filter: TopicFilter
    """What brings all of its topics, and perhaps others."""
    levels: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Those of its wildcards."""
        return tuple(level[1:] for level in self.levels if level[0:1] in ("+", "#") and level[1:])

    def match(self, topic: str) -> Mapping[str, str] | None:
        """What its names stand for in a topic; None where the topic does not fit."""
        found = self._pattern.fullmatch(topic)
        return None if found is None else found.groupdict()

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("/".join(_pattern_of(level) for level in self.levels), re.DOTALL)


def parse_availability_topic(text: str) -> AvailabilityTopic:
    """The topic taken apart.

    Raises:
        ValueError: where it is no topic filter, but for what # may do here.
    """
    levels = text.split("/")
    rests = [number for number, level in enumerate(levels) if _REST.fullmatch(level)]
    if not rests:
        return AvailabilityTopic(parse_topic_filter(text), tuple(levels))
    if len(rests) > 1:
        raise ValueError("# stands once in a topic")
    # Whatever is wrong with the levels behind it is said of them.
    behind = levels[rests[0] + 1 :]
    names = parse_topic_filter("/".join([*levels[: rests[0]], "+", *behind])).wildcard_names
    if levels[rests[0]][1:] in names:
        raise ValueError(f"the name {levels[rests[0]][1:]!r} stands twice in this topic")
    wide = parse_topic_filter("/".join([*levels[: rests[0]], "#"]))
    return AvailabilityTopic(wide, tuple(levels))


def _pattern_of(level: str) -> str:
    if level[0:1] not in ("+", "#"):
        return re.escape(level)
    inner = "[^/]*" if level[0] == "+" else ".+"
    return f"(?P<{level[1:]}>{inner})" if level[1:] else f"(?:{inner})"


def _as_words(value: object) -> object:
    values = value if isinstance(value, (list, tuple)) else [value]
    if not values:
        raise ValueError("an empty list fits nothing; give a word")
    return tuple(as_text(one) for one in values)


Words = Annotated[Items[str], BeforeValidator(_as_words)]


class AvailabilityRule(Section):
    """When the device says that it is gone, its series get one point with null fields."""

    topic: Annotated[str, parsed_by(parse_availability_topic)]
    """Where it is said, with the names of the rule's topic for what both have in common:
    zigbee2mqtt/#device/availability; # may stand anywhere."""
    path: Annotated[str, parsed_by(parse_path)] | None = None
    """Where the word stands in a payload; default: the payload itself, or `state` of an object."""
    value_template: Annotated[str, parsed_by(parse_value_template)] | None = None
    """Instead of `path`: a template as in Home Assistant."""
    online: Words = ("online",)
    """What is said of a device that is there (in any case)."""
    offline: Words = ("offline",)
    """What is said of one that is gone."""

    @model_validator(mode="after")
    def _check(self) -> AvailabilityRule:
        if self.path is not None and self.value_template is not None:
            raise ValueError("`path` and `value_template` exclude each other")
        both = {word.casefold() for word in self.online} & {
            word.casefold() for word in self.offline
        }
        if both:
            raise ValueError(f"{min(both)!r} cannot mean both, online and offline")
        return self


def _as_rules(value: object) -> object:
    """`availability: a/b` is short for `availability: {topic: a/b}`; a list for several."""
    values = value if isinstance(value, (list, tuple)) else [value]
    return tuple({"topic": one} if isinstance(one, str) else one for one in values)


AvailabilityRules = Annotated[tuple[AvailabilityRule, ...], BeforeValidator(_as_rules)]
