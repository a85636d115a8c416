"""From what stands in a payload to the number of a field, by the field's rule, compiled once."""

from __future__ import annotations

import math
from collections.abc import Callable, Container

from daemon.config import FieldRule, conversion
from daemon.mapping.parsers import as_float, as_int, compile_parser
from daemon.mapping.troubles import Kind, Unfit
from daemon.messages import JsonValue

Convert = Callable[[JsonValue], "int | float | None"]
"""A field's number; None where there is no value to store. Raises Unfit."""

Step = Callable[["int | float"], "int | float | None"]


def compile_value(rule: FieldRule, null_words: Container[str]) -> Convert:
    """The conversion that a field's rule asks for."""
    parse = compile_parser(rule, null_words)
    steps = [step for step in (_scaling(rule), _rounding(rule), _limits(rule)) if step is not None]
    ignored, default = frozenset(rule.ignore), default_of(rule)
    if not steps and not ignored and default is None:
        return parse

    def convert(raw: JsonValue) -> int | float | None:
        number = parse(raw)
        if number is None:
            return default
        if number in ignored:
            return None
        for step in steps:
            number = step(number)
            if number is None:
                return None
        return number

    return convert


def default_of(rule: FieldRule) -> int | float | None:
    """What is stored where there is no value; None: nothing."""
    if rule.default is not None and rule.type == "int" and rule.default.is_integer():
        return int(rule.default)
    return rule.default


def _scaling(rule: FieldRule) -> Step | None:
    """Scale and offset, then the unit, as one straight line."""
    factor, shift = rule.scale, rule.offset
    if rule.unit is not None and rule.store_as is not None:
        unit_factor, unit_shift = conversion(rule.unit, rule.store_as)
        factor, shift = factor * unit_factor, shift * unit_factor + unit_shift
    if (factor, shift) == (1.0, 0.0):
        return None

    def scale(number: int | float) -> float:
        # 300 K - 273.15 is 26.850000000000023 in binary; 15 digits are what a float can promise.
        return float(f"{as_float(number * factor + shift):.15g}")

    return scale


def _rounding(rule: FieldRule) -> Step | None:
    if rule.type == "int":
        return lambda number: as_int(round(number))
    digits = rule.round
    if digits is None:
        return None
    return lambda number: round(number, digits)


def _limits(rule: FieldRule) -> Step | None:
    if rule.min is None and rule.max is None:
        return None
    low = -math.inf if rule.min is None else rule.min
    high = math.inf if rule.max is None else rule.max
    if rule.type == "int":
        low, high = _whole(low), _whole(high)
    action = rule.on_range

    def limit(number: int | float) -> int | float | None:
        if low <= number <= high:
            return number
        if action == "drop":
            return None
        if action == "clamp":
            return low if number < low else high
        raise Unfit(Kind.RANGE, f"found {number:g}, allowed is {low:g} to {high:g}")

    return limit


def _whole(bound: float) -> int | float:
    return int(bound) if math.isfinite(bound) and bound.is_integer() else bound
