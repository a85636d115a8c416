"""One payload, several points; and the ways to name what they are."""

# ruff: noqa: E501 - a table reads best with one row a line

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.messages import Outcome
from tests.daemon.mapping.mappers import fields_of, mapper, message, reading, rule_mapper, tags_of
from tests.daemon.mapping.test_payload_kinds import points_of

HUB = {
    "ts": 1732435200,
    "hub": "h1",
    "sensors": [
        {"name": "attic", "t": 21.5, "h": 48},
        {"name": "cellar", "t": 11.5},
        {"name": "broken", "t": None},
    ],
}
PROBES = {
    "DS18B20-1": {"Id": "0A", "Temperature": 1.5},
    "DS18B20-2": {"Id": "0B", "Temperature": 2.5},
    "TempUnit": "C",
}


@pytest.mark.parametrize(
    ("options", "value", "points"),
    [
        pytest.param("each: '$.sensors[*]', tags: {sensor: '@.name', hub: $.hub}, fields: {t: '@.t'}", HUB,
                     [({"sensor": "attic", "hub": "h1"}, {"t": 21.5}), ({"sensor": "cellar", "hub": "h1"}, {"t": 11.5})], id="list-of-objects"),
        pytest.param("each: '$.sensors[*]', tags: {sensor: '@.name'}", HUB,
                     [({"sensor": "attic"}, {"t": 21.5, "h": 48.0}), ({"sensor": "cellar"}, {"t": 11.5})], id="without-fields"),
        pytest.param("each: '$.sensors[?@.h]', fields: {t: {}}", HUB, [({}, {"t": 21.5})], id="filter"),
        pytest.param("each: $.*, tags: {probe: '{key}', id: '@.Id'}, fields: {t: {path: '@.Temperature', optional: true}}", PROBES,
                     [({"probe": "DS18B20-1", "id": "0A"}, {"t": 1.5}), ({"probe": "DS18B20-2", "id": "0B"}, {"t": 2.5})], id="keys-of-an-object"),
        pytest.param("each: '$.power[*]', tags: {phase: 'L{key}'}, fields: {w: '@'}", {"power": [1, 2]},
                     [({"phase": "L0"}, {"w": 1.0}), ({"phase": "L1"}, {"w": 2.0})], id="list-of-numbers"),
        pytest.param("each: '$[*]', tags: {n: '{key}'}, fields: {w: {}}", [3, 4],
                     [({"n": "0"}, {"w": 3.0}), ({"n": "1"}, {"w": 4.0})], id="payload-is-a-list"),
        pytest.param("each: '$.rooms.*.*', tags: {room: '{key_2}', probe: '{key}'}, fields: {t: '@'}", {"rooms": {"a": {"x": 1}, "b": {"y": 2}}},
                     [({"room": "a", "probe": "x"}, {"t": 1.0}), ({"room": "b", "probe": "y"}, {"t": 2.0})], id="two-levels"),
        pytest.param("each: $..t, tags: {place: '{key_1}'}, fields: {t: '@'}", {"a": {"t": 1}, "b": {"c": {"t": 2}}},
                     [({"place": "a"}, {"t": 1.0}), ({"place": "b"}, {"t": 2.0})], id="descendants"),
        pytest.param("each: $.a.b, fields: {t: {}}", {"a": {"b": {"t": 1}}}, [({}, {"t": 1.0})], id="plain-path"),
        pytest.param("tags: {m: '{$.model}-{$.id}'}, fields: {t: {}}", {"model": "X", "id": 7, "t": 1}, [({"m": "X-7"}, {"t": 1.0})], id="text-of-two-paths"),
        pytest.param("tags: {m: '{$.model}-{$.id}'}, fields: {t: {}}", {"model": "X", "t": 1}, [({}, {"t": 1.0})], id="text-of-a-missing-path"),
        pytest.param("fields: {a: \"$.list[?@.n == 'x'].v\"}", {"list": [{"n": "w", "v": 1}, {"n": "x", "v": 2}]}, [({}, {"a": 2.0})], id="field-by-filter"),
        pytest.param("fields: {a: '$[\"x y\",\"z\"]'}", {"z": 3}, [({}, {"a": 3.0})], id="one-of-two-names"),
        pytest.param("fields: {a: '$[\"x,y\"]'}", {"x,y": 4}, [({}, {"a": 4.0})], id="name-with-a-comma"),
        pytest.param("fields: {a: '$.list[-1]'}", {"list": [1, 2]}, [({}, {"a": 2.0})], id="last-of-a-list"),
    ],
)  # fmt: skip
def test_points_of_a_payload(
    tmp_path: Path, options: str, value: Any, points: list[tuple[dict[str, str], dict[str, float]]]
) -> None:
    mapped = rule_mapper(tmp_path, options).map(message(json.dumps(value)))
    assert mapped.outcome is Outcome.STORED, mapped.reason
    assert [(tags, fields) for _, tags, fields in points_of(mapped)] == points


def test_points_that_nobody_could_tell_apart_are_reported(tmp_path: Path) -> None:
    mapped = rule_mapper(tmp_path, "each: '$[*]', fields: {w: {}}").map(message("[1, 2]"))
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "same-series")
    assert points_of(mapped) == [("m", {}, {"w": 1.0})]
    assert '"{key}"' in mapped.reason


def test_path_with_several_values_for_one_field_names_the_remedy(tmp_path: Path) -> None:
    mapped = rule_mapper(tmp_path, "fields: {w: '$.a[*]'}").map(message('{"a": [1, 2]}'))
    assert (mapped.outcome, mapped.kind, mapped.points) == (Outcome.REJECTED, "too-many", ())
    assert "`each`" in mapped.reason


def test_nothing_to_make_points_of_is_no_value(tmp_path: Path) -> None:
    mapped = rule_mapper(tmp_path, "each: '$.a[*]', fields: {w: {}}").map(message('{"a": []}'))
    assert (mapped.outcome, mapped.points) == (Outcome.NO_VALUE, ())


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(json.dumps({"a": [1] * 1001}), id="1001-places"),
        pytest.param('{"a":' * 900 + "[1]" + "}" * 900, id="900-levels"),
    ],
)
def test_too_much_for_a_path_is_rejected(tmp_path: Path, payload: str) -> None:
    options = "each: '$..a[*]', tags: {n: '{key}'}, fields: {w: '@'}"
    mapped = rule_mapper(tmp_path, options).map(message(payload))
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "too-many")


def test_command_polls_fan_out_too(tmp_path: Path) -> None:
    rules = mapper(
        tmp_path,
        "polls: [{command: {run: [x], parse: json, each: '$.s[*]', tags: {n: '@.n'}, fields: {t: '@.t'}}}]\n",
    )
    mapped = rules.map(reading({"s": [{"n": "a", "t": 1}, {"n": "b", "t": 2}]}, "command"))
    assert points_of(mapped) == [
        ("command", {"n": "a"}, {"t": 1.0}),
        ("command", {"n": "b"}, {"t": 2.0}),
    ]


def test_measurement_of_the_payload(tmp_path: Path) -> None:
    rules = mapper(
        tmp_path, "sources: [{topic: t/+x, measurement: '{$.kind}_{x}', fields: {t: {}}}]\n"
    )
    [point] = rules.map(message('{"kind": "climate", "t": 1}', "t/a")).points
    assert point.measurement == "climate_a"
    mapped = rules.map(message('{"t": 1}', "t/a"))
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "tag")
    assert "measurement" in mapped.reason


def test_level_of_the_topic_names_the_field_and_is_no_tag(tmp_path: Path) -> None:
    rules = rule_mapper(
        tmp_path, "fields: {'{quantity}': {max: 1000}}", "s/+device/emeter/+phase/+quantity"
    )
    mapped = rules.map(message("231.5", "s/em/emeter/0/voltage"))
    assert fields_of(mapped) == {"voltage": 231.5}
    assert tags_of(mapped) == {"device": "em", "phase": "0"}


def test_field_named_by_the_payload(tmp_path: Path) -> None:
    options = "each: '$[*]', fields: {'{@.name}': {path: '@.value'}}"
    payload = json.dumps([{"name": "t", "value": 1}, {"name": "h\n", "value": 2}])
    mapped = rule_mapper(tmp_path, options).map(message(payload))
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "name")
    assert fields_of(mapped) == {"t": 1.0}


@pytest.mark.parametrize(
    ("options", "number"),
    [
        pytest.param("value: 3", 3.0, id="constant"),
        pytest.param("value: '{channel}'", 2.0, id="of-the-topic"),
        pytest.param("value: '{channel}', scale: 10", 20.0, id="scaled"),
        pytest.param("value: '{$.a}{$.b}'", 12.0, id="of-two-paths"),
    ],
)
def test_field_with_a_value_of_the_rule(tmp_path: Path, options: str, number: float) -> None:
    rules = rule_mapper(tmp_path, f"fields: {{x: {{{options}}}}}", "relay/+channel")
    assert fields_of(rules.map(message('{"a": 1, "b": 2}', "relay/2"))) == {"x": number}


def test_tag_that_the_rule_takes_away(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, "tags: {phase: null, host: null}", "s/+device/+phase")
    [point] = rules.map(message("1", "s/em/0")).points
    assert point.tags == {"device": "em"}


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        pytest.param("fields: {t: $.a}, rest: store", {"t": 1.0, "b": 2.0, "c_d": 3.0}, id="others-are-stored"),
        pytest.param("fields: {d: $.c.d}, rest: store", {"d": 3.0, "a": 1.0, "b": 2.0}, id="nested-is-taken-once"),
        pytest.param("fields: {a: {scale: 10}}, rest: store", {"a": 10.0, "b": 2.0, "c_d": 3.0}, id="named-wins"),
        pytest.param("fields: {b: {max: 1, on_range: drop}}, rest: store", {"a": 1.0, "c_d": 3.0}, id="dropped-stays-out"),
        pytest.param("fields: {a: {}}, rest: store, exclude: [c_*]", {"a": 1.0, "b": 2.0}, id="excluded"),
        pytest.param("fields: {a: {}}", {"a": 1.0}, id="default-is-to-drop"),
    ],
)  # fmt: skip
def test_rest(tmp_path: Path, options: str, fields: dict[str, float]) -> None:
    payload = '{"a": 1, "b": 2, "c": {"d": 3}, "linkquality": 9}'
    found = fields_of(rule_mapper(tmp_path, options).map(message(payload)))
    assert {name: number for name, number in found.items() if name != "linkquality"} == fields
