"""Paths with wildcards, slices and filters (RFC 9535), answered by python-jsonpath.

The only module that knows the library; it is imported when the first such path is met, because
most configurations have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonpath import JSONPath, JSONPathEnvironment

MAX_MATCHES = 1000
"""What one path may find in one payload."""
MAX_VALUES = 5000
"""How many values a payload may hold where the library looks at each: it takes 6 µs for one."""


class QueryError(Exception):
    """A payload that a path cannot be followed into: nested too deep, or too many matches."""


@dataclass(frozen=True, slots=True)
class Match:
    """One place that a path leads to."""

    value: Any
    keys: tuple[str | int, ...]
    """The names and indexes that lead there."""


class Query:
    """A compiled path."""

    def __init__(self, text: str) -> None:
        """Raises ValueError for what is no path; its text says where it breaks off."""
        import jsonpath

        try:
            self._path: JSONPath = _environment().compile(text)  # type: ignore[assignment]
        except (jsonpath.JSONPathError, RecursionError) as error:
            raise ValueError(
                f"the path {text[:80]!r} makes no sense: {str(error).splitlines()[0]}; allowed: "
                '.name, [0], ["any name"] for names with dots, colons or blanks, [*], [0:2], '
                "[?@.name == 'x'] and ..name as in RFC 9535"
            ) from None
        self._error = jsonpath.JSONPathError

    def find(self, value: Any) -> list[Match]:
        """Every place in a value that the path leads to, in the value's order.

        Raises:
            QueryError: for a value nested too deep or of more than 5,000 values, or more than 1,000
                places.
        """
        if not isinstance(value, (dict, list)):
            return []  # the library would take a text for JSON
        if not _holds_at_most(value, MAX_VALUES):
            raise QueryError(f"the payload holds more than {MAX_VALUES} values")
        try:
            found = list(islice(self._path.finditer(value), MAX_MATCHES + 1))
        except (self._error, RecursionError) as error:
            raise QueryError(f"it cannot be followed: {str(error).splitlines()[0]}") from None
        if len(found) > MAX_MATCHES:
            raise QueryError(f"it leads to more than {MAX_MATCHES} places")
        return [Match(match.obj, tuple(match.parts)) for match in found]


def _holds_at_most(value: Any, limit: int) -> bool:
    waiting = [value]
    n_values = 0
    while waiting:
        node = waiting.pop()
        children = node.values() if isinstance(node, dict) else node
        n_values += len(children)
        if n_values > limit:
            return False
        waiting += [child for child in children if isinstance(child, (dict, list))]
    return True


@lru_cache(maxsize=1)
def _environment() -> JSONPathEnvironment:
    import jsonpath

    return jsonpath.JSONPathEnvironment(strict=True)
