"""From a file, and the files that it includes, to a `Document`.

Follows `!secret`, `!env_var` and `!include` as Home Assistant does. Everything wrong is collected,
nothing is raised; what could not be read stands in the tree as `UNREADABLE`. Knows no options.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from daemon.documents.document import UNREADABLE, Document, KeyPath, Place, show_path
from daemon.documents.yaml_text import Node, YamlError, parse_yaml
from daemon.errors import Problem

_MAX_BYTES = 4_000_000
_MAX_VALUES = 200_000
_STANDARD = "tag:yaml.org,2002:"
_TAGS = "!secret name, !env_var NAME default, !include file.yaml"


def read_document(path: Path) -> Document:
    """The document of a file; an unreadable file is a document with one problem."""
    reader = _Reader(path)
    reader.document.tree = reader.read_file(path, (), ())
    return reader.document


class _Reader:
    """Reads one file and what it includes."""

    def __init__(self, root: Path) -> None:
        self.document = Document()
        self._root = root
        self._values = 0
        self._secrets: dict[Path, dict[str, str] | None] = {}

    def read_file(self, path: Path, at: KeyPath, chain: tuple[Path, ...]) -> Any:
        text = self._read_text(path, at)
        if text is None:
            return UNREADABLE
        self.document.places.setdefault(at, Place(str(path), 1))
        try:
            node = parse_yaml(text)
        except YamlError as error:
            self.report(Place(str(path), error.line), at, error.found, error.allowed)
            return UNREADABLE
        if node is None:
            return None
        return _File(self, path, text.splitlines(), (*chain, path)).value(node, at)

    def count_value(self, place: Place, at: KeyPath) -> bool:
        """False, and reported once, when aliases have multiplied the file beyond reason."""
        self._values += 1
        if self._values == _MAX_VALUES:
            self.report(place, at, f"more than {_MAX_VALUES} values", "use fewer aliases")
        return self._values < _MAX_VALUES

    def secret(self, name: str, folder: Path) -> str | None:
        """The text of a secret, from secrets.yaml beside the file or beside the configuration."""
        for place in dict.fromkeys((folder, self._root.parent)):
            secrets = self._load_secrets(place / "secrets.yaml")
            if secrets is not None and name in secrets:
                return secrets[name]
        return None

    def _load_secrets(self, path: Path) -> dict[str, str] | None:
        if path not in self._secrets:
            self._secrets[path] = None
            if path.exists() and (text := self._read_text(path, ())) is not None:
                self._secrets[path] = self._parse_secrets(path, text)
        return self._secrets[path]

    def _parse_secrets(self, path: Path, text: str) -> dict[str, str]:
        try:
            node = parse_yaml(text)
        except YamlError as error:
            # The parser's own words may quote the line, and the line may be a password.
            self.report(Place(str(path), error.line), (), "text that is no YAML", error.allowed)
            return {}
        pairs = node.pairs if node is not None else []
        return {key.text: value.text for key, value in pairs if value.kind == "scalar"}

    def _read_text(self, path: Path, at: KeyPath) -> str | None:
        place = self.document.places.get(at, Place(str(path), 0))
        try:
            with path.open("rb") as file:
                content = file.read(_MAX_BYTES + 1)
        except OSError as error:
            self.report(
                place,
                at,
                f"no readable file {path} ({error.strerror})",
                "give a YAML file that this user may read",
            )
            return None
        if len(content) > _MAX_BYTES:
            self.report(Place(str(path), 0), at, "more than 4 MB", "a configuration is smaller")
            return None
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            self.report(Place(str(path), line), at, "bytes that are no UTF-8", "save it as UTF-8")
            return None

    def report(self, place: Place, at: KeyPath, found: str, allowed: str) -> None:
        """Note one problem."""
        self.document.problems.append(
            Problem(place.file, place.line, show_path(at), found, allowed)
        )


class _File:
    """Turns the nodes of one file into values."""

    def __init__(
        self, reader: _Reader, path: Path, lines: list[str], chain: tuple[Path, ...]
    ) -> None:
        self._reader = reader
        self._path = path
        self._lines = lines
        self._chain = chain

    def value(self, node: Node, at: KeyPath) -> Any:
        """The value of a node; its place is noted under `at` unless its key's already is."""
        place = self._place(node)
        self._reader.document.places.setdefault(at, place)
        if not self._reader.count_value(place, at):
            return UNREADABLE
        if node.tag is not None:
            return self._tagged(node, at)
        if node.kind == "list":
            return [self.value(item, (*at, number)) for number, item in enumerate(node.items)]
        if node.kind == "mapping":
            return self._mapping(node, at)
        return node.scalar

    def _place(self, node: Node) -> Place:
        source = self._lines[node.line - 1] if node.line <= len(self._lines) else ""
        return Place(str(self._path), node.line, source)

    def _mapping(self, node: Node, at: KeyPath) -> dict[str, Any]:
        values: dict[str, Any] = {}
        first_lines: dict[str, int] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.pairs:
            if key_node.kind != "scalar" or key_node.scalar is None:
                self._refuse_key(key_node, at)
                continue
            # A key is text: 1, 01 and true are three keys, in Python they would be one.
            is_boolean = isinstance(key_node.scalar, bool)
            key = key_node.text.lower() if is_boolean else key_node.text
            where: KeyPath = (*at, key)
            if key == "<<":
                merged |= self._merge(value_node, at)
                continue
            if key in first_lines:
                self._reader.report(
                    self._place(key_node),
                    where,
                    f"the key a second time, first in line {first_lines[key]}",
                    "a key stands once; the other one would be lost in silence",
                )
                continue
            first_lines[key] = key_node.line
            self._reader.document.places[where] = self._place(key_node)
            values[key] = self.value(value_node, where)
        return {**merged, **values}

    def _merge(self, node: Node, at: KeyPath) -> dict[str, Any]:
        sources = node.items if node.kind == "list" else [node]
        merged: dict[str, Any] = {}
        for source in sources:
            value = self.value(source, at)
            if not isinstance(value, dict):
                self._reader.report(
                    self._place(source), (*at, "<<"), "no mapping", "<< takes an alias of a mapping"
                )
                continue
            merged = {**value, **merged}
        return merged

    def _refuse_key(self, node: Node, at: KeyPath) -> None:
        self._reader.report(
            self._place(node),
            at,
            "nothing as a key" if node.kind == "scalar" else "a key that is a list or a mapping",
            'a key is text; a template needs quotes, as "{{ value }}"',
        )

    def _tagged(self, node: Node, at: KeyPath) -> Any:
        tag = str(node.tag)
        if tag == "!include":
            return self._include(node, at)
        if tag == "!secret":
            return self._secret(node, at)
        if tag == "!env_var":
            return self._env_var(node, at)
        if tag == _STANDARD + "str" and node.kind == "scalar":
            return node.text
        found = "!!" + tag.removeprefix(_STANDARD) if tag.startswith(_STANDARD) else tag
        found = "a tag (!)" if self._reader.document.is_hidden(at) else f"the tag {found}"
        allowed = f"allowed: {_TAGS}; a text that begins with ! needs quotes"
        self._reader.report(self._place(node), at, found, allowed)
        return UNREADABLE

    def _include(self, node: Node, at: KeyPath) -> Any:
        target = (self._path.parent / node.text).resolve()
        if node.kind != "scalar" or not node.text.strip():
            found, allowed = "!include without a file", "write !include file.yaml"
        elif target in self._chain or len(self._chain) > 20:
            found, allowed = f"{node.text}, which includes this file", "files include no circle"
        else:
            return self._reader.read_file(target, at, self._chain)
        self._reader.report(self._place(node), at, found, allowed)
        return UNREADABLE

    def _secret(self, node: Node, at: KeyPath) -> Any:
        self._reader.document.hidden.add(at)
        text = self._reader.secret(node.text, self._path.parent) if node.text else None
        if text is None:
            self._reader.report(
                self._place(node),
                at,
                f"no secret called {node.text!r}",
                f"write it into {self._path.parent / 'secrets.yaml'} as `{node.text or 'name'}: "
                "text`",
            )
            return UNREADABLE
        return text

    def _env_var(self, node: Node, at: KeyPath) -> Any:
        self._reader.document.hidden.add(at)
        name, _, default = node.text.partition(" ")
        text = os.environ.get(name, default or None) if name and "\0" not in name else None
        if text is None:
            self._reader.report(
                self._place(node),
                at,
                f"no environment variable {name!r}",
                f"set it, or give a default: !env_var {name or 'NAME'} default",
            )
            return UNREADABLE
        return text
