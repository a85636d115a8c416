"""Collectors in processes of their own, gone when the test is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon.app.processes import CollectorProcess

StartCollector = Callable[[str], CollectorProcess]


@pytest.fixture
def start_collector(tmp_path: Path) -> Iterator[StartCollector]:
    """Starts `run` with the given configuration in the test's folder; killed at the end."""
    started: list[CollectorProcess] = []

    def start(configuration: str) -> CollectorProcess:
        collector = CollectorProcess(tmp_path, configuration)
        started.append(collector)
        collector.start()
        return collector

    yield start
    for collector in started:
        collector.kill()
        print(collector.log_text())
