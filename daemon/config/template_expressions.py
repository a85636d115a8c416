"""The expressions of Home Assistant's templates that need no Jinja: `value_json.a.b | round(1)`.

A small part of Jinja's language with Jinja's precedence: paths, numbers and texts, arithmetic,
comparisons, `and or not in`, `a if b else c`, `is defined`, and the filters below, of them float
and int as functions too, and tables, as {'idle': 'off'}[value_json.state]. It has no loops, calls
nothing else but `get`, and no text grows by more than the payload, so that a template from the
network may run in it. Each expression becomes nested functions. Pure.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from daemon.config.template_filters import ARGUMENTS, FILTERS, TESTS, number_of
from daemon.config.template_steps import (
    Evaluate,
    applied,
    both,
    chosen,
    either,
    gotten,
    item,
    nothing,
    numeric,
    through,
    unquoted,
)


class NotSimple(ValueError):  # noqa: N818 - no failure: Jinja may know what this is
    """A template that is more than this language; the text names the first such piece."""


_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
    r"""|(?P<name>[A-Za-z_]\w*)|(?P<sign>//|==|!=|<=|>=|\*\*|[-+*/%~|.,:()\[\]{}<>=]))"""
)
_MAX_DEPTH = 40
_NAMES = ("value", "value_json", "topic")
_CALLS = ("float", "int")
"""Filters that Home Assistant has as functions too."""
_CONSTANTS = {"true": True, "false": False, "none": None}
_SUMS: dict[str, Callable[[Any, Any], Any]] = {"+": operator.add, "-": operator.sub}
_PRODUCTS: dict[str, Callable[[Any, Any], Any]] = {
    "*": operator.mul, "/": operator.truediv, "//": operator.floordiv, "%": operator.mod,
}  # fmt: skip
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le,
    ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


Table = Mapping[Any, Any]
"""A dictionary of numbers, texts and the like that stands in a template."""


def compile_expression(text: str, tables: Mapping[str, Table] | None = None) -> Evaluate:
    """The function of an expression; `tables` are those that the template has set, by name.

    Raises:
        NotSimple: for anything beyond this language.
    """
    parser = _Parser(_tokens(text), tables or {})
    evaluate = parser.condition(0)
    parser.end()
    return evaluate


def parse_table(text: str) -> Table:
    """The table of a text such as {'idle': 'off', None: None}. Raises NotSimple."""
    parser = _Parser(_tokens(text), {})
    table = parser.table()
    parser.end()
    return table


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise NotSimple(f"{text[position:][:40].strip()!r}")
        tokens.append((str(match.lastgroup), match[str(match.lastgroup)]))
        position = match.end()
    return tokens


class _Parser:
    """Reads tokens from left to right, the loosest binding first."""

    def __init__(self, tokens: Sequence[tuple[str, str]], tables: Mapping[str, Table]) -> None:
        self._tokens = tokens
        self._tables = tables
        self._at = 0

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _took(self, kind: str, *texts: str) -> str | None:
        found, text = self._peek()
        if found == kind and text in texts:
            self._at += 1
            return text
        return None

    def _need(self, sign: str) -> None:
        if self._took("sign", sign) is None:
            raise NotSimple(f"{self._peek()[1]!r} where {sign} is needed")

    def end(self) -> None:
        """Raises NotSimple where something is left."""
        if self._peek()[0] != "end":
            raise NotSimple(repr(self._peek()[1]))

    def condition(self, depth: int) -> Evaluate:
        if depth > _MAX_DEPTH:
            raise NotSimple("deeper nesting")
        yes = self._either(depth)
        if self._took("name", "if") is None:
            return yes
        test = self._either(depth)
        if self._took("name", "else") is None:
            raise NotSimple("if without else")
        no = self.condition(depth + 1)
        return lambda given: yes(given) if test(given) else no(given)

    def _either(self, depth: int) -> Evaluate:
        first = self._both(depth)
        while self._took("name", "or"):
            first = either(first, self._both(depth))
        return first

    def _both(self, depth: int) -> Evaluate:
        first = self._negation(depth)
        while self._took("name", "and"):
            first = both(first, self._negation(depth))
        return first

    def _negation(self, depth: int) -> Evaluate:
        if self._took("name", "not"):
            if depth > _MAX_DEPTH:
                raise NotSimple("deeper nesting")
            inner = self._negation(depth + 1)
            return lambda given: not inner(given)
        return self._comparison(depth)

    def _comparison(self, depth: int) -> Evaluate:
        left = self._sum(depth)
        if sign := self._took("sign", *_COMPARISONS):
            result = applied(_COMPARISONS[sign], left, self._sum(depth))
        elif self._took("name", "in"):
            result = applied(lambda part, whole: part in whole, left, self._sum(depth))
        elif self._peek() == ("name", "not"):
            self._next()
            if self._took("name", "in") is None:
                raise NotSimple("not")
            result = applied(lambda part, whole: part not in whole, left, self._sum(depth))
        else:
            return left
        if self._peek()[1] in _COMPARISONS:
            raise NotSimple("two comparisons in a row")
        return result

    def _sum(self, depth: int) -> Evaluate:
        left = self._concatenation(depth)
        while sign := self._took("sign", *_SUMS):
            left = applied(numeric(_SUMS[sign]), left, self._concatenation(depth))
        return left

    def _concatenation(self, depth: int) -> Evaluate:
        left = self._product(depth)
        while self._took("sign", "~"):
            left = applied(lambda one, other: f"{one}{other}", left, self._product(depth))
        return left

    def _product(self, depth: int) -> Evaluate:
        left = self._unary(depth)
        while sign := self._took("sign", *_PRODUCTS):
            left = applied(numeric(_PRODUCTS[sign]), left, self._unary(depth))
        return left

    def _unary(self, depth: int) -> Evaluate:
        # As Jinja has it, a filter sees the sign: -1 | abs is 1.
        return self._filtered(self._signed(depth), depth)

    def _signed(self, depth: int) -> Evaluate:
        sign = self._took("sign", "-", "+")
        if sign is None:
            return self._postfix(depth)
        if depth > _MAX_DEPTH:
            raise NotSimple("deeper nesting")
        inner = self._signed(depth + 1)
        factor = -1 if sign == "-" else 1
        return lambda given: factor * number_of(inner(given))

    def _filtered(self, value: Evaluate, depth: int) -> Evaluate:
        while True:
            if self._took("sign", "|"):
                kind, name = self._next()
                if kind != "name" or name not in FILTERS:
                    raise NotSimple(f"the filter {name!r}")
                value = through(FILTERS[name], value, self._arguments(name, depth))
            elif self._took("name", "is"):
                value = self._test(value)
            else:
                return value

    def _test(self, value: Evaluate) -> Evaluate:
        is_negated = self._took("name", "not") is not None
        kind, name = self._next()
        if kind != "name" or name not in TESTS:
            raise NotSimple(f"the test {name!r}")
        test = TESTS[name]
        return lambda given: test(value(given)) is not is_negated

    def _arguments(self, name: str, depth: int) -> list[Evaluate]:
        arguments = self._listed(name, depth)
        least, most = ARGUMENTS[name]
        if not least <= len(arguments) <= most:
            raise NotSimple(f"{name} with {len(arguments)} arguments")
        return arguments

    def _listed(self, name: str, depth: int) -> list[Evaluate]:
        arguments: list[Evaluate] = []
        if self._took("sign", "("):
            while self._took("sign", ")") is None:
                if arguments:
                    self._need(",")
                if name in ("float", "int") and self._took("name", "default"):
                    self._need("=")
                arguments.append(self.condition(depth + 1))
        return arguments

    def _postfix(self, depth: int) -> Evaluate:
        value, path = self._primary(depth)
        while True:
            if self._took("sign", "."):
                kind, name = self._next()
                if kind not in ("name", "number") or name.startswith("_"):
                    raise NotSimple(f".{name}")
                if name == "get" and self._peek() == ("sign", "("):
                    value, path = self._got(value, path, depth)
                    continue
                key: str | int = int(name) if name.isdigit() else name
            elif self._took("sign", "["):
                key = self._key()
                self._need("]")
            else:
                break
            path = f"{path}.{key}"
            value = item(value, key, path)
        if self._peek() == ("sign", "("):
            raise NotSimple(f"the call of {path}")
        return value

    def _got(self, value: Evaluate, path: str, depth: int) -> tuple[Evaluate, str]:
        """`get('name')` and `get('name', other)` of what is an object."""
        self._need("(")
        kind, text = self._next()
        if kind != "text":
            raise NotSimple(f"{path}.get({text})")
        key = unquoted(text)
        other = self.condition(depth + 1) if self._took("sign", ",") else nothing
        self._need(")")
        return gotten(value, key, other, path), f"{path}.{key}"

    def _key(self) -> str | int:
        sign = self._took("sign", "-")
        kind, text = self._next()
        if kind == "text" and sign is None:
            return unquoted(text)
        if kind == "number" and text.isdigit():
            return -int(text) if sign else int(text)
        raise NotSimple(f"[{text}]")

    def table(self) -> Table:
        """A table with its braces."""
        self._need("{")
        table: dict[Any, Any] = {}
        while self._took("sign", "}") is None:
            if table:
                self._need(",")
            key = self._literal()
            self._need(":")
            table[key] = self._literal()
        return table

    def _literal(self) -> Any:
        sign = self._took("sign", "-")
        kind, text = self._next()
        if kind == "number":
            number = int(text) if text.isdigit() else float(text)
            return -number if sign else number
        if kind == "text" and sign is None:
            return unquoted(text)
        if kind == "name" and text.lower() in _CONSTANTS and sign is None:
            return _CONSTANTS[text.lower()]
        raise NotSimple(f"{text!r} in a table")

    def _choice(self, table: Table, depth: int) -> tuple[Evaluate, str]:
        self._need("[")
        key = self.condition(depth + 1)
        self._need("]")
        return chosen(table, key, "the table's entry"), "(...)"

    def _primary(self, depth: int) -> tuple[Evaluate, str]:
        if self._peek() == ("sign", "{"):
            return self._choice(self.table(), depth)
        kind, text = self._next()
        if kind == "name" and text in self._tables:
            return self._choice(self._tables[text], depth)
        if kind == "number":
            number = int(text) if text.isdigit() else float(text)
            return (lambda given: number), text
        if kind == "text":
            plain = unquoted(text)
            return (lambda given: plain), text
        if kind == "sign" and text == "(":
            inner = self.condition(depth + 1)
            self._need(")")
            return inner, "(...)"
        if kind == "name" and text in _CALLS and self._peek() == ("sign", "("):
            arguments = self._listed(text, depth)
            if not 1 <= len(arguments) <= 2:
                raise NotSimple(f"{text} with {len(arguments)} arguments")
            return through(FILTERS[text], arguments[0], arguments[1:]), f"{text}()"
        if kind == "name" and text.lower() in _CONSTANTS:
            constant = _CONSTANTS[text.lower()]
            return (lambda given: constant), text
        if kind == "name" and text in _NAMES:
            return operator.attrgetter(text), text
        raise NotSimple(repr(text) if text else "nothing where a value is needed")
