"""Texts of a rule: fixed, from the topic, or with parts of the payload in them."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.config import is_path, is_value_template, parse_path, parse_template
from daemon.mapping.reach import MISSING, Context, Reach, compile_path
from daemon.mapping.rendering import compile_template
from daemon.mapping.troubles import Kind, Unfit, show
from daemon.messages import JsonValue


def text_of(value: JsonValue) -> str | None:
    """A payload's value as a text; None for null and for nothing.

    Raises:
        Unfit: for an object or a list.
    """
    if isinstance(value, str):
        return value or None
    if value is MISSING or value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    raise Unfit(Kind.TAG, f"found {show(value)}, text is needed")


class Text:
    """A text with places for names and paths, compiled."""

    def __init__(self, source: str, wildcards: frozenset[str] | tuple[str, ...] = ()) -> None:
        """`wildcards` are the names that the topic brings; they come before {key}."""
        self.source = source
        self._rendered: Reach | None = None
        if is_value_template(source):
            self._rendered = compile_template(source)
            source = ""
        self._template = parse_template(source)
        self._readers: dict[str, Reach] = {}
        for name in self._template.names:
            if is_path(name):
                self._readers[name] = compile_path(parse_path(name))
            elif name in self._template.keys and name not in wildcards:
                self._readers[name] = _key_reader(name)

    @property
    def needs_payload(self) -> bool:
        """Whether only `read` can tell it."""
        return self._rendered is not None or bool(self._readers)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the topic that stand in it."""
        return tuple(name for name in self._template.wildcards if name not in self._readers)

    def fill(self, names: Mapping[str, str]) -> str:
        """The text for a topic, where no payload is needed."""
        return self._template.fill(names)

    def read(self, context: Context) -> str | None:
        """The text for a payload; None where a part of it is missing, null or empty.

        Raises:
            Unfit: for a path that leads to an object, a list, or several values.
        """
        if self._rendered is not None:
            return text_of(self._rendered(context))
        values: dict[str, str] = {}
        for name in self._template.names:
            if (reader := self._readers.get(name)) is None:
                values[name] = context.names[name]
                continue
            text = text_of(reader(context))
            if text is None:
                return None
            values[name] = text
        return self._template.fill(values)


def _key_reader(name: str) -> Reach:
    _, _, number = name.partition("_")
    place = int(number) - 1 if number else -1

    def read(context: Context) -> JsonValue:
        keys = context.keys
        return keys[place] if keys and place < len(keys) else MISSING

    return read
