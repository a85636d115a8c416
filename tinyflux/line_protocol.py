"""InfluxDB line protocol: one point as one line of text, and back.

`measurement,tag=value field=1.5,count=3i 1735689600000000000`, time in ns since the epoch.
Source: InfluxDB OSS v2 documentation, "Line protocol". Knows text and the parts of a point.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from tinyflux.times import MAX_US, MIN_US

FieldValue: TypeAlias = int | float | None
TagSet: TypeAlias = dict[str, str | None]
FieldSet: TypeAlias = dict[str, FieldValue]

_NEEDS_ESCAPE = {
    "measurement": re.compile(r"([, \\])"),
    "key": re.compile(r"([,= \\])"),
}
_INTEGER = re.compile(r"([+-]?[0-9]+)[iu]\Z")
_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?\Z")
_MOST_DIGITS = 4000


@dataclass(frozen=True, slots=True)
class LineParts:
    """What a line says."""

    time_us: int | None
    """µs since the epoch; None where the line has no time."""
    measurement: str
    tags: TagSet
    fields: FieldSet


def to_line(parts: LineParts) -> str:
    """One line without its end. A point without a time gets none: the server stamps it.

    What line protocol cannot hold is left out: None tags, empty tag values, and None, NaN or
    infinite fields. Raises ValueError where no field is left, or a text holds a newline.
    """
    head = [_escaped(parts.measurement, "measurement")]
    for key, text in parts.tags.items():
        if text:
            head.append(f"{_escaped(key, 'key')}={_escaped(text, 'key')}")
    fields = [
        f"{_escaped(key, 'key')}={_field_text(value)}"
        for key, value in parts.fields.items()
        if value is not None and _is_finite(value)
    ]
    if not fields:
        raise ValueError(f"line protocol needs a field that is a finite number: {parts!r}")
    line = f"{','.join(head)} {','.join(fields)}"
    return line if parts.time_us is None else f"{line} {parts.time_us * 1000}"


def _escaped(text: str, what: str) -> str:
    if not text:
        raise ValueError("line protocol has no empty measurement or key")
    if "\n" in text or "\r" in text:
        raise ValueError(f"line protocol cannot hold a newline: {text!r}")
    return _NEEDS_ESCAPE[what].sub(r"\\\1", text)


def _field_text(value: FieldValue) -> str:
    return repr(value) if isinstance(value, float) else f"{value}i"


def _is_finite(value: int | float) -> bool:
    return isinstance(value, int) or value - value == 0


def from_line(line: str) -> LineParts:
    """What one line says; booleans become 1 and 0.

    Raises ValueError, which says what and where, for text that is no line, and for a field that
    is a string: fields are numbers here.
    """
    sections = _sections(line.strip("\r\n"))
    if len(sections) not in (2, 3):
        raise ValueError(
            f"a line is measurement and tags, fields, and a time, found {len(sections)} parts: "
            f"{line[:80]!r}"
        )
    measurement, *pairs = _split(sections[0], ",", has_strings=False)
    if not measurement:
        raise ValueError(f"a line starts with its measurement: {line[:80]!r}")
    tags: TagSet = {}
    for pair in pairs:
        key, text = _pair(pair)
        tags[_unescaped(key)] = _unescaped(text)
    fields: FieldSet = {}
    for pair in _split(sections[1], ",", has_strings=True):
        key, text = _pair(pair)
        fields[_unescaped(key)] = _field_value(key, text)
    time_us = _time_us(sections[2]) if len(sections) == 3 else None
    return LineParts(time_us, _unescaped(measurement), tags, fields)


def _sections(line: str) -> list[str]:
    """The parts between spaces that stand neither behind a backslash nor in a quoted string."""
    parts: list[str] = []
    start, place, is_quoted = 0, 0, False
    while place < len(line):
        mark = line[place]
        if mark == "\\":
            place += 1
        elif mark == '"' and len(parts) == 1:
            is_quoted = not is_quoted and _is_string_start(line, start, place)
        elif mark == " " and not is_quoted:
            if place > start:
                parts.append(line[start:place])
            start = place + 1
        place += 1
    if is_quoted:
        raise ValueError(f"a string field is not closed: {line[:80]!r}")
    if start < len(line):
        parts.append(line[start:])
    return parts


def _is_string_start(text: str, start: int, place: int) -> bool:
    """Whether the quote at `place` begins a string: one stands behind a bare `=` only."""
    # Looked at in place: a slice for each of many quotes would take time by their square.
    before = text[max(start, place - 2) : place]
    return before.endswith("=") and not before.endswith("\\=")


def _split(text: str, mark: str, *, has_strings: bool) -> list[str]:
    """The pieces between bare marks; in fields a mark within a string is part of it."""
    pieces: list[str] = []
    start, place, is_quoted = 0, 0, False
    while place < len(text):
        if text[place] == "\\":
            place += 1
        elif text[place] == '"' and has_strings:
            is_quoted = not is_quoted and _is_string_start(text, start, place)
        elif text[place] == mark and not is_quoted:
            pieces.append(text[start:place])
            start = place + 1
        place += 1
    return [*pieces, text[start:]]


def _pair(text: str) -> tuple[str, str]:
    parts = _split(text, "=", has_strings=False)
    if len(parts) < 2 or not parts[0] or not parts[1]:
        raise ValueError(f"{text[:80]!r} is no key=value")
    return parts[0], "=".join(parts[1:])


def _unescaped(text: str) -> str:
    return re.sub(r"\\([,= \\])", r"\1", text)


def _field_value(key: str, text: str) -> FieldValue:
    if text in ("t", "T", "true", "True", "TRUE"):
        return 1
    if text in ("f", "F", "false", "False", "FALSE"):
        return 0
    integer = _INTEGER.match(text)
    if integer and len(text) <= _MOST_DIGITS:
        return int(integer[1])
    if _FLOAT.match(text):
        return float(text)
    if text.startswith('"'):
        raise ValueError(f"field {key!r} is the string {text[:40]}; fields are numbers")
    raise ValueError(f"field {key!r} is {text[:40]!r}, no number (1.5), integer (3i) or boolean")


def _time_us(text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,24}", text):
        raise ValueError(f"{text[:40]!r} is no time in ns since 1970")
    time_us = int(text) // 1000
    if not MIN_US <= time_us <= MAX_US:
        raise ValueError(f"time {text} is outside year 1 to 9999")
    return time_us
