"""BME280, BMP280 and SHT3x by their data sheets, on a bus that plays the chip."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from daemon.polls import SensorError
from daemon.polls.bme280 import Bme280Sensor
from daemon.polls.sht3x import Sht3xSensor, checksum
from tests.daemon.polls.chips import Answering, Registers
from tests.daemon.polls.opened import configured, opened

LONG_S = 30.0

# The worked example of BST-BMP280-DS001, section 3.12: 25.08 °C and 100653.27 Pa.
CALIBRATION = struct.pack(
    "<Hhh" + "Hhhhhhhhh", 27504, 26435, -1000,
    36477, -10685, 3024, 2855, 140, -7, 15500, -14600, 6000,
)  # fmt: skip
RAW_TEMPERATURE, RAW_PRESSURE = 519888, 415148
# Numbers of a real BME280: H1 75, H2 370, H3 0, H4 313, H5 50, H6 30.
HUMIDITY = struct.pack("<hBbBbb", 370, 0, 313 >> 4, (313 & 0x0F) | (50 & 0x0F) << 4, 50 >> 4, 30)
RAW_HUMIDITY = 30000


def data(pressure: int, temperature: int, humidity: int) -> bytes:
    words = b"".join((raw << 4).to_bytes(3, "big") for raw in (pressure, temperature))
    return words + humidity.to_bytes(2, "big")


def integer_humidity(fine: int) -> float:
    """The data sheet's own integer formula (BST-BME280-DS002, 4.2.3), written out separately."""
    h1, h2, h3, h4, h5, h6 = 75, 370, 0, 313, 50, 30
    v = fine - 76800
    v = ((((RAW_HUMIDITY << 14) - (h4 << 20) - (h5 * v)) + 16384) >> 15) * (
        ((((((v * h6) >> 10) * (((v * h3) >> 11) + 32768)) >> 10) + 2097152) * h2 + 8192) >> 14
    )
    v = v - (((((v >> 15) * (v >> 15)) >> 7) * h1) >> 4)
    return (min(max(v, 0), 419430400) >> 12) / 1024


def chip(number: int, **changes: bytes) -> Registers:
    contents = {
        0xD0: bytes([number]),
        0x88: CALIBRATION + bytes([0, 75]),
        0xE1: HUMIDITY,
        0xF3: bytes([0]),
        0xF7: data(RAW_PRESSURE, RAW_TEMPERATURE, RAW_HUMIDITY),
    }
    return Registers(0x76, contents | {int(name[1:], 16): part for name, part in changes.items()})


def test_bmp280_gives_the_values_of_the_data_sheet() -> None:
    bus = chip(0x58)
    values = Bme280Sensor(bus, 0x76, "BMP280").read(LONG_S)
    assert values == {"temperature": 25.08, "pressure": 1006.53}
    assert bus.written == [(0xF4, 0x25)]


def test_bme280_gives_the_humidity_of_the_data_sheet_too() -> None:
    bus = chip(0x60)
    values = Bme280Sensor(bus, 0x76).read(LONG_S)
    assert isinstance(values, dict)
    assert (values["temperature"], values["pressure"]) == (25.08, 1006.53)
    assert values["humidity"] == pytest.approx(integer_humidity(128422), abs=0.05)
    # The humidity's setting counts only when the other is written after it (5.4.3).
    assert bus.written == [(0xF2, 1), (0xF4, 0x25)]


def test_temperature_offset_goes_into_the_humidity() -> None:
    plain, cooler = (
        Bme280Sensor(chip(0x60), 0x76, "BME280", offset).read(LONG_S) for offset in (0.0, -2.0)
    )
    assert isinstance(plain, dict)
    assert isinstance(cooler, dict)
    assert cooler["temperature"] == 23.08
    assert cooler["humidity"] != plain["humidity"]


@pytest.mark.parametrize(
    ("number", "expected", "told"),
    [
        pytest.param(0x58, "BME280", "a BMP280: write `bmp280`, it has no humidity", id="bmp"),
        pytest.param(0x60, "BMP280", "a BME280: write `bme280`", id="bme"),
        pytest.param(0x61, "BME280", "a BME680, which there is no kind for", id="bme680"),
        pytest.param(0x00, "BME280", "no such chip (0x00)", id="nothing"),
    ],
)
def test_another_chip_is_named(number: int, expected: str, told: str) -> None:
    with pytest.raises(SensorError) as failure:
        Bme280Sensor(chip(number), 0x76, expected).read(LONG_S)
    assert failure.value.kind == "wrong-chip"
    assert told in str(failure.value)


def test_chip_that_never_ends_its_measurement_is_a_timeout() -> None:
    with pytest.raises(SensorError) as failure:
        Bme280Sensor(chip(0x60, xF3=b"\x08"), 0x76).read(0.1)
    assert failure.value.kind == "timeout"


def test_value_of_a_chip_that_was_reset_is_none() -> None:
    with pytest.raises(SensorError) as failure:
        Bme280Sensor(chip(0x60, xF7=data(0x80000, 0x80000, 0x8000)), 0x76).read(LONG_S)
    assert failure.value.kind == "not-measured"


def test_chip_at_another_address_does_not_answer_and_its_bus_is_closed() -> None:
    bus = chip(0x60)
    sensor = Bme280Sensor(bus, 0x77)
    with pytest.raises(SensorError, match="nothing answers at address 0x77"):
        sensor.read(LONG_S)
    sensor.close()
    assert bus.is_closed


def word(raw: int) -> bytes:
    content = raw.to_bytes(2, "big")
    return content + bytes([checksum(content)])


def test_checksum_is_that_of_the_data_sheet() -> None:
    assert checksum(b"\xbe\xef") == 0x92


def test_sht3x_gives_temperature_and_humidity() -> None:
    bus = Answering(word(0x6666) + word(0x8000))
    assert Sht3xSensor(bus, 0x44).read(LONG_S) == {"temperature": 25.0, "humidity": 50.0}
    assert bus.sent == [b"\x24\x00"]


def test_sht3x_answer_that_was_disturbed_is_no_reading() -> None:
    good = word(0x6666) + word(0x8000)
    with pytest.raises(SensorError, match="wrong checksum") as failure:
        Sht3xSensor(Answering(good[:5] + bytes([good[5] ^ 1])), 0x44).read(LONG_S)
    assert failure.value.kind == "crc"


@pytest.mark.parametrize("kind", ["bme280", "bmp280", "sht3x"])
def test_board_without_the_bus_says_what_to_enable(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SensorError, match="raspi-config nonint do_i2c 0") as failure:
        opened(tmp_path, f"{kind}: {{bus: 99}}")
    assert failure.value.kind == "no-bus"


@pytest.mark.parametrize("kind", ["bme280", "sht3x"])
def test_missing_extra_is_named(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "smbus2", None)
    with pytest.raises(SensorError, match=r"pip install 'tinyflux-collector\[i2c\]'") as failure:
        opened(tmp_path, f"{kind}: {{}}")
    assert failure.value.kind == "missing-package"


def test_address_of_another_chip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="118"):
        configured(tmp_path, "bme280: {address: 0x44}")
