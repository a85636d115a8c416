"""Texts with places for names: `climate_{room}`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_PART = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Template:
    """Fixed texts and the names between them: one text more than names."""

    texts: tuple[str, ...]
    names: tuple[str, ...]

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
    """The parts of a template.

    Raises:
        ValueError: for a brace without a partner, or braces around something that is no name.
    """
    if "{{" in text or "{%" in text:
        raise ValueError("only {name} with the name of a wildcard is allowed, no {{ template }}")
    parts = _PART.split(text)
    texts, names = parts[::2], parts[1::2]
    for name in names:
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{{{name}}} is no name in braces; write {{room}} for the topic's +room"
            )
    if any("{" in part or "}" in part for part in texts):
        raise ValueError("a brace stands alone; names are written as {room}")
    return Template(tuple(texts), tuple(names))
