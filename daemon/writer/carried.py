"""What a ledger carries over from the runs before, and what a crash has left out of it.

A ledger is saved each minute, and what it has counted at each commit (`counts.py`), with the places
in the data file and in the reject file that are covered. Rows behind such a place were stored by a
process that ended before its commit: they are counted as recovered, but for those that a replay
has stored; lines of the reject file behind it are rejected messages. Reads what is saved and the
ends of the files once, at the start.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from daemon.messages import Outcome
from daemon.writer.counts import counts_path, read_counts
from daemon.writer.rejects import predecessor_of

_log = logging.getLogger("daemon.writer")

# Kinds of lines in the reject file that are samples of what has no value (`journal.py`).
_EMPTY_KINDS = ("empty", "no-value")
# Outcomes that are final; what waited when a process ended comes again or is lost with it.
_FINAL: tuple[Outcome, ...] = tuple(
    outcome for outcome in Outcome if outcome is not Outcome.WAITING
)


@dataclass(frozen=True, slots=True)
class Position:
    """How far a ledger covers the data file."""

    size_bytes: int = 0
    inode: int = 0
    """A rewrite puts another file in its place: offsets then mean other rows."""


@dataclass(frozen=True, slots=True)
class Covered:
    """How far a ledger has come in all that it counts."""

    data: Position = Position()
    rejects: Position | None = None
    """None: nobody knows."""
    replayed: int = 0
    """Points that replays had stored by then."""

    def as_json(self) -> dict[str, int]:
        """`covered_of` gives it back."""
        rejects = self.rejects or Position(-1)
        return {
            "position_bytes": self.data.size_bytes,
            "position_inode": self.data.inode,
            "rejects_bytes": rejects.size_bytes,
            "rejects_inode": rejects.inode,
            "replayed": self.replayed,
        }


def covered_of(content: Mapping[str, Any]) -> Covered:
    """As `as_json` wrote it; raises KeyError, ValueError or TypeError for anything else."""
    rejects_bytes = int(content.get("rejects_bytes", -1))
    return Covered(
        Position(int(content["position_bytes"]), int(content["position_inode"])),
        Position(rejects_bytes, int(content["rejects_inode"])) if rejects_bytes >= 0 else None,
        int(content.get("replayed", 0)),
    )


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


def carry_over(path: Path, data: Path, rejects: Path | None = None, replayed: int = 0) -> Carried:
    """The totals of the ledger saved at `path`, with what `data` and `rejects` have beyond them.

    `replayed` is how many points replays have stored by now. Never raises.
    """
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
        covered = covered_of(saved)
        has_ended = bool(saved["ended"])
        if not has_ended:
            carried, covered = _with_counts(carried, covered, saved, counts_path(path))
    except FileNotFoundError:
        return Carried()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        _log.warning("%s cannot be used (%r): the ledger begins anew", path, error)
        return Carried()
    if has_ended:
        return carried
    found = _rows_behind(data, covered.data)
    if found is not None:
        found = max(0, found - max(0, replayed - covered.replayed))
    outcomes: dict[Outcome, int] = dict(carried.outcomes)
    outcomes[Outcome.REJECTED] += _rejects_behind(rejects, covered.rejects)
    return replace(
        carried,
        outcomes=outcomes,
        recovered_points=carried.recovered_points + (found or 0),
        crashes=carried.crashes + 1,
        recovered_now=found,
    )


def _with_counts(
    carried: Carried, covered: Covered, saved: Mapping[str, Any], path: Path
) -> tuple[Carried, Covered]:
    """The same, with what the run has counted after it had saved."""
    counted = read_counts(path)
    if counted is None or counted.get("run") != saved.get("run"):
        return carried, covered
    before, after = saved["outcomes"], counted["outcomes"]
    assert isinstance(after, dict)
    more = {one: int(after.get(one, 0)) - int(before.get(one, 0)) for one in _FINAL}
    if sum(more.values()) < 0:
        # Of a power cut: the ledger has reached the disk, and the newest counts have not.
        return carried, covered
    points = int(str(counted["points"])) - int(saved["points"])
    return (
        replace(
            carried,
            outcomes={one: number + more[one] for one, number in carried.outcomes.items()},
            points=carried.points + points,
        ),
        covered_of(counted),
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


def _rejects_behind(rejects: Path | None, position: Position | None) -> int:
    """How many messages were rejected behind a place; 0 where nobody can tell."""
    if rejects is None or position is None:
        return 0
    at = position.size_bytes
    newest = position_of(rejects)
    if not position.inode or newest.inode == position.inode:
        return _rejected_lines(rejects, at)
    older = predecessor_of(rejects)
    if position_of(older).inode == position.inode:
        return _rejected_lines(older, at) + _rejected_lines(rejects, 0)
    return 0


def _rejected_lines(path: Path, at: int) -> int:
    count = 0
    with contextlib.suppress(OSError), path.open("rb") as file:
        file.seek(at)
        for line in file:
            with contextlib.suppress(ValueError, AttributeError):
                # Of messages without a value a sample is kept, which is no reject.
                count += json.loads(line).get("kind") not in _EMPTY_KINDS
    return count
