"""Which rules a topic belongs to, and which subscriptions bring all topics of all rules.

Follows MQTT 3.1.1 section 4.7, with two additions: wildcards have names, and a named # needs at
least one level.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from daemon.config import TopicFilter

_END = "\0"
"""No level of a filter: under it stands the filter that ends there."""


class _Node:
    __slots__ = ("any_level", "children", "ends", "rests")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.any_level: _Node | None = None
        self.ends: list[int] = []
        self.rests: list[int] = []

    def is_empty(self) -> bool:
        return not (self.children or self.any_level or self.ends or self.rests)


class TopicTrie:
    """Filters by level, so that a topic meets only the filters that begin as it does."""

    def __init__(self, filters: Iterable[TopicFilter] = ()) -> None:
        self._filters: dict[int, TopicFilter] = {}
        self._next = 0
        self._root = _Node()
        for topic_filter in filters:
            self.add(topic_filter)

    def add(self, topic_filter: TopicFilter) -> int:
        """Take a filter in; its number, which is greater than all before, from 0."""
        number = self._next
        self._next += 1
        self._filters[number] = topic_filter
        node = self._root
        for level in topic_filter.levels:
            if level == "#":
                node.rests.append(number)
                return number
            if level == "+":
                node.any_level = node.any_level or _Node()
                node = node.any_level
            else:
                node = node.children.setdefault(level, _Node())
        node.ends.append(number)
        return number

    def remove(self, number: int) -> None:
        """Forget a filter and what only it needed. KeyError: there is none of this number."""
        levels = self._filters.pop(number).levels
        path = [self._root]
        for level in levels:
            if level == "#":
                break
            node = path[-1].any_level if level == "+" else path[-1].children[level]
            assert node is not None
            path.append(node)
        (path[-1].rests if levels[-1] == "#" else path[-1].ends).remove(number)
        for depth in range(len(path) - 1, 0, -1):
            if not path[depth].is_empty():
                break
            if levels[depth - 1] == "+":
                path[depth - 1].any_level = None
            else:
                del path[depth - 1].children[levels[depth - 1]]

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


def fits_filter(topic_filter: TopicFilter, topic: str) -> bool:
    """Whether a topic fits a filter."""
    return bool(TopicTrie([topic_filter]).match(topic))


def smallest_cover(filters: Iterable[tuple[TopicFilter, int]]) -> tuple[tuple[str, int], ...]:
    """The filters that no other one covers, in their order, each once, with the highest QoS of
    those that it covers. Time grows as the number of filters, not as its square."""
    highest: dict[tuple[str, ...], int] = {}
    for topic_filter, qos in filters:
        highest[topic_filter.levels] = max(qos, highest.get(topic_filter.levels, 0))
    tree = _CoverTree(highest)
    kept: dict[tuple[str, ...], int] = {}
    for levels in highest:
        if set(tree.covering(levels)) == {levels}:
            kept[levels] = 0
    for levels, qos in highest.items():
        for wide in tree.covering(levels):
            if wide in kept:
                kept[wide] = max(kept[wide], qos)
    return tuple(("/".join(levels), qos) for levels, qos in kept.items())


class _CoverTree:
    """Filters by level, to find those that cover another one."""

    def __init__(self, filters: Iterable[tuple[str, ...]]) -> None:
        self._root: dict[str, Any] = {}
        for levels in filters:
            node = self._root
            for level in levels:
                node = node.setdefault(level, {})
            node[_END] = levels

    def covering(self, levels: Sequence[str]) -> list[tuple[str, ...]]:
        """The filters that cover this one, itself among them."""
        found = []
        nodes = [self._root]
        for depth, level in enumerate(levels):
            # Wildcards at the first level leave out topics that begin with $.
            is_open = depth > 0 or not level.startswith("$")
            following = []
            for node in nodes:
                if is_open and "#" in node:
                    found.append(node["#"][_END])
                if level != "#":
                    following += [
                        node[one]
                        for one in {level, "+"}
                        if one in node and (one == level or is_open)
                    ]
            nodes = following
        for node in nodes:
            # `a/#` covers `a` too.
            found += [node["#"][_END]] if "#" in node else []
            found += [node[_END]] if _END in node else []
        return found
