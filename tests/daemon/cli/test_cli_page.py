"""Runs every example of docs/cli.md."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.daemon.cli.readings import write_readings

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "cli.md").read_text("utf-8")
EXAMPLES = [
    (command, shown)
    for block in re.findall(r"^```console\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    for command, shown in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
]


def _run(command: str, folder: Path) -> str:
    program = f"{sys.executable} -m daemon"
    done = subprocess.run(
        ["bash", "-c", command.replace("tinyflux-collector", program, 1)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    status = f"[exit status {done.returncode}]\n" if done.returncode else ""
    return done.stdout + status


def test_every_example_shows_what_it_says(tmp_path: Path) -> None:
    write_readings(tmp_path / "home.csv")
    found = [(command, _run(command, tmp_path)) for command, _ in EXAMPLES]
    assert found == EXAMPLES
    assert len(EXAMPLES) >= 10


def test_every_block_of_the_page_is_an_example() -> None:
    assert set(re.findall(r"^```(\w+)$", TEXT, re.MULTILINE)) == {"console"}
