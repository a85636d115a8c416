"""Runs every example of docs/engine.md."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

TOUR = Path(__file__).parents[2] / "docs" / "engine.md"


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
    assert tried > 40
    assert failed == 0
