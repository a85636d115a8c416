"""Home Assistant's templates on a point's context."""

from __future__ import annotations

from typing import Any

from daemon.config import (
    MissingValue,
    NoValue,
    TemplateTrouble,
    Undefined,
    Variables,
    parse_value_template,
)
from daemon.mapping.payloads import value_of
from daemon.mapping.reach import MISSING, Context, Reach
from daemon.mapping.troubles import Kind, Unfit

_NO_JSON = Undefined("value_json")


def compile_template(text: str) -> Reach:
    """What a template gives for a payload: MISSING where the payload has not what it needs, None
    where it says that the payload is not for it. Raises Unfit where there is no result."""
    evaluate = parse_value_template(text).evaluate

    def find(context: Context) -> Any:
        try:
            return evaluate(_variables(context))
        except MissingValue:
            return MISSING
        except NoValue:
            return None
        except TemplateTrouble as trouble:
            raise Unfit(Kind.ARITHMETIC, f"{text[:80]!r}: {trouble}"[:300]) from None

    return find


def _variables(context: Context) -> Variables:
    root, text = context.root, context.text
    if type(root) is not str:
        return Variables(text or str(root), root, context.topic)
    try:
        decoded = value_of(text or root, "json")
    except Unfit:
        decoded = _NO_JSON  # type: ignore[assignment]
    return Variables(text or root, decoded, context.topic)
