"""What the rules of values make of decoded parts, step by step, for a person.

The steps are the rule's own: a field is read by rules that lack its later steps, one after the
other, so that what is shown is what happens. Changes no memory but the one that it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from daemon.config import FieldRule, ValueRules, is_pattern, parse_expression, parse_template
from daemon.mapping.field_steps import origin_of, stages_of, summary_of
from daemon.mapping.leaves import compile_exclusion
from daemon.mapping.points import FixedLabels
from daemon.mapping.reach import MISSING, Context
from daemon.mapping.rule import CompiledRule
from daemon.mapping.troubles import Unfit
from daemon.messages import JsonValue

MAX_PARTS = 20
"""Points of one message that are shown in full."""
_MAX_LEAVES = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happens, and how far it is set in."""

    text: str
    depth: int = 0


class ValueStory:
    """Tells what rules make of the parts of a payload, or of a poll's reading."""

    def __init__(
        self,
        rules: ValueRules,
        compile_rules: Callable[[Any], CompiledRule],
        labels: FixedLabels,
        received_us: int,
        topic: str = "",
    ) -> None:
        """`compile_rules` compiles the rules, or a copy of them with other fields."""
        self._rules = rules
        self._compile = compile_rules
        self._rule = compile_rules(rules)
        self._labels = labels
        self._received_us = received_us
        self._topic = topic

    def lines(self, parts: list[Context]) -> Iterator[Line]:
        """From the parts of a payload to the fields of each point."""
        made: list[Context] = []
        for part in parts:
            try:
                made += self._rule.parts_of(part)
            except Unfit as trouble:
                yield Line(f"`each`: {trouble.reason}")
        if self._rules.each is not None:
            yield Line(f"`each: {self._rules.each}` leads to {len(made)} places")
        for number, context in enumerate(made[:MAX_PARTS]):
            depth = 0
            if len(made) > 1:
                keys = "".join(f"[{key!r}]" for key in context.keys)
                yield Line(f"part {number + 1} {keys}: {summary_of(context.here)}")
                depth = 1
            for text in self._part(context):
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
        source = self._rules
        given = [
            info.validation_alias or name
            for name, info in type(source).model_fields.items()
            if name in _THINNING and getattr(source, name) is not None
        ]
        fields = (source.fields or {}).values()
        if source.deadband is None and any(field.deadband is not None for field in fields):
            given.append("deadband")
        return [str(name) for name in given]

    def _part(self, context: Context) -> Iterator[str]:
        labels = self._labels
        context.names, context.topic = labels.names, self._topic
        context.measurement, context.time_us = labels.measurement, self._received_us
        context.tags = {**labels.tags, **context.tags}
        try:
            self._rule.labels.read(context)
        except Unfit as trouble:
            yield trouble.reason
            return
        fields, troubles = self._fields(self._rule, context)
        told, absent = set(), []
        for key, field in (self._rules.fields or {}).items():
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
        return not self._rules.fields or self._rules.rest == "store"

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
        rule = (self._rules.fields or {})[key]
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
        fields = self._rules.fields or {}
        needed = [] if rule.expression is None else parse_expression(rule.expression).fields
        kept = {name: fields[name] for name in needed} | {key: rule}
        source = self._rules.model_copy(update={"fields": kept, "rest": "drop"})
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
        if not self._takes_rest() and not any(map(is_pattern, self._rules.fields or {})):
            return
        is_excluded = compile_exclusion(self._rules.exclude)
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
