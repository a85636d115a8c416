"""Two rules that would write the same series, as far as can be known before a message comes.

Presets are left out: between tiers the higher one wins, and within one it is meant so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from daemon.config.fields import is_pattern
from daemon.config.sources import SourceRule, ValueRules
from daemon.config.templates import parse_template
from daemon.config.topics import covers, parse_topic_filter

_WILDCARD = "\0"
"""Stands for what a level of the topic brings; the number of the level follows."""


@dataclass(frozen=True, slots=True)
class Written:
    """What a rule writes."""

    name: str
    """The rule's place in the configuration, as `sources[2]`."""
    source: str
    """The broker, or the poll."""
    measurement: str
    tags: Mapping[str, str]
    fields: frozenset[str] | None
    """None: any."""
    levels: tuple[str, ...] = ()
    is_shared: bool = False
    """Whether the rules below get the message too."""


def written_by_source(name: str, broker: str, rule: SourceRule) -> Written | None:
    """What a rule of `sources` writes; None where only the payload says it."""
    topic_filter = parse_topic_filter(rule.topic)
    fields = rule.fields or {}
    named = [*fields, *([] if rule.key is None else [rule.key])]
    spent = {one for key in named for one in parse_template(key).wildcards}
    wild = {
        one: f"{_WILDCARD}{place}"
        for place, one in enumerate(topic_filter.names)
        if one and one not in spent
    }
    if rule.ignore or not _is_settled(rule.measurement):
        return None
    return Written(
        name,
        broker,
        rule.measurement,
        _tags(rule, wild),
        _fields(rule),
        topic_filter.levels,
        rule.also,
    )


def written_by_poll(name: str, poll: str, measurement: str, rules: ValueRules) -> Written:
    """What a poll writes."""
    return Written(name, poll, measurement, _tags(rules, {}), _fields(rules))


def same_series(rules: Sequence[Written]) -> Iterator[tuple[Written, Written]]:
    """Every pair that writes the same fields of the same series, the earlier one first."""
    by_series: dict[tuple[str, frozenset[tuple[str, str]]], list[Written]] = {}
    shared: dict[str, list[Written]] = {}
    for rule in rules:
        # Any wildcard may bring what any other one does.
        series = rule.measurement, frozenset(_plain(rule.tags).items())
        alike = by_series.setdefault(series, [])
        letting_on = shared.setdefault(rule.measurement, [])
        others = [other for other in alike if not _are_alternatives(other, rule)]
        others += [other for other in letting_on if _is_same_message(other, rule)]
        for other in others:
            if _may_share_field(other, rule):
                yield other, rule
                break
        alike.append(rule)
        if rule.is_shared:
            letting_on.append(rule)


def _is_same_message(first: Written, second: Written) -> bool:
    """Whether a message that both get gives both the same tags: it has one text at each level."""
    return (
        first.source == second.source
        and _overlap(first.levels, second.levels)
        and _at(first.tags, second.levels) == _at(second.tags, first.levels)
    )


def _plain(tags: Mapping[str, str]) -> dict[str, str]:
    """The tags, with any wildcard like any other."""
    return {name: _WILDCARD if text[:1] == _WILDCARD else text for name, text in tags.items()}


def _at(tags: Mapping[str, str], levels: Sequence[str]) -> dict[str, str]:
    """The tags of a message whose topic fits these levels too."""
    found = {}
    for name, text in tags.items():
        place = int(text[1:]) if text[:1] == _WILDCARD else len(levels)
        is_fixed = place < len(levels) and levels[place] not in ("+", "#")
        found[name] = levels[place] if is_fixed else text
    return found


def _overlap(first: Sequence[str], second: Sequence[str]) -> bool:
    """Whether a topic may fit both filters."""
    for one, other in zip(first, second, strict=False):
        if "#" in (one, other):
            return True
        if one != other and "+" not in (one, other):
            return False
    return len(first) == len(second)


def _is_settled(text: str) -> bool:
    template = parse_template(text)
    return not template.paths


def _tags(rules: ValueRules, wild: Mapping[str, str]) -> dict[str, str]:
    """By name; what is no constant as it is written, "{room}" alone as the level that it is."""
    tags = dict(wild)
    for name, text in rules.tags.items():
        if text is None:
            tags.pop(name, None)
        elif text[:1] == "{" and text[1:-1] in wild and text[-1] == "}":
            tags[name] = wild[text[1:-1]]
        else:
            tags[name] = text
    return tags


def _fields(rules: ValueRules) -> frozenset[str] | None:
    fields = rules.fields
    if not fields or rules.rest == "store" or rules.key is not None:
        return None
    names = {rule.as_name or key for key, rule in fields.items()}
    if any(is_pattern(name) or parse_template(name).names for name in names):
        return None
    return frozenset(names)


def _may_share_field(one: Written, other: Written) -> bool:
    return one.fields is None or other.fields is None or bool(one.fields & other.fields)


def _are_alternatives(first: Written, second: Written) -> bool:
    """Whether each message goes to one of the two only, whatever its topic."""
    if first.source != second.source or first.is_shared or not first.levels:
        return False
    # Without a condition the second never gets a message, which is reported as that.
    return covers(first.levels, second.levels)
