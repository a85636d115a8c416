"""`run`: the collector until it is told to stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from daemon import logs
from daemon.app import Collector
from daemon.cli.stop import StopRequest
from daemon.clock import SystemClock
from daemon.config import Config, load_config
from daemon.errors import EX_IOERR, EX_SOFTWARE
from daemon.writer import Observer

_log = logging.getLogger("daemon.collector")

_LOOK_S = 1.0


def run(path: Path, duration_s: float | None) -> int:
    """Collect by this configuration; the exit status. Raises ConfigError and StartError."""
    config = load_config(path)
    logs.set_up(config.logging.level, config.logging.format, config.logging.levels)
    return collect(config, duration_s)


def collect(
    config: Config,
    duration_s: float | None,
    *,
    observers: Sequence[Observer] = (),
    started: Callable[[Collector], None] = lambda collector: None,
) -> int:
    """Start, wait for the end of `duration_s` or a signal, stop; the exit status.

    `started` is called once everything runs.
    """
    for notice in config.notices:
        _log.warning("%s", notice)
    collector = Collector(config, SystemClock(), observers)
    with StopRequest() as stop:
        collector.start()
        _log.info("collecting into %s", config.storage.path)
        try:
            started(collector)
            status = _watch(collector, stop, duration_s)
        finally:
            is_done = collector.stop()
    _log.info("stopped (%s); %s", stop.reason or "the time was up", collector.summary())
    return status or (0 if is_done else EX_IOERR)


def _watch(collector: Collector, stop: StopRequest, duration_s: float | None) -> int:
    end_s = float("inf") if duration_s is None else time.monotonic() + duration_s
    while (left_s := end_s - time.monotonic()) > 0 and not stop.wait(min(left_s, _LOOK_S)):
        if not collector.is_healthy():
            _log.error("the writer has ended; the collector cannot go on")
            return EX_SOFTWARE
    return 0
