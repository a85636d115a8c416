"""CONTRIBUTING.md walks through files that are there."""

from __future__ import annotations

import re
from pathlib import Path

_TOP = Path(__file__).parents[2]
_TEXT = (_TOP / "CONTRIBUTING.md").read_text(encoding="utf-8")


def test_every_file_named_is_there() -> None:
    named = re.findall(r"`((?:tinyflux|daemon|tests|tools|benchmarks|\.ci)/[^`\s]*)`", _TEXT)
    assert len(named) > 30
    assert [path for path in named if not (_TOP / path).exists()] == []


def test_every_make_target_named_is_one() -> None:
    makefile = (_TOP / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^(\w+):", makefile, re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z]+)\b", _TEXT)) <= targets
