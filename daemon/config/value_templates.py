"""Templates as Home Assistant users know them: `{{ value_json.temperature | round(1) }}`.

What our own language understands (`template_expressions`) runs in it: faster, and safe whoever
wrote the template. The rest runs in Jinja's sandbox, where that is allowed. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from daemon.config.template_expressions import (
    NotSimple,
    Table,
    compile_expression,
    parse_table,
)
from daemon.config.template_filters import present, text_of
from daemon.config.template_steps import Evaluate, Variables

Templates = Literal["simple", "full"]

MAX_LENGTH = 4_000
_PART = re.compile(r"\{\{-?(?P<output>.*?)-?\}\}|\{%-?(?P<block>.*?)-?%\}|\{#.*?#\}", re.DOTALL)
_TABLE = re.compile(
    r"\{%-?\s*set\s+(?P<name>(?!value\b|value_json\b|topic\b)[A-Za-z_]\w*)\s*=\s*"
    r"(?P<table>\{[^{}]*\})\s*-?%\}"
)
_MAX_DEPTH = 20


@dataclass(frozen=True, slots=True)
class ValueTemplate:
    """A template, compiled."""

    text: str
    is_simple: bool
    """Whether it runs without Jinja."""
    evaluate: Evaluate
    """Its result: a value where the template is one expression, else text. Raises
    TemplateTrouble."""


def is_value_template(text: str) -> bool:
    """Whether a text has Jinja's marks in it."""
    return "{{" in text or "{%" in text


def parse_value_template(text: str, templates: Templates = "full") -> ValueTemplate:
    """The template of a text; `simple` is for what others wrote.

    Raises:
        ValueError: for a template that cannot be used; the text says which piece of it.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(f"a template has at most {MAX_LENGTH} characters")
    try:
        return ValueTemplate(text, True, _compile(text))
    except NotSimple as error:
        if templates == "simple":
            raise ValueError(
                f"{error} is more than the simple templates have, and only those are run when "
                "they come from the network; `templates: full` allows it"
            ) from None
    from daemon.config.jinja_templates import compile_jinja

    return ValueTemplate(text, False, compile_jinja(text))


def _compile(text: str) -> Evaluate:
    stripped = text.strip()
    tables: dict[str, Table] = {}
    while (setting := _TABLE.match(stripped)) is not None:
        # As Zigbee2MQTT has it: {% set values = {...} %}{{ values[value_json.running_state] }}
        tables[setting["name"]] = parse_table(setting["table"])
        stripped = stripped[setting.end() :].strip()
    match = _PART.fullmatch(stripped)
    if match is not None and match["output"] is not None and "}}" not in match["output"]:
        value = compile_expression(match["output"], tables)
        return lambda given: present(value(given))
    reader = _Blocks(text)
    body = reader.body(0, top=True)
    return lambda given: body(given).strip()


class _Blocks:
    """Reads text, {{ outputs }} and {% if %} blocks from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def body(self, depth: int, *, top: bool = False) -> Callable[[Variables], str]:
        """What stands up to the end, or to a block word that is not `if`."""
        if depth > _MAX_DEPTH:
            raise NotSimple("deeper nesting")
        parts: list[Callable[[Variables], str]] = []
        while True:
            match = _PART.search(self._text, self._at)
            end = len(self._text) if match is None else match.start()
            if end > self._at:
                parts.append(_constant(_plain(self._text[self._at : end])))
            if match is None:
                if not top:
                    raise NotSimple("an {% if %} without its {% endif %}")
                return _joined(parts)
            if match["block"] is not None:
                word, _, rest = match["block"].strip().partition(" ")
                if word in ("elif", "else", "endif") and not top:
                    # For `choice`, which reads the word.
                    self._at = end
                    return _joined(parts)
                if word != "if":
                    raise NotSimple(f"{{% {word} %}}")
                self._at = match.end()
                parts.append(self._choice(rest, depth))
                continue
            self._at = match.end()
            if match["output"] is not None:
                parts.append(_printed(compile_expression(match["output"])))

    def _choice(self, test: str, depth: int) -> Callable[[Variables], str]:
        arms: list[tuple[Evaluate, Callable[[Variables], str]]] = []
        otherwise: Callable[[Variables], str] = _constant("")
        condition = compile_expression(test)
        has_else = False
        while True:
            body = self.body(depth + 1)
            if has_else:
                otherwise = body
            else:
                arms.append((condition, body))
            match = _PART.match(self._text, self._at)
            assert match is not None
            assert match["block"] is not None
            self._at = match.end()
            word, _, rest = match["block"].strip().partition(" ")
            if word == "endif":
                return _chosen(arms, otherwise)
            if has_else:
                raise NotSimple(f"{{% {word} %}} after {{% else %}}")
            has_else = word == "else"
            if not has_else:
                condition = compile_expression(rest)


def _plain(text: str) -> str:
    if any(mark in text for mark in ("{{", "}}", "{%", "%}", "{#", "#}")):
        raise NotSimple("a brace without its partner")
    return text


def _constant(text: str) -> Callable[[Variables], str]:
    return lambda given: text


def _printed(value: Evaluate) -> Callable[[Variables], str]:
    return lambda given: text_of(value(given))


def _joined(parts: list[Callable[[Variables], str]]) -> Callable[[Variables], str]:
    return lambda given: "".join([part(given) for part in parts])


def _chosen(
    arms: list[tuple[Evaluate, Callable[[Variables], str]]], otherwise: Callable[[Variables], str]
) -> Callable[[Variables], str]:
    def choose(given: Variables) -> str:
        for test, body in arms:
            if test(given):
                return body(given)
        return otherwise(given)

    return choose
