"""`demo`: the same run, with the demo's configuration and simulated devices."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from daemon.app import Collector
from daemon.cli.run import collect, configure
from daemon.clock import SystemClock
from daemon.config import Config
from daemon.demo import Simulation, put_config, summary
from daemon.health import LiveTable, SeriesBoard

_log = logging.getLogger("daemon.demo")

_CONNECT_S = 10.0


def demo(directory: Path, duration_s: float | None) -> int:
    """Collect into this directory; the exit status. Prints at its end what there is to query."""
    config = configure(put_config(directory.absolute()))
    demonstration = _Demonstration(config)
    status = collect(
        config,
        duration_s,
        observers=[demonstration.board.observe],
        alongside=demonstration.alongside,
    )
    print(summary(demonstration.points_by_measurement(), config.storage.path))
    return status


class _Demonstration:
    """What the demo adds to a run: devices, and a table where there is a terminal."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._collector: Collector | None = None
        self.board = SeriesBoard(SystemClock(), hidden_tags=("host", *config.collector.tags))

    @contextmanager
    def alongside(self, collector: Collector) -> Iterator[None]:
        self._collector = collector
        with ExitStack() as running:
            self._start_devices(collector, running)
            if sys.stdout.isatty():
                table = LiveTable(
                    self.board,
                    title=f"tinyflux-collector, collecting into {self._config.storage.path}",
                    status=lambda: f"{self.board.points} points; Ctrl-C ends it",
                )
                running.callback(table.stop)
                table.start()
            yield

    def points_by_measurement(self) -> dict[str, int]:
        return {} if self._collector is None else self._collector.ledger.points_by_measurement()

    def _start_devices(self, collector: Collector, running: ExitStack) -> None:
        endpoint = next(iter(collector.endpoints.values()), None)
        if endpoint is None:
            _log.warning(
                "no simulated devices: they publish to an embedded broker, and %s has none",
                self._config.origin,
            )
            return
        # A broker keeps nothing for a subscriber that it does not know yet.
        collector.await_connections(_CONNECT_S)
        devices = Simulation(endpoint, self._config.collector.zone)
        running.callback(devices.stop)
        devices.start()
