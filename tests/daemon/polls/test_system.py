"""The system poll on the machine that runs the tests."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.polls import SensorError
from daemon.polls.system import SystemSensor


def read(*parts: str, folder: Path = Path("/")) -> dict[str, float]:
    value = SystemSensor(parts, folder).read(5.0)
    assert isinstance(value, dict)
    return value


@pytest.mark.parametrize(
    ("part", "names"),
    [
        pytest.param("cpu", {"cpu_percent"}, id="cpu"),
        pytest.param("memory", {"memory_percent", "memory_available_mb"}, id="memory"),
        pytest.param("disk", {"disk_percent", "disk_free_gb"}, id="disk"),
        pytest.param("load", {"load_1m", "load_5m", "load_15m"}, id="load"),
        pytest.param("network", {"network_received_bytes", "network_sent_bytes"}, id="network"),
    ],
)
def test_part_gives_its_values(part: str, names: set[str]) -> None:
    values = read(part)
    assert set(values) == names
    assert all(isinstance(value, (int, float)) and value >= 0 for value in values.values())


def test_first_reading_has_a_cpu_share_between_0_and_100() -> None:
    assert 0 <= read("cpu")["cpu_percent"] <= 100


def test_cpu_share_rises_while_the_machine_works() -> None:
    sensor = SystemSensor(["cpu"], Path("/"))
    sensor.read(5.0)
    sum(number * number for number in range(3_000_000))
    busy = sensor.read(5.0)
    assert isinstance(busy, dict)
    assert busy["cpu_percent"] > 10  # type: ignore[operator]


def test_part_that_is_not_here_is_left_out_and_said_once(
    caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    sensor = SystemSensor(["load", "disk"], tmp_path / "not there")
    with caplog.at_level(logging.INFO, "daemon.polls"):
        values = [sensor.read(5.0) for _ in range(3)]
    assert all(set(value) == {"load_1m", "load_5m", "load_15m"} for value in values)  # type: ignore[arg-type]
    assert len(caplog.records) == 1
    assert "without disk" in caplog.text


def test_nothing_to_read_is_a_failure_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(SensorError, match=r"disk: .*not there"):
        SystemSensor(["disk"], tmp_path / "not there").read(5.0)


def test_import_of_the_polls_does_not_import_psutil() -> None:
    code = "import sys, daemon.polls; print('psutil' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False\n"
