"""Fields that are computed, and what an expression may not be."""

# ruff: noqa: E501 - a table reads best with one row a line

from __future__ import annotations

import contextlib
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import ArithmeticTrouble, parse_expression
from daemon.messages import Outcome
from tests.daemon.mapping.mappers import fields_of, message, rule_mapper

PAYLOAD = {"u": 230, "i": "0.5", "raw": 12, "on": True, "gone": None, "a-b": 4, "n": {"x": [7]}}


@pytest.mark.parametrize(
    ("options", "number"),
    [
        pytest.param("expression: $.u * $.i", 115.0, id="two-paths"),
        pytest.param("path: $.raw, expression: (value - 4) * 6.25", 50.0, id="own-value"),
        pytest.param("path: $.raw, expression: value / 2, scale: 10, offset: 1", 61.0, id="before-scale"),
        pytest.param("path: $.raw, expression: value * 1000, unit: mV, store_as: V", 12.0, id="before-unit"),
        pytest.param("expression: $.u / 7, round: 2", 32.86, id="rounded"),
        pytest.param("expression: $.u / 7, type: int", 33, id="int"),
        pytest.param("path: $.raw, expression: 'max(value, 20)', max: 15, on_range: clamp", 15.0, id="before-limits"),
        pytest.param("expression: '$[\"a-b\"] + $.n.x[0]'", 11.0, id="paths-with-brackets"),
        pytest.param("expression: '1 if $.on else 0'", 1.0, id="condition"),
        pytest.param("expression: '($.u > 200 and $.raw < 5) or not $.on'", 0.0, id="logic"),
        pytest.param("expression: sqrt($.raw * 3) ** 2 // 5 % 4 - -1", 4.0, id="operators"),
        pytest.param("expression: 'round(pi, 2) + min(1, 2, 3) + abs(-1)'", 5.14, id="functions"),
        pytest.param("expression: 0.1 + 0.2, round: 12", 0.3, id="constants"),
    ],
)  # fmt: skip
def test_expression(tmp_path: Path, options: str, number: float) -> None:
    mapped = rule_mapper(tmp_path, f"fields: {{x: {{{options}}}}}").map(
        message(json.dumps(PAYLOAD))
    )
    assert mapped.outcome is Outcome.STORED, mapped.reason
    [found] = fields_of(mapped).values()
    assert (found, type(found)) == (number, type(number))


def test_fields_may_need_each_other_in_any_order(tmp_path: Path) -> None:
    options = "fields: {kw: {expression: watt / 1000}, watt: {expression: u * i}, u: {}, i: {}}"
    mapped = rule_mapper(tmp_path, options).map(message('{"u": 200, "i": 2}'))
    assert fields_of(mapped) == {"u": 200.0, "i": 2.0, "watt": 400.0, "kw": 0.4}


def test_scalar_payload_may_be_computed_twice(tmp_path: Path) -> None:
    options = "payload: scalar, fields: {f: {}, c: {expression: (f - 32) / 1.8, round: 1}}"
    assert fields_of(rule_mapper(tmp_path, options).map(message("70"))) == {"f": 70.0, "c": 21.1}


@pytest.mark.parametrize(
    ("options", "outcome", "kind"),
    [
        pytest.param("expression: $.missing * 2", "rejected", "missing", id="missing"),
        pytest.param("expression: $.missing * 2, optional: true", "no-value", "", id="missing-but-optional"),
        pytest.param("expression: $.gone * 2", "no-value", "", id="null"),
        pytest.param("path: $.gone, expression: value * 2", "no-value", "", id="own-value-is-null"),
        pytest.param("expression: $.u / 0", "rejected", "arithmetic", id="division-by-zero"),
        pytest.param("expression: sqrt(-1)", "rejected", "arithmetic", id="no-root"),
        pytest.param("expression: exp($.u * 10)", "rejected", "arithmetic", id="overflow"),
        pytest.param("expression: 9**9**9**9", "rejected", "arithmetic", id="tower"),
        pytest.param("expression: 1e308 * 10", "rejected", "not-finite", id="infinity"),
        pytest.param("expression: $.n * 2", "rejected", "type", id="object"),
    ],
)  # fmt: skip
def test_expression_without_a_result(tmp_path: Path, options: str, outcome: str, kind: str) -> None:
    mapped = rule_mapper(tmp_path, f"fields: {{x: {{{options}}}}}").map(
        message(json.dumps(PAYLOAD))
    )
    assert (mapped.outcome, mapped.kind) == (outcome, kind)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('id')", "().__class__.__bases__", "open('/etc/passwd')", "value.real",
        "lambda: 1", "[1, 2]", "{1: 2}", "'a' * 9", "f'{value}'", "value if", "a := 1", "value @ 2",
        "value << 9", "~value", "max(*value)", "max(value, key=abs)", "max(1)", "1 < value < 3", "True",
        "_private", "value[0]", "yield 1", "await value", "eval(value)", "1j", "", "x" * 600, "(" * 300,
        "-" * 200 + "1", "1; 2", "value\n2", "print(value)", "value is value", "1e999",
    ],
)  # fmt: skip
def test_text_that_is_no_arithmetic_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".{10}"):
        parse_expression(text)


@given(st.text(alphabet="value1.0+-*/%()<>=! ,maxinsqrtdele[]'\"_@$", max_size=40))
def test_any_text_is_refused_or_gives_a_number(text: str) -> None:
    try:
        expression = parse_expression(text)
    except ValueError:
        return
    numbers = dict.fromkeys([*expression.names, *(name for name, _ in expression.paths)], 2.0)
    with contextlib.suppress(ArithmeticTrouble):
        assert isinstance(expression.evaluate(numbers), float)


def test_constants_are_floats() -> None:
    assert math.isclose(parse_expression("2**0.5").evaluate({}), math.sqrt(2))
