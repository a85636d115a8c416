"""From what stands in a payload to the number of a field, by the field's rule, compiled once."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container

from daemon.config import FieldRule, conversion
from daemon.mapping.troubles import Kind, Unfit, show
from daemon.messages import JsonValue

Convert = Callable[[JsonValue], "int | float | None"]
"""A field's number; None where there is no value to store. Raises Unfit."""

TRUE_WORDS = ("true", "on", "yes", "open", "online")
FALSE_WORDS = ("false", "off", "no", "closed", "offline")

# float() alone would also take 1_000, infinity and digits of other scripts.
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,5})?").fullmatch
_WHOLE = re.compile(r"[-+]?[0-9]{1,30}").fullmatch
_LONGEST = 400
_INT_LIMIT = 2**63


def compile_value(rule: FieldRule, null_words: Container[str]) -> Convert:
    """The conversion that a field's rule asks for."""
    parse = _parser(rule, null_words)
    steps = [step for step in (_scaling(rule), _rounding(rule), _limits(rule)) if step is not None]
    ignored, default = frozenset(rule.ignore), rule.default
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


def as_float(number: int | float) -> float:
    """A finite float.

    Raises:
        Unfit: for infinity, nan, and what is too large for 64 bits.
    """
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if value - value != 0.0:
        raise Unfit(Kind.NOT_FINITE, f"found {show(number)}, which is no finite 64-bit number")
    return value


def _parser(rule: FieldRule, null_words: Container[str]) -> Convert:
    if rule.enum is not None:
        return _enum_parser(rule.enum, null_words, drops_unknown=rule.on_unknown == "drop")
    words = _boolean_words(rule)
    if rule.type == "bool":
        return _bool_parser(words, null_words)
    if rule.type == "int":
        return _int_parser(null_words)
    if rule.type == "float" and rule.true_words is None and rule.false_words is None:
        return _float_parser({}, null_words)
    return _float_parser(words, null_words)


def _boolean_words(rule: FieldRule) -> dict[str, int]:
    true = TRUE_WORDS if rule.true_words is None else rule.true_words
    false = FALSE_WORDS if rule.false_words is None else rule.false_words
    words = dict.fromkeys((word.strip().casefold() for word in false), 0)
    return words | dict.fromkeys((word.strip().casefold() for word in true), 1)


def _float_parser(words: dict[str, int], null_words: Container[str]) -> Convert:
    takes_booleans = bool(words)

    def parse(raw: JsonValue) -> int | float | None:
        kind = type(raw)
        if kind is str:
            text = raw.strip()  # type: ignore[union-attr]
            if len(text) <= _LONGEST and _NUMBER(text) is not None:
                return as_float(float(text))
            word = text.casefold()
            if word in words:
                return words[word]
            if word in null_words:
                return None
            raise _no_number(text)
        if kind is float or kind is int:
            if raw != raw and "nan" in null_words:
                return None
            return as_float(raw)  # type: ignore[arg-type]
        if raw is None:
            return None
        if kind is bool and takes_booleans:
            return 1 if raw else 0
        raise Unfit(Kind.TYPE, f"found {show(raw)}, a number is needed")

    return parse


def _no_number(text: str) -> Unfit:
    if _NUMBER(text) is not None:
        return Unfit(Kind.TOO_LONG, f"found a number of {len(text)} characters")
    return Unfit(Kind.TEXT, f"found {show(text)}, a number is needed")


def _int_parser(null_words: Container[str]) -> Convert:
    def parse(raw: JsonValue) -> int | None:
        if isinstance(raw, str):
            text = raw.strip()
            if _WHOLE(text) is not None:
                return _as_int(int(text))
            if text.casefold() in null_words:
                return None
            kind = Kind.TYPE if _NUMBER(text) else Kind.TEXT
            raise Unfit(kind, f"found {show(raw)}, a whole number is needed")
        if raw is None or (raw != raw and "nan" in null_words):
            return None
        if isinstance(raw, float):
            if as_float(raw) != int(raw):
                raise Unfit(Kind.TYPE, f"found {show(raw)}, a whole number is needed")
            return _as_int(int(raw))
        if isinstance(raw, int) and not isinstance(raw, bool):
            return _as_int(raw)
        raise Unfit(Kind.TYPE, f"found {show(raw)}, a whole number is needed")

    return parse


def _as_int(number: int) -> int:
    if not -_INT_LIMIT <= number < _INT_LIMIT:
        raise Unfit(Kind.RANGE, f"found {show(number)}, a 64-bit integer is needed")
    return number


def _bool_parser(words: dict[str, int], null_words: Container[str]) -> Convert:
    allowed = ", ".join(words)

    def parse(raw: JsonValue) -> int | None:
        if isinstance(raw, bool):
            return 1 if raw else 0
        if isinstance(raw, (int, float)) and raw in (0, 1):
            return int(raw)
        if isinstance(raw, str):
            word = raw.strip().casefold()
            if word in words:
                return words[word]
            if word in ("0", "1"):
                return int(word)
            if word in null_words:
                return None
        if raw is None or (raw != raw and "nan" in null_words):
            return None
        kind = Kind.TEXT if isinstance(raw, str) else Kind.TYPE
        raise Unfit(kind, f"found {show(raw)}, needed is 1, 0 or one of {allowed}")

    return parse


def _enum_parser(
    enum: dict[str, float], null_words: Container[str], *, drops_unknown: bool
) -> Convert:
    numbers = {
        text.strip().casefold(): int(number) if number.is_integer() else number
        for text, number in enum.items()
    }
    allowed = ", ".join(enum)

    def parse(raw: JsonValue) -> int | float | None:
        if isinstance(raw, str):
            word = raw.strip().casefold()
        elif isinstance(raw, bool):
            word = "true" if raw else "false"
        elif isinstance(raw, (int, float)):
            number = as_float(raw)
            word = str(int(number)) if number.is_integer() else repr(number)
        elif raw is None:
            return None
        else:
            raise Unfit(Kind.TYPE, f"found {show(raw)}, needed is one of {allowed}")
        if word in numbers:
            return numbers[word]
        if word in null_words or drops_unknown:
            return None
        raise Unfit(Kind.TEXT, f"found {show(raw)}, the enum has only {allowed}")

    return parse


Step = Callable[["int | float"], "int | float | None"]


def _scaling(rule: FieldRule) -> Step | None:
    """Scale, offset and unit, as few operations as can be."""
    unit = (1.0, 0.0)
    if rule.unit is not None and rule.store_as is not None:
        unit = conversion(rule.unit, rule.store_as)
    lines = [line for line in ((rule.scale, rule.offset), unit) if line != (1.0, 0.0)]
    if not lines:
        return None
    straight = [_straight_line(factor, shift) for factor, shift in lines]

    def scale(number: int | float) -> int | float:
        value = float(number)
        for line in straight:
            value = line(value)
        return as_float(value)

    return scale


def _straight_line(factor: float, shift: float) -> Callable[[float], float]:
    # x / 1000 is the number nearest to the true result, x * 0.001 often its neighbour.
    inverse = round(1 / factor) if abs(factor) < 1 and factor else 1
    if inverse != 1 and abs(inverse * factor - 1) < 1e-12:
        return lambda number: number / inverse + shift
    return lambda number: number * factor + shift


def _rounding(rule: FieldRule) -> Step | None:
    if rule.type == "int":
        return lambda number: _as_int(round(number))
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
