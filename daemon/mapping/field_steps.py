"""The steps of a field as a person reads them, and the field's rule cut short after each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.config import FieldRule, is_path, parse_expression, parse_path
from daemon.mapping.reach import MISSING, Context, compile_path
from daemon.mapping.troubles import Unfit, show

_LATER: Mapping[str, tuple[str, ...]] = {
    "ignore": ("ignore",),
    "expression": ("expression",),
    "scale": ("scale", "offset"),
    "unit": ("unit", "store_as"),
    "round": ("round",),
    "range": ("min", "max", "on_range"),
}
"""The steps after reading, in order, and the options of each."""


def stages_of(rule: FieldRule) -> list[tuple[str, FieldRule]]:
    """The field's rule cut short after each of its steps, with a word for the step."""
    defaults = {name: info.default for name, info in FieldRule.model_fields.items()}
    uses_value = rule.expression is not None and parse_expression(rule.expression).uses_value
    given = {
        step: {name: getattr(rule, name) for name in names}
        for step, names in _LATER.items()
        if any(getattr(rule, name) != defaults[name] for name in names)
        # An expression without `value` is how the field is found.
        and (step != "expression" or uses_value)
    }
    cut = {name: defaults[name] for step in given for name in _LATER[step]}
    # Counting needs the counter's state, and a default would hide where the value went.
    base = rule.model_copy(update={**cut, "kind": "gauge", "default": None})
    stages = [("read", base)]
    for step, options in given.items():
        base = base.model_copy(update=options)
        stages.append((_word(step, rule), base))
    return stages


def _word(step: str, rule: FieldRule) -> str:
    match step:
        case "expression":
            return f"{rule.expression}"
        case "scale":
            shift = f" {'+' if rule.offset >= 0 else '-'} {abs(rule.offset):g}"
            return f"* {rule.scale:g}{shift if rule.offset else ''}"
        case "unit":
            return f"{rule.unit} to {rule.store_as}"
        case "round":
            return f"round: {rule.round}"
        case "range":
            low = "" if rule.min is None else f"{rule.min:g}"
            high = "" if rule.max is None else f"{rule.max:g}"
            return f"allowed {low}..{high}"
    return "ignore"


def origin_of(key: str, rule: FieldRule, context: Context) -> str:
    """Where the field's value comes from and what stands there."""
    if rule.value_template is not None:
        return f"template {rule.value_template}"
    if rule.value is not None:
        return f"value {rule.value}"
    if rule.path is not None:
        return f"at {rule.path} {shown(found_at(rule.path, context))}"
    if rule.expression is not None and not parse_expression(rule.expression).uses_value:
        return f"expression {rule.expression}"
    if isinstance(context.here, dict):
        return f"at {key} {shown(context.here.get(key, MISSING))}"
    return f"the payload, {show(context.here)}"


def found_at(path: str, context: Context) -> Any:
    """What stands at a path, MISSING, or why it cannot be followed."""
    try:
        return compile_path(parse_path(path))(context) if is_path(path) else MISSING
    except Unfit as trouble:
        return trouble.reason


def shown(value: Any) -> str:
    """What was found, or that there was nothing."""
    return "nothing" if value is MISSING else show(value)


def summary_of(value: Any) -> str:
    """A decoded payload or a part of it, in a few words."""
    if isinstance(value, dict):
        keys = [str(key)[:40] for key in list(value)[:8]]
        more = f" and {len(value) - 8} more" if len(value) > 8 else ""
        return f"an object with {', '.join(keys)}{more}" if keys else "an object without keys"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return show(value)
