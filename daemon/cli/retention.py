"""`retention`: the rules carried out now, or what they would do."""

from __future__ import annotations

from pathlib import Path

from daemon.clock import BoardClock, SystemClock
from daemon.clock_trust import clock_path, is_clock_known
from daemon.config import Config, load_config
from daemon.retention import Report, RetentionError, lower_priority, preview
from daemon.retention import run as carry_out


def plan(path: Path) -> int:
    """Print what a run would do; changes nothing. Raises ConfigError and RetentionError."""
    return _print(preview(load_config(path)))


def run(path: Path) -> int:
    """Carry the rules out and print what was done. Raises ConfigError and RetentionError."""
    config = load_config(path)
    _check_clock(config, SystemClock())
    lower_priority()
    return _print(carry_out(config))


def _check_clock(config: Config, clock: BoardClock) -> None:
    data = config.storage.path
    if not is_clock_known(clock, config.collector.clock.wait_for_sync_s, clock_path(data)):
        raise RetentionError(
            f"retention of {data} is not run, nothing was changed: the clock of this machine is "
            "not synchronised, so what is old is unknown; check the time service (timedatectl), "
            "or set collector.clock.wait_for_sync to 0s if the clock is right without one"
        )


def _print(report: Report) -> int:
    for line in report.lines():
        print(line)
    return 0
