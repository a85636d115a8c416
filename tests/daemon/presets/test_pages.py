"""Runs every example of the pages of docs/presets through the configuration that the page shows."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest

from daemon.config import load_config
from daemon.mapping import RuleMapper, compile_mapper
from tests.daemon.mapping.mappers import message
from tests.daemon.mapping.test_page import answer
from tests.daemon.presets.cases import PAGES

HEAD = "collector: {name: cabin, timezone: UTC}\n"
EXAMPLE = re.compile(
    r"^```yaml\n(?P<config>brokers:.*?)^```\n\n^```text\n(?P<talk>.*?)^```$", re.M | re.S
)


def examples() -> list[Any]:
    return [
        pytest.param(found["config"], found["talk"], id=path.stem)
        for path in sorted(PAGES.glob("*.md"))
        for found in EXAMPLE.finditer(path.read_text("utf-8"))
    ]


def mapper_of(folder: Path, config: str) -> tuple[str, RuleMapper]:
    """The name of the page's only broker, and the mapper."""
    path = folder / "config.yaml"
    path.write_text(HEAD + config, encoding="utf-8")
    loaded = load_config(path)
    [broker] = loaded.brokers
    return broker, compile_mapper(loaded)


@pytest.mark.parametrize(("config", "talk"), examples())
def test_example_of_a_page_gives_what_it_shows(tmp_path: Path, config: str, talk: str) -> None:
    broker, rules = mapper_of(tmp_path, config)
    assert broker == "home"
    shown: list[str] = []
    for line in re.findall("^< (.*)$", talk, re.M):
        topic, _, payload = line.partition(" ")
        shown += [f"< {line}", *answer(rules.map(message(payload, topic)))]
    assert "\n".join(shown) == talk.strip()


def extracts() -> list[Any]:
    """What a page shows of a configuration, besides its first one."""
    blocks = [
        pytest.param(text, id=f"{path.stem}-{number}")
        for path in sorted(PAGES.glob("*.md"))
        for number, text in enumerate(
            re.findall(r"^```yaml\n(.*?)^```$", path.read_text(), re.M | re.S)
        )
    ]
    assert len(blocks) > len(list(PAGES.glob("*.md")))
    return blocks


@pytest.mark.parametrize("extract", extracts())
def test_extract_of_a_page_is_accepted(tmp_path: Path, extract: str) -> None:
    broker = "brokers:\n  home:\n    url: mqtt://mqtt.lan\n"
    if extract.startswith("presets:"):
        extract = broker + textwrap.indent(extract, "    ")
    elif not extract.startswith("brokers:"):
        extract = broker + extract
    path = tmp_path / "config.yaml"
    path.write_text(HEAD + extract, encoding="utf-8")
    assert load_config(path).message_rules("home")
