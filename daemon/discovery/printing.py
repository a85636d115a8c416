"""What was announced as YAML of `sources`, to paste into a configuration and to change there. Pure.

Everything that an announcement says stands in double quotes, so that it is only text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from daemon.discovery.compiling import Options
from daemon.discovery.registry import Registry

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*").fullmatch
_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "y", "n", "null", "none"))
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_MAX_COMMENT = 200


def sources_of(registry: Registry, broker: str | None = None) -> Iterator[str]:
    """Lines of the list of `sources`, each entity with its name; `broker` where there are several.
    What gives no rule is a comment with its reason."""
    for name, rules, reason in sorted(registry.entities(), key=lambda entity: entity[0]):
        for options in rules:
            yield f"  # {_comment(name)}"
            yield from _rule(options if broker is None else {"broker": broker, **options})
        if reason:
            what = "left out" if not rules else "left out of it"
            yield f"  # {_comment(name)} {what}: {_comment(reason)}"


def quoted(text: str) -> str:
    """A text as YAML writes it, between double quotes."""
    return '"' + "".join(_letter(letter) for letter in text) + '"'


def _letter(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable() and not "\ud800" <= letter <= "\udfff":
        return letter
    return f"\\U{ord(letter):08x}" if ord(letter) > 0xFFFF else f"\\u{ord(letter):04x}"


def _rule(options: Options) -> Iterator[str]:
    mark = "- "
    for key, value in options.items():
        if key == "fields":
            yield f"  {mark}fields:"
            yield from (f"      {_scalar(name)}: {_flow(rule)}" for name, rule in value.items())
        else:
            yield f"  {mark}{key}: {_flow(value)}"
        mark = "  "


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{_scalar(key)}: {_flow(part)}" for key, part in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value if _PLAIN(value) and value.lower() not in _WORDS else quoted(value)
    return str(value)


def _comment(text: str) -> str:
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return shown if len(shown) <= _MAX_COMMENT else f"{shown[:_MAX_COMMENT]}..."
