"""The demo as a whole: broker, simulated devices, collector, file, and the lines at its end."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

import pytest

from daemon.app import Collector
from daemon.clock import SystemClock
from daemon.config import BrokerConfig, load_config
from daemon.demo import Simulation, demo_config_text, put_config, query_lines, summary
from daemon.errors import StartError
from daemon.health import SeriesBoard
from daemon.sources import EmbeddedBroker, Endpoint
from tests.daemon.waiting import wait_until

DEVICES = {"climate", "plug", "heating", "relay", "door"}


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[tuple[Collector, SeriesBoard, Path]]:
    """A running collector by the demo's configuration, what it stores, and its file."""
    config = load_config(put_config(tmp_path))
    board = SeriesBoard(SystemClock(), hidden_tags={"host"})
    made = Collector(config, SystemClock(), [board.observe])
    made.start()
    yield made, board, config.storage.path
    made.stop()


def measurements(board: SeriesBoard) -> set[str]:
    return {row.name.split()[0] for row in board.rows()}


def test_devices_and_this_machine_are_stored_and_the_summary_can_be_pasted(
    collector: tuple[Collector, SeriesBoard, Path],
) -> None:
    running, board, data = collector
    devices = Simulation(running.endpoints["house"], UTC)
    devices.start()
    wait_until(lambda: measurements(board) == DEVICES | {"system"}, "a point of every device")
    devices.stop()
    running.stop()
    counts = running.ledger.points_by_measurement()
    assert counts == {name: counts[name] for name in sorted(DEVICES | {"system"})}
    told = summary(counts, data)
    assert f"{board.points} points were stored:" in told
    pasted = "\n".join(told.splitlines()[-3:])
    done = subprocess.run(
        [sys.executable], input=pasted, capture_output=True, text=True, timeout=60, cwd="/"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Point(")


def test_simulation_waits_for_a_broker_and_says_once_that_it_is_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    broker = EmbeddedBroker("house", BrokerConfig(url="embedded"))
    broker.start()
    endpoint = broker.endpoint
    broker.stop()
    devices = Simulation(endpoint, UTC)
    with caplog.at_level(logging.WARNING, "daemon.demo"):
        devices.start()
        wait_until(lambda: bool(caplog.records), "the warning")
        devices.stop()
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert [record.getMessage().split(":")[0] for record in warnings] == ["simulated devices"]


def test_simulation_comes_back_when_its_connection_is_lost() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        devices = Simulation(Endpoint("127.0.0.1", server.getsockname()[1], None), UTC)
        devices.start()
        for _ in range(2):
            connection, _ = server.accept()
            assert connection.recv(1) == b"\x10", "MQTT's CONNECT"
            connection.close()
        devices.stop()


def test_simulation_stops_twice_and_before_it_was_started() -> None:
    devices = Simulation(Endpoint("127.0.0.1", 1, None), UTC)
    devices.stop()
    devices.start()
    devices.start()
    devices.stop()
    devices.stop()


def test_configuration_is_put_there_once_and_a_changed_one_is_kept(tmp_path: Path) -> None:
    path = put_config(tmp_path / "new" / "folder")
    assert path.read_text() == demo_config_text()
    path.write_text("collector: {name: mine}\n")
    assert put_config(path.parent).read_text() == "collector: {name: mine}\n"


def test_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match=r"file/demo\.yaml.*--directory"):
        put_config(tmp_path / "file")


def test_summary_lists_points_by_measurement_and_the_file() -> None:
    told = summary({"door": 3, "climate": 12}, Path("/data/it's.csv"))
    assert told.splitlines()[:4] == [
        "15 points were stored:",
        "  climate       12",
        "  door           3",
        "Data file: /data/it's.csv",
    ]
    assert query_lines({"door": 3, "climate": 12}, Path("/data/it's.csv")) == (
        "from tinyflux import MeasurementQuery, TinyFlux",
        'db = TinyFlux("/data/it\'s.csv")',
        "print(db.search(MeasurementQuery() == 'climate')[-1])",
    )


def test_summary_of_nothing_says_so() -> None:
    assert summary({}, Path("/data/points.csv")).startswith("No point was stored.")
