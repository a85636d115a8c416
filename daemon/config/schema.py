"""What keys a section of the configuration may have, found by walking the models' types.

For messages only: validation itself is pydantic's.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from daemon.config.document import KeyPath


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a section."""

    key: str
    """As written in YAML."""
    attribute: str
    """As called in the model; ends in the unit for quantities."""
    info: FieldInfo

    @property
    def summary(self) -> str:
        """The first sentence of its description."""
        text = " ".join((self.info.description or "").split())
        head, dot, _ = text.partition(". ")
        return head + "." if dot else text


def options_of(section: type[BaseModel]) -> dict[str, Option]:
    """The options of a section by their key in YAML."""
    options = (
        Option(str(info.validation_alias or name), name, info)
        for name, info in section.model_fields.items()
    )
    return {option.key: option for option in options}


def section_at(root: type[BaseModel], path: KeyPath) -> type[BaseModel] | None:
    """The section that a path leads to, None where it leads to a value or nowhere."""
    found = [root]
    for part in path:
        found = [step for section in found for step in _step(section, part)]
    sections = [item for item in found if isinstance(item, type) and issubclass(item, BaseModel)]
    return sections[0] if len(sections) == 1 else None


def option_at(root: type[BaseModel], path: KeyPath) -> Option | None:
    """The option that a path names, None where it names none."""
    section = section_at(root, path[:-1]) if path else None
    return options_of(section).get(str(path[-1])) if section is not None else None


def _step(node: Any, part: str | int) -> Iterator[Any]:
    if isinstance(node, type) and issubclass(node, BaseModel):
        option = options_of(node).get(str(part))
        if option is not None:
            yield from _unwrap(option.info.annotation)
        return
    origin, arguments = get_origin(node), get_args(node)
    if origin is tuple and isinstance(part, int):
        yield from _unwrap(arguments[0])
    elif origin is dict:
        yield from _unwrap(arguments[1])
    elif origin is _Tagged:
        yield from (kind for kind in arguments if _kind_of(kind) == part)


class _Tagged:
    """Origin of a union whose members are told apart by their `kind`."""


def _unwrap(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _unwrap(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        members = [part for part in get_args(annotation) if part is not type(None)]
        if members and all(_kind_of(member) is not None for member in members):
            yield types.GenericAlias(_Tagged, tuple(members))
        else:
            for member in members:
                yield from _unwrap(member)
    else:
        yield annotation


def _kind_of(member: Any) -> str | None:
    if not (isinstance(member, type) and issubclass(member, BaseModel)):
        return None
    info = member.model_fields.get("kind")
    if info is None or get_origin(info.annotation) is not Literal:
        return None
    return str(get_args(info.annotation)[0])
