"""`replay`: rejected messages once more, under the rules of now."""

from __future__ import annotations

from pathlib import Path

from daemon.app import Replay
from daemon.config import load_config


def replay(path: Path, *, is_plan: bool) -> int:
    """Print what became of them; 0. Raises ConfigError and StartError."""
    attempt = Replay(load_config(path))
    report = attempt.preview() if is_plan else attempt.run()
    for line in report.lines():
        print(line)
    return 0
