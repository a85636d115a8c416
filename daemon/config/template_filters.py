"""What templates do with values: filters, tests, and what is missing. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


class TemplateTrouble(Exception):  # noqa: N818 - no failure of ours: the payload does not fit
    """A template that gives nothing for this payload; the text says why."""


class MissingValue(TemplateTrouble):
    """The payload has not what the template needs."""


class NoValue(TemplateTrouble):
    """The template says that this payload is not for it (`is_defined`)."""


@dataclass(frozen=True, slots=True)
class Undefined:
    """What a path leads to where there is nothing; false, and an error in arithmetic or output."""

    path: str

    def __bool__(self) -> bool:
        return False


def text_of(value: Any) -> str:
    """A value as a template prints it. Raises MissingValue."""
    return str(present(value))


def present(value: Any) -> Any:
    """A value that there is. Raises MissingValue for Undefined."""
    if isinstance(value, Undefined):
        raise MissingValue(f"the payload has no {value.path}")
    return value


def number_of(value: Any) -> Any:
    """A value that is a number. Raises TemplateTrouble."""
    if isinstance(present(value), (int, float)):
        return value
    raise TemplateTrouble(f"{str(value)[:40]!r} is no number; `| float` makes one of a text")


_NOTHING = Undefined("")


def _float(value: Any, default: Any = _NOTHING) -> Any:
    try:
        number = float(value) if isinstance(value, (str, int, float)) else math.nan
    except (ValueError, OverflowError):
        number = math.nan
    if math.isfinite(number):
        return number
    return _fallback(value, default)


def _int(value: Any, default: Any = _NOTHING, base: Any = 10) -> Any:
    if isinstance(value, int):
        return int(value)
    if base != 10 and isinstance(value, str):
        try:
            return int(value, base)
        except (ValueError, TypeError):
            return _fallback(value, default)
    number = _float(value, None)
    return _fallback(value, default) if number is None else int(number)


def _fallback(value: Any, default: Any) -> Any:
    if default is not _NOTHING:
        return default
    raise TemplateTrouble(f"{str(present(value))[:40]!r} is no number")


def _round(value: Any, precision: Any = 0, method: Any = "common", default: Any = _NOTHING) -> Any:
    number, places = _float(value, None), int(number_of(precision))
    if not -12 <= places <= 12 or method not in ("common", "floor", "ceil", "half"):
        raise TemplateTrouble("round takes up to 12 digits, and common, floor, ceil or half")
    if number is None:
        return _fallback(value, default)
    if method == "common":
        return round(number, places)
    if method == "half":
        return round(number * 2) / 2
    turn = math.floor if method == "floor" else math.ceil
    return turn(number * 10**places) / 10**places


def iif(value: Any, if_true: Any = True, if_false: Any = False, if_none: Any = _NOTHING) -> Any:
    """Home Assistant's immediate if."""
    if value is None and if_none is not _NOTHING:
        return if_none
    return if_true if value else if_false


def is_number(value: Any) -> bool:
    """Whether a value is a number, or a text that is one."""
    return not isinstance(value, bool) and _float(value, None) is not None


def log(value: Any, base: Any = math.e, default: Any = _NOTHING) -> Any:
    """The logarithm of a number above 0."""
    number, root = _float(value, None), _float(base)
    if number is None or number <= 0 or root <= 0 or root == 1:
        return _fallback(value, default)
    return math.log(number, root)


def sqrt(value: Any, default: Any = _NOTHING) -> Any:
    """The square root of a number from 0 on."""
    number = _float(value, None)
    return _fallback(value, default) if number is None or number < 0 else math.sqrt(number)


def bitwise_and(value: Any, other: Any) -> int:
    """The bits that both whole numbers have."""
    return int(number_of(value)) & int(number_of(other))


def bitwise_or(value: Any, other: Any) -> int:
    """The bits that either whole number has."""
    return int(number_of(value)) | int(number_of(other))


def _default(value: Any, other: Any = "", even_if_false: Any = False) -> Any:
    is_missing = isinstance(value, Undefined) or (even_if_false and not value)
    return other if is_missing else value


def _is_defined(value: Any) -> Any:
    if isinstance(value, Undefined):
        raise NoValue(f"the payload has no {value.path}")
    return value


NUMBERS: dict[str, Callable[..., Any]] = {
    "float": _float,
    "int": _int,
    "round": _round,
    "multiply": lambda value, amount: _float(value) * number_of(amount),
}
"""The filters that make numbers, as Home Assistant knows them."""
FILTERS: dict[str, Callable[..., Any]] = {
    **NUMBERS,
    "abs": lambda value: abs(number_of(value)),
    "default": _default,
    "d": _default,
    "is_defined": _is_defined,
    "lower": lambda value: text_of(value).lower(),
    "upper": lambda value: text_of(value).upper(),
    "trim": lambda value: text_of(value).strip(),
    "string": text_of,
    "length": lambda value: len(present(value)),
    "first": lambda value: present(value)[0] if value else Undefined("first"),
    "last": lambda value: present(value)[-1] if value else Undefined("last"),
}
ARGUMENTS = {
    **dict.fromkeys(FILTERS, (0, 0)),
    "float": (0, 1), "int": (0, 1), "round": (0, 2), "multiply": (1, 1), "default": (0, 2),
    "d": (0, 2),
}  # fmt: skip
TESTS: dict[str, Callable[[Any], bool]] = {
    "defined": lambda value: not isinstance(value, Undefined),
    "undefined": lambda value: isinstance(value, Undefined),
    "none": lambda value: value is None,
    "number": lambda value: isinstance(value, (int, float)),
    "string": lambda value: isinstance(value, str),
}
