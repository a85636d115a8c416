"""What a ledger carries over from the runs before, and what a crash has left out of it.

A ledger is saved with the place in the data file that it covers. Rows behind that place were
stored by a process that ended before it could save: they are counted as recovered. Reads the saved
ledger and the end of the data file once, at the start.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from daemon.messages import Outcome

_log = logging.getLogger("daemon.writer")

# Outcomes that are final; what waited when a process ended comes again or is lost with it.
_FINAL = tuple(outcome for outcome in Outcome if outcome is not Outcome.WAITING)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a ledger covers the data file."""

    size_bytes: int = 0
    inode: int = 0
    """A rewrite puts another file in its place: offsets then mean other rows."""


@dataclass(frozen=True, slots=True)
class Carried:
    """Totals of the runs before this one."""

    since: str = ""
    """When the first of them began; empty where there was none."""
    outcomes: Mapping[Outcome, int] = field(default_factory=dict)
    points: int = 0
    recovered_points: int = 0
    crashes: int = 0
    """How often a run ended without saving its ledger."""
    recovered_now: int | None = 0
    """Points that the last run stored after it had saved; None where nobody can tell."""

    @property
    def received(self) -> int:
        """How many items have a final outcome."""
        return sum(self.outcomes.values())


def carry_over(path: Path, data: Path) -> Carried:
    """The totals of the ledger saved at `path`, with what `data` has beyond them. Never raises."""
    try:
        saved = json.loads(path.read_text(encoding="utf-8"))
        total = saved["total"]
        carried = Carried(
            since=str(total["since"]),
            outcomes={outcome: int(total["outcomes"].get(outcome, 0)) for outcome in _FINAL},
            points=int(total["points"]),
            recovered_points=int(total["recovered"]),
            crashes=int(total["crashes"]),
        )
        position = Position(int(saved["position_bytes"]), int(saved["position_inode"]))
        has_ended = bool(saved["ended"])
    except FileNotFoundError:
        return Carried()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning("%s cannot be used (%r): the ledger begins anew", path, error)
        return Carried()
    if has_ended:
        return carried
    found = _rows_behind(data, position)
    return Carried(
        carried.since,
        carried.outcomes,
        carried.points,
        carried.recovered_points + (found or 0),
        carried.crashes + 1,
        found,
    )


def position_of(data: Path) -> Position:
    """The end of the data file as it is now."""
    try:
        state = data.stat()
    except OSError:
        return Position()
    return Position(state.st_size, state.st_ino)


def _rows_behind(data: Path, position: Position) -> int | None:
    """How many whole rows there are behind a place; None if that place is no more."""
    now = position_of(data)
    if position.size_bytes and (
        now.inode != position.inode or now.size_bytes < position.size_bytes
    ):
        return None
    rows = n_quotes = 0
    try:
        with data.open("rb") as file:
            file.seek(position.size_bytes)
            for line in file:
                # A line break between quotes belongs to a value.
                n_quotes += line.count(b'"')
                if n_quotes % 2 == 0 and line.endswith(b"\n"):
                    rows += 1
                    n_quotes = 0
    except FileNotFoundError:
        return 0
    except OSError:
        return None
    return rows
