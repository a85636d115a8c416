"""Values that a rule does not name one by one, and rules that take only some messages."""

import json
from pathlib import Path

import pytest

from daemon.config import load_config
from daemon.errors import ConfigError
from daemon.mapping import FieldMemory, compile_mapper
from daemon.messages import Outcome
from tests.daemon.mapping.mappers import HEAD, fields_of, mapper, message, rule_mapper


def test_pattern_takes_what_fits_and_nothing_else(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, 'fields: {"*temperature": {round: 0}, humidity: {}}')
    payload = '{"temperature": 21.4, "cpu_temperature": 50.6, "humidity": 48, "power": 3}'
    assert fields_of(rules.map(message(payload))) == {
        "temperature": 21, "cpu_temperature": 51, "humidity": 48,
    }  # fmt: skip


def test_full_name_wins_over_pattern_and_first_pattern_over_later_ones(tmp_path: Path) -> None:
    options = 'fields: {"t*": {offset: 1}, "t?": {offset: 2}, t1: {offset: 3}}'
    rules = rule_mapper(tmp_path, options)
    assert fields_of(rules.map(message('{"t1": 0, "t2": 0}'))) == {"t1": 3, "t2": 1}


def test_pattern_refuses_what_it_cannot_read_and_keeps_the_rest(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, 'fields: {"t*": {max: 50}}')
    mapped = rules.map(message('{"t1": 20, "t2": 90, "t3": "abc"}'))
    assert (mapped.outcome, fields_of(mapped)) == (Outcome.REJECTED, {"t1": 20})
    assert "field t2" in mapped.reason
    assert "field t3" in mapped.reason


def test_pattern_leaves_out_what_is_excluded(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, 'fields: {"*": {}}, exclude: [link*]')
    assert fields_of(rules.map(message('{"a": 1, "linkquality": 90}'))) == {"a": 1}


def test_pattern_alone_takes_no_single_value(tmp_path: Path) -> None:
    mapped = rule_mapper(tmp_path, 'fields: {"t*": {}}').map(message("21"))
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "not-json")


def test_text_of_the_rest_gets_numbers_that_no_switch_has(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, "text: enum")
    seen = [
        fields_of(rules.map(message(f'{{"mode": "{word}"}}')))["mode"]
        for word in ("off", "heat", "on", "auto", "HEAT", "21.5")
    ]
    assert seen == [0, 2, 1, 3, 2, 21.5]


def test_text_of_the_rest_is_reported_where_the_rule_says_so(tmp_path: Path) -> None:
    mapped = rule_mapper(tmp_path, "text: reject").map(message('{"a": 1, "mode": "heat"}'))
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "text")
    assert fields_of(mapped) == {"a": 1}


def test_no_value_in_the_rest_gets_no_number(tmp_path: Path) -> None:
    mapped = rule_mapper(tmp_path, "text: enum").map(message('{"a": "unavailable", "b": null}'))
    assert mapped.outcome is Outcome.NO_VALUE


def test_numbers_of_texts_are_kept_for_a_person_to_read(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(HEAD + "sources: [{topic: t, measurement: m, text: enum}]\n", encoding="utf-8")
    memory = FieldMemory()
    compile_mapper(load_config(path), memory).map(message('{"mode": "heat", "fan": "ON"}'))
    assert memory.texts == {"m": {"mode": {"heat": 2}}}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("DewPoint", "dew_point"),
        ("CO2", "co2"),
        ("PM2.5", "pm2_5"),
        ("ApparentPower", "apparent_power"),
        ("Total kWh", "total_k_wh"),
        ("already_snake", "already_snake"),
        ("tempF", "temp_f"),
        ("температура", "температура"),
    ],
)
def test_names_become_snakes(tmp_path: Path, name: str, wanted: str) -> None:
    rules = rule_mapper(tmp_path, "names: snake")
    assert fields_of(rules.map(message(f'{{"{name}": 1}}'))) == {wanted: 1}


def test_two_values_with_one_snake_are_reported(tmp_path: Path) -> None:
    mapped = rule_mapper(tmp_path, "names: snake").map(message('{"DewPoint": 1, "dew_point": 2}'))
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "name")


TWO = """\
sources:
  - {topic: t, when: {$.unit: F}, measurement: f, fields: {t: {unit: °F, store_as: °C}}}
  - {topic: t, when: {$.unit: [C, null], $.n: 1.0}, measurement: c, fields: {t: {}}}
"""


@pytest.mark.parametrize(
    ("payload", "rule"),
    [
        ('{"t": 1, "unit": "F"}', "sources[0]"),
        ('{"t": 1, "unit": "C", "n": 1}', "sources[1]"),
        ('{"t": 1, "n": 1}', "sources[1]"),
        ('{"t": 1, "unit": null, "n": 1}', "sources[1]"),
        ('{"t": 1, "unit": "K", "n": 1}', ""),
        ('{"t": 1, "unit": {"F": 1}, "n": 1}', ""),
        ('{"t": 1, "n": 2}', ""),
        ('{"t": 1, "n": true}', ""),
        ("21", ""),
    ],
)
def test_rule_takes_what_its_condition_says(tmp_path: Path, payload: str, rule: str) -> None:
    mapped = mapper(tmp_path, TWO).map(message(payload))
    assert (mapped.rule, mapped.outcome is Outcome.NO_RULE) == (rule, not rule)


def test_condition_may_have_wildcards(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, 'when: {$.src: "shelly*"}, fields: {v: {}}')
    outcomes = [
        rules.map(message(f'{{"src": "{src}", "v": 1}}')).outcome
        for src in ("shellyplus1-abc", "tasmota")
    ]
    assert outcomes == [Outcome.STORED, Outcome.NO_RULE]


@pytest.mark.parametrize(
    ("payload", "outcome"),
    [
        ('{"n": 90}', Outcome.STORED),
        ('{"n": "x", "m": 1}', Outcome.STORED),
        ('{"n": false}', Outcome.STORED),
        ('{"n": null, "m": 1}', Outcome.NO_RULE),
        ('{"n": {"a": 1}, "m": 1}', Outcome.NO_RULE),
        ('{"m": 1}', Outcome.NO_RULE),
    ],
)
def test_star_is_any_single_value(tmp_path: Path, payload: str, outcome: Outcome) -> None:
    rules = rule_mapper(tmp_path, 'when: {$.n: "*"}')
    assert rules.map(message(payload)).outcome is outcome


def test_ignored_messages_are_taken_and_leave_nothing(tmp_path: Path) -> None:
    text = "sources: [{topic: a/bridge/#, ignore: true}, {topic: a/#, measurement: m}]\n"
    rules = mapper(tmp_path, text)
    mapped = rules.map(message("not json {", "a/bridge/log"))
    assert (mapped.outcome, mapped.rule, mapped.points) == (Outcome.NO_VALUE, "sources[0]", ())
    assert rules.map(message("1", "a/b")).outcome is Outcome.STORED


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ('fields: {"t*": {path: $.a}}', "`path` means nothing"),
        ('fields: {"t*": {default: 1}}', "`default` means nothing"),
        ('fields: {"t*": {expression: "$.a"}}', "means nothing"),
        ("fields: {t: {}}, text: enum", "`text` beside `fields`"),
        ("fields: {t: {}}, names: snake", "`names` beside `fields`"),
        ("when: {}", "always holds"),
        ("when: {$.a: []}", "fits nothing"),
        ("when: {$.a: {b: 1}}", "an object or a list"),
        ("when: {a: 1}", "path"),
        ("ignore: true, retained: store", "`retained` means nothing"),
    ],
)
def test_contradictions_are_refused(tmp_path: Path, options: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        rule_mapper(tmp_path, options)
    assert complaint in str(error.value)


def test_key_names_a_single_value(tmp_path: Path) -> None:
    rules = rule_mapper(
        tmp_path,
        'key: "{q}", fields: {"*_F": {unit: °F, store_as: °C}, v: {}}, rest: store',
        "d/+q",
    )
    payloads = {"temp_F": "50", "v": "3", "other": "ON", "all": '{"v": 1, "x_F": 32}'}
    seen = {q: fields_of(rules.map(message(text, f"d/{q}"))) for q, text in payloads.items()}
    assert seen == {
        "temp_F": {"temp_F": 10}, "v": {"v": 3}, "other": {"other": 1}, "all": {"v": 1, "x_F": 0},
    }  # fmt: skip


def test_level_that_is_a_key_becomes_no_tag(tmp_path: Path) -> None:
    [point] = rule_mapper(tmp_path, 'key: "{q}"', "d/+dev/+q").map(message("1", "d/a/b")).points
    assert set(point.tags) == {"host", "dev"}


def test_key_names_each_place_that_is_a_single_value(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, 'each: $.value, key: "{p}", names: snake', "N/#p")
    assert fields_of(rules.map(message('{"value": 26.4}', "N/Dc/0/Voltage"))) == {
        "dc_0_voltage": 26.4
    }
    assert rules.map(message('{"value": null}', "N/Dc/0/Voltage")).outcome is Outcome.NO_VALUE


def test_key_is_left_out_by_its_own_name_too(tmp_path: Path) -> None:
    options = 'key: "{q}", names: snake, exclude: ["$*", max-*, "*_x", named], fields: {named: {}}'
    rules = rule_mapper(tmp_path, f"{options}, rest: store", "d/+q")
    names = ("$version", "max-speed", "TopX", "min-speed", "named")
    seen = {name: rules.map(message("1", f"d/{name}")) for name in names}
    assert [name for name in names if seen[name].outcome is Outcome.STORED] == [
        "min-speed",
        "named",
    ]
    assert fields_of(seen["min-speed"]) == {"min_speed": 1}


def test_key_and_text_of_a_single_value(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, 'key: "{q}", text: enum', "d/+q")
    assert fields_of(rules.map(message("heating", "d/state"))) == {"state": 2}
    dropping = rule_mapper(tmp_path, 'key: "{q}"', "d/+q")
    assert dropping.map(message("heating", "d/state")).outcome is Outcome.NO_VALUE


ONLY = """\
sources:
  - {topic: a/#device, only: object, measurement: o}
  - {topic: a/+device/+q, only: value, key: "{q}", measurement: v}
  - {topic: b/+device, only: object, measurement: o, fields: {n: $.n}, time: {path: $.t,
     optional: true}}
  - {topic: b/+device, measurement: v, fields: {n: {}}}
"""


@pytest.mark.parametrize(
    ("topic", "payload", "measurement", "device"),
    [
        ("b/x", "1", "v", "x"),
        ("b/x", '{"n": 1}', "o", "x"),
        ("a/x/y", '{"v": 1}', "o", "x/y"),
        ("a/x/y", "[1]", "o", "x/y"),
        ("a/x/y", "1", "v", "x"),
        ("a/x", '{"v": 1}', "o", "x"),
    ],
)
def test_rule_takes_only_the_shape_that_it_says(
    tmp_path: Path, topic: str, payload: str, measurement: str, device: str
) -> None:
    [point] = mapper(tmp_path, ONLY).map(message(payload, topic)).points
    assert (point.measurement, point.tags["device"]) == (measurement, device)


def test_unit_may_stand_in_the_payload(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, "fields: {t: {unit: $.u, store_as: °C, scale: 0.1, max: 60}}")
    for payload, wanted in (('"F"', 10), ('"°C"', 50), ("null", 50), ('""', 50)):
        mapped = rules.map(message(f'{{"t": 500, "u": {payload}}}'))
        assert fields_of(mapped) == {"t": wanted}, payload
    for payload in ('"kPa"', '"furlong"', "[1]", "5"):
        mapped = rules.map(message(f'{{"t": 500, "u": {payload}}}'))
        assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "unit"), payload


F_TO_C = """fields: {"*_F": {as: "*_C", unit: °F, store_as: °C, round: 1}, "win?": {as: wind},
  pow: {as: power, optional: true}, act: {as: power, optional: true}}, rest: store"""


@pytest.mark.parametrize(
    ("payload", "fields"),
    [
        ('{"t_F": 50}', {"t_C": 10}),
        ('{"air": {"t_F": 50}}', {"air_t_C": 10}),
        ('{"t_C": 10.2, "t_F": 50}', {"t_C": 10.2}),
        ('{"t_F": 50, "t_C": 10.2}', {"t_C": 10.2}),
        ('{"wind": 1, "win2": 2}', {"wind": 1}),
        ('{"act": 5}', {"power": 5}),
        ('{"act": 5, "pow": 7}', {"power": 7}),
        ('{"act": 5, "power": 7}', {"power": 5}),
        ('{"_F": 50}', {"_C": 10}),
    ],
)
def test_value_is_stored_under_another_name(
    tmp_path: Path, payload: str, fields: dict[str, float]
) -> None:
    mapped = rule_mapper(tmp_path, F_TO_C).map(message(payload))
    assert (mapped.outcome, fields_of(mapped)) == (Outcome.STORED, fields)


def test_single_value_is_stored_under_another_name(tmp_path: Path) -> None:
    keyed = rule_mapper(
        tmp_path, 'key: "{q}", fields: {"*_F": {as: "*_C", unit: °F, store_as: °C}}', "d/+q"
    )
    assert fields_of(keyed.map(message("50", "d/t_F"))) == {"t_C": 10}
    named = rule_mapper(tmp_path, "fields: {val: {as: watt}}")
    assert fields_of(named.map(message("5"))) == {"watt": 5}


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ('"*_F": {as: "*_*"}', "once"),
        ('"*_F*": {as: "*_C"}', "2 of them"),
        ('t: {as: "*_C"}', "0 of them"),
        ('t: {as: "{q}"}', "without braces"),
        ('t: {as: ""}', "1 to 256 characters"),
    ],
)
def test_name_that_makes_no_sense_is_refused(tmp_path: Path, field: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        rule_mapper(tmp_path, f"fields: {{{field}}}")


@pytest.mark.parametrize(
    ("options", "payload"),
    [
        ('each: "$..[*]", key: v', "x{y}"),
        ('each: "$..[*]", key: v', "1" * 5000),
        ('each: "$..[*]", key: v', '"{\\"a\\": 5}"'),
        ('fields: {v: {path: "$..a"}}', '"{\\"a\\": 5}"'),
    ],
)
def test_a_text_is_no_json_for_a_path_to_look_into(
    tmp_path: Path, options: str, payload: str
) -> None:
    mapped = rule_mapper(tmp_path, options).map(message(payload))
    assert mapped.points == ()
    assert mapped.outcome in (Outcome.REJECTED, Outcome.NO_VALUE)
    assert mapped.kind != "bug"


@pytest.mark.parametrize(
    ("options", "payload"),
    [
        ("each: \"$[?@.a == 'x' || @.b > 2]\", fields: {b: {}}", "[" + "1," * 6000 + "1]"),
        ("text: enum, names: snake", json.dumps({f"k{n}": f"word {n % 9}" for n in range(2500)})),
        ('fields: {"*": {kind: counter}}', json.dumps({f"k{n}": n for n in range(2500)})),
        ("payload: line_protocol", "m" + ",t=1" * 2500 + " v=1"),
    ],
)
def test_payload_of_too_many_values_is_refused_unread(
    tmp_path: Path, options: str, payload: str
) -> None:
    mapped = rule_mapper(tmp_path, options).map(message(payload))
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "too-many")


def test_a_key_of_any_length_is_refused_as_a_name(tmp_path: Path) -> None:
    payload = json.dumps({"Kk" * 100_000: 1, "a": 2})
    mapped = rule_mapper(tmp_path, "names: snake").map(message(payload))
    assert (mapped.kind, fields_of(mapped)) == ("name", {"a": 2})


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("{{ value_json.h | int(base=16) }}", 255),
        ("{{ value_json.h | int(0, 16) }}", 255),
        ("{{ value_json.x | int(7, 16) }}", 7),
        ("{{ value_json.f | round(precision=1) }}", 2.3),
        ("{{ value_json.x | round(1, default=0) }}", 0),
        ("{{ value_json.f | round(0, 'half') }}", 2.5),
        ("{{ iif(value_json.f > 2, 1, 0) }}", 1),
        ("{{ (value_json.f > 3) | iif(1, 0) }}", 0),
        ("{{ 1 if is_number(value_json.f) else 0 }}", 1),
        ("{{ 1 if value_json.x | is_number else 0 }}", 0),
        ("{{ value_json.n | bitwise_and(2) }}", 2),
        ("{{ bitwise_or(value_json.n, 8) }}", 14),
        ("{{ log(100, 10) | round(1) }}", 2),
        ("{{ sqrt(value_json.n + 3) }}", 3),
        ("{{ log(0, 10, 5) }}", 5),
    ],
)
def test_templates_know_what_home_assistant_knows(
    tmp_path: Path, template: str, wanted: float
) -> None:
    rules = rule_mapper(tmp_path, f'fields: {{v: {{value_template: "{template}"}}}}')
    mapped = rules.map(message('{"h": "ff", "x": "xyz", "f": 2.345, "n": 6}'))
    assert fields_of(mapped) == {"v": wanted}
