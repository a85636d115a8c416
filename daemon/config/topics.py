"""Topic filters with named wildcards: `sensors/+room/+device/env`, `zigbee2mqtt/#device`.

`+room` and `#rest` are no valid plain filters, so the names are free to use, and they need no
quotes in YAML. Matching follows MQTT 3.1.1 section 4.7. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_BYTES = 65535


@dataclass(frozen=True, slots=True)
class TopicFilter:
    """A filter taken apart."""

    levels: tuple[str, ...]
    """As MQTT knows them: a text, `+`, or `#` as the last."""
    names: tuple[str, ...]
    """The name of each level's wildcard; empty for plain levels and for wildcards without one."""

    @property
    def plain(self) -> str:
        """The filter as a broker takes it, without names."""
        return "/".join(self.levels)

    @property
    def wildcard_names(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(name for name in self.names if name)


def parse_topic_filter(text: str) -> TopicFilter:
    """The levels and names of a filter.

    Raises:
        ValueError: where it is no filter; the text says which level is wrong and what is allowed.
    """
    if not text or text.isspace():
        raise ValueError("a topic filter is not empty; # alone means every topic")
    if "\0" in text or len(text.encode("utf-8", "surrogatepass")) > _MAX_BYTES:
        raise ValueError("a topic filter is at most 65535 bytes long and holds no NUL")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("a topic filter holds no half of a surrogate pair")
    if text.startswith("$share/"):
        raise ValueError(
            "shared subscriptions ($share) would give this collector only a part of the messages; "
            "write the filter alone"
        )
    parts = text.split("/")
    levels, names = [], []
    for number, part in enumerate(parts):
        level, name = _parse_level(part, is_last=number == len(parts) - 1)
        if name and name in names:
            raise ValueError(f"the name {name!r} stands twice in this filter; rename one")
        levels.append(level)
        names.append(name)
    return TopicFilter(tuple(levels), tuple(names))


def _parse_level(part: str, *, is_last: bool) -> tuple[str, str]:
    if "+" not in part and "#" not in part:
        if "{" in part or "}" in part:
            raise ValueError(
                f"the level {part!r} has braces; in a topic a named wildcard is written +name"
            )
        return part, ""
    if part[0] not in "+#" or (len(part) > 1 and not _NAME.fullmatch(part[1:])):
        raise ValueError(
            f"in the level {part!r} a wildcard must be the whole level: + or +name for one level, "
            "# or #name for all that follow; names are letters, digits and _"
        )
    if part[0] == "#" and not is_last:
        raise ValueError(f"{part} stands for all that follows, so it must be the last level")
    return part[0], part[1:]


def covers(wide: Sequence[str], narrow: Sequence[str]) -> bool:
    """Whether every topic that fits the second filter's levels fits the first one's."""
    for place, level in enumerate(wide):
        is_system = place == 0 and bool(narrow) and narrow[0].startswith("$")
        if level == "#":
            return not is_system
        if place >= len(narrow) or narrow[place] == "#":
            return False
        if level != narrow[place] and (level != "+" or is_system):
            return False
    return len(narrow) == len(wide)
