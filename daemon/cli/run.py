"""`run`: the collector until it is told to stop."""

from __future__ import annotations

import faulthandler
import logging
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from daemon import logs
from daemon.app import Collector, Pulse
from daemon.cli.reloading import Reloader
from daemon.cli.stop import StopRequest
from daemon.clock import BoardClock, SystemClock
from daemon.config import Config, load_config
from daemon.errors import EX_IOERR, EX_SOFTWARE
from daemon.health import Notifier, ProblemLog, StatusFile, StatusPublisher, StatusSocket
from daemon.writer import Observer

_log = logging.getLogger("daemon.collector")

_LOOK_S = 1.0
_STATUS_EVERY_S = 10.0

Alongside = Callable[[Collector], AbstractContextManager[object]]
"""What runs while the collector does: entered once it has started, left before it stops."""


def run(path: Path, duration_s: float | None) -> int:
    """Collect by this configuration; the exit status. Raises ConfigError and StartError."""
    # The watchdog's SIGABRT then tells where each thread stood.
    if sys.__stderr__ is not None:
        faulthandler.enable(sys.__stderr__)
    return collect(configure(path), duration_s)


def configure(path: Path) -> Config:
    """The configuration of this file, with its logging set up. Raises ConfigError."""
    config = load_config(path)
    logs.set_up(config.logging.level, config.logging.format, config.logging.levels)
    return config


def collect(
    config: Config,
    duration_s: float | None,
    *,
    observers: Sequence[Observer] = (),
    alongside: Alongside = nullcontext,
    clock: BoardClock | None = None,
) -> int:
    """Start, wait for the end of `duration_s` or a signal, stop; the exit status."""
    notifier = Notifier()
    collector = Collector(config, clock or SystemClock(), observers)
    publisher = StatusPublisher(StatusFile(config.storage.path), collector.status, collector.pulse)
    socket = StatusSocket(config.storage.path, collector.status)
    monitoring = _monitoring(config, collector)
    with StopRequest() as stop, ProblemLog(config.storage.path), monitoring:
        for notice in config.notices:
            _log.warning("%s", notice)
        collector.start()
        try:
            publisher.start()
            socket.start()
            _log.info("collecting into %s", config.storage.path)
            notifier.ready(collector.summary())
            with alongside(collector):
                reloader = Reloader(collector, config)
                status = _watch(collector, notifier, stop, reloader, duration_s)
            notifier.stopping()
        finally:
            is_done = collector.stop()
            publisher.stop()
            socket.stop()
    _log.info("stopped (%s); %s", stop.reason or "the time was up", collector.summary())
    return status or (0 if is_done else EX_IOERR)


def _monitoring(config: Config, collector: Collector) -> AbstractContextManager[object]:
    """The HTTP server, where one is configured."""
    if config.http.address is None:
        return nullcontext()
    from daemon.health.monitoring import Monitoring

    return Monitoring(
        config.http.address,
        collector.status,
        has_metrics=config.http.metrics,
        has_health=config.http.health,
    )


def _watch(
    collector: Collector,
    notifier: Notifier,
    stop: StopRequest,
    reloader: Reloader,
    duration_s: float | None,
) -> int:
    """Until it is time to stop; tells systemd meanwhile that all is well."""
    look_s = min(_LOOK_S, (notifier.watchdog_s or 60.0) / 3)
    now_s = next_status_s = time.monotonic()
    pulse = Pulse(now_s)
    end_s = float("inf") if duration_s is None else now_s + duration_s
    while (left_s := end_s - time.monotonic()) > 0 and not stop.wait(min(left_s, look_s)):
        if not collector.is_healthy():
            _log.error("the writer has ended; the collector cannot go on")
            return EX_SOFTWARE
        if stop.take_reload():
            reloader.reload()
        vitals, now_s = collector.vitals(), time.monotonic()
        if pulse.is_beating(vitals, now_s):
            notifier.feed_watchdog()
        if now_s >= next_status_s:
            next_status_s = now_s + _STATUS_EVERY_S
            notifier.status(f"{pulse.line(vitals, now_s)}; {collector.summary()}")
    return 0
