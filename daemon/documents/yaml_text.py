"""YAML text to a tree of nodes that know their line: the only door to PyYAML.

PyYAML reads the syntax only. What a scalar means is decided here by YAML 1.2's core schema: `on`
is a word, `10:30` is text, `012` is twelve. Knows nothing of the collector's options.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from daemon.documents.yaml_hints import explain_syntax_error

_MAX_DEPTH = 60
_MAX_NODES = 200_000
_LONGEST_NUMBER = 300
_INT = re.compile(r"[-+]?[0-9]+")
_BASED_INT = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


class IntText(int):
    """An integer that remembers how it was written, for where text was meant (`id: 012`)."""

    text: str


class FloatText(float):
    """A number that remembers how it was written, for where text was meant (`version: 1.10`)."""

    text: str


Scalar = None | bool | int | float | str


@dataclass(slots=True)
class Node:
    """One value of a YAML file. Exactly one of scalar, items and pairs is meant, by `kind`."""

    kind: str
    """`scalar`, `list` or `mapping`."""
    line: int
    """1-based."""
    tag: str | None = None
    """Explicit tag as `!secret`; None for none."""
    scalar: Scalar = None
    text: str = ""
    """A scalar as written, without quotes."""
    items: list[Node] = field(default_factory=list)
    pairs: list[tuple[Node, Node]] = field(default_factory=list)


class YamlError(Exception):
    """The text is no YAML: where, what was found, what would be right."""

    def __init__(self, line: int, found: str, allowed: str) -> None:
        super().__init__(f"line {line}: found {found}; {allowed}")
        self.line = line
        self.found = found
        self.allowed = allowed


def parse_yaml(text: str) -> Node | None:
    """The root of a YAML text, None where it holds nothing but comments.

    Raises:
        YamlError: for the first place that is no YAML, a second document, an alias that leads to
            itself, or nesting beyond 60 levels.
    """
    try:
        return _Builder().build(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise YamlError(
            line,
            f"the character U+{error.character:04X}"
            if isinstance(error.character, int)
            else "a byte that is no text",
            "a configuration is text without control characters",
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        source = text.splitlines()[line - 1] if line <= len(text.splitlines()) else ""
        found, allowed = explain_syntax_error(str(error.problem), source)
        raise YamlError(line, found, allowed) from None
    except RecursionError:
        raise YamlError(1, "nesting without end", "write it with fewer levels") from None


class _Builder:
    """Events to nodes, without recursion."""

    def __init__(self) -> None:
        self._anchors: dict[str, Node] = {}
        self._stack: list[tuple[Node, str | None, list[Node]]] = []
        self._root: Node | None = None
        self._documents = 0
        self._nodes = 0

    def build(self, events: Iterator[yaml.Event]) -> Node | None:
        for event in events:
            line = event.start_mark.line + 1 if event.start_mark is not None else 1
            if isinstance(event, yaml.DocumentStartEvent):
                self._documents += 1
                if self._documents > 1:
                    raise YamlError(line, "a second document (---)", "a file holds one document")
            elif isinstance(event, yaml.ScalarEvent):
                self._add(_scalar(event, line), event.anchor)
            elif isinstance(event, yaml.AliasEvent):
                self._add(self._alias(str(event.anchor), line), None)
            elif isinstance(event, (yaml.SequenceStartEvent, yaml.MappingStartEvent)):
                kind = "list" if isinstance(event, yaml.SequenceStartEvent) else "mapping"
                if len(self._stack) >= _MAX_DEPTH:
                    raise YamlError(line, f"more than {_MAX_DEPTH} levels", "nest less deep")
                self._stack.append((Node(kind, line, _tag(event.tag)), event.anchor, []))
            elif isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                self._close()
        if self._root is not None and self._root.kind == "scalar" and self._root.text == "":
            return None
        return self._root

    def _alias(self, anchor: str, line: int) -> Node:
        if anchor not in self._anchors:
            # Its name is not shown: it may be a password that lacks its quotes.
            raise YamlError(
                line,
                "an alias (*) of something that is not there",
                "a text that begins with * needs quotes; an alias needs an anchor (&) before it",
            )
        return self._anchors[anchor]

    def _close(self) -> None:
        node, anchor, children = self._stack.pop()
        if node.kind == "list":
            node.items = children
        else:
            node.pairs = list(zip(children[::2], children[1::2], strict=True))
        self._add(node, anchor)

    def _add(self, node: Node, anchor: str | None) -> None:
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            raise YamlError(node.line, f"more than {_MAX_NODES} values", "split the configuration")
        if anchor is not None:
            self._anchors[anchor] = node
        if self._stack:
            self._stack[-1][2].append(node)
        else:
            self._root = node


def _tag(tag: str | None) -> str | None:
    return None if tag in (None, "!") else tag


def _scalar(event: yaml.ScalarEvent, line: int) -> Node:
    text = str(event.value)
    is_plain = event.style is None and event.tag is None
    value = resolve_plain(text) if is_plain else text
    return Node("scalar", line, _tag(event.tag), scalar=value, text=text)


def resolve_plain(text: str) -> Scalar:
    """What a scalar without quotes means in YAML 1.2's core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST_NUMBER:
        return text
    if _INT.fullmatch(text):
        whole = IntText(text)
        whole.text = text
        return whole
    if _BASED_INT.fullmatch(text):
        whole = IntText(text, 0)
        whole.text = text
        return whole
    if _FLOAT.fullmatch(text) or _SPECIAL.fullmatch(text):
        number = FloatText(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
        number.text = text
        return number
    return text
