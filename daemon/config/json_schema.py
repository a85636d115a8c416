"""The configuration language as a JSON Schema, for editors that complete and check while one types.

It is made from the models; what a validator takes besides its type (a duration with its unit, a
word instead of a section) is said here. It accepts whatever `check` accepts; what is between two
options only `check` knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from daemon.config.payloads import KINDS
from daemon.config.polls import PollOptions
from daemon.config.presets import preset_names
from daemon.config.root import Config
from daemon.config.sensor_kinds import find_kind, kind_names

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = JsonSchemaValue
_TEXT: Schema = {"type": "string"}
_NULL: Schema = {"type": "null"}
_WORD: Schema = {"type": ["string", "number", "boolean"]}
_DURATION: Schema = {
    "type": "string",
    "pattern": r"^\s*(\d+(\.\d+)?\s*(ms|[smhdwy])\s*)+$",
    "examples": ["500ms", "30s", "10m", "1h30m", "7d", "1y"],
}
_SIZE: Schema = {
    "type": "string",
    "pattern": r"^\s*\d+(\.\d+)?\s*[KkMmGg]?[Ii]?[Bb]\s*$",
    "examples": ["256kB", "10MB", "2GB", "64MiB"],
}
_SHARE: Schema = {"type": "string", "pattern": r"^\s*\d+(\.\d+)?\s*%\s*$", "examples": ["50%"]}


def json_schema() -> dict[str, Any]:
    """The schema of a whole configuration, with every kind of poll that is installed."""
    schema = Config.model_json_schema(schema_generator=_Generator)
    for section in schema["properties"].values():
        # `sources:` with nothing below it.
        _allow_null(section)
    _tidy(schema)
    return {"$schema": _DIALECT, "title": "Configuration of tinyflux-collector", **schema}


class _Generator(GenerateJsonSchema):
    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        function = getattr(schema["function"]["function"], "__name__", "")
        if function in _INSTEAD:
            return dict(_INSTEAD[function])
        if function == "as_poll":
            return self._poll()
        inner = super().function_before_schema(schema)
        widen = _WIDER.get(function)
        return inner if widen is None else widen(inner)

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        properties = made.get("properties", {})
        for section in properties.values():
            section.pop("title", None)
        if "also" in properties:
            # With `ignore` and line protocol a rule needs no measurement.
            made["required"] = [name for name in made["required"] if name != "measurement"]
        return made

    def _poll(self) -> JsonSchemaValue:
        kinds = []
        for name in kind_names():
            options: type[BaseModel] = find_kind(name, PollOptions).options
            one = self.generate_inner(options.__pydantic_core_schema__)
            kinds.append(
                {
                    "type": "object",
                    "properties": {name: {"anyOf": [one, _NULL]}},
                    "required": [name],
                    "additionalProperties": False,
                }
            )
        return {"anyOf": kinds}


def _tidy(node: Any) -> None:
    """Write defaults as one would in YAML, and bounds only where a number is held against them."""
    if isinstance(node, list):
        for item in node:
            _tidy(item)
    if not isinstance(node, dict):
        return
    for part in node.values():
        _tidy(part)
    for bound in ("gt", "ge", "lt", "le"):
        if not isinstance(node.get(bound), dict):
            node.pop(bound, None)
    default = node.get("default")
    if isinstance(default, (int, float)) and not isinstance(default, bool):
        for pattern, show in _SHOWN:
            if pattern in (node.get("pattern"), *(one.get("pattern") for one in _members(node))):
                node["default"] = show(default)


def _members(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [member for member in node.get("anyOf", ()) if isinstance(member, dict)]


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("m", 60.0), ("s", 1.0)):
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds * 1000:g}ms" if seconds else "0s"


def _size(size_bytes: float) -> str:
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("MiB", 2**20), ("kB", 10**3)):
        if size_bytes >= length and size_bytes % length == 0:
            return f"{size_bytes / length:g}{unit}"
    return f"{round(size_bytes)}B"


def _or(*others: Schema) -> Callable[[Schema], Schema]:
    return lambda inner: {"anyOf": [inner, *others]}


def _one_or_list(inner: Schema) -> Schema:
    return {"anyOf": [inner, inner.get("items", _WORD)]}


def _with_words(inner: Schema) -> Schema:
    """The same mapping with texts that YAML takes for numbers or booleans."""
    texts = inner.get("additionalProperties", _TEXT)
    return {**inner, "additionalProperties": {"anyOf": [texts, _WORD]}}


def _values(_: Schema) -> Schema:
    one: Schema = {"type": ["string", "number", "boolean", "null"]}
    return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}


def _preset(inner: Schema) -> Schema:
    options: Schema = {"type": "object", "additionalProperties": False, "properties": {}}
    known = preset_names()
    return {
        "anyOf": [
            {"enum": list(known)},
            {
                "type": "object",
                "minProperties": 1,
                "maxProperties": 1,
                "additionalProperties": False,
                "properties": {name: {"anyOf": [_with_prefixes(options), _NULL]} for name in known},
            },
        ]
    }


def _with_prefixes(options: Schema) -> Schema:
    prefixes: Schema = {"type": "array", "items": _TEXT, "minItems": 1}
    return {**options, "properties": {"prefixes": prefixes}}


def _allow_null(section: Schema) -> None:
    """Let a section be empty too, in place; simply where it can be, so that faults are placed."""
    if isinstance(section.get("type"), str):
        section["type"] = [section["type"], "null"]
    elif "$ref" in section:
        section["anyOf"] = [{"$ref": section.pop("$ref")}, _NULL]


_INSTEAD: Mapping[str, Schema] = {
    "parse_duration": _DURATION,
    "parse_size": _SIZE,
    "_as_share": _SHARE,
    "as_text": _WORD,
    "as_age": {"anyOf": [_DURATION, {"const": "forever"}, _NULL]},
    "_as_deadband": {"anyOf": [{"type": "number"}, _SHARE, _TEXT, _NULL]},
    "_as_condition": {"type": ["string", "number"]},
}
"""By the name of a validator: what it takes, whatever the model holds in the end."""

_WIDER: Mapping[str, Callable[[Schema], Schema]] = {
    "as_field": _or(_TEXT, _NULL),
    "as_payload": _or({"enum": list(KINDS)}),
    "as_time": _or(_TEXT),
    "as_regex": _or(_TEXT),
    "as_discovery": _or({"type": "boolean"}, _NULL),
    "_as_protocol": _or({"const": 5}),
    "_as_version": _or({"type": "number"}),
    "as_texts": _with_words,
    "_as_words": lambda inner: _one_or_list(inner) if "items" in inner else inner,
    "_as_rules": lambda inner: {"anyOf": [inner, inner["items"], _TEXT]},
    "_as_statistics": _one_or_list,
    "_as_values": _values,
    "as_preset": _preset,
}
"""What a validator takes besides its type."""

_SHOWN: tuple[tuple[str, Callable[[float], str]], ...] = (
    (_DURATION["pattern"], _duration),
    (_SIZE["pattern"], _size),
    (_SHARE["pattern"], lambda share: f"{share * 100:g}%"),
)
"""What the model holds as a number, as one writes it."""
