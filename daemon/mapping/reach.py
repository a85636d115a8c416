"""Following a path into a decoded value."""

from __future__ import annotations

from typing import Any

Steps = tuple[str | int, ...]


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()
"""What a path finds where there is nothing; null is something."""


def reach(value: Any, steps: Steps) -> Any:
    """What stands at the path, or MISSING."""
    for step in steps:
        kind = type(value)
        if kind is dict:
            value = value.get(step, MISSING)
            if value is MISSING:
                return value
        elif kind is list and type(step) is int and -len(value) <= step < len(value):
            value = value[step]
        else:
            return MISSING
    return value
