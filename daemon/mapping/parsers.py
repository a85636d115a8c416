"""What a payload may hold in place of a number, and the number it stands for.

Each parser takes a decoded value and gives a number, None where the value says that there is none,
or raises Unfit.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container, Iterable, Mapping

from daemon.config import FieldRule, Unit, find_unit, is_path
from daemon.mapping.troubles import Kind, Unfit, show
from daemon.messages import JsonValue

Parse = Callable[[JsonValue], "int | float | None"]

TRUE_WORDS = ("true", "on", "yes", "open", "online")
FALSE_WORDS = ("false", "off", "no", "closed", "offline")

# float() alone would also take 1_000, infinity and digits of other scripts.
_NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,5})?").fullmatch
_WHOLE = re.compile(r"[-+]?[0-9]{1,30}").fullmatch
_WITH_UNIT = re.compile(r"\s*([-+]?[0-9][0-9.]{0,30})\s?([^\s0-9.][^\s]{0,10})\s*").fullmatch
_CACHED_SPELLINGS = 100
_LONGEST = 400
_INT_LIMIT = 2**63


def compile_parser(rule: FieldRule, null_words: Container[str]) -> Parse:
    """The parser that a field's rule asks for; `null_words` in lower case mean no value."""
    if rule.enum is not None:
        return _enum_parser(rule.enum, null_words, drops_unknown=rule.on_unknown == "drop")
    if rule.on_unknown == "drop":
        return _without_text(
            compile_parser(rule.model_copy(update={"on_unknown": "reject"}), null_words)
        )
    if rule.unit is not None and rule.type != "bool":
        plain = rule.model_copy(update={"unit": None, "store_as": None})
        # What the payload says elsewhere is not said once more behind the number.
        unit = str(rule.store_as) if is_path(rule.unit) else rule.unit
        return _without_unit(unit, compile_parser(plain, null_words))
    words = _boolean_words(rule)
    if rule.type == "bool":
        return _bool_parser(words, null_words)
    if rule.type == "int":
        return _int_parser(null_words)
    if rule.type == "float" and rule.true_words is None and rule.false_words is None:
        return _float_parser({}, null_words)
    return _float_parser(words, null_words)


def _without_text(parse: Parse) -> Parse:
    """Leaves out text that is no value, where the rule says that it is none."""

    def parse_value(raw: JsonValue) -> int | float | None:
        try:
            return parse(raw)
        except Unfit as trouble:
            if trouble.kind is Kind.TEXT:
                return None
            raise

    return parse_value


def _boolean_words(rule: FieldRule) -> Mapping[str, int]:
    if rule.true_words is None and rule.false_words is None:
        return _USUAL_WORDS
    true = TRUE_WORDS if rule.true_words is None else rule.true_words
    false = FALSE_WORDS if rule.false_words is None else rule.false_words
    return _numbered(true, false)


def _numbered(true: Iterable[str], false: Iterable[str]) -> dict[str, int]:
    words = dict.fromkeys((word.strip().casefold() for word in false), 0)
    return words | dict.fromkeys((word.strip().casefold() for word in true), 1)


# One for all fields: discovery may bring thousands.
_USUAL_WORDS = _numbered(TRUE_WORDS, FALSE_WORDS)


def _float_parser(words: Mapping[str, int], null_words: Container[str]) -> Parse:
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


def _without_unit(unit: str, parse: Parse) -> Parse:
    """Takes `21.5 °C` for 21.5 where the rule says that the device reports in °C."""
    meant = find_unit(unit)
    known: dict[str, bool] = {}

    def parse_text(raw: JsonValue) -> int | float | None:
        if isinstance(raw, str) and (match := _WITH_UNIT(raw)) is not None:
            spelling = match[2]
            is_meant = known.get(spelling)
            if is_meant is None:
                is_meant = _is_unit(spelling, meant)
                if len(known) < _CACHED_SPELLINGS:
                    known[spelling] = is_meant
            if is_meant:
                return parse(match[1])
        return parse(raw)

    return parse_text


def _is_unit(spelling: str, meant: Unit) -> bool:
    try:
        return find_unit(spelling) == meant
    except ValueError:
        return False


def _no_number(text: str) -> Unfit:
    if _NUMBER(text) is not None:
        return Unfit(Kind.TOO_LONG, f"found a number of {len(text)} characters")
    return Unfit(Kind.TEXT, f"found {show(text)}, a number is needed")


def _int_parser(null_words: Container[str]) -> Parse:
    def parse(raw: JsonValue) -> int | None:
        if isinstance(raw, str):
            text = raw.strip()
            if _WHOLE(text) is not None:
                return as_int(int(text))
            if text.casefold() in null_words:
                return None
            kind = Kind.TYPE if _NUMBER(text) else Kind.TEXT
            raise Unfit(kind, f"found {show(raw)}, a whole number is needed")
        if raw is None or (raw != raw and "nan" in null_words):
            return None
        if isinstance(raw, float):
            if as_float(raw) != int(raw):
                raise Unfit(Kind.TYPE, f"found {show(raw)}, a whole number is needed")
            return as_int(int(raw))
        if isinstance(raw, int) and not isinstance(raw, bool):
            return as_int(raw)
        raise Unfit(Kind.TYPE, f"found {show(raw)}, a whole number is needed")

    return parse


def as_int(number: int) -> int:
    """A 64-bit integer. Raises Unfit for a larger one."""
    if not -_INT_LIMIT <= number < _INT_LIMIT:
        raise Unfit(Kind.RANGE, f"found {show(number)}, a 64-bit integer is needed")
    return number


def _bool_parser(words: Mapping[str, int], null_words: Container[str]) -> Parse:
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
) -> Parse:
    numbers = {
        text.strip().casefold(): int(number) if number.is_integer() else number
        for text, number in enum.items()
    }
    allowed = ", ".join(enum)

    def parse(raw: JsonValue) -> int | float | None:
        text = word_of(raw, f"one of {allowed}")
        if text is None:
            return None
        word = text.casefold()
        if word in numbers:
            return numbers[word]
        if word in null_words or drops_unknown:
            return None
        raise Unfit(Kind.TEXT, f"found {show(raw)}, the enum has only {allowed}")

    return parse


def word_of(raw: JsonValue, needed: str) -> str | None:
    """A value as the text that an enum lists, None for null.

    Raises:
        Unfit: for an object, a list, and no finite number.
    """
    if isinstance(raw, str):
        return raw.strip()
    if raw is None:
        return None
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, (int, float)):
        number = as_float(raw)
        return str(int(number)) if number.is_integer() else repr(number)
    raise Unfit(Kind.TYPE, f"found {show(raw)}, needed is {needed}")


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
