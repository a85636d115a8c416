"""Payload times that cannot be right: stored at arrival and counted, or rejected."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.mapping import RuleMapper
from daemon.messages import Outcome
from tests.daemon.mapping.mappers import NOW_US, mapper, message

NOW_S = NOW_US // 1_000_000
DAY_S = 86_400
BROKER = "brokers: {home: {url: mqtt://127.0.0.1}}\n"
RULE = "sources: [{topic: t, measurement: m, time: $.ts, fields: {t: {}}}]\n"


def _timed(folder: Path, clock: str = "{}") -> RuleMapper:
    return mapper(folder, RULE, head=f"collector: {{name: cabin, clock: {clock}}}\n{BROKER}")


def _payload(time: object) -> str:
    return json.dumps({"ts": time, "t": 1})


@pytest.mark.parametrize(
    "time_s",
    [
        pytest.param(NOW_S - 7 * DAY_S + 1, id="almost a week ago"),
        pytest.param(NOW_S, id="now"),
        pytest.param(NOW_S + 299, id="almost five minutes ahead"),
    ],
)
def test_a_plausible_time_is_the_points_time(tmp_path: Path, time_s: int) -> None:
    mapped = _timed(tmp_path).map(message(_payload(time_s)))
    [point] = mapped.points
    assert (mapped.outcome, mapped.kind) == (Outcome.STORED, "")
    assert point.time is not None
    assert point.time.timestamp() == time_s


IMPLAUSIBLE = pytest.mark.parametrize(
    ("time", "option"),
    [
        pytest.param(NOW_S - 7 * DAY_S - 1, "accept_past", id="more than a week ago"),
        pytest.param(12, "accept_past", id="1970"),
        pytest.param("1970-01-01T00:00:12Z", "accept_past", id="1970 as text"),
        pytest.param((NOW_S - 8 * DAY_S) * 1000, "accept_past", id="milliseconds"),
        pytest.param(NOW_S + 302, "accept_future", id="five minutes ahead"),
        pytest.param("9999-12-31T23:59:59-14:00", "accept_future", id="year 9999"),
        pytest.param(1e300, "accept_future", id="huge"),
    ],
)


@IMPLAUSIBLE
def test_an_implausible_time_gives_way_to_the_arrival_and_is_told(
    tmp_path: Path, time: object, option: str
) -> None:
    mapped = _timed(tmp_path).map(message(_payload(time)))
    [point] = mapped.points
    assert (mapped.outcome, mapped.kind) == (Outcome.STORED, "implausible-time")
    assert f"collector.clock.{option}; the time of arrival was taken" in mapped.reason
    assert point.time is not None
    assert round(point.time.timestamp() * 1e6) == NOW_US


@IMPLAUSIBLE
def test_an_implausible_time_rejects_the_message_if_so_configured(
    tmp_path: Path, time: object, option: str
) -> None:
    rules = _timed(tmp_path, "{on_implausible: reject}")
    mapped = rules.map(message(_payload(time)))
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "implausible-time")
    assert mapped.points == ()
    assert option in mapped.reason


def test_the_window_is_configured(tmp_path: Path) -> None:
    rules = _timed(tmp_path, "{accept_past: 1h, accept_future: 2d}")
    kinds = [
        rules.map(message(_payload(NOW_S + offset_s))).kind for offset_s in (-3_700, -3_500, DAY_S)
    ]
    assert kinds == ["implausible-time", "", ""]


@pytest.mark.parametrize(
    "time_s",
    [
        pytest.param(NOW_S + 90 * DAY_S, id="the device knows better"),
        pytest.param(NOW_S - 90 * DAY_S, id="our clock runs ahead"),
        pytest.param(NOW_S + 5 * 365 * DAY_S, id="years on a shelf"),
    ],
)
def test_beside_a_clock_that_nobody_has_set_the_payloads_time_is_taken(
    tmp_path: Path, time_s: int
) -> None:
    item = replace(message(_payload(time_s)), is_clock_doubtful=True)
    mapped = _timed(tmp_path).map(item)
    [point] = mapped.points
    assert (mapped.outcome, mapped.kind) == (Outcome.STORED, "")
    assert point.time is not None
    assert point.time.timestamp() == time_s


@pytest.mark.parametrize("time", [12, "2000-01-01T00:00:12Z", "2099-01-01T00:00:00Z", 1e300])
def test_a_time_that_no_clock_should_show_is_not_taken_even_then(
    tmp_path: Path, time: object
) -> None:
    item = replace(message(_payload(time)), is_clock_doubtful=True)
    mapped = _timed(tmp_path).map(item)
    [point] = mapped.points
    assert mapped.kind == "implausible-time"
    assert point.time is not None
    assert round(point.time.timestamp() * 1e6) == NOW_US


OPTIONAL = RULE.replace("time: $.ts", "time: {path: $.ts, optional: true, accept_past: 50m}")


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param('{"t": 1}', id="no key"),
        pytest.param('{"ts": null, "t": 1}', id="null"),
        pytest.param('{"ts": "N/A", "t": 1}', id="a text that means nothing"),
    ],
)
def test_a_payload_without_its_optional_time_was_measured_at_arrival(
    tmp_path: Path, payload: str
) -> None:
    mapped = mapper(tmp_path, OPTIONAL).map(message(payload))
    [point] = mapped.points
    assert (mapped.outcome, mapped.kind) == (Outcome.STORED, "")
    assert point.time is not None
    assert round(point.time.timestamp() * 1e6) == NOW_US


def test_an_optional_time_that_is_none_is_told(tmp_path: Path) -> None:
    mapped = mapper(tmp_path, OPTIONAL).map(message(_payload("yesterday")))
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "time")
    assert len(mapped.points) == 1


def test_a_rule_may_narrow_how_old_its_time_may_be(tmp_path: Path) -> None:
    rules = mapper(tmp_path, OPTIONAL)
    [young] = rules.map(message(_payload(NOW_S - 2999))).points
    old = rules.map(message(_payload(NOW_S - 3002)))
    assert young.time is not None
    assert young.time.timestamp() == NOW_S - 2999
    assert (old.outcome, old.kind) == (Outcome.STORED, "implausible-time")
    assert "time.accept_past" in old.reason
    [point] = old.points
    assert point.time is not None
    assert round(point.time.timestamp() * 1e6) == NOW_US
