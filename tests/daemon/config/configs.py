"""Configurations written to a file and loaded, as a user would have them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from daemon.config import Config, load_config
from daemon.errors import ConfigError, Problem


def write(folder: Path, text: str, others: Mapping[str, str] | None = None) -> Path:
    """`config.yaml` with this text, and other files by name beside it."""
    for name, content in (others or {}).items():
        (folder / name).write_text(content, encoding="utf-8")
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def load(folder: Path, text: str, others: Mapping[str, str] | None = None) -> Config:
    """The configuration of this text."""
    return load_config(write(folder, text, others))


def problems(
    folder: Path, text: str, others: Mapping[str, str] | None = None
) -> tuple[Problem, ...]:
    """What is wrong with this text."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text, others)
    return caught.value.problems


def only_problem(folder: Path, text: str, others: Mapping[str, str] | None = None) -> Problem:
    """The one thing that is wrong with this text."""
    [problem] = problems(folder, text, others)
    return problem
