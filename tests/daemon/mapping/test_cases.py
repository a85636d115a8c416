"""The corpora: payloads that devices really sent, and payloads that nobody should send."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.config import load_config
from daemon.mapping import Kind, compile_mapper
from daemon.messages import Mapped, Outcome
from tests.daemon.mapping.mappers import NOW_US, fields_of, message, tags_of
from tinyflux import Point, TinyFlux

CASES = Path(__file__).parents[2] / "cases"
DEVICES = compile_mapper(load_config(CASES / "devices.yaml"))
HOSTILE = compile_mapper(load_config(CASES / "hostile.yaml"))
RULE_NAMES = [rule.topic.partition("/")[0] for rule in load_config(CASES / "hostile.yaml").sources]


def read(name: str) -> list[Any]:
    lines = (CASES / name).read_text(encoding="utf-8").splitlines()
    return [pytest.param(case, id=case["id"]) for case in map(json.loads, lines)]


def as_expected(mapped: Mapped) -> dict[str, Any]:
    """What devices.jsonl says of a message."""
    found: dict[str, Any] = {"outcome": str(mapped.outcome)}
    found |= {"kind": mapped.kind} if mapped.kind else {}
    for point in mapped.points:
        assert point.time is not None
        found |= {"measurement": point.measurement, "fields": point.fields}
        found |= {"tags": tags_of(mapped)}
        is_arrival = round(point.time.timestamp() * 1e6) == NOW_US
        found |= {} if is_arrival else {"time": point.time.isoformat()}
    return found


def in_order(name: str) -> list[Any]:
    """The cases of a file with what each became, one after the other: texts get numbers so."""
    mapper = compile_mapper(load_config(CASES / f"{name}.yaml"))
    lines = (CASES / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
    return [
        pytest.param(case, mapper.map(message(case["payload"], case["topic"])), id=case["id"])
        for case in map(json.loads, lines)
    ]


@pytest.mark.parametrize(("case", "mapped"), in_order("rules"))
def test_device_gives_the_expected_points(case: dict[str, Any], mapped: Mapped) -> None:
    points = []
    for point in mapped.points:
        assert point.time is not None
        is_arrival = round(point.time.timestamp() * 1e6) == NOW_US
        tags = {key: text for key, text in point.tags.items() if key != "host"}
        found = {"measurement": point.measurement, "tags": tags, "fields": point.fields}
        points.append(found | ({} if is_arrival else {"time": point.time.isoformat()}))
    kind = {"kind": mapped.kind} if mapped.kind else {}
    assert case["source"]
    assert {"outcome": str(mapped.outcome), **kind, "points": points} == case["expect"]


def payload_of(case: dict[str, Any]) -> bytes:
    if "payload_base64" in case:
        return base64.b64decode(case["payload_base64"])
    parts = case.get("payload_parts") or [[case["payload"], 1]]
    return "".join(text * times for text, times in parts).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("case", read("devices.jsonl"))
def test_device_gives_the_expected_point(case: dict[str, Any]) -> None:
    assert case["source"]
    assert as_expected(DEVICES.map(message(case["payload"], case["topic"]))) == case["expect"]


@pytest.mark.parametrize("rule", RULE_NAMES)
@pytest.mark.parametrize("case", read("hostile.jsonl"))
def test_hostile_payload_gives_points_or_a_named_rejection(case: dict[str, Any], rule: str) -> None:
    mapped = HOSTILE.map(message(payload_of(case), f"{rule}/x"))
    name = str(mapped.outcome) + (f":{mapped.kind}" if mapped.kind else "")
    found = [name, *(point.fields for point in mapped.points)]
    expected = case["expect"].get(rule, found)
    assert found[:2] == (expected[:2] if isinstance(expected, list) else [expected])
    assert len(mapped.reason) < 1000
    assert mapped.reason.isprintable()


def text_of(point: Point) -> str:
    """All of a point, told apart by type too: 1 is not 1.0."""
    parts = (
        point.time,
        point.measurement,
        sorted(point.tags.items()),
        sorted(point.fields.items()),
    )
    return repr(parts)


def test_every_point_comes_back_from_the_file_as_it_was_mapped(tmp_path: Path) -> None:
    cases = [json.loads(line) for line in (CASES / "hostile.jsonl").read_text().splitlines()]
    mapped = [
        HOSTILE.map(message(payload_of(case), topic))
        for case in cases
        for topic in (
            "single/x",
            "all/=1+1",
            'named/a,"b"',
            "timed/ü 'x'",
            "head/x",
            "each/x",
            "lines/x",
            "pairs/x",
        )
    ]
    lines = (CASES / "devices.jsonl").read_text(encoding="utf-8").splitlines()
    mapped += [
        DEVICES.map(message(case["payload"], case["topic"])) for case in map(json.loads, lines)
    ]
    points = [point for item in mapped for point in item.points]
    with TinyFlux(tmp_path / "points.csv") as db:
        db.insert_multiple(points)
    with TinyFlux(tmp_path / "points.csv") as db:
        assert sorted(map(text_of, db.all())) == sorted(map(text_of, points))


def assert_is_honest(mapped: Mapped) -> None:
    """An outcome, a reason where one is due, and points that the engine takes."""
    assert mapped.outcome in (Outcome.STORED, Outcome.REJECTED, Outcome.NO_VALUE)
    needs_reason = mapped.outcome is Outcome.REJECTED or mapped.kind == Kind.IMPLAUSIBLE_TIME
    assert bool(mapped.reason) == needs_reason
    assert (mapped.kind in list(Kind)) == needs_reason
    assert bool(mapped.points) or mapped.outcome is not Outcome.STORED
    for point in mapped.points:
        assert point.fields
        assert all(type(number) in (int, float) for number in point.fields.values())
        assert all(number - number == 0 for number in point.fields.values() if number is not None)
        assert all(text and text.encode() for text in point.tags.values())


RULES = st.sampled_from(RULE_NAMES)
SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
    | st.sampled_from(["ON", "unknown", "21.5", "nan", "\ud800", "2024-01-01T00:00:00Z"])
)  # fmt: skip
KEYS = st.sampled_from(["t", "n", "s", "ts", "model", "id", ""]) | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=30,
)


@given(st.binary(max_size=200), RULES)
def test_any_bytes_have_an_honest_outcome(payload: bytes, rule: str) -> None:
    assert_is_honest(HOSTILE.map(message(payload, f"{rule}/x")))


@given(VALUES, RULES)
@settings(max_examples=300)
def test_any_json_has_an_honest_outcome(value: Any, rule: str) -> None:
    assert_is_honest(HOSTILE.map(message(json.dumps(value).encode(), f"{rule}/x")))


@given(st.text(max_size=60), RULES)
def test_any_text_has_an_honest_outcome(text: str, rule: str) -> None:
    assert_is_honest(HOSTILE.map(message(text.encode("utf-8", "surrogatepass"), f"{rule}/x")))


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_finite_number_comes_back_as_it_was_sent(number: float) -> None:
    assert fields_of(HOSTILE.map(message(repr(number), "single/x"))) == {"value": number}
