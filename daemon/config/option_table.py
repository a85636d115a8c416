"""Every option of the configuration as Markdown, made from the models, so that it is true."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from daemon.config.json_schema import json_schema

_HEAD = """\
# Every option

This page is made from the models, by `tinyflux-collector schema --table`; `tinyflux-collector
schema` prints a JSON Schema for editors. [config.example.yaml](../config.example.yaml) shows the
options in use. Where the default is empty, there is none."""

_FIRST = ("collector", "brokers", "sources", "polls", "storage", "retention", "logging")


def option_table() -> str:
    """The whole page: a table for each section, under the key that leads to it."""
    schema = json_schema()
    parts = [_HEAD]
    for place, section in _sections(schema):
        parts.append("\n".join(_table(place, section)))
    return "\n\n".join(parts)


def _sections(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each section once, where it stands first."""
    seen: set[str] = set()
    waiting = [(key, schema["properties"][key]) for key in _ordered(schema["properties"])]
    while waiting:
        place, node = waiting.pop(0)
        found = []
        for suffix, name in _references(node):
            if name not in seen:
                seen.add(name)
                section = schema["$defs"][name]
                yield place + suffix, section
                found += [
                    (f"{place}{suffix}.{key}", part) for key, part in section["properties"].items()
                ]
        waiting[:0] = found


def _ordered(keys: dict[str, Any]) -> list[str]:
    return [*_FIRST, *(key for key in keys if key not in _FIRST)]


def _references(node: Any) -> Iterator[tuple[str, str]]:
    """The sections within an option's schema, with what leads on to them."""
    if not isinstance(node, dict):
        return
    if "$ref" in node:
        yield "", node["$ref"].rpartition("/")[2]
    for member in node.get("anyOf", ()):
        yield from _references(member)
    for suffix, part in (("[]", node.get("items")), (".NAME", node.get("additionalProperties"))):
        for inner, name in _references(part):
            yield suffix + inner, name
    for key, part in node.get("properties", {}).items():
        for inner, name in _references(part):
            yield f".{key}{inner}", name


def _table(place: str, section: dict[str, Any]) -> Iterator[str]:
    yield f"## `{place}`"
    yield ""
    yield _text(section.get("description", ""))
    yield ""
    yield "| option | default | what it means |"
    yield "|---|---|---|"
    required = section.get("required", ())
    for key, option in section["properties"].items():
        default = "needed" if key in required else _default(option)
        yield f"| `{key}` | {default} | {_cell(option.get('description', ''))} |"


def _default(option: dict[str, Any]) -> str:
    default = option.get("default")
    if default in (None, "", [], {}):
        return ""
    return _cell(f"`{json.dumps(default, ensure_ascii=False)}`".replace('"', ""))


def _cell(text: str) -> str:
    return _text(text).replace("|", "\\|")


def _text(text: str) -> str:
    return " ".join(text.split())
