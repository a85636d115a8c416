"""Runs the examples of docs/discovery.md through the configurations that the page shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from daemon.config import DiscoveryConfig, load_config
from daemon.discovery import compile_discovering
from tests.daemon.mapping.mappers import message
from tests.daemon.mapping.test_page import answer

PAGE = Path(__file__).parents[3] / "docs/discovery.md"
TEXT = PAGE.read_text("utf-8")
HEAD = "collector: {name: cabin, timezone: UTC}\n"
EXAMPLE = re.compile(r"^```yaml\n(?P<config>.*?)^```\n\n^```text\n(?P<talk>.*?)^```$", re.M | re.S)
EXAMPLES = [(found["config"], found["talk"]) for found in EXAMPLE.finditer(TEXT)]


@pytest.mark.parametrize(("config", "talk"), EXAMPLES)
def test_example_gives_what_it_shows(tmp_path: Path, config: str, talk: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(HEAD + config, encoding="utf-8")
    mapper = compile_discovering(load_config(path))
    shown: list[str] = []
    for line in re.findall("^< (.*)$", talk, re.M):
        topic, _, payload = line.partition(" ")
        shown += [f"< {line}", *answer(mapper.map(message(payload, topic)))]
    assert "\n".join(shown) == talk.strip()


def test_every_block_of_the_page_is_part_of_an_example() -> None:
    assert len(EXAMPLES) * 2 == len(re.findall(r"^```\w", TEXT, re.M)) == 4


@pytest.mark.parametrize("option", DiscoveryConfig.model_fields)
def test_page_shows_every_option(option: str) -> None:
    assert f"      {option}: " in TEXT


def test_every_link_of_the_page_leads_somewhere() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", TEXT) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (PAGE.parent / link).exists()] == []
