"""CSV, key=value, line protocol and bytes become points by the same rules as JSON."""

# ruff: noqa: E501 - a table reads best with one row a line

from __future__ import annotations

import base64
import struct
from pathlib import Path
from typing import Any

import pytest

from daemon.messages import Mapped, Outcome
from tests.daemon.mapping.mappers import fields_of, mapper, message, rule_mapper


def points_of(mapped: Mapped) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Measurement, tags and fields of each point."""
    return [
        (point.measurement, {k: v for k, v in point.tags.items() if k != "host"}, point.fields)
        for point in mapped.points
    ]


@pytest.mark.parametrize(
    ("kind", "payload", "fields"),
    [
        pytest.param("csv", "21.5,48,1013", [{"value_0": 21.5, "value_1": 48.0, "value_2": 1013.0}], id="csv-without-names"),
        pytest.param("{csv: {columns: [t, h]}}", "21.5,48", [{"t": 21.5, "h": 48.0}], id="csv-with-columns"),
        pytest.param("{csv: {columns: [t, h]}}", "21.5", [{"t": 21.5}], id="csv-short-row"),
        pytest.param("{csv: {columns: [t, h]}}", "21.5,", [{"t": 21.5}], id="csv-empty-value"),
        pytest.param("{csv: {columns: [t, name]}}", '21.5,"a, b"', [{"t": 21.5}], id="csv-quotes"),
        pytest.param("{csv: {header: true}}", "t,h\r\n21.5,48\r\n", [{"t": 21.5, "h": 48.0}], id="csv-header"),
        pytest.param("{csv: {header: true, columns: [a, b]}}", "t,h\n1,2", [{"a": 1.0, "b": 2.0}], id="csv-header-renamed"),
        pytest.param('{csv: {delimiter: ";", decimal_comma: true, columns: [t, h]}}', "-21,5;48", [{"t": -21.5, "h": 48.0}], id="csv-german"),
        pytest.param('{csv: {delimiter: "\\t", columns: [t, h]}}', "1\t2", [{"t": 1.0, "h": 2.0}], id="csv-tab"),
        pytest.param("{csv: {columns: [t, door]}}", "1,open", [{"t": 1.0, "door": 1}], id="csv-word"),
        pytest.param("key_value", "t=21.5 h=48", [{"t": 21.5, "h": 48.0}], id="pairs-by-blanks"),
        pytest.param("key_value", "t:21.5,h:48;p:1013", [{"t": 21.5, "h": 48.0, "p": 1013.0}], id="pairs-by-commas"),
        pytest.param("key_value", "t=21.5&h=48", [{"t": 21.5, "h": 48.0}], id="pairs-of-a-form"),
        pytest.param("key_value", "t = 21.5\nh = 48\n", [{"t": 21.5, "h": 48.0}], id="pairs-on-lines"),
        pytest.param("key_value", "name=\"a b\" t=1 x='2'", [{"t": 1.0, "x": 2.0}], id="pairs-with-quotes"),
        pytest.param("key_value", "t= h=48", [{"h": 48.0}], id="pair-without-a-value"),
        pytest.param('{key_value: {separator: "|", assign: "->"}}', "t->1|h->2", [{"t": 1.0, "h": 2.0}], id="pairs-with-own-marks"),
        pytest.param('{key_value: {separator: "|"}}', "t=1|at=10:30", [{"t": 1.0}], id="pairs-first-mark-counts"),
        pytest.param('{bytes: {format: "<hB", names: [t, h]}}', struct.pack("<hB", -2150, 48), [{"t": -2150.0, "h": 48.0}], id="bytes-little"),
        pytest.param('{bytes: {format: ">hxf", names: [t, f]}}', struct.pack(">hxf", 7, 1.5), [{"t": 7.0, "f": 1.5}], id="bytes-big-and-pad"),
        pytest.param('{bytes: {format: "<?4s", names: [on, id]}}', b"\x01ab\0\0", [{"on": 1}], id="bytes-boolean-and-text"),
        pytest.param('{bytes: {format: "<H", names: [n], encoding: hex}}', "0xFF00", [{"n": 255.0}], id="bytes-as-hex"),
        pytest.param('{bytes: {format: "<H", names: [n], encoding: base64}}', base64.b64encode(b"\x01\0"), [{"n": 1.0}], id="bytes-as-base64"),
        pytest.param('{bytes: {format: "<B", names: [n], rest: ignore}}', b"\x01\x02", [{"n": 1.0}], id="bytes-rest-ignored"),
        pytest.param("line_protocol", 'cpu usage=3.5,count=3i,on=t,note="a b"', [{"usage": 3.5, "count": 3, "on": 1}], id="line"),
        pytest.param("line_protocol", "# a\ncpu,n=1 a=1\n\ncpu,n=2 a=2\n", [{"a": 1.0}, {"a": 2.0}], id="lines"),
    ],
)  # fmt: skip
def test_payload_gives_these_fields(
    tmp_path: Path, kind: str, payload: str | bytes, fields: list[dict[str, Any]]
) -> None:
    mapped = rule_mapper(tmp_path, f"payload: {kind}").map(message(payload))
    assert mapped.outcome is Outcome.STORED, mapped.reason
    found = [point.fields for point in mapped.points]
    assert found == fields
    assert [list(map(type, point.values())) for point in found] == [
        list(map(type, point.values())) for point in fields
    ]


@pytest.mark.parametrize(
    ("kind", "payload", "reason"),
    [
        pytest.param("{csv: {columns: [t]}}", "1,2", "not-csv", id="csv-too-many-values"),
        pytest.param("csv", "x" * 200_000, "not-csv", id="csv-value-too-long"),
        pytest.param("csv", "1\n" * 1001, "too-many", id="csv-too-many-rows"),
        pytest.param("csv", b"\xff", "encoding", id="csv-no-utf8"),
        pytest.param("key_value", "warm", "not-key-value", id="no-pair"),
        pytest.param("key_value", "t=1 warm", "not-key-value", id="pair-and-a-word"),
        pytest.param('{key_value: {separator: "|"}}', "t=1|x", "not-key-value", id="own-marks-and-a-word"),
        pytest.param("key_value", '{"t": 1}', "not-key-value", id="json-for-pairs"),
        pytest.param("line_protocol", "cpu", "not-line-protocol", id="line-without-fields"),
        pytest.param("line_protocol", "cpu a=1 yesterday", "not-line-protocol", id="line-with-a-wrong-time"),
        pytest.param("line_protocol", "cpu a=1\n" * 1001, "too-many", id="too-many-lines"),
        pytest.param('{bytes: {format: "<H", names: [n]}}', b"\x01", "not-bytes", id="bytes-too-few"),
        pytest.param('{bytes: {format: "<H", names: [n]}}', b"\x01\x02\x03", "not-bytes", id="bytes-too-many"),
        pytest.param('{bytes: {format: "<H", names: [n], encoding: hex}}', "zz", "not-bytes", id="no-hex"),
        pytest.param('{bytes: {format: "<H", names: [n], encoding: base64}}', "%%", "not-bytes", id="no-base64"),
        pytest.param('{bytes: {format: "<f", names: [n]}}', struct.pack("<f", float("inf")), "not-finite", id="infinite-float"),
    ],
)  # fmt: skip
def test_payload_that_is_not_of_its_kind_is_rejected(
    tmp_path: Path, kind: str, payload: str | bytes, reason: str
) -> None:
    mapped = rule_mapper(tmp_path, f"payload: {kind}").map(message(payload))
    assert (mapped.outcome, mapped.kind, mapped.points) == (Outcome.REJECTED, reason, ())
    assert len(mapped.reason) < 1000


@pytest.mark.parametrize("payload", ["", "  \n", "unavailable", "NULL"])
@pytest.mark.parametrize("kind", ["csv", "key_value"])
def test_no_value_in_any_kind(tmp_path: Path, kind: str, payload: str) -> None:
    mapped = rule_mapper(tmp_path, f"payload: {kind}").map(message(payload))
    assert (mapped.outcome, mapped.points) == (Outcome.NO_VALUE, ())


@pytest.mark.parametrize("kind", ["line_protocol", '{bytes: {format: "<H", names: [n]}}'])
def test_empty_payload_is_no_value(tmp_path: Path, kind: str) -> None:
    assert rule_mapper(tmp_path, f"payload: {kind}").map(message("")).outcome is Outcome.NO_VALUE


def test_rows_of_csv_become_points_with_their_times(tmp_path: Path) -> None:
    rules = rule_mapper(
        tmp_path,
        "payload: {csv: {columns: [day, at, t]}}, fields: {t: {}},"
        ' time: {path: "{$.day} {$.at}", format: "%Y-%m-%d %H:%M", timezone: UTC}',
    )
    mapped = rules.map(message("2024-11-24,07:30,1\n2024-11-24,07:45,2\n"))
    assert mapped.outcome is Outcome.STORED
    assert [(point.time.isoformat()[11:16], point.fields) for point in mapped.points if point.time] == [
        ("07:30", {"t": 1.0}), ("07:45", {"t": 2.0}),
    ]  # fmt: skip


def test_a_wrong_row_leaves_the_others(tmp_path: Path) -> None:
    options = "payload: {csv: {columns: [n, t]}}, tags: {n: $.n}, fields: {t: {}}"
    mapped = rule_mapper(tmp_path, options).map(message("a,1\nb,warm\nc,3"))
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "text")
    assert points_of(mapped) == [("m", {"n": "a"}, {"t": 1.0}), ("m", {"n": "c"}, {"t": 3.0})]


def test_line_protocol_brings_measurement_tags_and_time(tmp_path: Path) -> None:
    text = "sources: [{topic: 'telegraf/#', payload: line_protocol}]\n"
    mapped = mapper(tmp_path, text).map(
        message(
            "weather,location=us\\ midwest,host=pi temperature=82 1732435200000000000", "telegraf/x"
        )
    )
    [point] = mapped.points
    assert (point.measurement, point.fields) == ("weather", {"temperature": 82.0})
    # The line is nearer to the device than the collector is.
    assert point.tags == {"host": "pi", "location": "us midwest"}
    assert point.time is not None
    assert point.time.isoformat() == "2024-11-24T08:00:00+00:00"


def test_rule_has_the_last_word_on_line_protocol(tmp_path: Path) -> None:
    text = (
        "sources:\n"
        "  - topic: 'telegraf/+box'\n"
        "    payload: line_protocol\n"
        '    measurement: "telegraf_{$.measurement}"\n'
        "    tags: {room: $.tags.location, location: null, host: null}\n"
        "    fields: {celsius: {path: $.fields.temperature, unit: °F, store_as: °C, round: 1}, mode: {enum: {idle: 0}}}\n"
    )
    mapped = mapper(tmp_path, text).map(
        message('weather,location=attic,host=pi temperature=82,mode="idle",x=1', "telegraf/b1")
    )
    assert points_of(mapped) == [
        ("telegraf_weather", {"box": "b1", "room": "attic"}, {"celsius": 27.8, "mode": 0})
    ]


def test_line_with_an_implausible_time_has_that_of_its_arrival(tmp_path: Path) -> None:
    mapped = rule_mapper(tmp_path, "payload: line_protocol").map(message("m a=1 1000"))
    assert (mapped.outcome, mapped.kind) == (Outcome.STORED, "implausible-time")


def test_scaled_field_of_bytes(tmp_path: Path) -> None:
    options = 'payload: {bytes: {format: "<hB", names: [t, h]}}, fields: {temperature: {path: $.t, scale: 0.01}}'
    mapped = rule_mapper(tmp_path, options).map(message(struct.pack("<hB", 2154, 48)))
    assert fields_of(mapped) == {"temperature": 21.54}


def test_rules_for_one_payload_each_read_it_their_own_way(tmp_path: Path) -> None:
    rules = [
        "{topic: t, measurement: a, also: true}",
        "{topic: t, measurement: b, also: true, payload: scalar, fields: {v: {type: enum}}}",
        "{topic: t, measurement: c, payload: json, fields: {t: {}}}",
    ]
    tried = mapper(tmp_path, f"sources: [{', '.join(rules)}]\n")
    points = tried.map(message('{"t": 1}')).points
    assert [(point.measurement, point.fields) for point in points] == [
        ("a", {"t": 1.0}), ("b", {"v": 1}), ("c", {"t": 1.0}),
    ]  # fmt: skip


def test_what_means_no_value_to_one_rule_is_a_fault_to_another(tmp_path: Path) -> None:
    rules = [
        "{topic: t, measurement: a, also: true, payload: json, null_values: [gone]}",
        "{topic: t, measurement: b, payload: json}",
    ]
    mapped = mapper(tmp_path, f"sources: [{', '.join(rules)}]\n").map(message("gone"))
    assert (mapped.outcome, mapped.rule) == (Outcome.REJECTED, "sources[1]")
