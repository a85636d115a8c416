"""`retention`: the rules carried out now, or what they would do, or the last run undone."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from daemon.clock import BoardClock, SystemClock
from daemon.clock_trust import clock_path, is_clock_known
from daemon.config import Config, load_config
from daemon.retention import Report, RetentionError, lower_priority, preview
from daemon.retention import run as carry_out
from daemon.retention import undo as bring_back


def plan(path: Path, *, only: str | None = None, as_json: bool = False) -> int:
    """Print what a run would do; changes nothing. Raises ConfigError and RetentionError."""
    return _print(preview(load_config(path), only=only), as_json=as_json)


def run(
    path: Path, *, only: str | None = None, is_urgent: bool = False, as_json: bool = False
) -> int:
    """Carry the rules out and print what was done. Raises ConfigError and RetentionError."""
    config = load_config(path)
    _check_clock(config, SystemClock())
    lower_priority()
    report = carry_out(config, only=only, is_urgent=is_urgent, told=_told)
    return _print(report, as_json=as_json)


def undo(path: Path, *, as_json: bool = False) -> int:
    """Bring back what the last run changed. Raises ConfigError and RetentionError."""
    config = load_config(path)
    lower_priority()
    return _print(bring_back(config), as_json=as_json)


def _check_clock(config: Config, clock: BoardClock) -> None:
    data = config.storage.path
    if not is_clock_known(clock, config.collector.clock.wait_for_sync_s, clock_path(data)):
        raise RetentionError(
            f"retention of {data} is not run, nothing was changed: the clock of this machine is "
            "not synchronised, so what is old is unknown; check the time service (timedatectl), "
            "or set collector.clock.wait_for_sync to 0s if the clock is right without one"
        )


def _told(doing: str) -> None:
    """Say on a terminal what is being done; a log gets the report."""
    if sys.stderr is not None and sys.stderr.isatty():
        print(f"{doing} ...", file=sys.stderr, flush=True)


def _print(report: Report, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps(report.as_json(), indent=2))
        return 0
    for line in report.lines():
        print(line)
    return 0
