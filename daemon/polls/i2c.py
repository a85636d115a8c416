"""An I2C bus of the board, and what its errors mean. The only door to smbus2."""

from __future__ import annotations

import errno
from typing import Annotated, Any, Protocol

from pydantic import Field

from daemon.config import PollOptions
from daemon.polls.extras import import_extra
from daemon.polls.sensor import SensorError

_DEAF = (errno.EREMOTEIO, errno.ENXIO, errno.EIO, errno.ENODEV)
BusNumber = Annotated[int, Field(ge=0, le=99)]


class I2cOptions(PollOptions):
    """A chip on an I2C bus."""

    bus: BusNumber = 1
    """Number of the bus: 1 is that of a Raspberry Pi's pins 3 and 5."""


class Bus(Protocol):
    """What a driver needs of a bus."""

    def exchange(self, address: int, sent: bytes, n_read: int) -> bytes:
        """Write, and then read so many bytes without letting go of the bus; either may be none.
        Raises SensorError."""

    def close(self) -> None:
        """Let go of it."""


class I2cBus:
    """A bus by the kernel's /dev/i2c-N."""

    def __init__(self, number: int) -> None:
        """Raises SensorError where the bus or the package is missing."""
        self._smbus: Any = import_extra("smbus2", "i2c")
        self._path = f"/dev/i2c-{number}"
        try:
            self._bus = self._smbus.SMBus(self._path)
        except FileNotFoundError as error:
            raise SensorError(
                "no-bus",
                f"there is no I2C bus {self._path}: enable it with `sudo raspi-config nonint "
                "do_i2c 0` (or dtparam=i2c_arm=on in /boot/firmware/config.txt) and restart",
            ) from error
        except PermissionError as error:
            raise SensorError(
                "permission",
                f"not allowed to open {self._path}: the collector's user has to be in the group "
                "`i2c`; under systemd use the drop-in i2c.conf",
            ) from error
        except OSError as error:
            raise SensorError("no-bus", f"cannot open {self._path}: {error.strerror}") from error

    def exchange(self, address: int, sent: bytes, n_read: int) -> bytes:
        """As in `Bus`."""
        message = self._smbus.i2c_msg
        parts = [message.write(address, list(sent))] if sent else []
        if n_read:
            parts.append(message.read(address, n_read))
        try:
            self._bus.i2c_rdwr(*parts)
        except OSError as error:
            if error.errno in _DEAF:
                raise SensorError(
                    "no-answer",
                    f"nothing answers at address {address:#04x} on {self._path}: look at the "
                    f"wiring and the address (`i2cdetect -y {self._path[-1]}` lists them)",
                ) from error
            why = error.strerror or str(error)
            raise SensorError("bus", f"{self._path}, {address:#04x}: {why}") from error
        return bytes(list(parts[-1])) if n_read else b""

    def close(self) -> None:
        """As in `Bus`."""
        self._bus.close()
