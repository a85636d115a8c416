"""pydantic's errors as problems a person can act on: file, line, key, what was found, what is
allowed. Values of secrets are never shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from daemon.config.habits import suggest
from daemon.config.schema import Option, option_at, options_of, section_at
from daemon.documents import UNREADABLE, Document, KeyPath, show_path
from daemon.errors import Problem

_USER_INFO = re.compile(r"//[^/@\s]*@")
_TYPES = {
    "string_type": "text",
    "string_sub_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "model_attributes_type": "a mapping (key: value)",
    "tuple_type": "a list ([a, b] or lines that begin with -)",
    "path_type": "a path as text",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}


def to_problems(
    errors: Iterable[ErrorDetails], document: Document, root: type[BaseModel]
) -> list[Problem]:
    """One problem for each error that was not reported already."""
    found = (to_problem(error, document, root) for error in errors)
    return [problem for problem in found if problem is not None]


def to_problem(error: ErrorDetails, document: Document, root: type[BaseModel]) -> Problem | None:
    """The problem an error stands for; None where the value itself could not be read, which is
    reported already."""
    path: KeyPath = tuple(part for part in error["loc"] if part != "[key]")
    value = value_at(document.tree, path)
    if value == UNREADABLE:
        return None
    kind = error["type"]
    if kind == "too_short" and len(value) >= error["ctx"]["min_length"]:
        # pydantic counts the items that fit; each that does not has an error of its own.
        return None
    if kind == "extra_forbidden":
        found, allowed = _unknown_key(path, root)
    elif kind == "missing":
        option = option_at(root, path)
        found = "nothing"
        allowed = f"`{path[-1]}` is required" + (f": {option.summary}" if option else "")
    elif kind == "unknown_poll_kind":
        name, names = str(error["ctx"]["kind"]), error["ctx"]["known"]
        meant = suggest(name, names)
        found = f"the unknown kind of poll {name!r}"
        allowed = (f"did you mean `{meant}`? " if meant else "") + f"allowed: {', '.join(names)}"
    else:
        found = show_value(value, path, document)
        allowed = _explain(error, value, path, document, root)
    place = document.place(path)
    return Problem(place.file, place.line, show_path(path), found, allowed)


def value_at(tree: Any, path: KeyPath) -> Any:
    """The value a path leads to; where it leads no further, the last one met."""
    for part in path:
        is_key = isinstance(tree, dict) and part in tree
        is_index = isinstance(tree, list) and isinstance(part, int) and part < len(tree)
        if not is_key and not is_index:
            return tree
        tree = tree[part]
    return tree


def show_value(value: Any, path: KeyPath, document: Document) -> str:
    """A value as a person would name it, short, and never a secret."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping" if value else "an empty mapping"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if document.is_hidden(path):
        return "a secret (not shown)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return f"the number {getattr(value, 'text', value)}"[:80]
    text = _USER_INFO.sub("//***@", str(value))
    return repr(text if len(text) <= 60 else text[:57] + "...")


def _unknown_key(path: KeyPath, root: type[BaseModel]) -> tuple[str, str]:
    section = section_at(root, path[:-1])
    known = sorted(set(options_of(section)) - {"kind"}) if section is not None else []
    meant = suggest(str(path[-1]), known)
    allowed = f"allowed here: {', '.join(known)}"
    return (
        f"the unknown key {str(path[-1])!r}",
        f"did you mean `{meant}`? {allowed}" if meant else allowed,
    )


def _explain(
    error: ErrorDetails, value: Any, path: KeyPath, document: Document, root: type[BaseModel]
) -> str:
    kind, context = error["type"], error.get("ctx", {})
    if kind in _TYPES:
        return f"allowed: {_TYPES[kind]}" + _type_hint(kind, value, path, document)
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"allowed: {words} {_bound(context[key], option_at(root, path))}"
    if kind == "literal_error":
        names = [name.strip("'") for name in re.split(r", | or ", str(context["expected"]))]
        meant = suggest(value, names) if isinstance(value, str) else None
        listed = f"allowed: {', '.join(names)}"
        return f"did you mean `{meant}`? {listed}" if meant else listed
    if kind in ("string_too_short", "too_short"):
        return f"allowed: not empty, at least {context.get('min_length', 1)}"
    if kind in ("string_too_long", "too_long"):
        return f"allowed: a length of at most {context.get('max_length')}"
    return str(error["msg"]).removeprefix("Value error, ")


def _type_hint(kind: str, value: Any, path: KeyPath, document: Document) -> str:
    source = document.place(path).source
    if value is None and re.search(r"[:-]\s+#\S", source):
        return "; # begins a comment in YAML, so this is empty: put the value in quotes"
    if kind.startswith("string") and isinstance(value, dict):
        names = [str(key) for key in value]
        if len(names) == 1 and value[names[0]] is None and not document.is_hidden(path):
            return f'; braces without quotes are a mapping in YAML: write "{{{names[0]}}}"'
    if kind.startswith("string") and isinstance(value, (bool, int, float)):
        return "; put it in quotes"
    if kind == "bool_type" and isinstance(value, str):
        return "; in YAML 1.2 only true and false are booleans, every other word is text"
    if kind in ("int_type", "float_type") and isinstance(value, str):
        return ", without quotes"
    return ""


def _bound(bound: Any, option: Option | None) -> str:
    number = f"{bound:g}" if isinstance(bound, float) else str(bound)
    if option is not None and option.attribute.endswith("_s"):
        return number + "s"
    if option is not None and option.attribute.endswith("_bytes"):
        return number + "B"
    return number
