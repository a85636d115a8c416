"""Every number and boolean of a JSON value as a field, where a rule names no fields."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from daemon.config import is_clean
from daemon.mapping.parsers import Parse, as_float, as_int
from daemon.mapping.troubles import Kind, Unfit
from daemon.messages import JsonValue

FieldSet: TypeAlias = "dict[str, int | float | None]"

MAX_FIELDS = 250
_MAX_DEPTH = 12
_CACHED_NAMES = 10_000


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


class Leaves:
    """Gathers the fields of one value."""

    def __init__(
        self,
        is_excluded: Callable[[str, str], bool],
        *,
        skips_nan: bool,
        parse_text: Parse | None = None,
        keeps_int: bool = False,
        taken: frozenset[str] = frozenset(),
    ) -> None:
        """`parse_text` makes numbers of texts; without it texts are passed over. `keeps_int`:
        integers stay integers. Names in `taken` are somebody else's, and so is what is below."""
        self._is_excluded = is_excluded
        self._skips_nan = skips_nan
        self._parse_text = parse_text
        self._keeps_int = keeps_int
        self._taken = taken
        self.fields: FieldSet = {}
        self.troubles: list[Unfit] = []

    def gather(self, value: JsonValue, name: str = "", key: str = "", depth: int = 0) -> None:
        """Add what `value` holds; names of nested keys are joined with _.

        Raises:
            Unfit: for more than 250 fields or 12 levels.
        """
        kind = type(value)
        if kind is float or kind is int or kind is bool:
            self._add(value, name, key)
        elif kind is str and self._parse_text is not None:
            self._add_text(value, name, key)
        elif kind is dict or kind is list:
            if depth >= _MAX_DEPTH:
                raise Unfit(Kind.TOO_DEEP, f"{name[:80]} is nested deeper than {_MAX_DEPTH} levels")
            pairs = value.items() if kind is dict else enumerate(value)  # type: ignore[union-attr, arg-type]
            for part, child in pairs:
                text = str(part)
                self.gather(child, f"{name}_{text}" if name else text, text, depth + 1)

    def _add_text(self, value: JsonValue, name: str, key: str) -> None:
        assert self._parse_text is not None
        try:
            number = self._parse_text(value)
        except Unfit:
            # Text that is no number stands beside the numbers, as it may in JSON.
            return
        if number is not None:
            # Only a word such as ON gives an int.
            self._add(bool(number) if type(number) is int else number, name, key)

    def _add(self, value: JsonValue, name: str, key: str) -> None:
        if (
            self._is_excluded(name, key)
            or name in self._taken
            or (value != value and self._skips_nan)
        ):
            return
        if not is_clean(name):
            self.troubles.append(
                Unfit(Kind.NAME, f"the key {name[:60]!r} cannot be the name of a field")
            )
            return
        if name in self.fields:
            self.troubles.append(Unfit(Kind.NAME, f"two values would become the field {name!r}"))
            return
        if len(self.fields) >= MAX_FIELDS:
            raise Unfit(Kind.TOO_MANY, f"the payload has more than {MAX_FIELDS} numbers")
        is_whole = type(value) is bool or (self._keeps_int and type(value) is int)
        try:
            self.fields[name] = as_int(int(value)) if is_whole else as_float(value)  # type: ignore[arg-type]
        except Unfit as trouble:
            self.troubles.append(Unfit(trouble.kind, f"field {name}: {trouble.reason}"))
