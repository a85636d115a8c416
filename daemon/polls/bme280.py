"""The sensor kinds `bme280` and `bmp280`: temperature, pressure and humidity over I2C.

After the data sheets BST-BME280-DS002 (4.2.3, 8.1) and BST-BMP280-DS001 (3.11, 8.1).
"""

from __future__ import annotations

import struct
import time
from typing import Literal

from daemon.config import Number
from daemon.messages import JsonValue
from daemon.polls.i2c import Bus, I2cBus, I2cOptions
from daemon.polls.sensor import Place, Sensor, SensorError, SensorKind

_ID, _CALIBRATION, _HUMIDITY_CALIBRATION = 0xD0, 0x88, 0xE1
_CONTROL_HUMIDITY, _STATUS, _CONTROL, _DATA = 0xF2, 0xF3, 0xF4, 0xF7
_MEASURING = 0x08
# Each quantity once, then asleep again ("forced mode"): at one reading a minute it stays cool.
_ONCE = 0b001_001_01
_CHIPS = {0x60: "BME280", 0x58: "BMP280", 0x57: "BMP280", 0x56: "BMP280", 0x61: "BME680"}
_PAUSE_S = 0.005
_NOT_MEASURED = 0x80000


class Bme280Options(I2cOptions):
    """A BME280 or BMP280."""

    address: Literal[0x76, 0x77] = 0x76
    """0x76, or 0x77 where the pin SDO is high."""
    temperature_offset: Number = 0.0
    """Added to the temperature before pressure and humidity are computed, in degrees: a chip that
    is warmed by its board shows too little humidity else."""


class Compensation:
    """The factory's numbers of one chip, and what they make of raw values."""

    def __init__(self, block: bytes, humidity: bytes = b"") -> None:
        """`block` from register 0x88 on (26 bytes), `humidity` from 0xE1 on (7 bytes)."""
        self._t = struct.unpack_from("<Hhh", block, 0)
        self._p = struct.unpack_from("<Hhhhhhhhh", block, 6)
        self._h: tuple[int, ...] = ()
        if humidity:
            h2, h3, e4, e5, e6, h6 = struct.unpack("<hBbBbb", humidity)
            self._h = (block[25], h2, h3, e4 << 4 | e5 & 0x0F, e6 << 4 | e5 >> 4, h6)

    def fine(self, raw: int) -> float:
        """What the data sheet calls t_fine; a 5120th degree."""
        t1, t2, t3 = self._t
        linear = (raw / 16384 - t1 / 1024) * t2
        return float(linear + (raw / 131072 - t1 / 8192) ** 2 * t3)

    def pascal(self, raw: int, fine: float) -> float:
        """Pressure. Raises SensorError for a chip whose numbers are nonsense."""
        p1, p2, p3, p4, p5, p6, p7, p8, p9 = self._p
        v1 = fine / 2 - 64000
        v2 = (v1 * v1 * p6 / 32768 + v1 * p5 * 2) / 4 + p4 * 65536
        v1 = (1 + (p3 * v1 * v1 / 524288 + p2 * v1) / 524288 / 32768) * p1
        if v1 == 0:
            raise SensorError("calibration", "the chip's factory numbers are nonsense: wiring?")
        value = (1048576 - raw - v2 / 4096) * 6250 / v1
        value += (p9 * value * value / 2147483648 + value * p8 / 32768 + p7) / 16
        return float(value)

    def relative_humidity(self, raw: int, fine: float) -> float:
        """In per cent, 0 to 100."""
        h1, h2, h3, h4, h5, h6 = self._h
        value = fine - 76800
        scale = 1 + h6 / 67108864 * value * (1 + h3 / 67108864 * value)
        value = (raw - (h4 * 64 + h5 / 16384 * value)) * (h2 / 65536 * scale)
        return min(max(value * (1 - h1 * value / 524288), 0.0), 100.0)


class Bme280Sensor(Sensor):
    """Wakes the chip for each reading."""

    def __init__(
        self, bus: Bus, address: int, chip: str = "BME280", temperature_offset: float = 0.0
    ) -> None:
        self._bus = bus
        self._address = address
        self._chip = chip
        self._offset = temperature_offset
        self._compensation: Compensation | None = None

    def read(self, timeout_s: float) -> JsonValue:
        """`temperature` in °C, `pressure` in hPa and, of a BME280, `humidity` in per cent."""
        end_s = time.monotonic() + timeout_s
        if self._compensation is None:
            self._compensation = self._calibrated()
        try:
            return self._measure(self._compensation, end_s)
        except SensorError:
            # Another chip may be there when it answers again.
            self._compensation = None
            raise

    def close(self) -> None:
        """Let go of the bus."""
        self._bus.close()

    def _calibrated(self) -> Compensation:
        number = self._get(_ID, 1)[0]
        if _CHIPS.get(number) != self._chip:
            raise SensorError(
                "wrong-chip",
                f"at address {self._address:#04x} is {_named(number)}; expected: {self._chip}",
            )
        humidity = self._get(_HUMIDITY_CALIBRATION, 7) if self._chip == "BME280" else b""
        return Compensation(self._get(_CALIBRATION, 26), humidity)

    def _measure(self, compensation: Compensation, end_s: float) -> JsonValue:
        if self._chip == "BME280":
            self._put(_CONTROL_HUMIDITY, 1)
        self._put(_CONTROL, _ONCE)
        while True:
            time.sleep(_PAUSE_S)
            if not self._get(_STATUS, 1)[0] & _MEASURING:
                break
            if time.monotonic() > end_s:
                raise SensorError("timeout", f"the {self._chip} never ends its measurement")
        data = self._get(_DATA, 8 if self._chip == "BME280" else 6)
        pressure, temperature = (
            data[at] << 12 | data[at + 1] << 4 | data[at + 2] >> 4 for at in (0, 3)
        )
        if _NOT_MEASURED in (pressure, temperature):
            raise SensorError("not-measured", f"the {self._chip} has not measured: it was reset")
        fine = compensation.fine(temperature) + self._offset * 5120
        values: dict[str, JsonValue] = {
            "temperature": round(fine / 5120, 2),
            "pressure": round(compensation.pascal(pressure, fine) / 100, 2),
        }
        if self._chip == "BME280":
            raw = data[6] << 8 | data[7]
            values["humidity"] = round(compensation.relative_humidity(raw, fine), 2)
        return values

    def _get(self, register: int, n_bytes: int) -> bytes:
        return self._bus.exchange(self._address, bytes([register]), n_bytes)

    def _put(self, register: int, value: int) -> None:
        self._bus.exchange(self._address, bytes([register, value]), 0)


def _named(number: int) -> str:
    match _CHIPS.get(number):
        case "BMP280":
            return "a BMP280: write `bmp280`, it has no humidity"
        case "BME280":
            return "a BME280: write `bme280`"
        case "BME680":
            return "a BME680, which there is no kind for"
        case _:
            return f"no such chip ({number:#04x})"


def _open(options: Bme280Options, place: Place) -> Bme280Sensor:
    bus = I2cBus(options.bus)
    return Bme280Sensor(bus, options.address, "BME280", options.temperature_offset)


def _open_bmp280(options: Bme280Options, place: Place) -> Bme280Sensor:
    bus = I2cBus(options.bus)
    return Bme280Sensor(bus, options.address, "BMP280", options.temperature_offset)


KIND = SensorKind(Bme280Options, _open)
BMP280 = SensorKind(Bme280Options, _open_bmp280)
