"""What `discover` prints is a configuration that stores the same points."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import load_config
from daemon.discovery import compile_discovering, quoted, sources_of
from daemon.documents import parse_yaml
from tests.daemon.discovery.registries import HEAD, discovering, points_of, registry_of, send

FOLDER = Path(__file__).parents[2] / "cases/discovery"
FILES = sorted(FOLDER.glob("*.jsonl"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_printed_sources_store_what_discovery_stores(tmp_path: Path, path: Path) -> None:
    cases = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    mapper = discovering(tmp_path)
    for case in cases:
        for announced in case["announce"]:
            send(mapper, announced["topic"], announced["payload"])
    text = "\n".join(["sources:", *sources_of(registry_of(mapper))])
    pasted = tmp_path / "pasted.yaml"
    brokers = "brokers: {home: {url: mqtt://127.0.0.1}}\n"
    pasted.write_text(f"{HEAD}{brokers}{text}\n", encoding="utf-8")
    by_hand = compile_discovering(load_config(pasted))
    states = [state for case in cases for state in case["states"]]
    for state in states:
        expected = send(mapper, state["topic"], state["payload"])
        found = send(by_hand, state["topic"], state["payload"])
        assert (found.outcome, points_of(found)) == (expected.outcome, points_of(expected))


def test_reasons_and_names_stand_beside_the_rules(tmp_path: Path) -> None:
    mapper = discovering(tmp_path)
    send(mapper, "homeassistant/sensor/o/config", {"state_topic": "a/b", "name": "Q\n# x: [1]"})
    send(mapper, "homeassistant/button/p/config", {"command_topic": "a/b"})
    lines = list(sources_of(registry_of(mapper), "home"))
    assert lines == [
        "  # button.p left out: a button has no readings",
        "  # sensor.q_x_1",
        "  - broker: home",
        '    topic: "a/b"',
        "    measurement: sensor",
        "    tags: {entity: o}",
        "    fields:",
        "      value: {on_unknown: drop, optional: true}".replace("'", '"'),
        "    also: true",
    ]


@given(st.text(max_size=40))
def test_any_text_comes_back_from_its_quotes(text: str) -> None:
    node = parse_yaml(f"a: {quoted(text)}\n")
    assert node is not None
    [(_, value)] = node.pairs
    assert value.scalar == text
