"""What keys a section of the configuration may have, found by walking the models' types.

For messages only: validation itself is pydantic's.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from daemon.documents import KeyPath


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


@dataclass(frozen=True, slots=True)
class OpenSections:
    """Stands beside a type in `Annotated`: a mapping of one key, which says what section its value
    is."""

    find: Callable[[str], type[BaseModel] | None]
    """The section for a key, None where there is none."""


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
    elif isinstance(node, OpenSections) and (section := node.find(str(part))) is not None:
        yield section


def _unwrap(annotation: Any) -> Iterator[Any]:
    origin = get_origin(annotation)
    if origin is Annotated:
        kind, *notes = get_args(annotation)
        is_open = [note for note in notes if isinstance(note, OpenSections)]
        yield from is_open or _unwrap(kind)
    elif origin in (Union, types.UnionType):
        for member in get_args(annotation):
            if member is not type(None):
                yield from _unwrap(member)
    else:
        yield annotation
