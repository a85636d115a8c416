"""Templates that need Jinja itself, in its sandbox. The only module that knows jinja2; imported
when the first such template is met.

Only what the owner of the configuration wrote, or allowed, comes here. Jinja's sandbox keeps a
template from Python's insides but bounds neither time nor memory; so loops, macros, imports, powers
and calls of anything but a few functions are refused when the configuration is loaded, and texts
cannot be multiplied.
"""

from __future__ import annotations

from typing import Any

from jinja2 import StrictUndefined, TemplateError, UndefinedError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from daemon.config.template_filters import (
    NUMBERS,
    MissingValue,
    NoValue,
    TemplateTrouble,
    Undefined,
    bitwise_and,
    bitwise_or,
    iif,
    is_number,
    log,
    sqrt,
)
from daemon.config.template_steps import Evaluate, Variables

_MAX_RESULT = 4_096
_MAX_TEXT = 1_000_000
_CONCATENATE = "_concatenate_"
"""A name that `_check` refuses in a template."""
_ALLOWED_NODES = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.If, nodes.Assign, nodes.Name,
    nodes.NSRef, nodes.Const, nodes.Tuple, nodes.List, nodes.Dict, nodes.Pair, nodes.CondExpr,
    nodes.Filter, nodes.Test, nodes.Getitem, nodes.Getattr, nodes.Slice, nodes.Concat,
    nodes.Compare, nodes.Operand, nodes.Mul, nodes.Div, nodes.FloorDiv, nodes.Add, nodes.Sub,
    nodes.Mod, nodes.And, nodes.Or, nodes.Not, nodes.Neg, nodes.Pos, nodes.Call, nodes.Keyword,
)  # fmt: skip
_FUNCTIONS: dict[str, Any] = {
    "float": NUMBERS["float"], "int": NUMBERS["int"], "round": NUMBERS["round"], "min": min,
    "max": max, "abs": abs, "bool": bool, "len": len, "iif": iif, "is_number": is_number,
    "log": log, "sqrt": sqrt, "bitwise_and": bitwise_and, "bitwise_or": bitwise_or,
}  # fmt: skip
_METHODS = frozenset(
    ("split", "strip", "lstrip", "rstrip", "lower", "upper", "startswith", "endswith", "replace",
     "get", "items", "keys", "values", "find", "count", "isdigit", "title")
)  # fmt: skip
_FILTERS = frozenset(
    ("abs", "capitalize", "default", "d", "first", "float", "int", "join", "last", "length",
     "count", "list", "lower", "max", "min", "replace", "reverse", "round", "sort", "string", "sum",
     "title", "trim", "unique", "upper", "items", "is_defined", "multiply", "iif", "is_number",
     "log", "sqrt", "bitwise_and", "bitwise_or")
)  # fmt: skip
_NAMES = frozenset(
    ("value", "value_json", "topic", "true", "false", "none", "True", "False", "None")
)


class _Missing(StrictUndefined):
    """False where it is tested, as in Home Assistant; an error where it is used."""

    __slots__ = ()

    def __bool__(self) -> bool:  # type: ignore[override]
        return False


class _Environment(ImmutableSandboxedEnvironment):
    """Jinja with results that cannot grow without end."""

    intercepted_binops = frozenset(("*", "%", "+"))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        sides = (left, right)
        if operator == "+" and all(isinstance(side, str) for side in sides):
            return _joined(left, right)
        if not all(isinstance(side, (int, float)) for side in sides):
            raise TemplateTrouble(f"{operator} between what is no number")
        if operator == "*" and all(isinstance(side, int) for side in sides):
            # A float overflows where an integer would go on growing.
            left = left if left.bit_length() + right.bit_length() < 63 else float(left)
        return super().call_binop(context, operator, left, right)

    def call(self, context: Any, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        if getattr(function, "__name__", "") == "replace":
            return _replaced(getattr(function, "__self__", ""), *args)
        return super().call(context, function, *args, **kwargs)


def _joined(*parts: Any) -> str:
    text = "".join(str(part) for part in parts)
    if len(text) > _MAX_TEXT:
        raise TemplateTrouble(f"a text of more than {_MAX_TEXT} characters")
    return text


def _replaced(text: Any, old: Any, new: Any, count: int = -1) -> str:
    whole, part, other = str(text), str(old), str(new)
    if len(whole) + (whole.count(part) + 1) * len(other) > _MAX_TEXT:
        raise TemplateTrouble(f"a text of more than {_MAX_TEXT} characters")
    return whole.replace(part, other, count)


def _join(items: Any, separator: Any = "") -> str:
    texts = [str(item) for item in items]
    if len(texts) * len(str(separator)) > _MAX_TEXT:
        raise TemplateTrouble(f"a text of more than {_MAX_TEXT} characters")
    return _joined(str(separator).join(texts))


def _is_defined(value: Any) -> Any:
    if isinstance(value, StrictUndefined):
        raise NoValue("the payload has not what the template needs")
    return value


def _environment() -> _Environment:
    environment = _Environment(undefined=_Missing, autoescape=False)
    environment.globals.clear()
    environment.globals.update(_FUNCTIONS)
    environment.globals[_CONCATENATE] = _joined
    environment.filters.update(NUMBERS)
    for function in (iif, is_number, log, sqrt, bitwise_and, bitwise_or):
        environment.filters[function.__name__] = function
    environment.filters.update(is_defined=_is_defined, replace=_replaced, join=_join)
    return environment


_ENVIRONMENT = _environment()


def compile_jinja(text: str) -> Evaluate:
    """The function of a template; its result is text.

    Raises:
        ValueError: for what is no template, and for what a template may not do.
    """
    try:
        tree = _ENVIRONMENT.parse(text)
        _check(tree)
        template = _ENVIRONMENT.from_string(_bounded(tree))
    except (TemplateError, RecursionError, SyntaxError) as error:
        raise ValueError(f"this is no template: {str(error).splitlines()[0][:200]}") from None

    def evaluate(given: Variables) -> str:
        names: dict[str, Any] = {"value": given.value, "topic": given.topic}
        if not isinstance(given.value_json, Undefined):
            names["value_json"] = given.value_json
        try:
            result = template.render(names)
        except UndefinedError as error:
            raise MissingValue(str(error)[:200]) from None
        except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError) as error:
            raise TemplateTrouble(f"there is no result ({str(error)[:200]})") from None
        except (AttributeError, RecursionError, MemoryError) as error:
            raise TemplateTrouble(f"there is no result ({type(error).__name__})") from None
        if len(result) > _MAX_RESULT:
            raise TemplateTrouble(f"its result has more than {_MAX_RESULT} characters")
        return result.strip()

    return evaluate


def _bounded(tree: nodes.Template) -> nodes.Template:
    """The template with `~` as a function that bounds its result."""
    for parent in tree.find_all(nodes.Node):
        for name, value in parent.iter_fields():
            if isinstance(value, nodes.Concat):
                setattr(parent, name, _call(value))
            elif isinstance(value, list):
                value[:] = [_call(v) if isinstance(v, nodes.Concat) else v for v in value]
    return tree


def _call(concat: nodes.Concat) -> nodes.Call:
    function = nodes.Name(_CONCATENATE, "load", lineno=concat.lineno)
    return nodes.Call(function, concat.nodes, [], None, None, lineno=concat.lineno)


def _check(tree: nodes.Template) -> None:
    known = set(_NAMES) | set(_FUNCTIONS)
    known |= {node.name for node in tree.find_all(nodes.Name) if node.ctx == "store"}
    for node in tree.find_all(nodes.Node):
        if not isinstance(node, _ALLOWED_NODES):
            raise ValueError(
                f"a template may not have {type(node).__name__.lower()} (line {node.lineno}): "
                "no loops, macros, imports or powers"
            )
        if isinstance(node, nodes.Name) and node.name not in known:
            raise ValueError(f"a template knows value, value_json and topic, not {node.name!r}")
        if isinstance(node, nodes.Filter) and node.name not in _FILTERS:
            raise ValueError(
                f"no filter {node.name!r} here; allowed: {', '.join(sorted(_FILTERS))}"
            )
        if isinstance(node, nodes.Getattr) and node.attr.startswith("_"):
            raise ValueError(f"a template may not look at {node.attr!r}")
        if isinstance(node, nodes.Call):
            _check_call(node)
        if isinstance(node, nodes.Assign) and _makes_list(node):
            raise ValueError("a template may not put lists or objects into a variable")


def _makes_list(node: nodes.Assign) -> bool:
    # Lists of lists of lists would be printed as more text than there is memory.
    return any(
        isinstance(node.node, kind) or node.node.find(kind) is not None
        for kind in (nodes.List, nodes.Tuple, nodes.Dict)
    )


def _check_call(call: nodes.Call) -> None:
    target = call.node
    if isinstance(target, nodes.Name) and target.name in _FUNCTIONS:
        return
    if isinstance(target, nodes.Getattr) and target.attr in _METHODS:
        return
    name = getattr(target, "attr", getattr(target, "name", "this"))
    raise ValueError(
        f"a template may not call {name!r}; allowed: {', '.join(sorted(_FUNCTIONS))}, and of texts "
        f"and objects {', '.join(sorted(_METHODS))}"
    )
