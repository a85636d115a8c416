"""Where two configurations differ, by the keys that a person writes."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.config.section import Section

KeyPath = tuple[str, ...]
"""As ("brokers", "home", "keepalive")."""


def differences(before: Section, after: Section, path: KeyPath = ()) -> Iterator[KeyPath]:
    """The keys whose values differ; a list is one value, and so is what only one of them has."""
    for name, field in type(after).model_fields.items():
        alias = field.validation_alias
        key = alias if isinstance(alias, str) else name
        yield from _between(getattr(before, name), getattr(after, name), (*path, key))


def _between(before: object, after: object, path: KeyPath) -> Iterator[KeyPath]:
    if isinstance(before, Section) and isinstance(after, Section) and type(before) is type(after):
        yield from differences(before, after, path)
    elif isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            if name in before and name in after:
                yield from _between(before[name], after[name], (*path, name))
            else:
                yield (*path, name)
    elif before != after:
        yield path
