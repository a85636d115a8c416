"""Whether a value is of a type as the API page writes it, as `List[Union[int, float, None]]`."""

from __future__ import annotations

import collections.abc
import types
import typing
from typing import Any

from tinyflux.index import Index, IndexResult
from tinyflux.measurement import Measurement
from tinyflux.point import Point
from tinyflux.queries import BaseQuery, SimpleQuery
from tinyflux.storages import Storage

_KNOWN = {
    **vars(typing),
    "BaseQuery": BaseQuery,
    "Index": Index,
    "IndexResult": IndexResult,
    "Measurement": Measurement,
    "Point": Point,
    "SimpleQuery": SimpleQuery,
    "Storage": Storage,
    "datetime": __import__("datetime").datetime,
}


def is_of(value: Any, type_text: str) -> bool:
    """Whether `value` is what the page calls `type_text`; numbers must be of that very type."""
    return _conforms(value, eval(type_text, dict(_KNOWN)))


def _conforms(value: Any, hint: Any) -> bool:
    if hint is Any or hint is object:
        return True
    if hint is None or hint is type(None):
        return value is None
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_conforms(value, part) for part in parts)
    if origin is collections.abc.Callable:
        return callable(value)
    if origin is tuple:
        # The page writes Tuple[X] for a tuple of any length.
        items = [part for part in parts if part is not Ellipsis]
        return type(value) is tuple and all(_conforms(item, items[0]) for item in value)
    if origin in (list, set):
        return type(value) is origin and all(_conforms(item, parts[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(
            _conforms(key, parts[0]) and _conforms(item, parts[1]) for key, item in value.items()
        )
    if hint in (bool, int, float, str):
        return type(value) is hint
    return isinstance(value, hint)
