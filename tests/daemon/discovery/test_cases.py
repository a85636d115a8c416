"""Announcements of many projects, with the states that followed and the points by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from daemon.messages import Outcome
from tests.daemon.discovery.registries import discovering, points_of, send

FOLDER = Path(__file__).parents[2] / "cases/discovery"
CASES = [
    json.loads(line)
    for path in sorted(FOLDER.glob("*.jsonl"))
    for line in path.read_text(encoding="utf-8").splitlines()
]
STATES = [
    pytest.param(case, number, id=f"{case['id']}-{number}")
    for case in CASES
    for number in range(len(case["states"]))
]
REASONS = [pytest.param(case, id=case["id"]) for case in CASES if "left_out" in case]


def test_there_are_forty_announcements_of_many_projects() -> None:
    assert sum(len(case["announce"]) for case in CASES) >= 80
    assert all(case["source"].startswith("https://") for case in CASES)
    assert len({case["id"] for case in CASES}) == len(CASES)


@pytest.mark.parametrize(("case", "number"), STATES)
def test_state_becomes_the_points_of_what_was_announced(
    tmp_path: Path, case: dict[str, Any], number: int
) -> None:
    mapper = discovering(tmp_path)
    for announced in case["announce"]:
        assert send(mapper, announced["topic"], announced["payload"]).outcome is Outcome.NO_VALUE
    for earlier in case["states"][:number]:
        send(mapper, earlier["topic"], earlier["payload"])
    state = case["states"][number]
    mapped = send(mapper, state["topic"], state["payload"])
    assert (mapped.outcome, points_of(mapped)) == (state["outcome"], state["points"])


@pytest.mark.parametrize("case", REASONS)
def test_what_is_left_out_has_its_reason(tmp_path: Path, case: dict[str, Any]) -> None:
    mapper = discovering(tmp_path)
    reasons = [
        send(mapper, announced["topic"], announced["payload"]).reason
        for announced in case["announce"]
    ]
    assert case["left_out"] in reasons[-1]
