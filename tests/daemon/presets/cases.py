"""What each preset must make of real payloads: `tests/cases/presets/NAME.jsonl`, a message a line.

A line has `topic`, `payload` (or `payload_base64`), `retained` where the broker kept the message,
`use` where the preset is configured in another way, `outcome`, `kind` of a rejection, and `points`
with measurement, tags, fields, and `time` where it is not the arrival; `source` says where the
sample is from. Lines are messages in their order: counters and numbered texts go on from one to the
next.
"""

from __future__ import annotations

import base64
import json
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from daemon.config import load_config, preset_names
from daemon.mapping import RuleMapper, compile_mapper
from daemon.messages import Mapped, Message, Outcome
from tinyflux import Point

FOLDER = Path(__file__).parents[2] / "cases" / "presets"
PAGES = Path(__file__).parents[3] / "docs" / "presets"
NAMES = preset_names()

NOW_US = 1_732_435_200_000_000
"""2024-11-24 08:00:00 UTC, when every message arrives."""


@dataclass(frozen=True)
class Case:
    """A message and what becomes of it."""

    name: str
    preset: str
    number: int
    expected: dict[str, Any]
    source: str


def mapper_of(folder: Path, *uses: object) -> RuleMapper:
    """The mapper of a configuration that has one broker with presets, and nothing else."""
    config = {
        "collector": {
            "name": "cabin",
            "timezone": "UTC",
            "clock": {"accept_past": "30y", "accept_future": "30y"},
        },
        "brokers": {"home": {"url": "mqtt://127.0.0.1", "presets": uses}},
    }
    path = folder / "config.yaml"
    path.write_text(json.dumps(config), encoding="utf-8")
    return compile_mapper(load_config(path))


def lines_of(preset: str) -> list[dict[str, Any]]:
    """The lines of a preset's file of cases; none where there is no file."""
    path = FOLDER / f"{preset}.jsonl"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def cases() -> list[Case]:
    """Every case of every preset."""
    found = []
    for preset in NAMES:
        for number, line in enumerate(lines_of(preset)):
            expected = {
                "outcome": line["outcome"],
                "kind": line.get("kind", ""),
                "points": [_expected_point(point) for point in line.get("points", [])],
            }
            name = f"{preset}-{number + 1}-{line['topic'].replace('/', '.')}"
            found.append(Case(name, preset, number, expected, line.get("source", "")))
    return found


def _expected_point(point: dict[str, Any]) -> dict[str, Any]:
    time = point.get("time", "2024-11-24T08:00:00Z")
    return {"time": time, **{key: point[key] for key in ("measurement", "tags", "fields")}}


@cache
def answers_of(preset: str) -> tuple[dict[str, Any], ...]:
    """What a preset makes of the messages of its cases, in their order."""
    mappers: dict[str, RuleMapper] = {}
    answers = []
    with tempfile.TemporaryDirectory() as folder:
        for line in lines_of(preset):
            use = line.get("use", preset)
            key = json.dumps(use)
            if key not in mappers:
                mappers[key] = mapper_of(Path(folder), use)
            answers.append(answer(mappers[key].map(message_of(line))))
    return tuple(answers)


def message_of(line: dict[str, Any]) -> Message:
    """The message of a line."""
    payload = line.get("payload")
    if payload is None:
        content = base64.b64decode(line["payload_base64"])
    else:
        content = (payload if isinstance(payload, str) else json.dumps(payload)).encode()
    is_retained = line.get("retained", False)
    return Message("home", line["topic"], content, NOW_US, is_retained=is_retained)


def answer(mapped: Mapped) -> dict[str, Any]:
    """What became of a message, as a case expects it."""
    return {
        "outcome": str(mapped.outcome),
        "kind": mapped.kind if mapped.outcome is Outcome.REJECTED else "",
        "points": [_point(point) for point in mapped.points],
    }


def _point(point: Point) -> dict[str, Any]:
    assert point.time is not None
    time = point.time.replace(tzinfo=None).isoformat(timespec="auto")
    return {
        "time": f"{time}Z",
        "measurement": point.measurement,
        "tags": {key: text for key, text in point.tags.items() if key != "host"},
        "fields": point.fields,
    }
