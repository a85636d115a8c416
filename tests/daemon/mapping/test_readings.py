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
    ("parse", "fields"),
    [
        pytest.param(
            "key_value", {"t": 21.5, "door": 1, "n": 3.0}, id="key-value-texts-are-numbers"
        ),
        pytest.param("json", {"n": 3.0}, id="json-texts-are-text"),
    ],
)
def test_texts_of_a_command(tmp_path: Path, parse: str, fields: dict[str, float]) -> None:
    rules = mapper(tmp_path, f"polls: [{{command: {{run: [x], parse: {parse}}}}}]\n")
    value = {"t": "21.5", "door": "open", "serial": "A1", "gone": "unknown", "n": 3}
    assert fields_of(rules.map(reading(value, "command"))) == fields


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
