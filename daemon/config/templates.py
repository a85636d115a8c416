"""Texts with places for names and for paths: `climate_{room}`, `{$.model}-{$.id}`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from daemon.config.paths import is_path, parse_path

_PART = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEY = re.compile(r"key(?:_[1-9][0-9]?)?")


@dataclass(frozen=True, slots=True)
class Template:
    """Fixed texts and the places between them: one text more than places."""

    texts: tuple[str, ...]
    names: tuple[str, ...]
    """What stands in braces: a name or a path."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths among the names."""
        return tuple(name for name in self.names if is_path(name))

    @property
    def keys(self) -> tuple[str, ...]:
        """The names that mean where in the payload a point comes from: key, key_1, key_2 ..."""
        return tuple(name for name in self.names if _KEY.fullmatch(name))

    @property
    def wildcards(self) -> tuple[str, ...]:
        """The names that may be those of a topic's wildcards."""
        return tuple(name for name in self.names if not is_path(name))

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with each name's value in its place.

        Raises:
            KeyError: for a name without a value.
        """
        filled = self.texts[0]
        for name, text in zip(self.names, self.texts[1:], strict=True):
            filled += values[name] + text
        return filled


def parse_template(text: str) -> Template:
    """The parts of a template; a text that is a path alone is a template of that path.

    Raises:
        ValueError: for a brace without a partner, or braces around something that is no name.
    """
    if is_path(text):
        parse_path(text)
        return Template(("", ""), (text,))
    if "{{" in text or "{%" in text:
        raise ValueError(
            "a {{ template }} is allowed for tags and as `value_template` of a field; here only "
            "{name} with the name of a wildcard, or {$.path}"
        )
    parts = _PART.split(text)
    texts, names = parts[::2], parts[1::2]
    for name in names:
        if is_path(name):
            parse_path(name)
        elif not _NAME.fullmatch(name):
            raise ValueError(
                f"{{{name}}} is no name in braces; write {{room}} for the topic's +room, or "
                "{$.model} for a part of the payload"
            )
    if any("{" in part or "}" in part for part in texts):
        raise ValueError("a brace stands alone; names are written as {room}")
    return Template(tuple(texts), tuple(names))
