"""Runs every example of docs/engine.md, and follows its links."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

TOUR = Path(__file__).parents[2] / "docs" / "engine.md"
TEXT = TOUR.read_text("utf-8")


def test_every_example_of_the_tour_gives_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    failed, tried = doctest.testfile(
        str(TOUR),
        module_relative=False,
        optionflags=doctest.ELLIPSIS,
        encoding="utf-8",
    )
    assert tried == len(re.findall(r"^>>> ", TEXT, re.MULTILINE)) > 60
    assert failed == 0


def test_every_block_of_code_of_the_tour_is_an_example() -> None:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    assert blocks
    assert [block for kind, block in blocks if kind != "python" or block[:4] != ">>> "] == []


def test_every_link_of_the_tour_leads_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    }
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    anchors = {link[1:] for link in links if link.startswith("#")}
    files = [link for link in links if not link.startswith("#")]
    assert anchors - headings == set()
    assert [link for link in files if not (TOUR.parent / link).exists()] == []
