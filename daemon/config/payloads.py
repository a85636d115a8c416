"""Options of how a payload is read, where a word is not enough: CSV, key=value, bytes, regex."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from daemon.config.habits import suggest
from daemon.config.paths import parse_path
from daemon.config.section import Items, Name, Section

PayloadKind = Literal[
    "auto", "scalar", "json", "csv", "key_value", "line_protocol", "bytes", "regex"
]
KINDS: tuple[str, ...] = get_args(PayloadKind)

MAX_RECORD_BYTES = 65_536


def _check_mark(text: str) -> str:
    if len(text) != 1 or text in '\r\n"\0':
        raise ValueError('this is one character, such as ";" or "\\t", and no quote or line end')
    return text


class CsvRule(Section):
    """Rows of values. Each row becomes a point."""

    delimiter: Annotated[str, AfterValidator(_check_mark)] = ","
    """What stands between two values; "\\t" is a tab."""
    columns: Items[Name] | None = Field(default=None, min_length=1)
    """Names of the values in their order. Default: $[0], $[1] ..., or those of the header."""
    header: bool = False
    """True: the first row names the columns; with `columns` it is passed over."""
    decimal_comma: bool = False
    """True: 21,5 is a number."""

    @model_validator(mode="after")
    def _check(self) -> CsvRule:
        if self.columns is not None and len(set(self.columns)) < len(self.columns):
            raise ValueError("two `columns` have the same name")
        if self.decimal_comma and self.delimiter == ",":
            raise ValueError('`decimal_comma` needs another `delimiter`, such as ";"')
        return self


class KeyValueRule(Section):
    """Pairs of a name and a value."""

    separator: str | None = Field(default=None, min_length=1, max_length=10)
    """What stands between two pairs. Default: blanks, line ends, commas, semicolons and &."""
    assign: str | None = Field(default=None, min_length=1, max_length=10)
    """What stands between name and value. Default: = or :, whichever comes first."""


_NUMBERS = frozenset("bB?hHiIlLqQefdn")
_WITHOUT_VALUE = "x"


class BytesRule(Section):
    """One record of bytes, taken apart as Python's struct does."""

    format: str
    """Byte order (< little, > or ! big endian) and a letter for each value: b B int8, h H int16,
    i I int32, q Q int64, e f d floats, ? a boolean, 8s a text of 8 bytes, x a byte to pass over;
    as "<hHB"."""
    names: Items[Name] = Field(min_length=1)
    """Names of the values in their order."""
    encoding: Literal["raw", "hex", "base64"] = "raw"
    """How the bytes are written in the payload: as they are, or as text."""
    path: str | None = None
    """Where the text of the bytes stands in a JSON payload, as $.data. $ is then that payload, and
    @ the record."""
    rest: Literal["reject", "ignore"] = "reject"
    """Bytes beyond the format."""

    @model_validator(mode="after")
    def _check(self) -> BytesRule:
        wrong = next(self._faults(), None)
        if wrong is not None:
            raise ValueError(wrong)
        return self

    def _faults(self) -> Iterator[str]:
        if self.path is not None:
            if self.encoding == "raw":
                yield "`path` leads to text: say its `encoding`, hex or base64"
            parse_path(self.path)
        if self.format[:1] not in ("<", ">", "!"):
            yield (
                "`format` begins with the byte order: < for little endian, > for big endian "
                f'(as "<{self.format[:20]}")'
            )
        letters = {letter for letter in self.format[1:] if letter.isalpha() or letter == "?"}
        if unknown := letters - _NUMBERS - {_WITHOUT_VALUE, "s"}:
            yield (
                f"`format` has {', '.join(sorted(unknown))}; allowed: b B ? h H i I l L q Q e f d "
                "s x"
            )
        try:
            size = struct.calcsize(self.format)
        except (struct.error, UnicodeEncodeError, OverflowError, MemoryError) as error:
            yield f"`format` cannot be used: {error}"
            return
        if not 0 < size <= MAX_RECORD_BYTES:
            yield f"`format` means {size} bytes; allowed are 1 to {MAX_RECORD_BYTES}"
            return
        n_values = len(struct.unpack(self.format, bytes(size)))
        if n_values != len(self.names):
            yield f"`format` has {n_values} values, `names` has {len(self.names)} names"
        if len(set(self.names)) < len(self.names):
            yield "two `names` are the same"


class RegexRule(Section):
    """Text in which a pattern finds the values, as Python's re has it."""

    pattern: str = Field(min_length=1, max_length=1000)
    """Named groups, as "T=(?P<t>[-0-9.]+)", are an object of their texts; one group is a single
    value, several are a list, and without one the whole of what fits is the value."""
    all: bool = False
    """True: each place that fits becomes a point; else only the first is looked at."""

    @model_validator(mode="after")
    def _check(self) -> RegexRule:
        try:
            re.compile(self.pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"this is no regular expression: {error}") from None
        return self


def as_regex(value: object) -> object:
    """`regex: T=(.*)` is short for `regex: {pattern: T=(.*)}`."""
    return {"pattern": value} if isinstance(value, str) else value


class PayloadRule(Section):
    """How a payload is read: a word, or one kind with its options, as {csv: {delimiter: ";"}}."""

    kind: PayloadKind = "auto"
    csv: CsvRule | None = None
    """Rows of values; each row becomes a point."""
    key_value: KeyValueRule | None = None
    """Pairs such as t=21.5."""
    bytes: BytesRule | None = None
    """A record of numbers in binary."""
    regex: Annotated[RegexRule, BeforeValidator(as_regex)] | None = None
    """Values that a pattern finds in a text."""


def as_payload(value: object) -> object:
    """`csv` as {kind: csv}, `{csv: {...}}` as {kind: csv, csv: {...}}.

    Raises:
        ValueError: for an unknown word, or more kinds than one.
    """
    listed = ", ".join(KINDS)
    if isinstance(value, str):
        if value not in KINDS:
            meant = suggest(value, KINDS)
            raise ValueError((f"did you mean `{meant}`? " if meant else "") + f"allowed: {listed}")
        if value == "bytes":
            raise ValueError(
                'say how the bytes are laid out, as {bytes: {format: "<hH", names: [t, h]}}'
            )
        if value == "regex":
            raise ValueError('say the pattern, as {regex: "T=(?P<t>[-0-9.]+)"}')
        return {"kind": value}
    if not isinstance(value, dict):
        return value
    if len(value) != 1:
        raise ValueError('one kind with its options is needed, as {csv: {delimiter: ";"}}')
    [(kind, options)] = value.items()
    if kind in KINDS and options is None and kind not in ("bytes", "regex"):
        return {"kind": kind}
    return {"kind": kind if kind in KINDS else "auto", kind: options}
