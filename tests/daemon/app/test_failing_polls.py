"""Polls that fail are counted where an operator looks: in the last line and in the ledger file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

CONFIGURATION = """
storage: {path: points.csv}
polls:
  - command: {name: bad, every: 1s, run: ["false"]}
  - command: {name: good, every: 1s, run: [echo, "1"], measurement: good}
"""


def test_failed_runs_stand_in_the_last_line_and_in_the_ledger(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(CONFIGURATION)
    config = str(tmp_path / "config.yaml")
    ended = subprocess.run(
        [sys.executable, "-m", "daemon", "run", "-c", config, "--duration", "3"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert "runs: poll bad " in ended.stderr
    jobs = json.loads((tmp_path / "points.ledger.json").read_text())["jobs"]
    assert jobs["poll bad"]["failed"] >= 1
    assert jobs["poll good"]["failed"] == 0


def test_text_that_cannot_be_read_is_rejected_and_kept(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text(
        "storage: {path: points.csv}\n"
        "polls: [{command: {name: words, every: 1h, run: [echo, rainy day], parse: json}}]\n"
    )
    config = str(tmp_path / "config.yaml")
    ended = subprocess.run(
        [sys.executable, "-m", "daemon", "run", "-c", config, "--duration", "2"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert "1 rejected" in ended.stderr
    [line] = (tmp_path / "rejects.jsonl").read_text().splitlines()
    kept = json.loads(line)
    assert (kept["poll"], kept["value"].strip(), kept["kind"]) == ("words", "rainy day", "not-json")
