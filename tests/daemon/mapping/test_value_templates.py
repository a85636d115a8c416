"""Templates as Home Assistant users write them."""

# ruff: noqa: E501 - a table reads best with one row a line

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.config import TemplateTrouble, Undefined, Variables, parse_value_template
from daemon.config.jinja_templates import compile_jinja
from daemon.messages import Outcome
from tests.daemon.mapping.mappers import fields_of, message, rule_mapper, tags_of

PAYLOAD = {
    "t": 21.456,
    "s": "7,5",
    "n": None,
    "l": [1, 2],
    "o": {"a-b": 3, "id": 7},
    "on": "ON",
    "yes": True,
    "DS18B20-1": {"Temperature": 5.5},
}
GIVEN = Variables(json.dumps(PAYLOAD), PAYLOAD, "house/attic/env")


@pytest.mark.parametrize(
    ("template", "number"),
    [
        pytest.param("{{ value_json.t }}", 21.456, id="path"),
        pytest.param("{{value_json.t|round(1)}}", 21.5, id="without-blanks"),
        pytest.param("{{ value_json['t'] | round(1) }}", 21.5, id="brackets"),
        pytest.param('{{ value_json["DS18B20-1"]["Temperature"] }}', 5.5, id="tasmota"),
        pytest.param("{{ value_json['DS18B20-1'].Temperature }}", 5.5, id="brackets-then-dot"),
        pytest.param("{{ value_json.l[1] }}", 2.0, id="item"),
        pytest.param("{{ value_json.l.1 }}", 2.0, id="item-by-dot"),
        pytest.param("{{ value_json.t | float * 2 }}", 42.912, id="filter-binds-first"),
        pytest.param("{{ (value_json.t + 0.1) | round }}", 22.0, id="parentheses"),
        pytest.param("{{ value_json.t | multiply(10) | int }}", 214.0, id="filters-in-a-row"),
        pytest.param("{{ value_json.t | round(1, 'floor') }}", 21.4, id="round-down"),
        pytest.param("{{ value_json.x | default(3) }}", 3.0, id="default"),
        pytest.param("{{ value_json.x | float(default=4) }}", 4.0, id="default-of-float"),
        pytest.param("{{ value_json.s | float(0) }}", 0.0, id="default-for-text"),
        pytest.param("{{ float(value_json.t) * 2 }}", 42.912, id="float-as-function"),
        pytest.param("{{ int(value_json.s, 3) }}", 3.0, id="int-as-function"),
        pytest.param("{{ value_json.get('t') }}", 21.456, id="get"),
        pytest.param("{{ {'ON': 3, 'OFF': 4}[value_json.on] }}", 3.0, id="table"),
        pytest.param("{{ {7: -3}[value_json.o.id] | abs }}", 3.0, id="table-of-numbers"),
        pytest.param("{{ {'x': 1}[value_json.on] | default(5) }}", 5.0, id="nothing-in-the-table"),
        pytest.param("{% set v = {'ON':1,None:2} %}{{ v[value_json.on] }}", 1.0, id="table-set"),
        pytest.param("{%set v={None:2}-%} {{v[value_json.n]}}", 2.0, id="null-in-the-table"),
        pytest.param("{{ value_json.get('x', 2) }}", 2.0, id="get-other"),
        pytest.param("{{ value_json.s | replace(',', '.') | float }}", 7.5, id="replace"),
        pytest.param("{{ value_json.s.split(',')[1] }}", 5.0, id="split"),
        pytest.param("{{ 1 if value_json.on == 'ON' else 0 }}", 1.0, id="condition"),
        pytest.param("{{ value_json.yes }}", 1, id="boolean"),
        pytest.param("{{ value_json.on == 'OFF' }}", 0, id="comparison"),
        pytest.param("{{ value_json.on }}", 1, id="word"),
        pytest.param("{% if value_json.on == 'ON' %}7{% else %}8{% endif %}", 7.0, id="if"),
        pytest.param("{% if value_json.t > 30 %}1{% elif value_json.t > 20 %}2{% else %}3{% endif %}", 2.0, id="elif"),
        pytest.param("{% if value_json.x is defined %}1{% else %}0{% endif %}", 0.0, id="is-defined"),
        pytest.param("{%- set t = value_json.t -%}{{ t | round(0) }}", 21.0, id="set"),
        pytest.param("{{ [value_json.t, 30] | max }}", 30.0, id="maximum"),
        pytest.param("{{ value | length > 3 }}", 1, id="value-is-the-payload"),
        pytest.param("{{ 1 if 'attic' in topic else 0 }}", 1.0, id="topic"),
        pytest.param("{{ -value_json.t // 1 % 7 }}", 6.0, id="arithmetic"),
        pytest.param("{# a note #}{{ value_json.l | sum }}", 3.0, id="note"),
        pytest.param("{{ '1' ~ value_json.l[1] }}", 12.0, id="concatenation"),
    ],
)  # fmt: skip
def test_template_gives_a_number(tmp_path: Path, template: str, number: float) -> None:
    options = f"fields: {{x: {{value_template: {json.dumps(template)}}}}}"
    mapped = rule_mapper(tmp_path, options, "house/#").map(
        message(json.dumps(PAYLOAD), "house/attic/env")
    )
    assert mapped.outcome is Outcome.STORED, mapped.reason
    assert fields_of(mapped) == {"x": number}


@pytest.mark.parametrize(
    ("template", "outcome", "kind"),
    [
        pytest.param("{{ value_json.x }}", "rejected", "missing", id="missing"),
        pytest.param("{{ value_json.x | round(1) }}", "rejected", "missing", id="missing-in-a-filter"),
        pytest.param("{{ value_json.x.y.z + 1 }}", "rejected", "missing", id="missing-in-a-sum"),
        pytest.param("{{ value_json.x | is_defined }}", "no-value", "", id="is_defined"),
        pytest.param("{{ value_json.x | replace('a', 'b') }}", "rejected", "missing", id="missing-in-jinja"),
        pytest.param("{{ value_json.n }}", "no-value", "", id="null"),
        pytest.param("{{ value_json.on | float }}", "rejected", "arithmetic", id="no-number"),
        pytest.param("{{ value_json.t / 0 }}", "rejected", "arithmetic", id="division-by-zero"),
        pytest.param("{{ value * 1000000 }}", "rejected", "arithmetic", id="text-times-a-number"),
        pytest.param("{{ value_json.o }}", "rejected", "type", id="object"),
        pytest.param("{{ value_json.s }}", "rejected", "text", id="text"),
        pytest.param("{{ value_json.t | round(99999999) }}", "rejected", "arithmetic", id="many-digits"),
        pytest.param("{{ value_json.s.replace('', value) }}", "rejected", "text", id="growing-by-replace"),
        pytest.param("{% set a = value ~ value %}" + "{% set a = a ~ a %}" * 40 + "{{ a }}", "rejected", "arithmetic", id="doubling-40-times"),
        pytest.param("{% set a = value + value %}" + "{% set a = a + a %}" * 40 + "{{ a }}", "rejected", "arithmetic", id="adding-40-times"),
        pytest.param("{% set a = 9 %}" + "{% set a = a * a %}" * 60 + "{{ a }}", "rejected", "text", id="squaring-60-times"),
        pytest.param("{{ value_json.l.__class__ | string }}", None, "", id="private"),
    ],
)  # fmt: skip
def test_template_without_a_result(
    tmp_path: Path, template: str, outcome: str | None, kind: str
) -> None:
    options = f"fields: {{x: {{value_template: {json.dumps(template)}}}}}"
    if outcome is None:
        with pytest.raises(ValueError, match="may not look at"):
            parse_value_template(template)
        return
    mapped = rule_mapper(tmp_path, options).map(message(json.dumps(PAYLOAD)))
    assert (mapped.outcome, mapped.kind, mapped.points) == (outcome, kind, ())
    assert len(mapped.reason) < 1000


REFUSED = [
    "{% for i in range(10) %}{{ i }}{% endfor %}", "{% macro m() %}{% endmacro %}", "{% include 'x' %}",
    "{% import 'x' as y %}", "{{ 2 ** 99 }}", "{{ range(9) }}", "{{ cycler('a') }}", "{{ lipsum() }}",
    "{{ value.format(1) }}", "{{ value.__class__ }}", "{{ ''.join.__globals__ }}", "{{ self }}",
    "{{ value['__class__'].mro() }}", "{{ value | center(99) }}", "{{ value | pprint }}",
    "{{ value | map('upper') | list }}", "{{ states('sensor.x') }}", "{{ now() }}", "{{ value",
    "{% if value %}", "{% endif %}", "{{ }}", "{% set a = [value, value] %}{{ a }}",
    "{% call value() %}{% endcall %}", "{% filter upper %}x{% endfilter %}", "{{ value }}" * 500,
    "{{ _concatenate_(1) }}", "{% with a = 1 %}{% endwith %}", "{% extends 'x' %}", "{{ " + "(" * 300,
]  # fmt: skip


@pytest.mark.parametrize("template", REFUSED)
def test_template_that_may_not_be_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r".{10}"):
        parse_value_template(template)


SIMPLE = [
    "{{ value }}", "{{ value_json.a.b }}", "{{value_json.a|round(1)}}", "{{ value_json['a'] | float(0) * 2 }}",
    "{{ 'x' if value_json.a is defined else 'y' }}", "{% if value == 'ON' %}1{% else %}0{% endif %}",
    "{{ value_json.a | is_defined }}", "{{ value_json.a | default('') }}",
    "{{ {'a': 1}[value] }}", "{% set v = {None:None,'idle':'off'} %}{{ v[value_json.running_state] }}",
]  # fmt: skip


@pytest.mark.parametrize("template", SIMPLE)
def test_common_template_runs_without_jinja(template: str) -> None:
    assert parse_value_template(template, "simple").is_simple


@pytest.mark.parametrize("template", ["{{ value.split(',')[0] }}", "{% set a = 1 %}{{ a }}"])
def test_template_of_others_runs_only_where_it_is_simple(template: str) -> None:
    with pytest.raises(ValueError, match="templates: full"):
        parse_value_template(template, "simple")


def test_jinja_is_not_imported_for_simple_templates() -> None:
    code = (
        "import sys; from daemon.config import parse_value_template as p; p('{{ value_json.a }}');"
        "sys.exit('jinja2' in sys.modules or 'jsonpath' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


LEAF = st.sampled_from(
    ["value_json.t", "value_json.l[0]", "value_json['o'].id", "2", "0.5", "'a'", "value_json.on",
     "value_json.yes", "none", "topic", "value_json.x | default(1)", "value_json.get('t')",
     "value_json.get('x')", "value_json.get('x', 4)", "value_json.o.get('id')"]
)  # fmt: skip
EXPRESSIONS = st.recursive(
    LEAF,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "==", "!=", "<", ">=", "~", "and", "or"]), inner).map(" ".join),
        inner.map("({})".format),
        inner.map("(not {})".format),
        inner.map("-({})".format),
        inner.map("float({}, 1)".format),
        inner.map("int({})".format),
        inner.map("{{2: 7, 'a': 8, none: 9, 'ON': -1, true: 5}}[{}]".format),
        st.tuples(inner, st.sampled_from(["| int(0)", "| float(1)", "| round(1)", "| abs", "| string", "| lower", "is defined", "is none"])).map(" ".join).map("({})".format),
        st.tuples(inner, inner, inner).map(lambda parts: "({} if {} else {})".format(*parts)),
    ),
    max_leaves=5,
)  # fmt: skip


def result(evaluate: object) -> str:
    assert callable(evaluate)
    try:
        return str(evaluate(GIVEN)).strip()
    except TemplateTrouble:
        return "no result"


@given(EXPRESSIONS)
@settings(max_examples=300)
def test_simple_template_gives_what_jinja_gives(expression: str) -> None:
    text = "{{ " + expression + " }}"
    template = parse_value_template(text)
    if template.is_simple:
        ours, jinjas = result(template.evaluate), result(compile_jinja(text))
        # Jinja adds two texts, we say that `+` is for numbers; all else is the same.
        assert ours in (jinjas, "no result")
        assert ours == jinjas or "+" in expression or "%" in expression


def test_payload_that_is_no_json_has_only_a_value(tmp_path: Path) -> None:
    options = "fields: {x: {value_template: \"{{ value | replace('C', '') }}\"}, y: {value_template: \"{{ value_json.t }}\", optional: true}}"
    assert fields_of(rule_mapper(tmp_path, options).map(message("21.5C"))) == {"x": 21.5}
    assert Undefined("x").path == "x"


def test_number_is_json_too(tmp_path: Path) -> None:
    options = 'fields: {x: {value_template: "{{ value_json * 2 }}"}}'
    assert fields_of(rule_mapper(tmp_path, options).map(message("21.5"))) == {"x": 43.0}


def test_tag_by_template(tmp_path: Path) -> None:
    options = 'tags: {m: "{{ value_json.on | lower }}-{{ value_json.o.id }}", n: "{{ value_json.x }}"}, fields: {t: {}}'
    mapped = rule_mapper(tmp_path, options).map(message(json.dumps(PAYLOAD)))
    assert (tags_of(mapped), fields_of(mapped)) == ({"m": "on-7"}, {"t": 21.456})


def test_template_with_limits_and_units(tmp_path: Path) -> None:
    options = 'fields: {x: {value_template: "{{ value_json.t }}", unit: °F, store_as: °C, round: 1, max: 0, on_range: clamp}}'
    assert fields_of(rule_mapper(tmp_path, options).map(message(json.dumps(PAYLOAD)))) == {
        "x": -5.9
    }
