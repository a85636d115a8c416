"""A device that a preset knows, and that announces itself too, is stored once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.config import load_config
from daemon.mapping import compile_mapper
from daemon.messages import Message, Outcome
from tests.daemon.discovery.registries import NOW_US, discovering, points_of, send

FOLDER = Path(__file__).parents[2] / "cases/discovery"
CASES: list[dict[str, Any]] = [
    json.loads(line)
    for line in (FOLDER / "zigbee2mqtt.jsonl").read_text(encoding="utf-8").splitlines()
]
STATES = [
    pytest.param(case, state, id=f"{case['id']}-{number}")
    for case in CASES
    for number, state in enumerate(case["states"])
    if state["topic"].startswith("zigbee2mqtt/")
]


@pytest.mark.parametrize(("case", "state"), STATES)
def test_zigbee_device_is_stored_by_its_preset_alone(
    tmp_path: Path, case: dict[str, Any], state: dict[str, Any]
) -> None:
    mapper = discovering(tmp_path, more=", presets: [zigbee2mqtt]")
    for announced in case["announce"]:
        assert send(mapper, announced["topic"], announced["payload"]).outcome is Outcome.NO_VALUE
    mapped = send(mapper, state["topic"], state["payload"])
    by_preset = compile_mapper(load_config(tmp_path / "config.yaml")).map(
        Message("home", state["topic"], state["payload"].encode(), NOW_US)
    )
    assert (mapped.outcome, points_of(mapped)) == (by_preset.outcome, points_of(by_preset))
    assert {point.measurement for point in mapped.points} <= {"zigbee"}


def test_device_that_the_preset_does_not_reach_comes_by_its_announcement(tmp_path: Path) -> None:
    mapper = discovering(tmp_path, more=", presets: [zigbee2mqtt]")
    [case] = [case for case in CASES if case["id"] == "setpoint-as-number"]
    [announced], [state] = case["announce"], case["states"]
    send(mapper, announced["topic"], announced["payload"])
    mapped = send(mapper, state["topic"], state["payload"])
    assert mapped.rule.startswith("discovery.number/")
    assert points_of(mapped) == state["points"]
