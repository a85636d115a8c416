"""What one rule does with one message, step by step, for a person.

The steps are the rule's own: a field is read by rules that lack its later steps, one after the
other, so that what is shown is what happens. Changes no memory but the one that it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from daemon.config import (
    FieldRule,
    SourceRule,
    fits,
    is_pattern,
    parse_expression,
    parse_template,
)
from daemon.mapping.field_steps import found_at, origin_of, shown, stages_of, summary_of
from daemon.mapping.leaves import compile_exclusion
from daemon.mapping.memory import FieldMemory
from daemon.mapping.points import compile_rule
from daemon.mapping.reach import MISSING, Context
from daemon.mapping.routing import Route
from daemon.mapping.rule import CompiledRule
from daemon.mapping.troubles import Unfit
from daemon.messages import JsonValue, Message

MAX_PARTS = 20
"""Points of one message that are shown in full."""
_MAX_LEAVES = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happens, and how far it is set in."""

    text: str
    depth: int = 0


class RuleStory:
    """Tells what a rule makes of a message."""

    def __init__(self, route: Route, common_tags: Mapping[str, str], memory: FieldMemory) -> None:
        self._route = route
        self._source = route.place.placed.rule
        self._common_tags = common_tags
        self._memory = memory
        self._rule = self._compile(self._source)

    def lines(self, message: Message) -> Iterator[Line]:
        """From the topic to the fields; ends where the rule does."""
        source, labels = self._source, self._route.labels
        named = ", ".join(f"{name} = {text}" for name, text in labels.names.items())
        yield Line(f"topic fits {source.topic}" + (f": {named}" if named else ""))
        if source.ignore:
            yield Line("`ignore: true`: such messages are no readings")
            return
        if self._route.refusal is not None:
            yield Line(f"the topic cannot be used: {self._route.refusal.reason}")
            return
        if message.is_retained:
            yield Line(_RETAINED[source.retained])
            if source.retained == "skip":
                return
        if len(message.payload) > source.max_payload_bytes:
            yield Line(
                f"payload of {len(message.payload)} bytes is longer than max_payload, "
                f"{source.max_payload_bytes}"
            )
            return
        try:
            parts = self._route.place.rule.read(message.payload)
        except Unfit as trouble:
            yield Line(trouble.reason)
            return
        yield Line(self._payload(message.payload, parts))
        for part in parts:
            part.names, part.topic = labels.names, message.topic
        if parts and (refusal := self._refusal(parts)):
            yield Line(refusal)
            return
        yield from self._parts(parts, message)

    def _compile(self, source: SourceRule) -> CompiledRule:
        placed = self._route.place.placed
        return compile_rule(
            placed.name, source, self._common_tags, self._memory, tuple(placed.bound)
        )

    def _payload(self, payload: bytes, parts: list[Context]) -> str:
        size = f"{len(payload)} {'byte' if len(payload) == 1 else 'bytes'}"
        kind = self._source.payload.kind
        if not parts:
            return f"payload of {size}, read as {kind}: it says that there is no value"
        if len(parts) > 1:
            return f"payload of {size}, read as {kind}: {len(parts)} rows"
        return f"payload of {size}, read as {kind}: {summary_of(parts[0].here)}"

    def _refusal(self, parts: list[Context]) -> str:
        """Why the rule does not take a payload that it can read; empty: it does."""
        if (only := self._source.only) is not None:
            objects = [isinstance(part.root, (dict, list)) for part in parts]
            if (only == "object") not in objects:
                return f"`only: {only}` does not hold, so the rules further down are asked"
        for path, wanted in (self._source.when or {}).items():
            found = [found_at(path, part) for part in parts]
            if not any(fits(_scalar(one), want) for one in found for want in wanted):
                needed = " or ".join("nothing" if want is None else want for want in wanted)
                return (
                    f"`when` does not hold: at {path} stands {shown(found[0])}, needed is "
                    f"{needed}; so the rules further down are asked"
                )
        return ""

    def _parts(self, parts: list[Context], message: Message) -> Iterator[Line]:
        made: list[Context] = []
        for part in parts:
            try:
                made += self._rule.parts_of(part)
            except Unfit as trouble:
                yield Line(f"`each`: {trouble.reason}")
        if self._source.each is not None:
            yield Line(f"`each: {self._source.each}` leads to {len(made)} places")
        for number, context in enumerate(made[:MAX_PARTS]):
            depth = 0
            if len(made) > 1:
                keys = "".join(f"[{key!r}]" for key in context.keys)
                yield Line(f"part {number + 1} {keys}: {summary_of(context.here)}")
                depth = 1
            for text in self._part(context, message):
                yield Line(text, depth)
        if len(made) > MAX_PARTS:
            yield Line(f"and {len(made) - MAX_PARTS} parts more")
        if made and (options := self._thinning()):
            yield Line(
                f"then thinned ({', '.join(options)}); shown is what becomes of the first message "
                "of a series"
            )

    def _thinning(self) -> list[str]:
        """The options of this rule that may leave out a point although it is right."""
        source = self._source
        given = [
            info.validation_alias or name
            for name, info in SourceRule.model_fields.items()
            if name in _THINNING and getattr(source, name) is not None
        ]
        fields = (source.fields or {}).values()
        if source.deadband is None and any(field.deadband is not None for field in fields):
            given.append("deadband")
        return [str(name) for name in given]

    def _part(self, context: Context, message: Message) -> Iterator[str]:
        labels = self._route.labels
        context.names, context.topic = labels.names, message.topic
        context.measurement, context.time_us = labels.measurement, message.received_us
        context.tags = {**labels.tags, **context.tags}
        try:
            self._rule.labels.read(context)
        except Unfit as trouble:
            yield trouble.reason
            return
        fields, troubles = self._fields(self._rule, context)
        told, absent = set(), []
        for key, field in (self._source.fields or {}).items():
            for name, story in self._field(key, context, fields):
                told.add(name)
                if field.optional and story.endswith(_ABSENT):
                    absent.append(name)
                else:
                    yield f"field {name}: {story}"
        if absent:
            yield f"not there, and need not be: {', '.join(absent)}"
        rest = {name: number for name, number in fields.items() if name not in told}
        for name, number in rest.items():
            yield f"field {name}: stored as it is, {number:g}"
        yield from (trouble.reason for trouble in troubles)
        yield from self._left_out(context, set(fields))

    def _takes_rest(self) -> bool:
        return not self._source.fields or self._source.rest == "store"

    def _fields(self, rule: CompiledRule, context: Context) -> tuple[dict[str, Any], list[Unfit]]:
        context.fields = {}
        try:
            fields, troubles = rule.fields_of(context)
        except Unfit as trouble:
            return {}, [trouble]
        return dict(fields), troubles

    def _field(
        self, key: str, context: Context, final: Mapping[str, Any]
    ) -> Iterator[tuple[str, str]]:
        """Name and steps of what a key of `fields` stands for."""
        rule = (self._source.fields or {})[key]
        stages = [
            (label, self._fields_of_stage(key, one, context)) for label, one in stages_of(rule)
        ]
        names = [name for _, fields in stages for name in fields] or (
            [] if is_pattern(key) else [key]
        )
        for name in dict.fromkeys(names):
            yield name, self._steps(key, name, rule, stages, context, final)

    def _fields_of_stage(self, key: str, rule: FieldRule, context: Context) -> dict[str, Any]:
        """What the key makes with a rule that has only its first steps."""
        fields = self._source.fields or {}
        needed = [] if rule.expression is None else parse_expression(rule.expression).fields
        kept = {name: fields[name] for name in needed} | {key: rule}
        source = self._source.model_copy(update={"fields": kept, "rest": "drop"})
        made, _ = self._fields(self._compile(source), context)
        return {name: number for name, number in made.items() if name not in needed}

    def _steps(
        self,
        key: str,
        name: str,
        rule: FieldRule,
        stages: list[tuple[str, dict[str, Any]]],
        context: Context,
        final: Mapping[str, Any],
    ) -> str:
        parts = [
            f"fits {key}"
            if is_pattern(key)
            else origin_of(name if parse_template(key).names else key, rule, context)
        ]
        last: object = MISSING
        for label, fields in stages:
            value = fields.get(name, MISSING)
            if value is MISSING and last is not MISSING:
                parts.append(f"no value ({label})")
                return " -> ".join(parts)
            # A number that is read as it stands needs no second mention.
            is_plain = (
                label == "read"
                and value is not MISSING
                and parts[0].endswith(f"the number {value:g}")
            )
            if value is not MISSING and value != last and not is_plain:
                parts.append(f"{value:g} ({label})")
            last = value
        if name in final and last is MISSING:
            parts.append(f"{final[name]:g}")
        elif name in final and final[name] != last:
            parts.append(f"{final[name]:g} (`kind: counter`)")
        elif name not in final:
            parts.append("no field")
        return " -> ".join(parts)

    def _left_out(self, context: Context, stored: set[str]) -> Iterator[str]:
        if not self._takes_rest() and not any(map(is_pattern, self._source.fields or {})):
            return
        is_excluded = compile_exclusion(self._source.exclude)
        excluded, texts = [], []
        for name, key, value in self._leaves(context, stored):
            if name in stored or value is None:
                continue
            if is_excluded(name, key):
                excluded.append(name)
            elif isinstance(value, str) and self._takes_rest():
                texts.append(name)
        if excluded:
            yield f"left out by `exclude`: {', '.join(excluded)}"
        if texts:
            yield f"text, so no field of its own: {', '.join(texts)}"

    def _leaves(self, context: Context, stored: set[str]) -> Iterator[tuple[str, str, JsonValue]]:
        here = context.here
        key = None if isinstance(here, (dict, list)) else self._rule.key_of(context)
        if key is None:
            yield from _leaves(here)
        elif not stored:
            yield key, key, here


_THINNING = ("deadband", "max_silence_s", "throttle_s", "merge_within_s", "repeats_within_s")

_ABSENT = "nothing -> no field"

_RETAINED = {
    "once": "retained, `retained: once`: taken unless its payload is the last that the topic had",
    "skip": "retained, `retained: skip`: never taken",
    "store": "retained, `retained: store`: taken each time",
}


def _scalar(value: Any) -> Any:
    return None if value is MISSING or isinstance(value, (dict, list)) else value


def _leaves(value: JsonValue) -> Iterator[tuple[str, str, JsonValue]]:
    """Joined name, own key and value of what is no object and no list, as far as is readable."""
    waiting: list[tuple[str, str, Any]] = [("", "", value)]
    count = 0
    while waiting and count < _MAX_LEAVES:
        name, key, part = waiting.pop(0)
        if isinstance(part, (dict, list)):
            pairs = part.items() if isinstance(part, dict) else enumerate(part)
            waiting += [
                (f"{name}_{one}" if name else str(one), str(one), child) for one, child in pairs
            ]
        elif name:
            count += 1
            yield name, key, part
