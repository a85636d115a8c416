"""Which rules a topic belongs to, and which subscriptions bring all topics of all rules.

Follows MQTT 3.1.1 section 4.7, with two additions: wildcards have names, and a named # needs at
least one level.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from daemon.config import TopicFilter, covers


class _Node:
    __slots__ = ("any_level", "children", "ends", "rests")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.any_level: _Node | None = None
        self.ends: list[int] = []
        self.rests: list[int] = []


class TopicTrie:
    """Filters by level, so that a topic meets only the filters that begin as it does."""

    def __init__(self, filters: Sequence[TopicFilter]) -> None:
        self._filters = tuple(filters)
        self._root = _Node()
        for number, topic_filter in enumerate(filters):
            self._insert(number, topic_filter.levels)

    def _insert(self, number: int, levels: Sequence[str]) -> None:
        node = self._root
        for level in levels:
            if level == "#":
                node.rests.append(number)
                return
            if level == "+":
                node.any_level = node.any_level or _Node()
                node = node.any_level
            else:
                node = node.children.setdefault(level, _Node())
        node.ends.append(number)

    def match(self, topic: str) -> list[int]:
        """The numbers of the filters that fit, ascending."""
        levels = topic.split("/")
        found: list[int] = []
        nodes = [self._root]
        for depth, level in enumerate(levels):
            # Wildcards at the first level leave out topics that begin with $.
            is_open = depth > 0 or not level.startswith("$")
            following: list[_Node] = []
            for node in nodes:
                if is_open:
                    found += node.rests
                    if node.any_level is not None:
                        following.append(node.any_level)
                if (child := node.children.get(level)) is not None:
                    following.append(child)
            nodes = following
            if not nodes:
                break
        for node in nodes:
            found += node.ends
            # `a/#` fits `a` too; a named one would have nothing to name.
            found += [number for number in node.rests if not self._filters[number].names[-1]]
        return sorted(found)

    def wildcards(self, number: int, topic: str) -> dict[str, str]:
        """The values of a fitting filter's named wildcards."""
        levels = topic.split("/")
        topic_filter = self._filters[number]
        values: dict[str, str] = {}
        for place, name in enumerate(topic_filter.names):
            if name:
                is_rest = topic_filter.levels[place] == "#"
                values[name] = "/".join(levels[place:]) if is_rest else levels[place]
        return values


def smallest_cover(filters: Iterable[tuple[TopicFilter, int]]) -> tuple[tuple[str, int], ...]:
    """The filters that no other one covers, in their order, each once, with the highest QoS of
    those that it covers."""
    highest: dict[tuple[str, ...], int] = {}
    for topic_filter, qos in filters:
        highest[topic_filter.levels] = max(qos, highest.get(topic_filter.levels, 0))
    kept = [
        levels
        for levels in highest
        if not any(other != levels and covers(other, levels) for other in highest)
    ]
    return tuple(
        ("/".join(levels), max(qos for other, qos in highest.items() if covers(levels, other)))
        for levels in kept
    )
