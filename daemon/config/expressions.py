"""Arithmetic between values of a payload: `value * 0.1`, `$.u * $.i / 1000`, `max(power, 0)`.

The text is read with Python's own parser, and each allowed piece of it becomes a function of our
own; nothing of it is ever run as Python, so it can reach nothing but the numbers it names. Pure.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from daemon.config.habits import suggest
from daemon.config.paths import PayloadPath, parse_path

Numbers = Mapping[str, float]
_Step = Callable[[Numbers], float]

VALUE = "value"
"""The name of the field's own value."""
_MAX_LENGTH = 500
_MAX_DEPTH = 50

_PATH = re.compile(r"""[$@](?:\.[A-Za-z_]\w*|\[(?:-?\d{1,9}|"[^"]*"|'[^']*')\])+""")
_OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    # Never complex, and never an integer of a million digits.
    ast.Pow: math.pow,
}
_COMPARISONS: dict[type[ast.AST], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_FUNCTIONS: dict[str, tuple[Callable[..., float], int, int]] = {
    "abs": (abs, 1, 1),
    "min": (min, 2, 20),
    "max": (max, 2, 20),
    "round": (lambda number, digits=0.0: round(number, int(digits)), 1, 2),
    "floor": (math.floor, 1, 1),
    "ceil": (math.ceil, 1, 1),
    "sqrt": (math.sqrt, 1, 1),
    "exp": (math.exp, 1, 1),
    "log": (math.log, 1, 2),
    "log10": (math.log10, 1, 1),
    "sin": (math.sin, 1, 1),
    "cos": (math.cos, 1, 1),
    "tan": (math.tan, 1, 1),
    "atan2": (math.atan2, 2, 2),
}
_CONSTANTS = {"pi": math.pi, "e": math.e}


class ArithmeticTrouble(Exception):  # noqa: N818 - no failure of ours: these numbers have no result
    """A result that is no number, as 1 / 0."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression, compiled."""

    text: str
    names: tuple[str, ...]
    """Other fields that it needs, and `value`, in the order in which they stand."""
    paths: tuple[tuple[str, PayloadPath], ...]
    """Paths that it needs, each with the name under which `evaluate` looks for its number."""
    _step: _Step

    @property
    def uses_value(self) -> bool:
        """Whether the field's own value is needed."""
        return VALUE in self.names

    @property
    def fields(self) -> tuple[str, ...]:
        """The other fields that are needed."""
        return tuple(name for name in self.names if name != VALUE)

    def evaluate(self, numbers: Numbers) -> float:
        """The result for numbers that hold every name and every path's name.

        Raises:
            ArithmeticTrouble: where there is none.
        """
        try:
            return float(self._step(numbers))
        except ZeroDivisionError:
            raise ArithmeticTrouble("a division by zero") from None
        except (ArithmeticError, ValueError) as error:
            raise ArithmeticTrouble(f"no number ({error})") from None


def parse_expression(text: str) -> Expression:
    """The expression that a text spells.

    Raises:
        ValueError: for anything but arithmetic; the text says what is allowed.
    """
    if len(text) > _MAX_LENGTH:
        raise ValueError(f"an expression has at most {_MAX_LENGTH} characters")
    paths: dict[str, PayloadPath] = {}

    def name_of(match: re.Match[str]) -> str:
        name = f"_path_{len(paths)}"
        paths[name] = parse_path(match[0])
        return f" {name} "

    source = _PATH.sub(name_of, text)
    try:
        tree = ast.parse(source.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(
            'this is no arithmetic; write it as "value * 0.1" or "$.u * $.i", with names of fields '
            'or paths of letters, digits and _ only (others as $["a-b"])'
        ) from None
    compiler = _Compiler(frozenset(paths))
    step = compiler.step(tree, 0)
    names = tuple(name for name in compiler.names if name not in paths)
    return Expression(text, names, tuple(paths.items()), step)


class _Compiler:
    """Makes a function of each node of the tree."""

    def __init__(self, paths: frozenset[str]) -> None:
        self._paths = paths
        self.names: dict[str, None] = {}

    def step(self, node: ast.AST, depth: int) -> _Step:
        """The function of a node. Raises ValueError."""
        if depth > _MAX_DEPTH:
            raise ValueError(f"an expression is nested at most {_MAX_DEPTH} deep")
        if isinstance(node, ast.Constant):
            return _constant(node.value)
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return _two(
                _OPERATORS[type(node.op)],
                self.step(node.left, depth + 1),
                self.step(node.right, depth + 1),
            )
        if isinstance(node, ast.UnaryOp):
            return self._unary(node, depth)
        if isinstance(node, ast.Compare):
            return self._comparison(node, depth)
        if isinstance(node, ast.BoolOp):
            return self._logic(node, depth)
        if isinstance(node, ast.IfExp):
            test = self.step(node.test, depth + 1)
            yes, no = self.step(node.body, depth + 1), self.step(node.orelse, depth + 1)
            return lambda numbers: yes(numbers) if test(numbers) else no(numbers)
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        raise ValueError(
            f"{ast.unparse(node)[:60]!r} is no arithmetic; allowed: + - * / // % **, comparisons, "
            f"and, or, not, `a if b else c`, and {', '.join(_FUNCTIONS)}"
        )

    def _name(self, name: str) -> _Step:
        if name in _CONSTANTS:
            return _constant(_CONSTANTS[name])
        if name.startswith("_") and name not in self._paths:
            raise ValueError(f"the name {name!r} begins with _")
        self.names[name] = None
        return lambda numbers: numbers[name]

    def _unary(self, node: ast.UnaryOp, depth: int) -> _Step:
        inner = self.step(node.operand, depth + 1)
        if isinstance(node.op, ast.USub):
            return lambda numbers: -inner(numbers)
        if isinstance(node.op, ast.UAdd):
            return inner
        if isinstance(node.op, ast.Not):
            return lambda numbers: 0.0 if inner(numbers) else 1.0
        raise ValueError("~ is no arithmetic on such numbers")

    def _comparison(self, node: ast.Compare, depth: int) -> _Step:
        kind = type(node.ops[0])
        if len(node.ops) > 1 or kind not in _COMPARISONS:
            raise ValueError("a comparison is < <= > >= == or !=, between two numbers")
        compare = _COMPARISONS[kind]
        left, right = self.step(node.left, depth + 1), self.step(node.comparators[0], depth + 1)
        return lambda numbers: 1.0 if compare(left(numbers), right(numbers)) else 0.0

    def _logic(self, node: ast.BoolOp, depth: int) -> _Step:
        steps = [self.step(value, depth + 1) for value in node.values]
        test = all if isinstance(node.op, ast.And) else any
        return lambda numbers: 1.0 if test(step(numbers) for step in steps) else 0.0

    def _call(self, node: ast.Call, depth: int) -> _Step:
        name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)[:40]
        if name not in _FUNCTIONS or not isinstance(node.func, ast.Name):
            meant = suggest(name, _FUNCTIONS)
            hint = f"did you mean `{meant}`? " if meant else ""
            raise ValueError(f"no function is called {name!r}; {hint}{', '.join(_FUNCTIONS)}")
        function, least, most = _FUNCTIONS[name]
        if node.keywords or not least <= len(node.args) <= most:
            raise ValueError(f"{name}() takes {least} to {most} numbers")
        steps = [self.step(argument, depth + 1) for argument in node.args]
        if len(steps) == 1:
            only = steps[0]
            return lambda numbers: function(only(numbers))
        return lambda numbers: function(*[step(numbers) for step in steps])


def _constant(value: object) -> _Step:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{value!r} is no number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("a number in it is too large")
    return lambda numbers: number


def _two(function: Callable[[float, float], float], left: _Step, right: _Step) -> _Step:
    return lambda numbers: function(left(numbers), right(numbers))
