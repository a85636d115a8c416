"""The engines behind one interface, each used as its own documentation recommends."""

from __future__ import annotations

import importlib
from typing import Any

from .contract import Engine

NAMES = ("ours", "tinyflux", "sqlite", "duckdb", "bare")
_CLASSES = {
    "ours": ("ours", "Ours"),
    "tinyflux": ("tinyflux12", "TinyFlux12"),
    "sqlite": ("sqlite", "Sqlite"),
    "duckdb": ("duck", "Duck"),
    "bare": ("bare", "Bare"),
}
IN_SECOND_VENV = frozenset({"tinyflux", "duckdb"})


def engine_class(name: str) -> type[Engine]:
    """The class of an engine; imports what it needs."""
    module, attribute = _CLASSES[name]
    found: Any = getattr(importlib.import_module(f".{module}", __name__), attribute)
    return found  # type: ignore[no-any-return]
