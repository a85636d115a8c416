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


def tree(folder: Path, files: dict[str, str]) -> Path:
    """Files as the kernel has them below /sys."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


ZONE = "class/thermal/thermal_zone"
FIRMWARE = "devices/platform/soc/soc:firmware/get_throttled"


@pytest.mark.parametrize(
    ("files", "celsius"),
    [
        pytest.param(
            {ZONE + "0/type": "cpu-thermal\n",
             ZONE + "0/temp": "48312\n"}, 48.3, id="raspberry-pi",
        ),
        pytest.param(
            {ZONE + "0/type": "acpitz", ZONE + "0/temp": "27800",
             ZONE + "1/type": "x86_pkg_temp",
             ZONE + "1/temp": "51000"}, 51.0, id="package-before-case",
        ),
        pytest.param(
            {"class/hwmon/hwmon0/name": "nvme", "class/hwmon/hwmon0/temp1_input": "30000",
             "class/hwmon/hwmon1/name": "k10temp", "class/hwmon/hwmon1/temp1_input": "61250"},
            61.2, id="hwmon",
        ),
        pytest.param(
            {ZONE + "0/type": "cpu-thermal",
             ZONE + "0/temp": "", "class/hwmon/hwmon0/name": "cpu_thermal",
             "class/hwmon/hwmon0/temp1_input": "40000"}, 40.0, id="zone-that-cannot-be-read",
        ),
        pytest.param(
            {ZONE + "0/type": "gpu0", ZONE + "0/temp": "-3000"},
            -3.0, id="any-other-zone",
        ),
    ],
)  # fmt: skip
def test_temperature_is_that_of_the_processor(
    tmp_path: Path, files: dict[str, str], celsius: float
) -> None:
    sensor = SystemSensor(["temperature"], Path("/"), sysfs=tree(tmp_path, files))
    assert sensor.read(5.0) == {"temperature": celsius}


@pytest.mark.parametrize(
    ("files", "flags"),
    [
        pytest.param({FIRMWARE: "0\n"}, set(), id="all-well"),
        pytest.param({FIRMWARE: "1\n"}, {"undervoltage"}, id="undervoltage-now"),
        pytest.param(
            {FIRMWARE: "50005\n"},
            {"undervoltage", "throttled", "undervoltage_since_boot", "throttled_since_boot"},
            id="both",
        ),
        pytest.param({FIRMWARE: "80008\n"},
                     {"soft_temperature_limit", "soft_temperature_limit_since_boot"}, id="hot"),
        pytest.param(
            {"devices/platform/soc@107c000000/soc@107c000000:firmware/get_throttled": "20002"},
            {"frequency_capped", "frequency_capped_since_boot"}, id="raspberry-pi-5",
        ),
        pytest.param(
            {"class/hwmon/hwmon2/name": "rpi_volt", "class/hwmon/hwmon2/in0_lcrit_alarm": "1\n"},
            {"undervoltage"}, id="only-the-voltage-is-shown",
        ),
    ],
)  # fmt: skip
def test_flags_of_a_raspberry_pi_are_told_apart(
    tmp_path: Path, files: dict[str, str], flags: set[str]
) -> None:
    sensor = SystemSensor(["throttled"], Path("/"), sysfs=tree(tmp_path, files))
    values = sensor.read(5.0)
    assert isinstance(values, dict)
    assert {name for name, value in values.items() if value == 1} - {"throttled_flags"} == flags
    assert values["undervoltage"] in (0, 1)


def test_flags_that_are_no_number_are_a_failure(tmp_path: Path) -> None:
    sysfs = tree(tmp_path, {FIRMWARE: "unknown"})
    with pytest.raises(SensorError, match="'unknown'"):
        SystemSensor(["throttled"], Path("/"), sysfs=sysfs).read(5.0)


def test_machine_without_sensors_says_so(tmp_path: Path) -> None:
    with pytest.raises(SensorError, match=r"temperature: .* no temperature.*throttled: no Rasp"):
        SystemSensor(["temperature", "throttled"], Path("/"), sysfs=tmp_path).read(5.0)
