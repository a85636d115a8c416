"""Measurement, tags and time of a point."""

# ruff: noqa: E501 - a table reads best with one row a line

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon.messages import Outcome
from tests.daemon.mapping.mappers import NOW_US, mapper, message, rule_mapper, tags_of

TOPIC = "s/+room/+device"


def test_collector_gives_host_and_tags_to_every_point(tmp_path: Path) -> None:
    rules = mapper(tmp_path, "sources: [{topic: t, measurement: m}]\n")
    [point] = rules.map(message("1")).points
    assert point.tags == {"host": "cabin"}


@pytest.mark.parametrize(
    ("measurement", "expected"),
    [
        pytest.param("climate", "climate", id="fixed"),
        pytest.param("climate_{room}", "climate_attic", id="template"),
        pytest.param("{device}/{room}", "x1/attic", id="two-names"),
        pytest.param("{room}{room}", "atticattic", id="twice"),
    ],
)
def test_measurement(tmp_path: Path, measurement: str, expected: str) -> None:
    text = f"sources: [{{topic: {TOPIC}, measurement: '{measurement}'}}]\n"
    [point] = mapper(tmp_path, text).map(message("1", "s/attic/x1")).points
    assert point.measurement == expected


def test_measurement_that_would_be_empty_is_rejected(tmp_path: Path) -> None:
    rules = mapper(tmp_path, "sources: [{topic: s/+room, measurement: '{room}'}]\n")
    mapped = rules.map(message("1", "s/"))
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "tag")


@pytest.mark.parametrize(
    ("tags", "payload", "expected"),
    [
        pytest.param("{a: x}", "{}", "x", id="fixed"),
        pytest.param("{a: '{room}-{device}'}", "{}", "attic-x1", id="template"),
        pytest.param("{a: 012}", "{}", "012", id="digits-as-written"),
        pytest.param("{a: $.m.id}", '{"m": {"id": "TS0201"}}', "TS0201", id="path"),
        pytest.param("{a: $.n}", '{"n": 5}', "5", id="whole-number"),
        pytest.param("{a: $.n}", '{"n": 5.5}', "5.5", id="fraction"),
        pytest.param("{a: $.n}", '{"n": true}', "true", id="boolean"),
        pytest.param("{a: $.n}", '{"n": "=1+1"}', "=1+1", id="formula-is-only-text"),
        pytest.param("{a: $.n}", '{"n": "1234e567"}', "1234e567", id="id-like-a-number"),
    ],
)
def test_tag(tmp_path: Path, tags: str, payload: str, expected: str) -> None:
    rules = rule_mapper(tmp_path, f"tags: {tags}, fields: {{t: {{default: 1}}}}", TOPIC)
    assert tags_of(rules.map(message(payload, "s/attic/x1")))["a"] == expected


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param("{}", id="missing"),
        pytest.param('{"n": null}', id="null"),
        pytest.param('{"n": ""}', id="empty"),
    ],
)
def test_tag_without_a_value_is_left_out(tmp_path: Path, payload: str) -> None:
    rules = rule_mapper(tmp_path, "tags: {a: $.n}, fields: {t: {default: 1}}")
    mapped = rules.map(message(payload))
    assert (mapped.outcome, tags_of(mapped)) == (Outcome.STORED, {})


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"b": 1}, id="object"),
        pytest.param([1], id="list"),
        pytest.param("a\nb", id="newline"),
        pytest.param("a\x00b", id="nul"),
        pytest.param("\ud800", id="half-surrogate"),
        pytest.param("_none", id="what-stands-for-none-in-the-file"),
        pytest.param("x" * 257, id="too-long"),
        pytest.param(10**300, id="huge-number"),
    ],
)
def test_tag_that_cannot_be_rejects_the_message(tmp_path: Path, value: object) -> None:
    rules = rule_mapper(tmp_path, "tags: {a: $.n}, fields: {t: {default: 1}}")
    mapped = rules.map(message(json.dumps({"n": value})))
    assert (mapped.outcome, mapped.kind, mapped.points) == (Outcome.REJECTED, "tag", ())


def test_tags_of_the_rule_win_over_those_of_the_topic(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, "tags: {room: $.room, device: fixed}", TOPIC)
    assert tags_of(rules.map(message('{"room": "cellar", "t": 1}', "s/attic/x1"))) == {
        "room": "cellar",
        "device": "fixed",
    }


def test_points_do_not_share_their_tags(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path)
    [first] = rules.map(message("1")).points
    first.tags["room"] = "changed"
    [second] = rules.map(message("2")).points
    assert "room" not in second.tags


@pytest.mark.parametrize(
    ("options", "value", "expected"),
    [
        pytest.param("$.ts", 1730000000, "2024-10-27T03:33:20+00:00", id="seconds"),
        pytest.param("$.ts", 1730000000.25, "2024-10-27T03:33:20.250000+00:00", id="fraction"),
        pytest.param("$.ts", 1730000000123, "2024-10-27T03:33:20.123000+00:00", id="milliseconds"),
        pytest.param("$.ts", 1730000000123456, "2024-10-27T03:33:20.123456+00:00", id="µs"),
        pytest.param("$.ts", "1730000000", "2024-10-27T03:33:20+00:00", id="seconds-as-text"),
        pytest.param("$.ts", "1730000000.5", "2024-10-27T03:33:20.500000+00:00", id="text-fraction"),
        pytest.param("$.ts", "2024-10-27T05:00:00Z", "2024-10-27T05:00:00+00:00", id="iso-z"),
        pytest.param("$.ts", "2024-10-27T05:00:00+02:00", "2024-10-27T03:00:00+00:00", id="iso-zone"),
        pytest.param("$.ts", "2024-01-01 12:00:00", "2024-01-01T11:00:00+00:00", id="collectors-zone"),
        pytest.param(
            "{path: $.ts, timezone: Asia/Tokyo}", "2024-01-01T12:00:00",
            "2024-01-01T03:00:00+00:00", id="own-zone",
        ),
        pytest.param(
            "{path: $.ts, format: unix_ms}", 1000000000000, "2001-09-09T01:46:40+00:00", id="unix_ms"
        ),
        pytest.param(
            "{path: $.ts, format: unix_s}", "1000000000", "2001-09-09T01:46:40+00:00", id="unix_s"
        ),
        pytest.param(
            "{path: $.ts, format: unix_us}", 1000000000000001,
            "2001-09-09T01:46:40.000001+00:00", id="unix_us",
        ),
        pytest.param(
            "{path: $.ts, format: iso}", "2024-01-01T12:00:00Z", "2024-01-01T12:00:00+00:00", id="iso"
        ),
        pytest.param(
            "{path: $.ts, format: '%d.%m.%Y %H:%M', timezone: UTC}", "27.10.2024 05:06",
            "2024-10-27T05:06:00+00:00", id="pattern",
        ),
        pytest.param(
            "{path: $.ts, format: '%Y-%m-%d %H:%M:%S%z'}", "2024-10-27 05:06:07+0200",
            "2024-10-27T03:06:07+00:00", id="pattern-with-zone",
        ),
    ],
)  # fmt: skip
def test_time_of_the_payload(tmp_path: Path, options: str, value: object, expected: str) -> None:
    rules = rule_mapper(tmp_path, f"time: {options}, fields: {{t: {{}}}}")
    mapped = rules.map(message(json.dumps({"ts": value, "t": 1})))
    [point] = mapped.points
    assert mapped.outcome is Outcome.STORED
    assert point.time is not None
    assert point.time.isoformat() == expected


@pytest.mark.parametrize(
    ("form", "value"),
    [
        pytest.param("auto", "yesterday", id="text"),
        pytest.param("auto", None, id="null"),
        pytest.param("auto", [], id="list"),
        pytest.param("auto", {}, id="object"),
        pytest.param("auto", True, id="boolean"),
        pytest.param("auto", 10**400, id="huge"),
        pytest.param("auto", float("nan"), id="nan"),
        pytest.param("auto", "0000-00-00T00:00:00", id="year-0"),
        pytest.param("auto", "2024-02-30", id="30-february"),
        pytest.param("iso", 1730000000, id="number-for-iso"),
        pytest.param("unix_s", "soon", id="text-for-unix"),
        pytest.param("%d.%m.%Y", "2024-10-27", id="other-pattern"),
    ],
)
def test_time_that_cannot_be_is_reported_and_the_arrival_taken(
    tmp_path: Path, form: str, value: object
) -> None:
    options = f"time: {{path: $.ts, format: '{form}'}}, fields: {{t: {{}}}}"
    mapped = rule_mapper(tmp_path, options).map(message(json.dumps({"ts": value, "t": 1})))
    [point] = mapped.points
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "time")
    assert "the time of arrival was taken" in mapped.reason
    assert point.time is not None
    assert round(point.time.timestamp() * 1e6) == NOW_US


def test_payload_without_its_time_is_reported(tmp_path: Path) -> None:
    mapped = rule_mapper(tmp_path, "time: $.ts, fields: {t: {}}").map(message('{"t": 1}'))
    assert (mapped.outcome, mapped.kind, len(mapped.points)) == (Outcome.REJECTED, "time", 1)
