"""docs/durability.md names a test for each promise; each must exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs" / "durability.md"
NAMED = re.compile(r"\[([a-z_]+):\s+([a-z_0-9]+)\]")
FILES = re.compile(r"`(tests/[a-z_/0-9]+\.py)`")


@pytest.mark.parametrize(("file", "name"), NAMED.findall(PAGE.read_text(encoding="utf-8")))
def test_each_promise_names_a_test_that_exists(file: str, name: str) -> None:
    code = (Path(__file__).parent / f"test_{file}.py").read_text(encoding="utf-8")
    assert f"\ndef test_{name}(" in code


@pytest.mark.parametrize("file", FILES.findall(PAGE.read_text(encoding="utf-8")))
def test_each_file_that_is_named_exists(file: str) -> None:
    assert (PAGE.parents[1] / file).is_file()
