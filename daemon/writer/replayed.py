"""How much replays have stored: a small file beside the data, which the ledger shows.

A replay is a process of its own, so its points are no outcomes of the collector's run; they must
not be taken for points that a killed run has left behind either.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from daemon.files import replace_file


@dataclass(frozen=True, slots=True)
class Replayed:
    """Of all replays."""

    messages: int = 0
    points: int = 0


def replayed_path(data: Path) -> Path:
    """Where the counts of a data file's replays are."""
    return data.with_suffix(".replayed.json")


def read_replayed(path: Path) -> Replayed:
    """What was counted so far; nothing where that cannot be read."""
    try:
        content = json.loads(path.read_bytes())
        return Replayed(int(content["messages"]), int(content["points"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Replayed()


def add_replayed(path: Path, messages: int, points: int) -> None:
    """Count these too; one replay at a time. May raise OSError."""
    before = read_replayed(path)
    content = {"messages": before.messages + messages, "points": before.points + points}
    replace_file(path, json.dumps(content).encode() + b"\n")
    # Root may have replayed; the collector's user must be able to read it.
    path.chmod(0o644)
