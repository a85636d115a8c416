r"""InfluxDB line protocol: one point as one line of text, and back.

`measurement,tag=value field=1.5,count=3i 1735689600000000000`, time in ns since the epoch.
Sources: InfluxDB OSS v2 documentation, "Line protocol"; the grammar of influxdata/line-protocol.
Knows text and the parts of a point.

Backslashes: one before a comma, an equals sign, a space or a backslash escapes it, any other stands
for itself. Only those that are needed are written: `C:\temp` looks the same to every reader.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

FieldValue: TypeAlias = int | float | None
TagSet: TypeAlias = dict[str, str | None]
FieldSet: TypeAlias = dict[str, FieldValue]

INT64 = range(-(1 << 63), 1 << 63)
"""What `i` can say."""
UINT64 = range(1 << 64)
"""What `u` can say."""
TIMES_NS = range(-(1 << 63) + 2, (1 << 63) - 1)
"""The times of InfluxDB, 1677-09-21T00:12:43.145224194Z to 2262-04-11T23:47:16.854775806Z."""
_MOST_DIGITS = 24
"""Of an integer; none of 64 bits has more than 20."""
_MOST_CHARACTERS = 4000
"""Of a float."""
_SHOWN = 60

# Possessive, and no two alternatives begin alike: a match takes linear time whatever follows.
_MEASUREMENT = re.compile(r"(?:[^\\, ]++|\\.|\\\Z)++", re.DOTALL)
_KEY = re.compile(r"(?:[^\\,= ]++|\\.|\\\Z)++", re.DOTALL)
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_WORD = re.compile(r"[^, ]++")
_SPACES = re.compile(r" *+")
_INTEGER = re.compile(r"([+-]?)([0-9]++)i\Z")
_UNSIGNED = re.compile(r"()([0-9]++)u\Z")
_FLOAT = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?\Z")
_TIME = re.compile(r"-?[0-9]{1,24}\Z")
_ESCAPED = re.compile(r"\\([,= \\])")
_ESCAPED_IN_STRING = re.compile(r'\\(["\\])')
_BOOLEANS = {
    **dict.fromkeys(("t", "T", "true", "True", "TRUE"), 1),
    **dict.fromkeys(("f", "F", "false", "False", "FALSE"), 0),
}
_NEEDS_ESCAPE = {
    "measurement": re.compile(r"[, ]|\\(?=[,= \\]|\Z)"),
    "key": re.compile(r"[,= ]|\\(?=[,= \\]|\Z)"),
}


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

    What means nothing in line protocol is left out: None tags, empty tag values, and None, NaN or
    infinite fields. An int of 64 bits is written with `i`, an unsigned one beyond with `u`. Raises
    ValueError where no field is left, a measurement or key is empty, a text holds a newline, the
    measurement begins with `#` (it would be a comment), an int has more bits, or the time is not
    within the years 1677 to 2262, which 64 bits of ns can say.
    """
    if parts.measurement.startswith("#"):
        raise ValueError(
            f"in line protocol a measurement that begins with # is a comment: "
            f"{parts.measurement[:_SHOWN]!r}"
        )
    head = [_escaped(parts.measurement, "measurement", "the measurement")]
    for key, text in parts.tags.items():
        if text:
            name = _escaped(key, "key", "the key of tag", key)
            head.append(f"{name}={_escaped(text, 'key', 'tag', key)}")
    fields = [
        f"{_escaped(key, 'key', 'the key of field', key)}={_field_text(key, value)}"
        for key, value in parts.fields.items()
        if value is not None and _is_finite(value)
    ]
    if not fields:
        raise ValueError(
            f"line protocol needs a field that is a finite number; "
            f"{parts.measurement[:_SHOWN]!r} has the fields {list(parts.fields)[:9]}"
        )
    line = f"{','.join(head)} {','.join(fields)}"
    if parts.time_us is None:
        return line
    if parts.time_us * 1000 not in TIMES_NS:
        moment = datetime(1970, 1, 1) + timedelta(microseconds=parts.time_us)
        raise ValueError(
            f"line protocol cannot hold the time {moment.isoformat()}Z: its ns since 1970 have 64 "
            f"bits, which end in the years 1677 and 2262"
        )
    return f"{line} {parts.time_us * 1000}"


def _escaped(text: str, kind: str, what: str, of: str | None = None) -> str:
    if not text or "\n" in text or "\r" in text:
        where = what if of is None else f"{what} {of[:_SHOWN]!r}"
        if not text:
            raise ValueError(f"line protocol has no empty measurement or key: {where} is empty")
        raise ValueError(f"line protocol cannot hold a newline: {where} is {text[:_SHOWN]!r}")
    return _NEEDS_ESCAPE[kind].sub(r"\\\g<0>", text)


def _field_text(key: str, value: int | float) -> str:
    if isinstance(value, float):
        return repr(value)
    if value in INT64:
        return f"{value}i"
    if value in UINT64:
        return f"{value}u"
    raise ValueError(
        f"field {key[:_SHOWN]!r} is an int of {value.bit_length()} bits; line protocol holds 64 "
        f"bits, signed or unsigned: make it a float, or leave the field out"
    )


def _is_finite(value: int | float) -> bool:
    return isinstance(value, int) or value - value == 0


def from_line(line: str, *, texts: dict[str, str] | None = None) -> LineParts:
    """What one line says; booleans become 1 and 0. A line end behind it is passed over.

    Fields that are strings are put into `texts`, where it is given; the line may then have no
    others.

    Raises TypeError for what is no str; ValueError, which says what and where, for text that is not
    one line with one point (an empty line, a comment, two lines), for a key given twice, for an
    integer or a time of more than 64 bits, and for a field that is a string: fields are numbers
    here.
    """
    if not isinstance(line, str):
        raise TypeError(f"a line is a str, found {line!r}")
    text = line.rstrip("\r\n")
    if "\n" in text or "\r" in text:
        raise ValueError(f"one line is needed, found several: {text[:_SHOWN]!r}")
    text = text.strip(" ")
    if not text or text.startswith("#"):
        raise ValueError(f"a line with a point is needed, found {line[:_SHOWN]!r}")
    reader = _Reader(text)
    measurement = reader.name(_MEASUREMENT, "a measurement")
    tags: TagSet = {}
    while reader.took(","):
        key = reader.key(tags)
        tags[key] = reader.name(_KEY, f"a value of the tag {key!r}")
    reader.space("fields")
    fields: FieldSet = {}
    found: FieldSet = {}
    while not found or reader.took(","):
        key = reader.key(found)
        found[key] = None
        if texts is not None and (string := reader.string(key)) is not None:
            texts[key] = string
        else:
            fields[key] = reader.number(key)
    return LineParts(reader.time_us(), measurement, tags, fields)


class _Reader:
    """Reads the parts of a line from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def _refused(self, wanted: str) -> ValueError:
        rest = self._text[self._at : self._at + _SHOWN]
        found = repr(rest) if rest else "the end"
        return ValueError(
            f"no line protocol: {wanted} is needed at character {self._at + 1}, found {found} "
            f"(line: {self._text[:_SHOWN]!r})"
        )

    def _matched(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return match[0]

    def took(self, mark: str) -> bool:
        """Whether `mark` stands here; goes behind it."""
        is_here = self._text.startswith(mark, self._at)
        self._at += len(mark) * is_here
        return is_here

    def name(self, pattern: re.Pattern[str], wanted: str) -> str:
        """A text without its escapes."""
        text = self._matched(pattern)
        if text is None:
            raise self._refused(wanted)
        return _ESCAPED.sub(r"\1", text) if "\\" in text else text

    def key(self, known: TagSet | FieldSet) -> str:
        """A key and the `=` behind it."""
        key = self.name(_KEY, "a key")
        if not self.took("="):
            raise self._refused(f"= behind the key {key[:_SHOWN]!r}")
        if key in known:
            raise ValueError(f"no line protocol: {key[:_SHOWN]!r} is given twice")
        return key

    def space(self, wanted: str) -> None:
        """One or more spaces."""
        if not self._matched(_SPACES):
            raise self._refused(f"a space and {wanted}")

    def string(self, key: str) -> str | None:
        """The value of the field `key` where it is a string."""
        if not self._text.startswith('"', self._at):
            return None
        text = self._matched(_STRING)
        if text is None:
            raise self._refused(f'a " that closes the string of the field {key[:_SHOWN]!r}')
        return _ESCAPED_IN_STRING.sub(r"\1", text[1:-1])

    def number(self, key: str) -> int | float:
        """The value of the field `key`."""
        if (text := self.string(key)) is not None:
            raise ValueError(
                f'field {key[:_SHOWN]!r} is the string "{text[:_SHOWN]}"; fields are numbers here'
            )
        start = self._at
        word = self._matched(_WORD) or ""
        value = _number_of(word)
        if value is None and (_INTEGER.match(word) or _UNSIGNED.match(word)):
            raise ValueError(
                f"no line protocol: the field {key[:_SHOWN]!r} is {word[:_SHOWN]}; an integer has "
                f"64 bits, with i signed, with u unsigned"
            )
        if value is None:
            self._at = start
            raise self._refused(f"a number (1.5), integer (3i) or boolean for {key[:_SHOWN]!r}")
        return value

    def time_us(self) -> int | None:
        """The time at the end of the line, or None."""
        if self._at == len(self._text):
            return None
        self.space("a time")
        text = self._text[self._at :]
        if not _TIME.match(text):
            raise self._refused("a time in ns since 1970")
        if int(text) not in TIMES_NS:
            raise ValueError(
                f"no line protocol: the time {text} has more than 64 bits; ns since 1970 reach "
                f"from 1677 to 2262"
            )
        return int(text) // 1000


def _number_of(text: str) -> int | float | None:
    """The value that a field's text means, or None."""
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    integer = _INTEGER.match(text) or _UNSIGNED.match(text)
    if integer:
        sign, digits = integer[1], integer[2].lstrip("0") or "0"
        if len(digits) > _MOST_DIGITS:
            return None
        number = int(sign + digits)
        return number if number in (INT64 if text.endswith("i") else UINT64) else None
    if len(text) > _MOST_CHARACTERS or not _FLOAT.match(text):
        return None
    value = float(text)
    return value if _is_finite(value) else None
