"""What a field's rule makes of what a device sends."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.messages import Outcome
from tests.daemon.mapping.mappers import fields_of, mapper, message, rule_mapper

KELVIN = "unit: K, store_as: °C"


@pytest.mark.parametrize(
    ("options", "value", "number"),
    [
        pytest.param("", "21.5", 21.5, id="number"),
        pytest.param("", "21", 21.0, id="whole-number-is-a-float"),
        pytest.param("", '"21.50"', 21.5, id="number-as-text"),
        pytest.param("", '" 21.5 "', 21.5, id="blanks-around-text"),
        pytest.param("", '"1e3"', 1000.0, id="exponent-as-text"),
        pytest.param("", "0", 0.0, id="zero-is-a-reading"),
        pytest.param("", "true", 1, id="true"),
        pytest.param("", "false", 0, id="false"),
        pytest.param("", '"ON"', 1, id="on"),
        pytest.param("", '"closed"', 0, id="closed"),
        pytest.param("true_words: [open]", '"Open"', 1, id="own-true-word"),
        pytest.param("true_words: [closed], false_words: [open]", '"open"', 0, id="words-swapped"),
        pytest.param("type: float, false_words: [dry]", '"dry"', 0, id="words-beside-float"),
        pytest.param("type: int", "21", 21, id="int"),
        pytest.param("type: int", "21.0", 21, id="int-from-whole-float"),
        pytest.param("type: int", '"-7"', -7, id="int-from-text"),
        pytest.param("type: int", "9007199254740993", 9007199254740993, id="int-beyond-float"),
        pytest.param("type: int, scale: 0.1", "29", 3, id="int-is-rounded-after-scale"),
        pytest.param("type: bool", "true", 1, id="bool"),
        pytest.param("type: bool", '"off"', 0, id="bool-word"),
        pytest.param("type: bool", "1", 1, id="bool-one"),
        pytest.param("type: bool", '"0"', 0, id="bool-zero-as-text"),
        pytest.param("enum: {open: 1, closed: 0}", '"open"', 1, id="enum"),
        pytest.param("enum: {Heat: 2.5}", '"HEAT"', 2.5, id="enum-in-any-case"),
        pytest.param("enum: {true: 5}", "true", 5, id="enum-of-boolean"),
        pytest.param("enum: {1: 10, 2: 20}", "2", 20, id="enum-of-numbers"),
        pytest.param("enum: {2.5: 10}", "2.5", 10, id="enum-of-fractions"),
        pytest.param("enum: {unknown: -1}", '"unknown"', -1, id="enum-before-null-values"),
        pytest.param("scale: 0.001", "3012", 3.012, id="scale-leaves-no-noise"),
        pytest.param("scale: 0.1", "3", 0.3, id="tenth-of-three"),
        pytest.param("offset: -5", "3", -2.0, id="offset"),
        pytest.param("scale: 2, offset: 1", "3", 7.0, id="scale-before-offset"),
        pytest.param("unit: °F, store_as: °C, round: 2", "70", 21.11, id="fahrenheit"),
        pytest.param(KELVIN, "300", 26.85, id="kelvin-leaves-no-noise"),
        pytest.param("unit: kWh, store_as: Wh", "1.5", 1500.0, id="kilowatt-hours"),
        pytest.param("unit: mV, store_as: V", "2995", 2.995, id="millivolts"),
        pytest.param("unit: °C, store_as: °C", '"21.5 °C"', 21.5, id="unit-behind-the-number"),
        pytest.param("unit: °F, store_as: °C", '"70F"', 21.1111111111111, id="unit-spelled-so"),
        pytest.param(f"scale: 0.1, {KELVIN}", "3000", 26.85, id="scale-before-unit"),
        pytest.param("round: 1", "21.4567", 21.5, id="round"),
        pytest.param("round: 0", "21.4567", 21.0, id="round-to-whole"),
        pytest.param("min: 0, max: 5", "5", 5.0, id="bound-is-inside"),
        pytest.param("min: 0, on_range: clamp", "-3", 0.0, id="clamp-low"),
        pytest.param("max: 5, on_range: clamp, type: int", "9", 5, id="clamp-high-int"),
        pytest.param("max: 30, unit: °F, store_as: °C", "80", 26.6666666666667, id="max-is-stored"),
        pytest.param("default: 7", "null", 7.0, id="default-for-null"),
        pytest.param("default: 7, type: int", '"unavailable"', 7, id="default-for-no-value"),
    ],
)
def test_value_becomes_number(
    tmp_path: Path, options: str, value: str, number: int | float
) -> None:
    rules = rule_mapper(tmp_path, f"fields: {{x: {{{options}}}}}")
    mapped = rules.map(message(f'{{"x": {value}}}'))
    assert mapped.outcome is Outcome.STORED
    [found] = fields_of(mapped).values()
    assert (found, type(found)) == (number, type(number))


@pytest.mark.parametrize(
    ("options", "value"),
    [
        pytest.param("", "null", id="null"),
        pytest.param("", '""', id="empty-text"),
        pytest.param("", '"unavailable"', id="unavailable"),
        pytest.param("", '"Unknown"', id="unknown-in-any-case"),
        pytest.param("", '"None"', id="none"),
        pytest.param("", '"nan"', id="nan-text"),
        pytest.param("", "NaN", id="nan-literal"),
        pytest.param("", '"???"', id="question-marks"),
        pytest.param("type: int", '"unknown"', id="int"),
        pytest.param("type: bool", '"unknown"', id="bool"),
        pytest.param("enum: {on: 1}", '"unknown"', id="enum"),
        pytest.param("enum: {on: 1}, on_unknown: drop", '"maybe"', id="unknown-word-dropped"),
        pytest.param("on_unknown: drop", '"heating"', id="text-dropped"),
        pytest.param("type: bool, on_unknown: drop", '"heating"', id="no-yes-or-no-dropped"),
        pytest.param("ignore: [85.0, -127.0]", "85", id="ds18b20-after-power-up"),
        pytest.param("ignore: [85.0, -127.0]", '"-127.00"', id="ds18b20-error"),
        pytest.param("ignore: [850], scale: 0.1", "850", id="ignored-as-reported"),
        pytest.param("max: 5, on_range: drop", "6", id="out-of-range-dropped"),
        pytest.param("default: 1, ignore: [85]", "85", id="no-default-for-what-is-ignored"),
    ],
)
def test_value_is_no_field_and_no_trouble(tmp_path: Path, options: str, value: str) -> None:
    rules = rule_mapper(tmp_path, f"fields: {{x: {{{options}}}}}")
    mapped = rules.map(message(f'{{"x": {value}}}'))
    assert (mapped.outcome, mapped.points) == (Outcome.NO_VALUE, ())


@pytest.mark.parametrize(
    ("options", "value", "kind"),
    [
        pytest.param("", '"warm"', "text", id="text"),
        pytest.param("", '"21,5"', "text", id="comma"),
        pytest.param("", '"21.5 °C"', "text", id="unit-in-text"),
        pytest.param("unit: °C, store_as: °C", '"70 °F"', "text", id="other-unit-in-text"),
        pytest.param("unit: °C, store_as: °C", '"1.2.3 °C"', "text", id="no-number-before-unit"),
        pytest.param("", '"1_000"', "text", id="underscore"),
        pytest.param("", '"0x1A"', "text", id="hex"),
        pytest.param("", '"٢١"', "text", id="arabic-digits"),
        pytest.param("", "{}", "type", id="object"),
        pytest.param("", "[1]", "type", id="list"),
        pytest.param("", "Infinity", "not-finite", id="infinity"),
        pytest.param("", "1e999", "not-finite", id="overflow"),
        pytest.param("", "9" * 400, "not-finite", id="400-digits"),
        pytest.param("type: float", "true", "type", id="boolean-for-float"),
        pytest.param("type: float", '"ON"', "text", id="word-for-float"),
        pytest.param("type: int", "1.5", "type", id="fraction-for-int"),
        pytest.param("type: int", '"1.5"', "type", id="fraction-as-text-for-int"),
        pytest.param("type: int", "true", "type", id="boolean-for-int"),
        pytest.param("type: int", "9223372036854775808", "range", id="int-beyond-64-bit"),
        pytest.param("type: int", "Infinity", "not-finite", id="infinity-for-int"),
        pytest.param("type: bool", "2", "type", id="two-for-bool"),
        pytest.param("type: bool", '"maybe"', "text", id="word-for-bool"),
        pytest.param("true_words: [open]", '"ON"', "text", id="own-words-replace-ours"),
        pytest.param("enum: {open: 1}", '"ajar"', "text", id="unknown-word"),
        pytest.param("enum: {open: 1}", "7", "text", id="unknown-number"),
        pytest.param("enum: {open: 1}", "[]", "type", id="list-for-enum"),
        pytest.param("min: 0", "-0.1", "range", id="below-min"),
        pytest.param("max: 5", "5.1", "range", id="above-max"),
        pytest.param("scale: 1e308", "1e308", "not-finite", id="scaled-beyond-64-bit"),
        pytest.param("offset: 1", "1.7976931348623157e308", "not-finite", id="rounded-beyond"),
    ],
)
def test_value_that_does_not_fit_is_rejected_by_kind(
    tmp_path: Path, options: str, value: str, kind: str
) -> None:
    rules = rule_mapper(tmp_path, f"fields: {{x: {{{options}}}}}")
    mapped = rules.map(message(f'{{"x": {value}}}'))
    assert (mapped.outcome, mapped.kind, mapped.points) == (Outcome.REJECTED, kind, ())
    assert mapped.reason.startswith("field x")


def test_missing_key_is_rejected(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, "fields: {x: {}}")
    mapped = rules.map(message('{"y": 1}'))
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "missing")


def test_missing_key_of_an_optional_field_is_no_trouble(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, "fields: {x: {optional: true}, y: {}}")
    mapped = rules.map(message('{"y": 1}'))
    assert (mapped.outcome, fields_of(mapped)) == (Outcome.STORED, {"y": 1.0})


def test_missing_key_is_filled_by_its_default(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, "fields: {x: {default: 3}}")
    assert fields_of(rules.map(message("{}"))) == {"x": 3.0}


def test_good_fields_are_stored_beside_a_bad_one_which_is_reported(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, "fields: {x: $.a, y: $.b, z: $.c}")
    mapped = rules.map(message('{"a": 1, "b": "broken"}'))
    assert fields_of(mapped) == {"x": 1.0}
    assert (mapped.outcome, mapped.kind, mapped.rule) == (Outcome.REJECTED, "text", "sources[0]")
    assert mapped.reason == (
        "field y at $.b: found the text 'broken', a number is needed; "
        "field z at $.c: the payload has no such key (the fields that fit were stored)"
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param("$.a.b", 1.0, id="nested"),
        pytest.param("$.list[1]", 20.0, id="index"),
        pytest.param("$.list[-1]", 30.0, id="index-from-the-end"),
        pytest.param('$["switch:0"].apower', 8.9, id="colon"),
        pytest.param("$.switch:0.apower", 8.9, id="colon-without-brackets"),
        pytest.param('$["PM2.5"]', 12.0, id="dot-in-key"),
        pytest.param("$['with blank']", 5.0, id="blank-in-key"),
        pytest.param("$.rows[0].t", 7.0, id="object-in-list"),
        pytest.param("$.Küche", 3.0, id="umlaut"),
    ],
)
def test_path_leads_to_the_value(tmp_path: Path, path: str, value: float) -> None:
    rules = rule_mapper(tmp_path, f"fields: {{x: {json.dumps(path)}}}")
    payload = {
        "a": {"b": 1}, "list": [10, 20, 30], "switch:0": {"apower": 8.9}, "PM2.5": 12,
        "with blank": 5, "rows": [{"t": 7}], "Küche": 3,
    }  # fmt: skip
    assert fields_of(rules.map(message(json.dumps(payload)))) == {"x": value}


@pytest.mark.parametrize(
    "path", ["$.a.b.c", "$.a[0]", "$.list[3]", "$.list[-4]", "$.list.x", "$.none.x"]
)
def test_path_that_leads_nowhere_is_missing(tmp_path: Path, path: str) -> None:
    rules = rule_mapper(tmp_path, f"fields: {{x: {json.dumps(path)}}}")
    mapped = rules.map(message('{"a": {"b": 1}, "list": [1, 2, 3], "none": null}'))
    assert mapped.kind == "missing"


def test_whole_list_can_be_addressed(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, 'fields: {x: "$[0]", y: "$[1].v"}')
    assert fields_of(rules.map(message('[1, {"v": 2}]'))) == {"x": 1.0, "y": 2.0}


@pytest.mark.parametrize(
    ("payload", "fields"),
    [
        pytest.param("21.5", {"value": 21.5}, id="number"),
        pytest.param("ON", {"value": 1}, id="word"),
        pytest.param('"21.5"', {"value": 21.5}, id="number-in-quotes"),
        pytest.param('{"t": 1, "n": {"u": 2}}', {"t": 1.0, "n_u": 2.0}, id="nested"),
        pytest.param('{"a": [1, 2.5]}', {"a_0": 1.0, "a_1": 2.5}, id="list"),
        pytest.param('{"a": true, "b": "ON", "c": null}', {"a": 1}, id="text-and-null-left-out"),
        pytest.param('{"id": "1234e567", "v": "2024.6", "t": 1}', {"t": 1.0}, id="ids-are-text"),
        pytest.param('{"linkquality": 87, "RSSI": -60, "t": 1}', {"t": 1.0}, id="link-quality"),
        pytest.param('{"ts": 1, "last_seen": 2, "Time": 3, "t": 1}', {"t": 1.0}, id="times"),
        pytest.param('{"update": {"installed_version": 7}, "t": 1}', {"t": 1.0}, id="update"),
        pytest.param('{"battery": 97, "voltage": 2995}', {"battery": 97.0, "voltage": 2995.0},
                     id="battery-and-voltage-are-readings"),
        pytest.param('{"t": 9007199254740993}', {"t": 9007199254740992.0}, id="always-float"),
    ],
)  # fmt: skip
def test_rule_without_fields_takes_every_reading(
    tmp_path: Path, payload: str, fields: dict[str, float]
) -> None:
    mapped = rule_mapper(tmp_path).map(message(payload))
    assert (mapped.outcome, fields_of(mapped)) == (Outcome.STORED, fields)


def test_own_exclusions_replace_ours(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, 'exclude: ["ENERGY_*Power", today]')
    payload = '{"linkquality": 8, "ENERGY": {"Power": 1, "ReactivePower": 2, "Today": 3, "V": 4}}'
    assert fields_of(rules.map(message(payload))) == {"linkquality": 8.0, "ENERGY_V": 4.0}


@pytest.mark.parametrize(
    ("payload", "kind", "fields"),
    [
        pytest.param('{"a_b": 1, "a": {"b": 2}}', "name", {"a_b": 1.0}, id="same-name-twice"),
        pytest.param('{"": 1, "t": 2}', "name", {"t": 2.0}, id="empty-name"),
        pytest.param('{"a\\nb": 1, "t": 2}', "name", {"t": 2.0}, id="newline-in-name"),
        pytest.param('{"x": Infinity, "t": 2}', "not-finite", {"t": 2.0}, id="infinity"),
    ],
)
def test_reading_that_cannot_be_stored_is_reported_beside_the_others(
    tmp_path: Path, payload: str, kind: str, fields: dict[str, float]
) -> None:
    mapped = rule_mapper(tmp_path).map(message(payload))
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, kind)
    assert fields_of(mapped) == fields


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        pytest.param(json.dumps(dict.fromkeys(map(str, range(251)), 1)), "too-many", id="251"),
        pytest.param('{"a":' * 13 + "1" + "}" * 13, "too-deep", id="13-levels"),
    ],
)
def test_payload_beyond_reason_is_rejected_whole(tmp_path: Path, payload: str, kind: str) -> None:
    mapped = rule_mapper(tmp_path).map(message(payload))
    assert (mapped.outcome, mapped.kind, mapped.points) == (Outcome.REJECTED, kind, ())


@pytest.mark.parametrize(
    ("options", "payload", "outcome", "kind"),
    [
        pytest.param("payload: scalar", '{"t": 1}', "rejected", "text", id="object-for-scalar"),
        pytest.param("payload: json", "warm", "rejected", "not-json", id="text-for-json"),
        pytest.param("payload: json", "unavailable", "no-value", "", id="no-value-for-json"),
        pytest.param("payload: json", "21.5", "stored", "", id="number-is-json"),
        pytest.param("fields: {a: {}, b: {}}", "21.5", "rejected", "not-json", id="two-fields"),
        pytest.param("fields: {a: $.a}", "21.5", "rejected", "not-json", id="path-into-number"),
        pytest.param("fields: {a: {}}", "21.5", "stored", "", id="one-field"),
        pytest.param("payload: json, max_payload: 8B", '{"t": 12}', "rejected", "too-large",
                     id="one-byte-too-long"),
        pytest.param("payload: json, max_payload: 9B", '{"t": 12}', "stored", "", id="just-fits"),
    ],
)  # fmt: skip
def test_payload_is_read_as_the_rule_says(
    tmp_path: Path, options: str, payload: str, outcome: str, kind: str
) -> None:
    mapped = rule_mapper(tmp_path, options).map(message(payload))
    assert (mapped.outcome, mapped.kind) == (outcome, kind)


def test_own_null_values_replace_ours(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, "null_values: [off-line], fields: {a: {optional: true}}")
    assert rules.map(message('{"a": "OFF-LINE"}')).outcome is Outcome.NO_VALUE
    assert rules.map(message('{"a": "unavailable"}')).outcome is Outcome.REJECTED
    assert rules.map(message('{"a": NaN}')).kind == "not-finite"


def test_time_is_the_arrival_to_the_microsecond(tmp_path: Path) -> None:
    [point] = rule_mapper(tmp_path).map(message("1")).points
    assert point.time is not None
    assert point.time.isoformat() == "2024-11-24T08:00:00.123456+00:00"


def test_zero_below_zero_is_kept(tmp_path: Path) -> None:
    [value] = fields_of(rule_mapper(tmp_path).map(message("-0.0"))).values()
    assert value is not None
    assert math.copysign(1, value) == -1


def test_second_rule_gets_the_message_too_when_the_first_says_also(tmp_path: Path) -> None:
    rules = mapper(
        tmp_path,
        "sources:\n"
        "  - {topic: t, measurement: a, also: true}\n"
        "  - {topic: '#', measurement: b}\n"
        "  - {topic: t, measurement: c}\n",
    )
    mapped = rules.map(message("1"))
    assert [point.measurement for point in mapped.points] == ["a", "b"]


@pytest.mark.parametrize(
    ("payload", "outcome", "rule", "measurements"),
    [
        pytest.param("5", "rejected", "sources[0]", ["b"], id="first-rejects"),
        pytest.param("unknown", "no-value", "sources[0]", [], id="no-value-for-both"),
        pytest.param("1", "stored", "sources[0]", ["a", "b"], id="both-store"),
    ],
)
def test_outcome_of_two_rules_is_the_worst(
    tmp_path: Path, payload: str, outcome: str, rule: str, measurements: list[str]
) -> None:
    rules = mapper(
        tmp_path,
        "sources:\n"
        "  - {topic: t, measurement: a, also: true, fields: {x: {max: 1}}}\n"
        "  - {topic: t, measurement: b}\n",
    )
    mapped = rules.map(message(payload))
    assert (mapped.outcome, mapped.rule) == (outcome, rule)
    assert [point.measurement for point in mapped.points] == measurements


@pytest.mark.parametrize(
    ("policy", "new", "seen"),
    [
        ("once", "stored", "retained-seen"),
        ("skip", "retained-seen", "retained-seen"),
        ("store", "stored", "stored"),
    ],
)
def test_retained_message(tmp_path: Path, policy: str, new: str, seen: str) -> None:
    rules = rule_mapper(tmp_path, f"retained: {policy}")
    retained = message("1", is_retained=True)
    assert rules.map(retained).outcome == new
    assert rules.map(replace(retained, is_seen=True)).outcome == seen
    assert rules.map(message("1")).outcome is Outcome.STORED
