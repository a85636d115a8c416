"""From what stands in a payload to the number of a field, by the field's rule, compiled once."""

from __future__ import annotations

import math
from collections.abc import Callable, Container

from daemon.config import (
    ArithmeticTrouble,
    Expression,
    FieldRule,
    conversion,
    is_path,
    parse_expression,
    parse_path,
)
from daemon.mapping.memory import FieldMemory
from daemon.mapping.parsers import as_float, as_int, compile_parser, word_of
from daemon.mapping.reach import MISSING, Context, compile_path
from daemon.mapping.troubles import Kind, Unfit, show
from daemon.messages import JsonValue

_CACHED_UNITS = 100

Number = int | float
Convert = Callable[[JsonValue, Context, str], "Number | None"]
"""A field's number, from what was found, all that the point is made of, and the field's name; None
where there is no value to store. Raises Unfit."""

Step = Callable[[Number, Context, str], "Number | None"]


def compile_value(
    rule: FieldRule, null_words: Container[str], memory: FieldMemory | None = None
) -> Convert:
    """The conversion that a field's rule asks for."""
    memory = FieldMemory() if memory is None else memory
    parse = _parser(rule, null_words, memory)
    steps = [
        step
        for step in (
            _expression(rule, null_words),
            _scaling(rule),
            _converting(rule),
            _rounding(rule),
            _limits(rule),
            _counting(rule, memory),
        )
        if step is not None
    ]
    ignored, default = frozenset(rule.ignore), default_of(rule)
    if not steps and not ignored and default is None:
        return parse

    def convert(raw: JsonValue, context: Context, name: str) -> Number | None:
        number = parse(raw, context, name)
        if number is None:
            return default
        if number in ignored:
            return None
        for step in steps:
            number = step(number, context, name)
            if number is None:
                return None
        return number

    return convert


def default_of(rule: FieldRule) -> Number | None:
    """What is stored where there is no value; None: nothing."""
    if rule.default is not None and rule.type == "int" and rule.default.is_integer():
        return int(rule.default)
    return rule.default


def _parser(rule: FieldRule, null_words: Container[str], memory: FieldMemory) -> Convert:
    if rule.type == "enum" and rule.enum is None:
        return _numbering(null_words, memory)
    if rule.expression is not None and not parse_expression(rule.expression).uses_value:
        # Its result is the raw value, and a number already.
        return lambda raw, context, name: raw  # type: ignore[return-value]
    parse = compile_parser(rule, null_words)
    return lambda raw, context, name: parse(raw)


def _numbering(null_words: Container[str], memory: FieldMemory) -> Convert:
    def number_of(raw: JsonValue, context: Context, name: str) -> Number | None:
        word = word_of(raw, "a text")
        if word is None or word.casefold() in null_words:
            return None
        return memory.number(context.measurement, name, word)

    return number_of


class Formula:
    """An expression with the ways to the numbers that it needs."""

    def __init__(self, expression: Expression, null_words: Container[str]) -> None:
        self._expression = expression
        self._fields = expression.fields
        parse = compile_parser(FieldRule(), null_words)
        self._paths = [(name, path, compile_path(path)) for name, path in expression.paths]
        self._parse = parse

    def result(self, context: Context, value: Number | None = None) -> float | None:
        """The result; None where one of the numbers has no value.

        Raises:
            Unfit: for a path that leads to nothing or to no number, and for no result, as of 1 / 0.
        """
        numbers: dict[str, float] = {} if value is None else {"value": float(value)}
        for name in self._fields:
            known = context.fields.get(name)
            if known is None:
                return None
            numbers[name] = float(known)
        for name, path, find in self._paths:
            found = find(context)
            if found is MISSING:
                raise Unfit(Kind.MISSING, f"the payload has no {path.text}")
            number = self._parse(found)
            if number is None:
                return None
            numbers[name] = float(number)
        try:
            return _clean(self._expression.evaluate(numbers))
        except ArithmeticTrouble as trouble:
            raise Unfit(
                Kind.ARITHMETIC, f"{self._expression.text[:80]!r} gives {trouble}"
            ) from None


def _expression(rule: FieldRule, null_words: Container[str]) -> Step | None:
    if rule.expression is None:
        return None
    expression = parse_expression(rule.expression)
    if not expression.uses_value:
        return None
    formula = Formula(expression, null_words)
    return lambda number, context, name: formula.result(context, number)


def _scaling(rule: FieldRule) -> Step | None:
    """Scale and offset, then the unit, as one straight line."""
    factor, shift = rule.scale, rule.offset
    if rule.unit is not None and rule.store_as is not None and not is_path(rule.unit):
        unit_factor, unit_shift = conversion(rule.unit, rule.store_as)
        factor, shift = factor * unit_factor, shift * unit_factor + unit_shift
    if (factor, shift) == (1.0, 0.0):
        return None

    def scale(number: Number, context: Context, name: str) -> float:
        return _clean(number * factor + shift)

    return scale


def _converting(rule: FieldRule) -> Step | None:
    """From the unit that the payload names."""
    if rule.unit is None or rule.store_as is None or not is_path(rule.unit):
        return None
    path, store_as, known = rule.unit, rule.store_as, dict[str, "tuple[float, float]"]()
    find = compile_path(parse_path(path))

    def convert(number: Number, context: Context, name: str) -> Number:
        unit = find(context)
        if unit is MISSING or unit is None or unit == "":
            return number
        line = known.get(unit) if type(unit) is str else None
        if line is None:
            try:
                line = conversion(str(unit), store_as)
            except ValueError as error:
                raise Unfit(
                    Kind.UNIT, f"found the unit {show(unit)} at {path}: {str(error)[:200]}"
                ) from None
            if len(known) < _CACHED_UNITS:
                known[str(unit)] = line
        return number if line == (1.0, 0.0) else _clean(number * line[0] + line[1])

    return convert


def _clean(number: Number) -> float:
    """A result without the noise of binary: 300 K - 273.15 is 26.850000000000023, and 15 digits are
    what a float can promise. Raises Unfit for no finite number."""
    # 15 digits of the largest floats are more than the largest float.
    return as_float(float(f"{as_float(number):.15g}"))


def _rounding(rule: FieldRule) -> Step | None:
    if rule.type == "int":
        return lambda number, context, name: as_int(round(number))
    digits = rule.round
    if digits is None:
        return None
    return lambda number, context, name: round(number, digits)


def _limits(rule: FieldRule) -> Step | None:
    if rule.min is None and rule.max is None:
        return None
    low = -math.inf if rule.min is None else rule.min
    high = math.inf if rule.max is None else rule.max
    if rule.type == "int":
        low, high = _whole(low), _whole(high)
    action = rule.on_range

    def limit(number: Number, context: Context, name: str) -> Number | None:
        if low <= number <= high:
            return number
        if action == "drop":
            return None
        if action == "clamp":
            return low if number < low else high
        raise Unfit(Kind.RANGE, f"found {number:g}, allowed is {low:g} to {high:g}")

    return limit


def _whole(bound: float) -> Number:
    return int(bound) if math.isfinite(bound) and bound.is_integer() else bound


def _counting(rule: FieldRule, memory: FieldMemory) -> Step | None:
    if rule.kind != "counter":
        return None
    is_int = rule.type == "int"

    def count(number: Number, context: Context, name: str) -> Number:
        if number < 0:
            raise Unfit(Kind.RANGE, f"found {number:g}, a counter is not below 0")
        tags = sorted((key, text or "") for key, text in context.tags.items())
        series = "\n".join((context.measurement, name, *(f"{key}={text}" for key, text in tags)))
        assert context.time_us is not None
        total = memory.count(series, number, context.time_us)
        return as_int(int(total)) if is_int else _clean(total)

    return count
