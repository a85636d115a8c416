"""One rule, compiled: which fields a decoded value has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from daemon.config import (
    FieldRule,
    ValueRules,
    is_clean,
    is_pattern,
    order_of,
    parse_expression,
    parse_path,
    parse_template,
)
from daemon.mapping.labels import Labels
from daemon.mapping.leaves import FieldSet, Patterns, RestRule, compile_exclusion, snake
from daemon.mapping.memory import FieldMemory
from daemon.mapping.reach import MISSING, Context, Reach, compile_path, places
from daemon.mapping.rendering import compile_template
from daemon.mapping.texts import Text
from daemon.mapping.troubles import Kind, Unfit, show
from daemon.mapping.values import Convert, Formula, compile_value, default_of
from daemon.messages import JsonValue


@dataclass(frozen=True, slots=True)
class _Field:
    key: str
    """As written in the rule."""
    name: Text | None
    """None for a name without braces, which is the key."""
    as_name: str | None
    """To store it under; None: its name."""
    find: Reach | None
    """None: the payload itself where it is no object, else the key of the field's name."""
    place: str
    convert: Convert
    default: int | float | None
    is_optional: bool


class CompiledRule:
    """What a rule makes of values; holds no state but the memory that it is given."""

    def __init__(
        self,
        name: str,
        rules: ValueRules,
        measurement: str,
        common_tags: Mapping[str, str],
        *,
        wildcards: tuple[str, ...] = (),
        takes_text: bool = False,
        keeps_int: bool = False,
        memory: FieldMemory | None = None,
    ) -> None:
        """`takes_text`: values are all text, as in key=value lines, so text may be a number.
        `keeps_int`: an integer is meant as one, as in line protocol."""
        self.name = name
        memory = FieldMemory() if memory is None else memory
        fields = rules.fields or {}
        self._key = None if rules.key is None else Text(rules.key, wildcards)
        self._is_snake = rules.names == "snake"
        named = [*fields, *([] if rules.key is None else [rules.key])]
        spent = {name for key in named for name in parse_template(key).wildcards}
        self.labels = Labels(
            measurement, rules.tags, common_tags, wildcards=wildcards, spent=frozenset(spent)
        )
        self.null_words = _folded(tuple(rules.null_values))
        self._each = None if rules.each is None else parse_path(rules.each)
        self._fields = tuple(
            _compile_field(key, fields[key], wildcards, self.null_words, memory)
            for key in order_of(fields)
            if not is_pattern(key)
        )
        self._has_formulas = any(rule.expression is not None for rule in fields.values())
        self._whole = compile_value(FieldRule(), self.null_words)
        self._rest = RestRule(
            compile_exclusion(rules.exclude),
            Patterns(
                [
                    (key, rule.as_name, compile_value(rule, self.null_words, memory))
                    for key, rule in fields.items()
                    if is_pattern(key)
                ]
            ),
            is_stored=not fields or rules.rest == "store",
            read=self._whole,
            memory=memory,
            taken=frozenset(name for key, rule in fields.items() for name in _taken(key, rule)),
            text=rules.text,
            takes_text=takes_text,
            keeps_int=keeps_int,
            is_snake=self._is_snake,
            skips_nan="nan" in self.null_words,
        )
        # A payload that is one value is always text.
        self._keyed_rest = replace(self._rest, takes_text=True)
        self._takes_rest = self._rest.is_stored or any(is_pattern(key) for key in fields)
        own = sum(field.find is None for field in self._fields)
        self._needs_json = self._key is None and (
            self._each is not None or own > 1 or any(field.place for field in self._fields)
        )

    @property
    def needs_json(self) -> bool:
        """Whether only an object or a list can fit."""
        return self._needs_json

    def parts_of(self, context: Context) -> list[Context]:
        """The parts of a payload that become points.

        Raises:
            Unfit: where `each` cannot be followed.
        """
        if self._each is None:
            return [context]
        value = context.here if self._each.is_relative else context.root
        return [context.at(part, keys) for part, keys in places(self._each, value)]

    def fields_of(self, context: Context) -> tuple[FieldSet, list[Unfit]]:
        """The fields of a value, and what did not fit.

        Raises:
            Unfit: where nothing of the value can be used.
        """
        value = context.here
        is_scalar = type(value) is not dict and type(value) is not list
        is_keyed = is_scalar and self._key is not None
        if is_keyed:
            value, is_scalar = self._keyed(value, context), False
        if not self._fields and is_scalar:
            return self._only_field(value, context)
        if is_scalar and self._needs_json and value is context.root:
            raise Unfit(Kind.NOT_JSON, f"found {show(value)}, the rule needs a JSON object")
        fields: FieldSet = {}
        troubles: list[Unfit] = []
        for field in self._fields:
            name = field.key
            try:
                if field.name is not None:
                    name = _name_of(field.name, context)
                number = _read_field(field, value, context, name)
            except Unfit as trouble:
                if trouble.kind is Kind.MISSING and (field.is_optional or is_keyed):
                    continue
                place = f"field {name}" + (f" at {field.place}" if field.place else "")
                troubles.append(Unfit(trouble.kind, f"{place}: {trouble.reason}"))
                continue
            if number is not None:
                if field.as_name is None:
                    fields[name] = number
                else:
                    fields.setdefault(field.as_name, number)
                if self._has_formulas:
                    context.fields[field.key] = number
        if self._takes_rest and not is_scalar:
            rest = self._keyed_rest if is_keyed else self._rest
            leaves = rest.gather(value, context)
            # A field that the rule names wins, with whatever it made of the value.
            fields = {**leaves.fields, **fields}
            troubles += leaves.troubles
        return fields, troubles

    def _only_field(self, value: JsonValue, context: Context) -> tuple[FieldSet, list[Unfit]]:
        """A payload that is one value, where the rule names no field in full."""
        fitting = self._rest.patterns.find("value")
        if fitting is None and not self._rest.is_stored:
            raise Unfit(Kind.NOT_JSON, f"found {show(value)}, the rule needs a JSON object")
        name = "value" if fitting is None else fitting.name
        convert = self._whole if fitting is None else fitting.convert
        number = convert(value, context, name)
        return ({} if number is None else {name: number}), []

    def key_of(self, context: Context) -> str | None:
        """What `key` calls a single value; None without `key`. Raises Unfit."""
        return None if self._key is None else _name_of(self._key, context)

    def _keyed(self, value: JsonValue, context: Context) -> dict[str, JsonValue]:
        key = self.key_of(context)
        assert key is not None
        name = snake(key) if self._is_snake else key
        if name not in self._rest.taken and self._rest.is_excluded(key, key):
            return {}
        return {name: value}


@lru_cache(maxsize=64)
def _folded(words: tuple[str, ...]) -> frozenset[str]:
    # Most rules have the same, and discovery may bring thousands of rules.
    return frozenset(word.strip().casefold() for word in words)


def _compile_field(
    key: str,
    rule: FieldRule,
    wildcards: tuple[str, ...],
    null_words: frozenset[str],
    memory: FieldMemory,
) -> _Field:
    name = Text(key, wildcards) if parse_template(key).names else None
    find: Reach | None = None
    place = ""
    if rule.path is not None:
        find, place = compile_path(parse_path(rule.path)), rule.path
    elif rule.value is not None:
        find = _text_reader(Text(rule.value, wildcards))
    elif rule.value_template is not None:
        find = compile_template(rule.value_template)
    elif rule.expression is not None:
        formula = parse_expression(rule.expression)
        if not formula.uses_value:
            find = Formula(formula, null_words).result
    return _Field(
        key,
        name,
        rule.as_name,
        find,
        place,
        compile_value(rule, null_words, memory),
        default_of(rule),
        rule.optional,
    )


def _text_reader(text: Text) -> Callable[[Context], JsonValue]:
    def read(context: Context) -> JsonValue:
        return text.read(context) if text.needs_payload else text.fill(context.names)

    return read


def _taken(key: str, rule: FieldRule) -> list[str]:
    """The name that a leaf would have which this field already takes."""
    steps = None if rule.path is None else parse_path(rule.path).steps
    joined = [] if steps is None else ["_".join(str(step) for step in steps)]
    return [key, *joined]


def _name_of(text: Text, context: Context) -> str:
    name = text.read(context)
    if name is None or not is_clean(name):
        raise Unfit(Kind.NAME, f"the field's name would be {show(name)}")
    return name


def _read_field(field: _Field, value: JsonValue, context: Context, name: str) -> int | float | None:
    if field.find is not None:
        raw = field.find(context)
    elif type(value) is dict:
        raw = value.get(name, MISSING)
    else:
        raw = value
    if raw is not MISSING:
        return field.convert(raw, context, field.as_name or name)
    if field.default is None and not field.is_optional:
        raise Unfit(Kind.MISSING, "the payload has no such key")
    return field.default
