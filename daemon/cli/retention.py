"""`retention`: the rules carried out now, or what they would do."""

from __future__ import annotations

from pathlib import Path

from daemon.config import load_config
from daemon.retention import Report, lower_priority, preview
from daemon.retention import run as carry_out


def plan(path: Path) -> int:
    """Print what a run would do; changes nothing. Raises ConfigError and RetentionError."""
    return _print(preview(load_config(path)))


def run(path: Path) -> int:
    """Carry the rules out and print what was done. Raises ConfigError and RetentionError."""
    config = load_config(path)
    lower_priority()
    return _print(carry_out(config))


def _print(report: Report) -> int:
    for line in report.lines():
        print(line)
    return 0
