"""One rule, compiled: how a payload is read, and which fields a decoded value has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from daemon.config import FieldRule, ValueRules, parse_path
from daemon.mapping.labels import Labels
from daemon.mapping.leaves import FieldSet, Leaves, compile_exclusion
from daemon.mapping.payloads import PayloadKind, decode_payload
from daemon.mapping.reach import MISSING, Steps, reach
from daemon.mapping.troubles import Kind, Unfit, show
from daemon.mapping.values import Convert, compile_value, default_of
from daemon.messages import JsonValue


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    steps: Steps | None
    """None: the payload itself where it is no object, else the key of the field's name."""
    path: str
    convert: Convert
    default: int | float | None
    is_optional: bool


class CompiledRule:
    """What a rule makes of values; holds no state."""

    def __init__(
        self,
        name: str,
        rules: ValueRules,
        measurement: str,
        common_tags: Mapping[str, str],
        *,
        takes_text: bool = False,
    ) -> None:
        """`takes_text`: values are all text, as in key=value lines, so text may be a number."""
        self.name = name
        self._takes_text = takes_text
        self.labels = Labels(measurement, rules.tags, common_tags)
        self._null_words = frozenset(word.strip().casefold() for word in rules.null_values)
        self._is_excluded = compile_exclusion(rules.exclude)
        self._fields = None if rules.fields is None else _compile_fields(rules, self._null_words)
        self._whole = compile_value(FieldRule(), self._null_words)
        self._needs_json = self._fields is not None and (
            len(self._fields) > 1 or self._fields[0].steps is not None
        )

    @property
    def needs_json(self) -> bool:
        """Whether only a JSON payload can fit."""
        return self._needs_json

    def decode(self, payload: bytes, kind: PayloadKind) -> JsonValue:
        """The payload's value. Raises Unfit."""
        return decode_payload(payload, kind, self._null_words)

    def fields_of(self, value: JsonValue) -> tuple[FieldSet, list[Unfit]]:
        """The fields of a value, and what did not fit.

        Raises:
            Unfit: where nothing of the value can be used.
        """
        if self._fields is None:
            return self._all_fields(value)
        if self._needs_json and type(value) is not dict and type(value) is not list:
            raise Unfit(Kind.NOT_JSON, f"found {show(value)}, the rule needs a JSON object")
        fields: FieldSet = {}
        troubles: list[Unfit] = []
        for field in self._fields:
            try:
                number = _read_field(field, value)
            except Unfit as trouble:
                place = f"field {field.name}" + (f" at {field.path}" if field.path else "")
                troubles.append(Unfit(trouble.kind, f"{place}: {trouble.reason}"))
                continue
            if number is not None:
                fields[field.name] = number
        return fields, troubles

    def _all_fields(self, value: JsonValue) -> tuple[FieldSet, list[Unfit]]:
        if type(value) is dict or type(value) is list:
            leaves = Leaves(
                self._is_excluded,
                skips_nan="nan" in self._null_words,
                parse_text=self._whole if self._takes_text else None,
            )
            leaves.gather(value, "" if type(value) is dict else "value")
            return leaves.fields, leaves.troubles
        number = self._whole(value)
        return ({} if number is None else {"value": number}), []


def _compile_fields(rules: ValueRules, null_words: frozenset[str]) -> tuple[_Field, ...]:
    assert rules.fields is not None
    return tuple(
        _Field(
            name,
            None if field.path is None else parse_path(field.path),
            field.path or "",
            compile_value(field, null_words),
            default_of(field),
            field.optional,
        )
        for name, field in rules.fields.items()
    )


def _read_field(field: _Field, value: JsonValue) -> int | float | None:
    if field.steps is not None:
        raw = reach(value, field.steps)
    elif type(value) is dict:
        raw = value.get(field.name, MISSING)
    else:
        raw = value
    if raw is not MISSING:
        return field.convert(raw)
    if field.default is None and not field.is_optional:
        raise Unfit(Kind.MISSING, "the payload has no such key")
    return field.default
