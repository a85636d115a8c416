"""Retention as a scheduled job: in a child process, which gives itself low priority.

A thread that rewrites a file would take the interpreter from the writer.
"""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from daemon.config import Config, parse_cron, parse_hours
from daemon.errors import CollectorError
from daemon.scheduling import Calendar, Every, Schedule

_log = logging.getLogger("daemon.retention")
_DAY_S = 86_400.0


class RetentionError(CollectorError):
    """A run of the retention rules failed; the data file is as it was."""


class RetentionJob:
    """Runs `retention --run` of the same configuration and passes on what it reports."""

    timeout_s = 6 * 3600.0

    def __init__(self, config_path: Path, is_clock_believed: Callable[[], bool]) -> None:
        self._config_path = config_path
        self._is_clock_believed = is_clock_believed
        self._child: subprocess.Popen[str] | None = None
        self._is_cancelled = False

    def schedule(self, config: Config) -> Schedule:
        """When it runs: with quiet hours, and not more often than once a day, as they begin."""
        retention, zone = config.retention, config.collector.zone
        if retention.cron is not None:
            return Calendar(parse_cron(retention.cron), zone)
        if retention.quiet_hours is not None and (retention.interval_s or 0.0) >= _DAY_S:
            begin, _ = parse_hours(retention.quiet_hours)
            return Calendar(parse_cron(f"{begin.minute} {begin.hour} * * *"), zone)
        assert retention.interval_s is not None
        return Every(retention.interval_s)

    def run(self) -> None:
        """One run, to its end. RetentionError when it failed.

        What is old is unknown while the clock may be wrong: nothing is done then.
        """
        if not self._is_clock_believed():
            _log.warning("retention waits, because the clock of this machine is not synchronised")
            return
        # -P: a folder called daemon where we were started is not ours.
        command = (sys.executable, "-P", "-m", "daemon", "retention", "--run")
        with subprocess.Popen(
            (*command, "-c", str(self._config_path)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # Ctrl-C is for the collector, which ends its child in order.
            start_new_session=True,
        ) as child:
            self._child = child
            report, trouble = child.communicate()
        self._child = None
        for line in report.splitlines():
            level = logging.WARNING if line.startswith("waits: room") else logging.INFO
            _log.log(level, "%s", line)
        if child.returncode != 0 and not self._is_cancelled:
            raise RetentionError(
                f"retention ended with status {child.returncode}: {trouble.strip()[-2000:]}"
            )

    def cancel(self) -> None:
        """End a run that is under way; the data file stays as it was."""
        child = self._child
        if child is not None and child.poll() is None:
            self._is_cancelled = True
            child.terminate()
