"""The values of an object that a rule does not name one by one: by pattern, or all the rest."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from daemon.config import MAX_NAME, is_clean
from daemon.mapping.memory import FieldMemory
from daemon.mapping.parsers import as_float, as_int
from daemon.mapping.reach import Context
from daemon.mapping.troubles import Kind, Unfit, show
from daemon.mapping.values import Convert
from daemon.messages import JsonValue

FieldSet: TypeAlias = "dict[str, int | float | None]"

MAX_FIELDS = 250
_MAX_VALUES = 2_000
"""Of one payload, stored or not."""
_MAX_DEPTH = 12
_CACHED_NAMES = 10_000

# 0 and 1 are taken, by words such as OFF and ON.
_FIRST_TEXT = 2


def compile_exclusion(patterns: Sequence[str]) -> Callable[[str, str], bool]:
    """Whether a field of this name, and of this last key in its path, is no reading.

    Patterns have * and ?; upper and lower case do not count.
    """
    if not patterns:
        return lambda name, key: False
    matches = re.compile("|".join(fnmatch.translate(pattern.casefold()) for pattern in patterns))
    known: dict[str, bool] = {}

    def is_excluded(name: str, key: str) -> bool:
        answer = known.get(name)
        if answer is None:
            answer = bool(matches.match(name.casefold()) or matches.match(key.casefold()))
            if len(known) >= _CACHED_NAMES:
                known.clear()
            known[name] = answer
        return answer

    return is_excluded


@dataclass(frozen=True, slots=True)
class Fitting:
    """What a pattern makes of a value whose name it fits."""

    name: str
    """To store it under."""
    convert: Convert
    is_renamed: bool


class Patterns:
    """The fields of a rule whose names have * or ?."""

    def __init__(self, fields: Sequence[tuple[str, str | None, Convert]]) -> None:
        """Pattern, the name to store under (with * for what the pattern's * stands for), and what
        is made of the value."""
        self._fields = [
            (re.compile(fnmatch.translate(pattern)), pattern, renamed, convert)
            for pattern, renamed, convert in fields
        ]
        self._known: dict[str, Fitting | None] = {}

    def find(self, name: str) -> Fitting | None:
        """What is made of a value of this name: by the first pattern that fits it."""
        if not self._fields:
            return None
        if name not in self._known:
            if len(self._known) >= _CACHED_NAMES:
                self._known.clear()
            self._known[name] = self._find(name)
        return self._known[name]

    def _find(self, name: str) -> Fitting | None:
        for fitting, pattern, renamed, convert in self._fields:
            if not fitting.match(name):
                continue
            if renamed is None:
                return Fitting(name, convert, is_renamed=False)
            before, _, after = pattern.partition("*")
            part = name[len(before) : len(name) - len(after)]
            return Fitting(renamed.replace("*", part), convert, is_renamed=True)
        return None


@dataclass(frozen=True, slots=True)
class RestRule:
    """What a rule says of values that it does not name one by one."""

    is_excluded: Callable[[str, str], bool]
    patterns: Patterns
    is_stored: bool
    """Whether what no pattern fits is stored too."""
    read: Convert
    """Makes a number of a text."""
    memory: FieldMemory
    taken: frozenset[str] = frozenset()
    """Names that are somebody else's."""
    text: Literal["drop", "enum", "reject"] = "drop"
    takes_text: bool = False
    """All values are text, as in key=value lines: text may be a number."""
    keeps_int: bool = False
    is_snake: bool = False
    skips_nan: bool = True

    def gather(self, value: JsonValue, context: Context) -> Leaves:
        """The fields that an object or a list has.

        Raises:
            Unfit: for more than 250 fields or 12 levels.
        """
        leaves = Leaves(self, context)
        leaves.gather(value, "" if type(value) is dict else "value")
        return leaves


@dataclass(slots=True)
class Leaves:
    """Gathers the fields of one value."""

    rule: RestRule
    context: Context
    fields: FieldSet = field(default_factory=dict)
    troubles: list[Unfit] = field(default_factory=list)
    renamed: set[str] = field(default_factory=set)
    """The fields that have another name than their values."""
    n_values: int = 0
    """That were looked at."""

    def gather(self, value: JsonValue, name: str, key: str = "", depth: int = 0) -> None:
        """Add what `value` holds; names of nested keys are joined with _. Raises Unfit."""
        kind = type(value)
        if kind is float or kind is int or kind is bool or kind is str:
            self.add(value, name, key)
        elif kind is dict or kind is list:
            if depth >= _MAX_DEPTH:
                raise Unfit(Kind.TOO_DEEP, f"{name[:80]} is nested deeper than {_MAX_DEPTH} levels")
            pairs = value.items() if kind is dict else enumerate(value)  # type: ignore[union-attr, arg-type]
            for part, child in pairs:
                text = str(part)
                self.gather(child, f"{name}_{text}" if name else text, text, depth + 1)

    def add(self, value: JsonValue, name: str, key: str) -> None:
        """One value that is no object and no list. Raises Unfit for too many."""
        rule = self.rule
        self.n_values += 1
        if self.n_values > _MAX_VALUES:
            raise Unfit(Kind.TOO_MANY, f"the payload has more than {_MAX_VALUES} values")
        if name in rule.taken or rule.is_excluded(name, key):
            return
        if len(name) > MAX_NAME:
            self._refuse_name(name)
            return
        if rule.is_snake:
            name = snake(name)
        if name in rule.taken:
            return
        fitting = rule.patterns.find(name)
        if fitting is None and not rule.is_stored:
            return
        try:
            if fitting is None:
                number = self._number(value, name)
            else:
                number = fitting.convert(value, self.context, fitting.name)
        except Unfit as trouble:
            self.troubles.append(Unfit(trouble.kind, f"field {name[:60]}: {trouble.reason}"))
            return
        if number is None:
            return
        if fitting is None:
            self._put(name, number, is_renamed=False)
        else:
            self._put(fitting.name, number, is_renamed=fitting.is_renamed)

    def _put(self, name: str, number: int | float, *, is_renamed: bool) -> None:
        if not is_clean(name):
            self._refuse_name(name)
        elif name in self.fields and is_renamed:
            return
        elif name in self.fields and name not in self.renamed:
            self.troubles.append(Unfit(Kind.NAME, f"two values would become the field {name!r}"))
        elif len(self.fields) >= MAX_FIELDS:
            raise Unfit(Kind.TOO_MANY, f"the payload has more than {MAX_FIELDS} numbers")
        else:
            self.fields[name] = number
            if is_renamed:
                self.renamed.add(name)
            else:
                self.renamed.discard(name)

    def _refuse_name(self, name: str) -> None:
        self.troubles.append(
            Unfit(Kind.NAME, f"the key {name[:60]!r} cannot be the name of a field")
        )

    def _number(self, value: JsonValue, name: str) -> int | float | None:
        kind = type(value)
        if kind is str:
            return self._number_of_text(value, name)
        if value != value and self.rule.skips_nan:
            return None
        is_whole = kind is bool or (self.rule.keeps_int and kind is int)
        return as_int(int(value)) if is_whole else as_float(value)  # type: ignore[arg-type]

    def _number_of_text(self, value: JsonValue, name: str) -> int | float | None:
        rule = self.rule
        if rule.text == "drop" and not rule.takes_text:
            return None
        try:
            return rule.read(value, self.context, name)
        except Unfit:
            # Text that is no number stands beside the numbers, as it may in JSON.
            if rule.text == "drop":
                return None
            if rule.text == "reject":
                raise Unfit(Kind.TEXT, f"found {show(value)}, needed is a number") from None
            word = str(value).strip()
            return rule.memory.number(self.context.measurement, name, word, first=_FIRST_TEXT)


_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_LETTERS = re.compile(r"[^0-9A-Za-z]+")


def snake(name: str) -> str:
    """A name such as `DewPoint`, `Total kWh` or `ENERGY_ApparentPower` in small letters with _."""
    if name.isascii() and name.islower() and name.isidentifier():
        return name
    words = (_WORD_ENDS.sub("_", part) for part in _NO_LETTERS.split(name) if part)
    return "_".join(words).lower() if name.isascii() else name
