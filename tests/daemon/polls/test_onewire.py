"""1-wire polls on trees of files as the kernel (w1_therm) makes them; there is no such bus here."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.mapping import compile_mapper
from daemon.messages import Reading
from daemon.polls import SensorError
from daemon.polls.onewire import OnewireSensor
from tests.daemon.config.configs import only_problem
from tests.daemon.polls.opened import configured

LONG_S = 30.0
LIVING, ATTIC, CELLAR = "28-0417b1fb82ff", "28-00000a1b2c3d", "10-000802be73fa"
# As read from real sensors: 21.5625 °C, -0.5 °C, a true reading of 85 °C and the one at power-up.
WARM = "59 01 4b 46 7f ff 0c 10 44"
FROST = "f8 ff 4b 46 7f ff 08 10 2e"
POWER_UP = "50 05 4b 46 7f ff 0c 10 1c"
SILENT = "ff ff ff ff ff ff ff ff ff"
ZEROS = "00 00 00 00 00 00 00 00 00"


def slave(scratchpad: str, millidegrees: int, crc: str = "YES") -> str:
    check = scratchpad[-2:]
    return f"{scratchpad} : crc={check} {crc}\n{scratchpad} t={millidegrees}\n"


def put(devices: Path, number: str, text: str) -> None:
    (devices / number).mkdir(exist_ok=True)
    (devices / number / "w1_slave").write_text(text)


@pytest.fixture
def devices(tmp_path: Path) -> Path:
    folder = tmp_path / "devices"
    (folder / "w1_bus_master1").mkdir(parents=True)
    return folder


def sensor(devices: Path, **names: str) -> OnewireSensor:
    known = {"living": LIVING, "attic": ATTIC, "cellar": CELLAR}
    return OnewireSensor({known[name]: text for name, text in names.items()}, "floor", devices)


def test_every_sensor_is_read_under_its_name_or_number(devices: Path) -> None:
    put(devices, LIVING, slave(WARM, 21562))
    put(devices, ATTIC, slave(FROST, -500))
    put(devices, "29-000000000001", "a switch, not a thermometer")
    assert sensor(devices, living="living room").read(LONG_S) == {
        "living room": {"temperature": 21.562},
        ATTIC: {"temperature": -0.5},
    }


def test_each_sensor_becomes_a_point_with_its_name_as_a_tag(tmp_path: Path, devices: Path) -> None:
    put(devices, LIVING, slave(WARM, 21562))
    put(devices, ATTIC, slave(FROST, -500))
    options = f"names: {{{LIVING}: living}}, fields: {{temperature: {{round: 1}}}}"
    config = configured(tmp_path, f"onewire: {{measurement: floor, tags: {{house: a}}, {options}}}")
    value = sensor(devices, living="living").read(LONG_S)
    mapped = compile_mapper(config).map(Reading("onewire", value, SystemClock().now_us()))
    assert mapped.outcome == "stored"
    assert [
        (p.measurement, p.tags["sensor"], p.tags["house"], p.fields) for p in mapped.points
    ] == [
        ("floor", ATTIC, "a", {"temperature": -0.5}),
        ("floor", "living", "a", {"temperature": 21.6}),
    ]


def test_name_may_stand_under_another_tag(tmp_path: Path) -> None:
    config = configured(tmp_path, "onewire: {tags: {sensor: null, room: '{key}'}}")
    value = {"living": {"temperature": 21.5}}
    [point] = compile_mapper(config).map(Reading("onewire", value, 1)).points
    assert {key: text for key, text in point.tags.items() if key != "host"} == {"room": "living"}


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        pytest.param(slave(WARM, 21562, "NO"), "crc", "disturbed on the way", id="crc"),
        pytest.param(slave(SILENT, -62, "NO"), "crc", "does not answer", id="unplugged"),
        pytest.param(slave(ZEROS, 0), "short", "nothing but zeros", id="short-circuit"),
        pytest.param(slave(POWER_UP, 85000), "power-up", "without having measured", id="power-up"),
        pytest.param("", "unreadable", "which is no reading", id="empty-file"),
        pytest.param("busy\n", "unreadable", "'busy", id="another-text"),
    ],
)
def test_wrong_reading_is_recognised(devices: Path, text: str, kind: str, told: str) -> None:
    put(devices, LIVING, text)
    with pytest.raises(SensorError, match=LIVING) as failure:
        sensor(devices).read(LONG_S)
    assert told in str(failure.value)
    assert failure.value.kind == "no-reading"


def test_85_degrees_are_believed_of_a_sensor_that_was_near(devices: Path) -> None:
    boiler = sensor(devices, living="boiler")
    put(devices, LIVING, slave("20 05 4b 46 7f ff 0c 10 00", 82000))
    boiler.read(LONG_S)
    put(devices, LIVING, slave(POWER_UP, 85000))
    assert boiler.read(LONG_S) == {"boiler": {"temperature": 85.0}}


def test_85_degrees_are_not_believed_of_one_that_was_at_21(devices: Path) -> None:
    living = sensor(devices)
    put(devices, LIVING, slave(WARM, 21562))
    living.read(LONG_S)
    put(devices, LIVING, slave(POWER_UP, 85000))
    with pytest.raises(SensorError, match="85 °C"):
        living.read(LONG_S)


def test_one_bad_sensor_costs_no_other_and_is_said_once_a_change(
    devices: Path, caplog: pytest.LogCaptureFixture
) -> None:
    floor = sensor(devices, attic="attic", cellar="cellar")
    put(devices, LIVING, slave(WARM, 21562))
    put(devices, ATTIC, slave(WARM, 21562, "NO"))
    with caplog.at_level(logging.INFO, "daemon.polls"):
        values = [floor.read(LONG_S) for _ in range(3)]
        put(devices, ATTIC, slave(FROST, -500))
        values.append(floor.read(LONG_S))
    assert values == [{LIVING: {"temperature": 21.562}}] * 3 + [
        {LIVING: {"temperature": 21.562}, "attic": {"temperature": -0.5}}
    ]
    assert [record.getMessage() for record in caplog.records] == [
        f"poll floor: without attic ({ATTIC}): checksum (CRC) wrong, disturbed on the way: cable, "
        "pull-up",
        f"poll floor: without cellar ({CELLAR}): is not on the bus",
        f"poll floor: attic ({ATTIC}) is there again",
    ]


def test_sensor_that_vanishes_is_read_again_when_it_is_back(devices: Path) -> None:
    put(devices, LIVING, slave(WARM, 21562))
    put(devices, ATTIC, slave(FROST, -500))
    floor = sensor(devices)
    (devices / ATTIC / "w1_slave").rename(devices / "away")
    assert floor.read(LONG_S) == {LIVING: {"temperature": 21.562}}
    (devices / "away").rename(devices / ATTIC / "w1_slave")
    assert floor.read(LONG_S) == {
        LIVING: {"temperature": 21.562}, ATTIC: {"temperature": -0.5},
    }  # fmt: skip


def test_board_without_a_bus_says_what_to_enable(tmp_path: Path) -> None:
    with pytest.raises(SensorError, match="dtoverlay=w1-gpio") as failure:
        sensor(tmp_path / "none").read(LONG_S)
    assert failure.value.kind == "no-bus"


@pytest.mark.parametrize(
    ("present", "told"),
    [
        pytest.param([], "no temperature sensor", id="nothing"),
        pytest.param(["00-800000000000"], "only ghosts", id="ghosts"),
    ],
)
def test_bus_without_sensors_says_how_to_connect_one(
    devices: Path, present: list[str], told: str
) -> None:
    for name in present:
        (devices / name).mkdir()
    with pytest.raises(SensorError, match=r"4\.7 kilo-ohms") as failure:
        sensor(devices).read(LONG_S)
    assert told in str(failure.value)


def test_timeout_that_is_too_short_for_the_sensors_is_said(devices: Path) -> None:
    put(devices, LIVING, slave(WARM, 21562))
    with pytest.raises(SensorError, match="a longer `timeout` helps"):
        sensor(devices).read(0.5)


def test_number_that_is_none_is_refused(tmp_path: Path) -> None:
    problem = only_problem(tmp_path, "polls: [{onewire: {names: {0417b1fb82ff: living}}}]\n")
    assert "/sys/bus/w1/devices" in problem.allowed
