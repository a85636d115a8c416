"""`when` of a rule: what must stand in a payload for the rule to take it. Pure."""

from __future__ import annotations

import fnmatch
from typing import Annotated, TypeAlias

from pydantic import BeforeValidator

from daemon.config.paths import parse_path
from daemon.config.section import as_text

Scalar: TypeAlias = "str | int | float | bool | None"


def _as_values(value: object) -> object:
    values = value if isinstance(value, (list, tuple)) else [value]
    if not values:
        raise ValueError("an empty list fits nothing; give one value or several")
    for one in values:
        if isinstance(one, (dict, list, tuple)):
            raise ValueError("found an object or a list; a value is text, a number, true or null")
    return tuple(None if one is None else str(as_text(one)) for one in values)


def _as_conditions(value: object) -> object:
    if not isinstance(value, dict):
        raise ValueError("write what must stand where, as {$.method: NotifyStatus}")
    if not value:
        raise ValueError("an empty condition always holds; leave `when` out")
    for path in value:
        parse_path(str(path))
    return value


Conditions = Annotated[
    dict[str, Annotated[tuple[str | None, ...], BeforeValidator(_as_values)]],
    BeforeValidator(_as_conditions),
]
"""Path to the values of which one must stand there; None: nothing, or null."""


def fits(found: Scalar, wanted: str | None) -> bool:
    """Whether what was found is what a condition wants. Text may have * and ?; a number fits
    however it is written, so 1 and 1.0 are the same; * alone is anything but nothing."""
    if found is None or wanted is None:
        return found is wanted
    if wanted == "*":
        return True
    if isinstance(found, bool):
        return wanted.casefold() == ("true" if found else "false")
    if isinstance(found, str):
        return fnmatch.fnmatchcase(found, wanted)
    try:
        return found == float(wanted)
    except ValueError:
        return False
