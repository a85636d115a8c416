"""Conditions on tags and fields: `room=kitchen`, `device=test*`, `temperature > 21`. Pure."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import Literal

TAG_CONDITIONS = (
    "KEY=VALUE, KEY!=VALUE (the value may have * and ?), KEY=~REGEX, KEY!~REGEX, or KEY= for "
    "points without the tag"
)
FIELD_CONDITIONS = "FIELD and a comparison (>, >=, <, <=, ==, !=) with a number, or FIELD exists"

Operator = Literal[">", ">=", "<", "<=", "==", "!=", "exists"]

_TAG = re.compile(r"(.+?)(=~|!~|!=|=)(.*)", re.DOTALL)
_FIELD = re.compile(r"(.*?[^<>=!\s])\s*(>=|<=|==|!=|=|>|<)\s*(\S+)", re.DOTALL)
_EXISTS = re.compile(r"(.+?)\s+exists", re.DOTALL)
_WILD = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class TagCondition:
    """What a tag must be like. Exactly one of `text` and `pattern` is given."""

    key: str
    text: str | None
    """The value itself; empty: the tag is missing."""
    pattern: str | None
    """A regular expression of the whole value, unless `is_part`."""
    is_negated: bool = False
    is_part: bool = False
    """Any part of the value may fit the expression."""


@dataclass(frozen=True, slots=True)
class FieldCondition:
    """What a field must be like."""

    key: str
    operator: Operator
    number: float = 0.0
    """To compare with; without meaning for `exists`."""


def parse_tag_condition(text: str) -> TagCondition:
    """The condition of a text as `room=kitchen`; ValueError says what is allowed."""
    parts = _TAG.fullmatch(text)
    if parts is None:
        raise ValueError(f"found {text!r}; allowed: {TAG_CONDITIONS}")
    key, operator, value = parts[1].strip(), parts[2], parts[3]
    is_negated = operator.startswith("!")
    if not key:
        raise ValueError(f"found {text!r} without a tag's name; allowed: {TAG_CONDITIONS}")
    if operator.endswith("~"):
        try:
            re.compile(value)
        except re.error as error:
            raise ValueError(f"found {value!r}, which is no regular expression: {error}") from None
        return TagCondition(key, None, value, is_negated, is_part=True)
    if _WILD.search(value):
        return TagCondition(key, None, fnmatch.translate(value), is_negated)
    return TagCondition(key, value, None, is_negated)


def parse_field_condition(text: str) -> FieldCondition:
    """The condition of a text as `temperature > 21`; ValueError says what is allowed."""
    if exists := _EXISTS.fullmatch(text.strip()):
        return FieldCondition(exists[1].strip(), "exists")
    parts = _FIELD.fullmatch(text.strip())
    try:
        if parts is None:
            raise ValueError
        number = float(parts[3])
    except ValueError:
        raise ValueError(f"found {text!r}; allowed: {FIELD_CONDITIONS}") from None
    operator: Operator = "==" if parts[2] == "=" else parts[2]  # type: ignore[assignment]
    return FieldCondition(parts[1].strip(), operator, number)
