"""A poll's result goes through the same rules as a message."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.messages import JsonValue, Outcome
from tests.daemon.mapping.mappers import NOW_US, fields_of, mapper, reading, tags_of


@pytest.mark.parametrize(
    ("value", "fields"),
    [
        pytest.param({"cpu": 3.5, "disk": {"gb": 7}}, {"cpu": 3.5, "disk_gb": 7.0}, id="object"),
        pytest.param(21.5, {"value": 21.5}, id="number"),
        pytest.param("21.5\n", {"value": 21.5}, id="printed-number"),
        pytest.param("ON", {"value": 1}, id="word"),
        pytest.param(True, {"value": 1}, id="boolean"),
        pytest.param([1, 2], {"value_0": 1.0, "value_1": 2.0}, id="list"),
    ],
)  # fmt: skip
def test_value_of_a_poll_without_fields(
    tmp_path: Path, value: JsonValue, fields: dict[str, float]
) -> None:
    mapped = mapper(tmp_path, "polls: [{system: {}}]\n").map(reading(value))
    assert (mapped.outcome, mapped.rule) == (Outcome.STORED, "polls[0]")
    assert fields_of(mapped) == fields


def test_poll_has_measurement_tags_and_fields_of_its_own(tmp_path: Path) -> None:
    rules = mapper(
        tmp_path,
        "polls:\n"
        "  - system:\n"
        "  - command: {name: rain, run: [rain], measurement: weather, tags: {gauge: $.id},\n"
        "              fields: {mm: {path: $.mm, scale: 0.1}}}\n",
    )
    mapped = rules.map(reading({"id": "g1", "mm": 12}, "rain"))
    [point] = mapped.points
    assert (point.measurement, fields_of(mapped), tags_of(mapped)) == (
        "weather", {"mm": 1.2}, {"gauge": "g1"},
    )  # fmt: skip
    assert point.time is not None
    assert round(point.time.timestamp() * 1e6) == NOW_US


@pytest.mark.parametrize(
    ("parse", "text", "fields"),
    [
        pytest.param("auto", "21.5", {"value": 21.5}, id="number"),
        pytest.param("auto", '{"t": "21.5", "n": 3}', {"n": 3.0}, id="json-texts-are-text"),
        pytest.param("scalar", "21.5", {"value": 21.5}, id="scalar"),
        pytest.param("json", "[1, 2]", {"value_0": 1.0, "value_1": 2.0}, id="json"),
        pytest.param(
            "key_value", "t=21.5 door=open serial=A1 gone=unknown n=3",
            {"t": 21.5, "door": 1, "n": 3.0}, id="key-value-texts-are-numbers",
        ),
        pytest.param(
            '{key_value: {assign: ":"}}', "t:21.5", {"t": 21.5}, id="key-value-with-options"
        ),
        pytest.param("{csv: {columns: [t, n]}}", "21.5,3", {"t": 21.5, "n": 3.0}, id="csv"),
        pytest.param(
            '{csv: {delimiter: ";", header: true, decimal_comma: true}}', "t;n\n21,5;3",
            {"t": 21.5, "n": 3.0}, id="csv-with-options",
        ),
        pytest.param('{regex: "T=([0-9.]+)"}', "RH=40 T=21.5", {"value": 21.5}, id="one-group"),
        pytest.param('{regex: "[0-9.]+"}', "about 21.5 C", {"value": 21.5}, id="no-group"),
        pytest.param(
            '{regex: "(?P<t>[0-9.]+)C (?P<n>[0-9]+)?"}', "at 21.5C x", {"t": 21.5},
            id="named-groups-of-which-one-is-not-there",
        ),
        pytest.param(
            '{regex: {pattern: "([0-9]+)/([0-9]+)"}}', "load 3/8",
            {"value_0": 3.0, "value_1": 8.0}, id="two-groups",
        ),
        pytest.param("line_protocol", "hive t=21.5,n=3i", {"t": 21.5, "n": 3}, id="line-protocol"),
        pytest.param(
            '{bytes: {format: "<h", names: [t], encoding: hex}}', "d700", {"t": 215.0}, id="bytes"
        ),
    ],
)  # fmt: skip
def test_text_of_a_command_is_read_as_a_payload_is(
    tmp_path: Path, parse: str, text: str, fields: dict[str, float]
) -> None:
    rules = mapper(tmp_path, f"polls: [{{command: {{run: [x], parse: {parse}}}}}]\n")
    assert fields_of(rules.map(reading(text, "command"))) == fields


@pytest.mark.parametrize(
    ("parse", "text", "kind", "told"),
    [
        pytest.param("json", "oops", "not-json", "'oops'", id="no-json"),
        pytest.param("auto", "{'t': 1}", "not-json", "no JSON", id="auto-no-json"),
        pytest.param("json", "[" * 200_000, "too-deep", "nested too deep", id="deep"),
        pytest.param("json", "9" * 5000, "too-long", "thousands of digits", id="huge-integer"),
        pytest.param("key_value", "hot", "not-key-value", "'hot'", id="no-pairs"),
        pytest.param("{csv: {columns: [t]}}", "1,2", "not-csv", "2 values", id="csv-too-wide"),
        pytest.param('{regex: "T=(.)"}', "rain", "no-match", "'T=(.)'", id="no-match"),
        pytest.param("line_protocol", "rain", "not-line-protocol", "", id="no-line-protocol"),
    ],
)
def test_text_that_cannot_be_read_is_rejected_with_its_reason(
    tmp_path: Path, parse: str, text: str, kind: str, told: str
) -> None:
    rules = mapper(tmp_path, f"polls: [{{command: {{run: [x], parse: {parse}}}}}]\n")
    mapped = rules.map(reading(text, "command"))
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, kind)
    assert told in mapped.reason


def test_every_place_that_fits_may_become_a_point(tmp_path: Path) -> None:
    parse = '{regex: {pattern: "(?P<way>in|out) (?P<bytes>[0-9]+)", all: true}}'
    options = f"run: [x], parse: {parse}, tags: {{way: $.way}}, fields: {{bytes: {{}}}}"
    rules = mapper(tmp_path, f"polls: [{{command: {{{options}}}}}]\n")
    mapped = rules.map(reading("in 17, out 4", "command"))
    assert [(point.tags["way"], point.fields) for point in mapped.points] == [
        ("in", {"bytes": 17.0}), ("out", {"bytes": 4.0}),
    ]  # fmt: skip


def test_text_may_say_when_it_was_measured(tmp_path: Path) -> None:
    options = "run: [x], time: $.at, fields: {t: $.t}"
    rules = mapper(tmp_path, f"polls: [{{command: {{{options}}}}}]\n")
    [point] = rules.map(reading('{"t": 1, "at": "2024-11-24T07:00:00Z"}', "command")).points
    assert str(point.time) == "2024-11-24 07:00:00+00:00"


def test_line_protocol_brings_its_measurement_and_time(tmp_path: Path) -> None:
    rules = mapper(tmp_path, "polls: [{command: {run: [x], parse: line_protocol}}]\n")
    [point] = rules.map(reading("hive,side=left t=1 1732431600000000000", "command")).points
    assert (point.measurement, point.tags["side"]) == ("hive", "left")
    assert str(point.time) == "2024-11-24 07:00:00+00:00"


@pytest.mark.parametrize(
    ("options", "values", "stored"),
    [
        pytest.param("{unit: °F, store_as: °C, round: 1}", [70.7], [21.5], id="unit"),
        pytest.param("{max: 85, on_range: drop}", [90], [], id="limit"),
        pytest.param("{enum: {open: 1, closed: 0}}", ["closed"], [0], id="enum"),
        pytest.param("{ignore: [85.0]}", [85.0], [], id="ignore"),
        pytest.param("{kind: counter}", [10, 12, 1, 3], [10, 12, 13, 15], id="counter"),
    ],
)
def test_field_of_a_poll_has_the_rules_of_a_message(
    tmp_path: Path, options: str, values: list[JsonValue], stored: list[float]
) -> None:
    rules = mapper(tmp_path, f"polls: [{{system: {{fields: {{x: {options}}}}}}}]\n")
    points = [point for value in values for point in rules.map(reading({"x": value})).points]
    assert [point.fields["x"] for point in points] == stored


@pytest.mark.parametrize(
    ("value", "outcome", "kind"),
    [
        pytest.param(None, "no-value", "", id="nothing"),
        pytest.param({}, "no-value", "", id="empty-object"),
        pytest.param("", "no-value", "", id="empty-text"),
        pytest.param("warm", "rejected", "text", id="text"),
        pytest.param(float("inf"), "rejected", "not-finite", id="infinity"),
    ],
)
def test_value_that_gives_no_point(
    tmp_path: Path, value: JsonValue, outcome: str, kind: str
) -> None:
    mapped = mapper(tmp_path, "polls: [{system: {}}]\n").map(reading(value))
    assert (mapped.outcome, mapped.kind, mapped.points) == (outcome, kind, ())


def test_reading_of_an_unknown_poll_has_no_rule(tmp_path: Path) -> None:
    mapped = mapper(tmp_path, "polls: [{system: {}}]\n").map(reading(1, "attic"))
    assert (mapped.outcome, mapped.reason) == (Outcome.NO_RULE, "no poll is called 'attic'")
