"""The sensor kind `sht3x`: temperature and humidity of an SHT30, SHT31 or SHT35 over I2C.

After the data sheet "SHT3x-DIS", version 7: 4.3 (single shot), 4.12 (checksum), 4.13 (conversion).
"""

from __future__ import annotations

import time
from typing import Literal

from daemon.messages import JsonValue
from daemon.polls.i2c import Bus, I2cBus, I2cOptions
from daemon.polls.sensor import Place, Sensor, SensorError, SensorKind

# High repeatability, and the bus is free while it measures.
_MEASURE = bytes([0x24, 0x00])
_LONGEST_S = 0.016


class Sht3xOptions(I2cOptions):
    """An SHT30, SHT31 or SHT35."""

    address: Literal[0x44, 0x45] = 0x44
    """0x44, or 0x45 where the pin ADDR is high."""


class Sht3xSensor(Sensor):
    """Measures once for each reading."""

    def __init__(self, bus: Bus, address: int) -> None:
        self._bus = bus
        self._address = address

    def read(self, timeout_s: float) -> JsonValue:
        """`temperature` in °C and `humidity` in per cent. Raises SensorError."""
        self._bus.exchange(self._address, _MEASURE, 0)
        time.sleep(_LONGEST_S)
        data = self._bus.exchange(self._address, b"", 6)
        temperature, humidity = (self._word(data[at : at + 3]) for at in (0, 3))
        return {
            "temperature": round(-45 + 175 * temperature / 65535, 2),
            "humidity": round(100 * humidity / 65535, 2),
        }

    def close(self) -> None:
        """Let go of the bus."""
        self._bus.close()

    def _word(self, part: bytes) -> int:
        if checksum(part[:2]) != part[2]:
            raise SensorError(
                "crc", f"the answer of {self._address:#04x} has a wrong checksum: cable too long?"
            )
        return int.from_bytes(part[:2], "big")


def checksum(content: bytes) -> int:
    """CRC-8, polynomial 0x31, initial value 0xff (data sheet, 4.12: 0xbeef has 0x92)."""
    crc = 0xFF
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x31 if crc & 0x80 else 0)) & 0xFF
    return crc


def _open(options: Sht3xOptions, place: Place) -> Sht3xSensor:
    return Sht3xSensor(I2cBus(options.bus), options.address)


KIND = SensorKind(Sht3xOptions, _open)
