"""What a start does not need is not imported: on a small board each of these costs a second."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

_HEAVY = ("jinja2", "rich", "amqtt", "jsonpath", "pandas", "polars", "http.server", "matplotlib")
_LOADED = "import sys, {module}; print([name for name in {names} if name in sys.modules])"


@pytest.mark.parametrize("module", ["daemon.cli.run", "daemon.cli.check", "tinyflux"])
def test_nothing_heavy_is_imported_before_it_is_needed(module: str) -> None:
    asked = subprocess.run(
        [sys.executable, "-c", _LOADED.format(module=module, names=_HEAVY)],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert asked.stdout.strip() == "[]", asked.stderr


def test_the_engine_is_not_imported_to_ask_for_the_version() -> None:
    asked = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "daemon", "--version"],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert asked.stdout.startswith("tinyflux-collector ")
    loaded = set(re.findall(r"\| +(\w+)$", asked.stderr, re.MULTILINE))
    assert "argparse" in loaded
    assert loaded.isdisjoint({"numpy", "pydantic", "paho"})
