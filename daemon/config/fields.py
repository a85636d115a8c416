"""Options of one field of a rule: where its value stands and what is made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from daemon.config.expressions import VALUE, parse_expression
from daemon.config.habits import suggest
from daemon.config.paths import is_path, parse_path
from daemon.config.section import (
    Items,
    Name,
    Number,
    Section,
    as_keys,
    as_text,
    check_name,
    parsed_by,
)
from daemon.config.templates import parse_template
from daemon.config.thinning import DeadbandText
from daemon.config.units import conversion, find_unit
from daemon.config.value_templates import parse_value_template


def _as_words(value: object) -> object:
    """Keys of an enum map as the text a device sends; YAML makes numbers of some of them."""
    if not isinstance(value, dict):
        return value
    words = [(as_text(key), number) for key, number in value.items()]
    if len({str(word).casefold() for word, _ in words}) < len(words):
        raise ValueError("two texts of this map are the same; upper and lower case do not count")
    return dict(words)


def _check_value(text: str) -> str:
    if is_path(text):
        raise ValueError(f"this is a path; write it as `path: {text}`")
    parse_template(text)
    return text


def _check_as(text: str | None) -> str | None:
    if text is None:
        return None
    if "{" in text or "}" in text or "?" in text:
        raise ValueError("this is a name, without braces and ?; * stands for that of the pattern")
    if text.count("*") > 1:
        raise ValueError("* may stand once in it")
    return check_name(text)


def as_field(value: object) -> object:
    """`mm: $.mm` is short for `mm: {path: $.mm}`; `mm:` alone takes every default."""
    if value is None:
        return {}
    return {"path": value} if isinstance(value, str) else value


class FieldRule(Section):
    """One field. A value that fits none of it is left out and reported; the message's good fields
    are stored all the same."""

    path: Annotated[str, parsed_by(parse_path)] | None = None
    """Where the value stands in a payload: `$.a.b[0]`, `$["switch:0"].apower`; below `each` from
    the part on: `@.t`. Default: the field's own name for an object, the payload itself
    otherwise."""
    value: Annotated[str, BeforeValidator(as_text), AfterValidator(_check_value)] | None = None
    """Instead of `path`: a number, or a text such as "{channel}" with names of the topic's
    wildcards."""
    value_template: Annotated[str, parsed_by(parse_value_template)] | None = None
    """Instead of `path`: a template as in Home Assistant, with value, value_json and topic."""
    as_name: Annotated[str | None, AfterValidator(_check_as)] = Field(
        default=None, validation_alias="as"
    )
    """The name to store it under, instead of its own; * is what the pattern's * stands for, as in
    "*_F": {as: "*_C"}. Of two values with one name, one that is named in full is stored, else one
    that has the name by itself, else the first."""
    expression: Annotated[str, parsed_by(parse_expression)] | None = None
    """Arithmetic: "value * 0.1" with the field's own value, "$.u * $.i" with paths, "power / 2"
    with another field of this rule."""
    kind: Literal["gauge", "counter"] = "gauge"
    """counter: the value only grows, and where the device begins anew at 0, what is stored goes on
    from where it was."""
    type: Literal["float", "int", "bool", "enum"] | None = None
    """Default float; true and false, and words such as ON and OFF, become 1 and 0. `int` refuses
    fractions, `bool` refuses anything but yes-or-no words and 1 and 0, `enum` makes numbers of
    texts: those of `enum`, or without it 1, 2, 3 as first seen, kept beside the data."""
    enum: Annotated[dict[str, Number], BeforeValidator(_as_words)] | None = Field(
        default=None, min_length=1
    )
    """Number to store for each text (in any case), as {open: 1, closed: 0}."""
    on_unknown: Literal["reject", "drop"] = "reject"
    """A text that `enum` does not list, or without it one that is neither a number nor a yes-or-no
    word: report it, or leave the field out."""
    true_words: Items[str] | None = None
    """Texts that mean 1, instead of: true, on, yes, open, online (in any case)."""
    false_words: Items[str] | None = None
    """Texts that mean 0, instead of: false, off, no, closed, offline (in any case)."""
    scale: Number = 1.0
    """The value, or what `expression` made of it, is multiplied by this, then `offset` is added."""
    offset: Number = 0.0
    """Added after `scale`."""
    unit: str | None = None
    """The unit in which the device reports, or a path to where the payload says it, as $.TempUnit;
    where nothing stands there, the value is taken to be in the stored unit."""
    store_as: str | None = None
    """The unit to store in; needs `unit`."""
    round: int | None = Field(default=None, ge=0, le=12)
    """Digits kept after the decimal point."""
    min: Number | None = None
    """Smallest plausible value, in the stored unit."""
    max: Number | None = None
    """Largest plausible value, in the stored unit."""
    on_range: Literal["drop", "clamp", "reject"] = "reject"
    """A value below min or above max: leave it out in silence (drop), store the bound (clamp), or
    report it (reject)."""
    deadband: DeadbandText = None
    """As `deadband` of the rule, for this field alone."""
    ignore: Items[Number] = ()
    """Values as reported that mean no value, such as [85.0, -127.0] for a DS18B20."""
    default: Number | None = None
    """Stored where the payload has no value for this field."""
    optional: bool = False
    """True: a payload without this key is no trouble."""

    @field_validator("unit")
    @classmethod
    def _check_unit(cls, unit: str | None) -> str | None:
        if unit is not None and is_path(unit):
            parse_path(unit)
        elif unit is not None:
            find_unit(unit)
        return unit

    @field_validator("store_as")
    @classmethod
    def _check_store_as(cls, unit: str | None) -> str | None:
        if unit is not None:
            find_unit(unit)
        return unit

    @model_validator(mode="after")
    def _check(self) -> FieldRule:
        wrong = [text for is_wrong, text in self._contradictions() if is_wrong]
        if wrong:
            raise ValueError("; ".join(wrong))
        if self.unit is not None and self.store_as is not None and not is_path(self.unit):
            conversion(self.unit, self.store_as)
        return self

    def _contradictions(self) -> Iterator[tuple[bool, str]]:
        has_words = self.true_words is not None or self.false_words is not None
        yield (
            sum(given is not None for given in (self.path, self.value, self.value_template)) > 1,
            "`path`, `value` and `value_template` exclude each other",
        )
        yield from self._contradictions_of_expression()
        is_numbered = self.type == "enum" and self.enum is None
        yield (
            is_numbered and (self.scale, self.offset, self.unit) != (1.0, 0.0, None),
            "numbers of texts have no scale, offset or unit",
        )
        yield (
            self.kind == "counter" and (self.type in ("bool", "enum") or self.enum is not None),
            "a counter is a number, neither `bool` nor `enum`",
        )
        yield (
            self.enum is not None and self.type in ("bool", "int"),
            f"`enum` and `type: {self.type}` exclude each other",
        )
        yield (
            is_numbered and self.on_unknown != "reject",
            "`on_unknown` means nothing where every text gets a number; give `enum`",
        )
        yield self.enum is not None and has_words, "`enum` already says which text is which number"
        yield (
            (self.unit is None) != (self.store_as is None),
            "`unit` and `store_as` belong together: give both or neither",
        )
        yield (
            self.min is None and self.max is None and self.on_range != "reject",
            "`on_range` needs `min` or `max`",
        )
        yield (
            self.min is not None and self.max is not None and self.min > self.max,
            "`min` is at most `max`",
        )
        yield (
            self.type == "bool" and (self.scale, self.offset) != (1.0, 0.0),
            "`scale` and `offset` make no sense with `type: bool`",
        )
        yield self.scale == 0, "`scale: 0` would make every value the same"
        yield (
            self.type in ("bool", "enum") and self.deadband not in (None, 0.0),
            f"words have no distance: with `type: {self.type}` only `deadband: 0` makes sense",
        )
        yield (
            self.default is not None and self.optional,
            "`default` and `optional` exclude each other",
        )
        yield (
            self.default is not None and self.kind == "counter",
            "`default` would set a counter back",
        )

    def _contradictions_of_expression(self) -> Iterator[tuple[bool, str]]:
        if self.expression is None:
            return
        uses_value = parse_expression(self.expression).uses_value
        yield (
            not uses_value
            and any(part is not None for part in (self.path, self.value, self.value_template)),
            "`expression` does not use `value`, so where that comes from means nothing",
        )
        yield (
            self.type == "enum" and self.enum is None,
            "`expression` makes no text; `type: enum` needs `enum`",
        )


Fields = Annotated[
    dict[Name, Annotated[FieldRule, BeforeValidator(as_field)]], BeforeValidator(as_keys)
]


def is_pattern(name: str) -> bool:
    """Whether a key of `fields` stands for every value whose name it fits."""
    return "*" in name or "?" in name


def check_patterns(fields: Mapping[str, FieldRule]) -> None:
    """A pattern finds its values by their names.

    Raises:
        ValueError: for one that says otherwise where its value stands, or whose `as` cannot be.
    """
    for name, rule in fields.items():
        has_star = rule.as_name is not None and "*" in rule.as_name
        if has_star and (name.count("*") != 1 or "[" in name):
            raise ValueError(
                f"`as: {rule.as_name}` of the field {name!r}: its * is what the one * of a pattern "
                f"stands for, and that name has {name.count('*')} of them"
            )
        if not is_pattern(name):
            continue
        if parse_template(name).names:
            raise ValueError(f"the field {name!r} has both braces and * or ?; use one of them")
        given = [
            key for key in ("path", "value", "value_template") if getattr(rule, key) is not None
        ]
        if rule.default is not None:
            given.append("default")
        if rule.expression is not None and not parse_expression(rule.expression).uses_value:
            given.append("expression without `value`")
        if given:
            raise ValueError(
                f"the field {name!r} stands for every value whose name it fits, so "
                f"`{given[0]}` means nothing there; give a full name, or leave `{given[0]}` out"
            )


def order_of(fields: Mapping[str, FieldRule]) -> tuple[str, ...]:
    """The names of fields in an order in which each expression finds the fields that it needs.

    Raises:
        ValueError: for a field that there is not, or fields that need each other.
    """
    needs = {
        name: () if rule.expression is None else parse_expression(rule.expression).fields
        for name, rule in fields.items()
    }
    for name, others in needs.items():
        for other in others:
            if other not in fields:
                meant = suggest(other, [VALUE, *fields])
                hint = f"; did you mean `{meant}`" if meant else ""
                raise ValueError(
                    f"the expression of the field {name!r} needs {other!r}, which is no field of "
                    f"this rule{hint}? A part of the payload is written as $.{other}"
                )
    order: list[str] = []
    while len(order) < len(needs):
        ready = [
            name
            for name in needs
            if name not in order and all(need in order for need in needs[name])
        ]
        if not ready:
            circle = ", ".join(repr(name) for name in needs if name not in order)
            raise ValueError(f"the expressions of {circle} need each other's result")
        order += ready
    return tuple(order)
