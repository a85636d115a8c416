"""What callers pass beside points and queries: names, keys, numbers; checked before use.

Every refusal names the argument, what was found and what is allowed. Knows no points, no storage.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, SupportsIndex, TypeVar

from tinyflux.errors import ArgumentError

T = TypeVar("T")
C = TypeVar("C", bound=Callable[..., Any])

_SHOWN = 80
_FILE = ("path", "create_dirs", "encoding", "access_mode", "flush_on_insert", "newline")
_DIALECT = (
    "delimiter",
    "quotechar",
    "escapechar",
    "doublequote",
    "skipinitialspace",
    "lineterminator",
    "quoting",
    "strict",
    "dialect",
)


def require_measurement(measurement: object) -> None:
    """Raise ArgumentError unless it is a measurement's name, or None for any."""
    if measurement is not None and not isinstance(measurement, str):
        raise ArgumentError(f"measurement must be a str, found {_found(measurement)}")


def require_name(name: object) -> str:
    """`name` if it can be a measurement's; ArgumentError otherwise: None would mean every one."""
    if not isinstance(name, str):
        raise ArgumentError(f"a measurement's name is a str, found {_found(name)}")
    return name


def require_encoding(encoding: object) -> None:
    """Raise ArgumentError unless it can be the name of an encoding, or None for the usual one."""
    if encoding is not None and not isinstance(encoding, str):
        raise ArgumentError(f"encoding is a str, as 'utf-8', or None, found {_found(encoding)}")


def require_dialect(keywords: Iterable[str]) -> None:
    """Raise ArgumentError for what is no keyword of a csv dialect."""
    for name in keywords:
        if name not in _DIALECT:
            raise ArgumentError(
                f"there is no argument {name!r}: a CSV file takes {', '.join(_FILE)}, and of the "
                f"csv dialect {', '.join(_DIALECT)}; a database also auto_index and storage"
            )


def whole_number(argument: str, value: SupportsIndex, least: int) -> int:
    """`value` as an int; ArgumentError for what is none, ValueError for less than `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        raise ArgumentError(
            f"{argument} must be a whole number of {least} or more, found {_found(value)}"
        ) from None
    if number < least:
        raise ValueError(f"{argument} must be at least {least}, found {number}")
    return number


def require_key(argument: str, key: object) -> str:
    """`key` if it is a str, else ArgumentError."""
    if not isinstance(key, str):
        raise ArgumentError(f"{argument} is a key, a str, found {_found(key)}")
    return key


def names_of(argument: str, names: str | Iterable[str]) -> tuple[str, ...]:
    """One name or several as a tuple without repetitions; ArgumentError for what is none."""
    return tuple(dict.fromkeys(texts_of(argument, names)))


def texts_of(argument: str, texts: str | Iterable[str]) -> tuple[str, ...]:
    """One text or several as a tuple; ArgumentError for anything else."""
    if isinstance(texts, str):
        return (texts,)
    if not isinstance(texts, Iterable) or isinstance(texts, bytes | bytearray):
        raise ArgumentError(f"{argument} takes a str or several, found {_found(texts)}")
    several = tuple(texts)
    for text in several:
        if not isinstance(text, str):
            raise ArgumentError(
                f"{argument} takes a str or several, found {_found(text)} among them"
            )
    return several


def require_callable(argument: str, maker: C) -> C:
    """`maker` if it is a class or function, else ArgumentError: an instance, say, is not taken."""
    if not callable(maker):
        raise ArgumentError(
            f"{argument} takes a class, or a function that gives an instance, found {_found(maker)}"
        )
    return maker


def items_of(argument: str, items: Iterable[T], what: str) -> Iterable[T]:
    """`items` if they can be iterated over, else ArgumentError; `what` says what they should be."""
    if not isinstance(items, Iterable) or isinstance(items, str | bytes | bytearray):
        raise ArgumentError(f"{argument} takes an iterable of {what}, found {_found(items)}")
    return items


def lasting(value: Any) -> Any:
    """`value`, but what a one-shot iterator gives as a tuple: an operation may begin anew."""
    return tuple(value) if isinstance(value, Iterator) else value


def select_keys(keys: str | Iterable[str]) -> tuple[str, ...]:
    """The keys of a `select`, in order.

    ValueError for one that is not `time`, `measurement`, `tags.<key>` or `fields.<key>` with a key
    that is not empty; ArgumentError for what is no text.
    """
    several = texts_of("select", keys)
    for key in several:
        attribute, dot, name = key.partition(".")
        is_whole = key in ("time", "measurement")
        if not is_whole and not (attribute in ("tags", "fields") and dot and name):
            raise ValueError(
                f"{key!r} cannot be selected; a key is 'time', 'measurement', 'tags.<key>' or "
                f"'fields.<key>'"
            )
    return several


def _found(value: Any) -> str:
    kind = type(value).__name__
    try:
        text = repr(value)
    except ValueError:  # Python refuses to write out ints of some thousand digits
        return kind
    text = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
    return text if value is None or text.startswith(kind) else f"{kind} {text}"
