"""Every preset against real payloads, and its page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from daemon.config import load_config
from tests.daemon.presets.cases import NAMES, PAGES, Case, answers_of, cases, lines_of

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_message_becomes_what_it_means(case: Case) -> None:
    assert answers_of(case.preset)[case.number] == case.expected


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_sample_says_where_it_is_from(case: Case) -> None:
    assert case.source


@pytest.mark.parametrize("name", NAMES)
def test_preset_is_tried_with_many_payloads(name: str) -> None:
    assert len(lines_of(name)) >= 10


@pytest.mark.parametrize("name", NAMES)
def test_configuration_of_the_page_uses_the_preset(tmp_path: Path, name: str) -> None:
    text = (PAGES / f"{name}.md").read_text("utf-8")
    [sample, *_] = re.findall(r"^```yaml\n(brokers:.*?)^```$", text, re.M | re.S)
    path = tmp_path / "config.yaml"
    path.write_text(sample, encoding="utf-8")
    [broker] = load_config(path).brokers.values()
    assert name in [use.name for use in broker.presets]
