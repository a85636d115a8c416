"""Small documented tools: frozen containers for query hashes, and searches in sorted lists."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime, time
from decimal import Decimal
from typing import Any, NoReturn

import numpy as np

__all__ = ["FrozenDict", "find_eq", "find_ge", "find_gt", "find_le", "find_lt", "freeze"]


class FrozenDict(dict[Any, Any]):
    """A dict that cannot be changed, and therefore hashes."""

    def __hash__(self) -> int:  # type: ignore[override]
        """Equal dicts hash alike, whatever the order of their keys."""
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type[FrozenDict], tuple[dict[Any, Any]]]:
        """Made whole when it is unpickled or copied: it could not be filled afterwards."""
        return FrozenDict, (dict(self),)

    def _refuse(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise TypeError("a FrozenDict cannot be changed")

    __setitem__ = _refuse
    __delitem__ = _refuse
    __ior__ = _refuse
    setdefault = _refuse

    def clear(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise TypeError."""
        self._refuse()

    def pop(self, k: Any, d: Any = None) -> NoReturn:
        """Raise TypeError."""
        self._refuse()

    def popitem(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise TypeError."""
        self._refuse()

    def update(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Raise TypeError."""
        self._refuse()


def freeze(obj: object) -> object:
    """`obj` in a form that hashes: dict to FrozenDict, list to tuple, set to frozenset, deep.

    Anything else is returned as it is.
    """
    if isinstance(obj, dict):
        return FrozenDict((key, freeze(value)) for key, value in obj.items())
    if isinstance(obj, list):
        return tuple(freeze(item) for item in obj)
    if isinstance(obj, tuple) and type(obj) is tuple:
        return tuple(freeze(item) for item in obj)
    if isinstance(obj, set):
        return frozenset(freeze(item) for item in obj)
    return obj


_BY_TEXT = (float, complex, Decimal, datetime, time, np.generic)
"""Kinds whose values may be equal and yet not the same: 0.0 and -0.0, an hour in two zones."""


def told_apart(obj: object) -> object:
    """`obj` in a form that is equal only for what a function cannot tell from it, as far as known.

    Other types differ: 1, 1.0 and True, a list and a tuple. Of a type that is not known here its
    own equality counts. It hashes if all that is in it does.
    """
    if callable(obj):
        return obj  # the type of a function cannot be pickled
    kind = type(obj)
    if isinstance(obj, dict):
        return kind, frozenset((told_apart(key), told_apart(value)) for key, value in obj.items())
    if isinstance(obj, list | tuple):
        return kind, tuple(told_apart(item) for item in obj)
    if isinstance(obj, set | frozenset):
        return kind, frozenset(told_apart(item) for item in obj)
    return kind, repr(obj) if isinstance(obj, _BY_TEXT) else obj


def find_eq(sorted_list: Sequence[Any], x: Any) -> int | None:
    """Index of the leftmost item equal to `x`, or None."""
    place = bisect_left(sorted_list, x)
    return place if place < len(sorted_list) and sorted_list[place] == x else None


def find_lt(sorted_list: Sequence[Any], x: Any) -> int | None:
    """Index of the rightmost item less than `x`, or None."""
    place = bisect_left(sorted_list, x)
    return place - 1 if place else None


def find_le(sorted_list: Sequence[Any], x: Any) -> int | None:
    """Index of the rightmost item less than or equal to `x`, or None."""
    place = bisect_right(sorted_list, x)
    return place - 1 if place else None


def find_gt(sorted_list: Sequence[Any], x: Any) -> int | None:
    """Index of the leftmost item greater than `x`, or None."""
    place = bisect_right(sorted_list, x)
    return place if place < len(sorted_list) else None


def find_ge(sorted_list: Sequence[Any], x: Any) -> int | None:
    """Index of the leftmost item greater than or equal to `x`, or None."""
    place = bisect_left(sorted_list, x)
    return place if place < len(sorted_list) else None
