"""A configuration file as a tree of plain values that knows where each of them stands.

Knows neither files nor options.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from daemon.errors import Problem

KeyPath = tuple[str | int, ...]

_SECRET_KEY = re.compile(r"pass|secret|token|authori[sz]ation|credential|api_?key", re.IGNORECASE)

UNREADABLE = "\0unreadable"
"""Stands for a value that is already reported."""


@dataclass(frozen=True, slots=True)
class Place:
    """A line in a file."""

    file: str
    line: int
    source: str = ""
    """The line's text; may hold a secret, so it is only looked at, never shown."""


@dataclass(slots=True)
class Document:
    """The tree, the place of each key and value in it, and what was wrong."""

    tree: Any = None
    places: dict[KeyPath, Place] = field(default_factory=dict)
    hidden: set[KeyPath] = field(default_factory=set)
    """Values that came from `!secret` or `!env_var`: never shown."""
    problems: list[Problem] = field(default_factory=list)

    def place(self, path: KeyPath) -> Place:
        """Where a key stands, or the nearest part around it that stands somewhere."""
        for end in range(len(path), -1, -1):
            if (place := self.places.get(path[:end])) is not None:
                return place
        return Place("", 0)

    def is_hidden(self, path: KeyPath) -> bool:
        """Whether the value, or one around it, is a secret: by its origin or by its key's name."""
        return any(path[:end] in self.hidden for end in range(len(path) + 1)) or any(
            is_secret_key(part) for part in path
        )


def is_secret_key(key: object) -> bool:
    """Whether a key's name says that its value must not be shown."""
    return _SECRET_KEY.search(str(key)) is not None


def show_path(path: KeyPath) -> str:
    """As `sources[2].fields.temperature`; `(top level)` for the whole."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "(top level)"
