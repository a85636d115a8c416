"""What retention rules say against each other: circles, rules that get nothing, mixed roll-ups.

Works on the tree as read; a rule that is broken by itself is reported elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from daemon.config.retention import RetentionRule
from daemon.documents import KeyPath

Finding = tuple[KeyPath, str, str]
Rules = Sequence[tuple[int, RetentionRule]]


def conflicts(rules: Sequence[Any]) -> Iterator[Finding]:
    """Every conflict between rules, with its place, what was found and what is allowed."""
    known = [(place, rule) for place, tree in enumerate(rules) if (rule := _rule(tree)) is not None]
    yield from _circles(known)
    yield from _mixed(known)
    yield from _starved(known)
    yield from _tiers_of_others(known)
    yield from _back_and_forth(known)


def _rule(tree: Any) -> RetentionRule | None:
    try:
        return RetentionRule.model_validate(tree)
    except ValidationError:
        return None


def _place(number: int, *keys: str | int) -> KeyPath:
    return ("retention", "rules", number, *keys)


def _name(rule: RetentionRule) -> str | None:
    """The measurement that a rule names in full."""
    name = rule.match.measurement
    return None if name is None or "*" in name or "?" in name else name


def _tiers(rules: Rules) -> Iterator[tuple[int, int, str, str]]:
    """Rule, tier, measurement and target of all that is rolled up by a name in full."""
    for number, rule in rules:
        name = _name(rule)
        if name is not None:
            for place, tier in enumerate(rule.downsample):
                yield number, place, name, tier.target_of(name)


def _circles(rules: Rules) -> Iterator[Finding]:
    goes_to: dict[str, set[str]] = {}
    for _, _, source, target in _tiers(rules):
        goes_to.setdefault(source, set()).add(target)
    for number, place, source, target in _tiers(rules):
        if source != target and source in _reached(goes_to, target):
            yield (
                _place(number, "downsample", place),
                f"{source!r} is rolled up into {target!r}, and that into {source!r} again",
                "a chain of roll-ups ends somewhere; give one of the rules another `into`",
            )


def _reached(goes_to: Mapping[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    left = [start]
    while left:
        for name in goes_to.get(left.pop(), ()):
            if name not in found:
                found.add(name)
                left.append(name)
    return found


def _mixed(rules: Rules) -> Iterator[Finding]:
    sources: dict[str, str] = {}
    for number, place, source, target in _tiers(rules):
        first = sources.setdefault(target, source)
        if first != source:
            yield (
                _place(number, "downsample", place),
                f"the roll-ups of {source!r} go into {target!r}, as do those of {first!r}",
                "roll-ups of different measurements would mix; give each an `into` of its own",
            )


def _starved(rules: Rules) -> Iterator[Finding]:
    """Rules whose points an earlier one takes: all of them are rolled up, or removed, by that."""
    for place, (number, rule) in enumerate(rules):
        name = rule.match.measurement
        if rule.update is not None or name is None:
            continue
        for other, earlier in rules[:place]:
            takes = earlier.update is None and not (earlier.match.tags or earlier.match.fields)
            is_matter = bool(rule.downsample) or bool(earlier.downsample)
            if takes and is_matter and _covers(earlier.match.measurement, name):
                yield (
                    _place(number, "match"),
                    f"points that retention.rules[{other}] ({earlier.name}) takes: this rule never "
                    "gets one",
                    "the first rule that rolls points up, or removes them, has them: put the "
                    "narrower rule first",
                )
                break


def _covers(pattern: str | None, name: str) -> bool:
    if pattern is None or pattern == name:
        return pattern is not None
    letters = {"*": ".*", "?": "[^*]"}
    regex = "".join(letters.get(letter, re.escape(letter)) for letter in pattern)
    return ("*" in pattern or "?" in pattern) and re.fullmatch(regex, name, re.DOTALL) is not None


def _tiers_of_others(rules: Rules) -> Iterator[Finding]:
    chained = {
        target: number
        for number, place, _, target in _tiers(rules)
        if place + 1 < len(dict(rules)[number].downsample)
    }
    for number, rule in rules:
        name = _name(rule)
        if rule.update is None and not rule.downsample and name in chained:
            yield (
                _place(number, "match", "measurement"),
                f"{name!r}, roll-ups that coarser ones are made of",
                f"say how long they stay as `max_age` of that tier, in retention.rules"
                f"[{chained[name]}].downsample: here they would go before they are rolled up",
            )


def _back_and_forth(rules: Rules) -> Iterator[Finding]:
    renames: dict[str, set[str]] = {}
    places: list[tuple[int, str, str]] = []
    for number, rule in rules:
        name = _name(rule)
        if rule.update is not None and not rule.once and rule.update.measurement and name:
            renames.setdefault(name, set()).add(rule.update.measurement)
            places.append((number, name, rule.update.measurement))
    for number, old, new in places:
        if old != new and old in _reached(renames, new):
            yield (
                _place(number, "update", "measurement"),
                f"{old!r} becomes {new!r}, and that becomes {old!r} again",
                "each run would rename all of it; leave one of the rules out, or give `once: true`",
            )
