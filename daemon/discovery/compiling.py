"""From an entity to rules of the kind that `sources` has. Pure.

An entity becomes one rule for each topic that it has states on. What cannot be used is a reason,
and never keeps the rest from being used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from daemon.config import SourceRule, parse_value_template
from daemon.config.value_templates import Templates
from daemon.discovery.announcement import Entity
from daemon.discovery.aspects import ASPECTS, NUMERIC, PLACE_FIELDS, Aspect, Kind
from daemon.discovery.availability import FIELD, MEASUREMENT, Presence
from daemon.discovery.naming import Labels, device_class, plain
from daemon.discovery.topics import check_topic

Options = dict[str, Any]
"""A rule as `sources` would have it in YAML."""

_ATTRIBUTES = re.compile(
    r"""\{\{\s*value_json(?P<path>(?:\.\w+|\['[^'\]]+'\]|\["[^"\]]+"\])*)\s*"""
    r"""(?:\|\s*to_?json\s*)?\}\}"""
).fullmatch
_STEP = re.compile(r"""\.(\w+)|\['([^']+)'\]|\["([^"]+)"\]""")


@dataclass(frozen=True, slots=True)
class Ready:
    """One rule, as it is written and as it is used."""

    options: Options
    rule: SourceRule


@dataclass(slots=True)
class Compiled:
    """What an entity became."""

    rules: list[Ready] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    """Why a part of it, or all of it, cannot be used."""


def unit_of(entity: Entity) -> str:
    """The unit of an entity's points; of a thermostat that of its temperatures."""
    config = entity.config
    if entity.component in ("climate", "water_heater"):
        unit = str(config.get("temperature_unit", ""))
        return f"°{unit}" if unit in ("C", "F") else unit
    return str(config.get("unit_of_measurement", "")).strip()


def compile_entity(
    entity: Entity, labels: Labels, templates: Templates, presences: Sequence[Presence] = ()
) -> Compiled:
    """The rules of an entity, whose device says by `presences` whether it is there."""
    compiled = Compiled()
    aspects = ASPECTS.get(_variant(entity))
    if aspects is None:
        compiled.reasons.append(f"the component {entity.component[:40]!r} is not known")
        return compiled
    fields: dict[str, Options] = {}
    for aspect in aspects:
        topic = entity.config.get(aspect.topic)
        if topic is None:
            continue
        try:
            check_topic(topic)
            fields.setdefault(topic, {}).update(_fields(entity, aspect, templates))
        except ValueError as error:
            compiled.reasons.append(f"{aspect.field or aspect.topic}: {error}")
    if not fields and not compiled.reasons:
        compiled.reasons.append("it has no topic with a state, such as `state_topic`")
    for topic, found in fields.items():
        if found:
            options = _options(topic, labels.measurement, dict(labels.tags), found)
            options |= _staleness(entity.config, presences, compiled.reasons)
            _add(compiled.rules, options, compiled.reasons)
    return compiled


def _staleness(
    config: Mapping[str, Any], presences: Sequence[Presence], reasons: list[str]
) -> Options:
    """When what the entity said last does not count any more."""
    options: Options = {}
    try:
        options |= _expiry(config)
    except ValueError as error:
        # The readings are good without it.
        reasons.append(str(error))
    if presences:
        options["availability"] = [presence.option() for presence in presences]
    return options


def _options(topic: str, measurement: str, tags: dict[str, str], fields: Options) -> Options:
    return {
        "topic": topic,
        "measurement": measurement,
        "tags": tags,
        "fields": fields,
        "also": True,
    }


def _add(rules: list[Ready], options: Options, reasons: list[str]) -> None:
    """Add a rule, or the reasons why it is none."""
    try:
        rules.append(Ready(options, SourceRule.model_validate(options)))
    except ValidationError as error:
        reasons += [str(part["msg"]) for part in error.errors(include_url=False)[:3]]


def compile_presences(labels: Labels, presences: Sequence[Presence]) -> dict[str, Ready]:
    """For each topic that says whether an entity's device can be reached, the rule of a point that
    says so too."""
    given = dict(labels.tags)
    tags = {key: given[key] for key in ("device",) if key in given} or {"entity": given["entity"]}
    rules: list[Ready] = []
    for presence in presences:
        # Told apart where one says that the device is there, and another that its bridge is.
        apart = {"topic": plain(presence.topic)} if len(presences) > 1 else {}
        field = {FIELD: presence.field()}
        _add(rules, _options(presence.topic, MEASUREMENT, {**tags, **apart}, field), [])
    return {ready.rule.topic: ready for ready in rules}


def _variant(entity: Entity) -> str:
    """The row of the table of aspects."""
    config = entity.config
    if entity.component == "light" and config.get("schema") in ("json", "template"):
        return f"light {config['schema']}"
    if entity.component == "valve" and config.get("reports_position", "").casefold() == "true":
        return "valve position"
    return entity.component


def _fields(entity: Entity, aspect: Aspect, templates: Templates) -> dict[str, Options]:
    if aspect.kind is Kind.PLACE:
        return _place_fields(entity, aspect)
    source: Options = {}
    template = next((entity.config[key] for key in aspect.templates if key in entity.config), None)
    if template:
        if aspect.path == "$.event_type":
            raise ValueError("the template of an event makes JSON, which is not read")
        parse_value_template(template, templates)
        source["value_template"] = template
    elif aspect.path:
        source["path"] = aspect.path
    rule = {**source, **dict(_reading(entity, aspect))}
    # A message that has nothing for this entity is no trouble: many entities share one topic.
    return {aspect.field: {**rule, "optional": True}}


def _reading(entity: Entity, aspect: Aspect) -> Iterator[tuple[str, Any]]:
    """The keys of a field's rule that say what its state is."""
    kind = _kind(entity, aspect)
    if kind is Kind.TEXT:
        yield "type", "enum"
    elif kind in (Kind.SWITCH, Kind.WORDS):
        yield "enum", _numbers(entity.config, aspect.words or {}, needs_two=kind is Kind.SWITCH)
        if kind is Kind.WORDS:
            yield "on_unknown", "drop"
    elif kind is Kind.GUESS:
        yield "on_unknown", "drop"
    elif aspect.span is not None:
        yield from _per_cent(entity.config, aspect.span)
    elif entity.config.get("state_class") == "total_increasing":
        yield "kind", "counter"


def _per_cent(
    config: Mapping[str, Any], span: tuple[str, float, str, float]
) -> Iterator[tuple[str, float]]:
    low_key, low_default, high_key, high_default = span
    low, high = _bound(config, low_key, low_default), _bound(config, high_key, high_default)
    if low_key == "speed_range_min":
        low -= 1
    if low == high:
        raise ValueError(f"`{high_key}` {high:g} means 0 and 100 per cent")
    if (low, high) != (0.0, 100.0):
        scale = 100 / (high - low)
        yield "scale", scale
        if low:
            yield "offset", -low * scale
        yield "round", 1


def _bound(config: Mapping[str, Any], key: str, default: float) -> float:
    try:
        bound = float(config.get(key, default))
    except ValueError:
        bound = math.nan
    if not abs(bound) < 1e9:
        raise ValueError(f"`{key}` is {config[key][:40]!r}, a number is needed")
    return bound


def _kind(entity: Entity, aspect: Aspect) -> Kind:
    if aspect.kind is not Kind.GUESS:
        return aspect.kind
    config, kind = entity.config, device_class(entity)
    if kind == "enum" or config.get("options"):
        return Kind.TEXT
    is_number = unit_of(entity) or config.get("state_class") or kind in NUMERIC
    return Kind.NUMBER if is_number else Kind.GUESS


def _numbers(
    config: Mapping[str, Any],
    words: Mapping[str, int | tuple[str, str, int]],
    *,
    needs_two: bool,
) -> dict[str, int]:
    """The number of each word that the entity's states may be."""
    numbers: dict[str, int] = {}
    for name, said in words.items():
        word, number = name, said
        if isinstance(said, tuple):
            key, default, number = said
            word = config.get(name, config.get(key, default))
        assert isinstance(number, int)
        if word.strip() and word.casefold() not in {other.casefold() for other in numbers}:
            numbers[word.strip()] = number
        elif needs_two:
            raise ValueError(f"both of its states are {word[:40]!r}")
    return numbers


def _place_fields(entity: Entity, aspect: Aspect) -> dict[str, Options]:
    """Fields of a tracker's attributes; only the gateway of a path to them is understood."""
    template = next((entity.config[key] for key in aspect.templates if key in entity.config), None)
    steps = ""
    if template:
        match = _ATTRIBUTES(template.strip())
        if match is None:
            raise ValueError(f"the template {template[:60]!r} is no path to the attributes")
        names = [one or two or three for one, two, three in _STEP.findall(match["path"])]
        steps = "".join(f'["{name}"]' for name in names if '"' not in name)
    return {
        name: {"path": f"${steps}.{key}", "optional": True} for name, key in PLACE_FIELDS.items()
    }


def _expiry(config: Mapping[str, Any]) -> Options:
    text = config.get("expire_after")
    if text is None:
        return {}
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < 10_000_000:
        raise ValueError(f"expire_after is {text[:40]!r}, a number of seconds is needed")
    return {"expire_after": f"{max(seconds, 1.0):g}s"} if seconds else {}
