"""Fixtures for every test: real brokers that are gone when the test is over."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping

import pytest

from tests.support.mosquitto import Mosquitto, StartMosquitto
from tests.support.programs import require_programs


@pytest.fixture
def start_mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartMosquitto]:
    """Starts brokers with the wanted users and mosquitto.conf lines, each on its own free port."""
    require_programs(
        "mosquitto", "mosquitto_passwd", "mosquitto_pub", package="mosquitto mosquitto-clients"
    )
    brokers: list[Mosquitto] = []

    def start(*, users: Mapping[str, str] | None = None, lines: Iterable[str] = ()) -> Mosquitto:
        broker = Mosquitto(tmp_path_factory.mktemp("mosquitto"), users=users, lines=lines)
        brokers.append(broker)
        broker.start()
        return broker

    yield start
    for broker in brokers:
        broker.kill()
        # pytest shows what a teardown prints only when the test failed.
        last_lines = "\n".join(broker.log_text().splitlines()[-60:])
        print(f"Mosquitto on port {broker.port} logged last:\n{last_lines}")


@pytest.fixture
def mosquitto(start_mosquitto: StartMosquitto) -> Mosquitto:
    """A running broker with user `collector`, password `s3cret`, unlimited and durable queues."""
    return start_mosquitto()


@pytest.fixture(autouse=True)
def _logging_as_found() -> Iterator[None]:
    """Take back what a test sets up for the process's logging, as `run` does."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in [handler for handler in root.handlers if handler not in handlers]:
        root.removeHandler(handler)
    root.setLevel(level)
