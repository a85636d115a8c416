"""What can be wrong with a message: a closed list of words to count by, each with a reason.

Raised inside this room only; what leaves it is a `Mapped`.
"""

from __future__ import annotations

import enum


class Kind(enum.StrEnum):
    """Why something was not stored; counted and logged by this word."""

    TOO_LARGE = "too-large"
    ENCODING = "encoding"
    NOT_JSON = "not-json"
    NOT_CSV = "not-csv"
    NOT_PAIRS = "not-key-value"
    NOT_LINES = "not-line-protocol"
    NOT_BYTES = "not-bytes"
    NO_MATCH = "no-match"
    TOO_DEEP = "too-deep"
    TOO_LONG = "too-long"
    TOO_MANY = "too-many"
    MISSING = "missing"
    TEXT = "text"
    TYPE = "type"
    NOT_FINITE = "not-finite"
    UNIT = "unit"
    RANGE = "range"
    ARITHMETIC = "arithmetic"
    NAME = "name"
    TAG = "tag"
    SAME_SERIES = "same-series"
    NOT_KEPT = "not-kept"
    TIME = "time"
    IMPLAUSIBLE_TIME = "implausible-time"


class Unfit(Exception):  # noqa: N818 - no failure of ours: what a device sent does not fit its rule
    """A payload, or a part of it, does not fit its rule."""

    def __init__(self, kind: Kind, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


def show(value: object) -> str:
    """A value from a payload, short and on one line, for a reason."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, str):
        text = repr(value[:60])
        return f"the text {text}" + ("..." if len(value) > 60 else "")
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) > 10**30:
        return "a number of more than 30 digits"
    return f"the number {value}"
