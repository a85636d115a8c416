"""What the parts of a simple template's expression become: functions of a payload. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.config.template_filters import TemplateTrouble, Undefined, number_of, present


@dataclass(frozen=True, slots=True)
class Variables:
    """What a template may look at."""

    value: str
    """The payload as text."""
    value_json: Any
    """The payload decoded, `Undefined` where it is no JSON."""
    topic: str


Evaluate = Callable[[Variables], Any]


def unquoted(text: str) -> str:
    """The text that a quoted one stands for."""
    return re.sub(
        r"\\(.)", lambda match: {"n": "\n", "t": "\t"}.get(match[1], match[1]), text[1:-1]
    )


def either(first: Evaluate, second: Evaluate) -> Evaluate:
    """Jinja's `or`."""
    return lambda given: first(given) or second(given)


def both(first: Evaluate, second: Evaluate) -> Evaluate:
    """Jinja's `and`."""
    return lambda given: first(given) and second(given)


def nothing(given: Variables) -> Any:
    """None, whatever the payload is."""
    return None


def gotten(value: Evaluate, key: str, other: Evaluate, path: str) -> Evaluate:
    """What `get` finds under a name, or else."""

    def find(given: Variables) -> Any:
        whole = present(value(given))
        if not isinstance(whole, dict):
            raise TemplateTrouble(f"{path} is no object")
        return whole[key] if key in whole else other(given)

    return find


def item(value: Evaluate, key: str | int, path: str) -> Evaluate:
    """What stands under a key or an index; Undefined where there is nothing."""

    def find(given: Variables) -> Any:
        whole = value(given)
        if isinstance(whole, dict):
            return whole.get(key, Undefined(path)) if isinstance(key, str) else Undefined(path)
        is_place = isinstance(whole, (list, str)) and isinstance(key, int)
        if is_place and -len(whole) <= key < len(whole):  # type: ignore[operator]
            return whole[key]
        return Undefined(path)

    return find


def numeric(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A function of two numbers; raises TemplateTrouble for anything else."""
    return lambda left, right: function(number_of(left), number_of(right))


def applied(function: Callable[[Any, Any], Any], left: Evaluate, right: Evaluate) -> Evaluate:
    """A function of the results of both."""

    def apply(given: Variables) -> Any:
        one, other = left(given), right(given)
        try:
            return function(present(one), present(other))
        except (ArithmeticError, TypeError, ValueError) as error:
            raise TemplateTrouble(f"there is no result ({str(error)[:80]})") from None

    return apply


def through(
    function: Callable[..., Any], value: Evaluate, arguments: Sequence[Evaluate]
) -> Evaluate:
    """A filter, with the results of its arguments."""

    def apply(given: Variables) -> Any:
        try:
            return function(value(given), *[argument(given) for argument in arguments])
        except (ArithmeticError, TypeError, ValueError) as error:
            raise TemplateTrouble(f"there is no result ({str(error)[:80]})") from None

    return apply


def chosen(table: Mapping[Any, Any], key: Evaluate, path: str) -> Evaluate:
    """What a table that stands in the template has for a key."""

    def find(given: Variables) -> Any:
        name = present(key(given))
        if isinstance(name, (dict, list)):
            return Undefined(path)
        return table.get(name, Undefined(path))

    return find
