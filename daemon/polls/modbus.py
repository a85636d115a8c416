"""The sensor kind `modbus`: registers of a meter or inverter, by TCP or a serial line (RTU).

The only door to pymodbus.
"""

from __future__ import annotations

import logging
import struct
import time
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from daemon.config import Name, PollOptions, Section
from daemon.messages import JsonValue
from daemon.polls.extras import import_extra
from daemon.polls.parts import PartLog
from daemon.polls.sensor import Place, Sensor, SensorError, SensorKind

_log = logging.getLogger(__name__)

_FORMATS = {
    "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "uint64": "Q",
    "float32": "f", "float64": "d",
}  # fmt: skip
# Modbus Application Protocol V1.1b3, 6.1 to 6.4: so much fits into one answer.
_MOST = {"holding": 125, "input": 125, "coil": 2000, "discrete": 2000}
_GAP = 8
_LONGEST_REQUEST_S = 3.0
_ILLEGAL_ADDRESS = 2
_EXCEPTIONS = {
    1: "the device does not know this kind of register",
    2: "there is no such register",
    3: "the device refuses this number of registers",
    4: "the device has failed",
    6: "the device is busy",
    10: "the gateway finds no way to the device",
    11: "the device behind the gateway does not answer",
}


def _check_connect(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_tcp = parts.scheme == "tcp" and bool(parts.hostname) and parts.path in ("", "/")
        _ = parts.port
    except ValueError as error:
        raise ValueError(f"this is no address: {error}") from None
    is_rtu = parts.scheme == "rtu" and not parts.netloc and parts.path.startswith("/")
    if not is_tcp and not is_rtu:
        raise ValueError("allowed: tcp://HOST:502, or rtu:///dev/ttyUSB0")
    return text


class Register(Section):
    """One value of a device."""

    address: int = Field(ge=0, le=65535)
    """As in the protocol, from 0. A handbook's 40001 is holding register 0, its 30001 input
    register 0."""
    kind: Literal["holding", "input", "coil", "discrete"] = "holding"
    """Which of the four tables of a device it stands in."""
    type: Literal["int16", "uint16", "int32", "uint32", "int64", "uint64", "float32", "float64"] = (
        "uint16"
    )
    """What the register, or the two or four from there on, hold; a coil is 0 or 1."""
    word_order: Literal["big", "little"] = "big"
    """Of two or four registers: whether the first holds the high part (big) or the low one."""

    @model_validator(mode="after")
    def _check(self) -> Register:
        is_bit = self.kind in ("coil", "discrete")
        if is_bit and {"type", "word_order"} & self.model_fields_set:
            raise ValueError(f"a {self.kind} is one bit, so `type` and `word_order` mean nothing")
        if self.address + self.n_words > 65536:
            raise ValueError("it ends behind the last register, 65535")
        return self

    @property
    def n_words(self) -> int:
        """How many registers it takes, or bits."""
        if self.kind in ("coil", "discrete"):
            return 1
        return struct.calcsize("=" + _FORMATS[self.type]) // 2

    def value(self, words: list[Any]) -> float | int:
        """What these registers, or this bit, stand for."""
        if self.kind in ("coil", "discrete"):
            return int(bool(words[0]))
        ordered = words if self.word_order == "big" else words[::-1]
        content = struct.pack(f">{len(ordered)}H", *ordered)
        number: float | int = struct.unpack(f">{_FORMATS[self.type]}", content)[0]
        return number


class ModbusOptions(PollOptions):
    """Registers of a Modbus device."""

    connect: Annotated[str, AfterValidator(_check_connect)]
    """tcp://meter.lan:502, or rtu:///dev/ttyUSB0."""
    unit: int = Field(default=1, ge=0, le=255)
    """Number of the device on its line or behind its gateway."""
    baud: int = Field(default=9600, ge=300, le=4_000_000)
    """Speed of a serial line."""
    parity: Literal["none", "even", "odd"] = "none"
    """Of a serial line; the standard says even, most devices have none."""
    stop_bits: Literal[1, 2] = 1
    """Of a serial line."""
    registers: dict[Name, Register] = Field(min_length=1)
    """The values by name, as {voltage: {address: 0, kind: input, type: float32}}."""


class ModbusSensor(Sensor):
    """Keeps its connection, and makes a new one after each trouble."""

    def __init__(self, options: ModbusOptions, poll: str, client: Any) -> None:
        """`client` is a pymodbus client that is not connected yet."""
        self._client = client
        self._unit = options.unit
        self._connect = options.connect
        self._registers = options.registers
        self._ranges = tuple(_ranges(options.registers))
        self._parts = PartLog(_log, poll)
        self._errors: Any = import_extra("pymodbus.exceptions", "modbus")
        # Ranges of which a part does not exist are read register by register from then on.
        self._split: set[int] = set()

    def read(self, timeout_s: float) -> JsonValue:
        """The values by name. Raises SensorError when not one can be read; a register that does
        not exist is left out, and said once."""
        end_s = time.monotonic() + timeout_s
        values: dict[str, JsonValue] = {}
        reasons: dict[str, str] = {}
        try:
            self._open(end_s)
            for number, names in enumerate(self._ranges):
                self._read_range(number, names, end_s, values, reasons)
        except (OSError, self._errors.ModbusException) as error:
            self._client.close()
            raise SensorError(
                "no-answer", f"{self._connect}, unit {self._unit}: {_one_line(error)}"
            ) from error
        except SensorError:
            self._client.close()
            raise
        if not values:
            told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
            raise SensorError("no-register", f"no register could be read: {told}")
        self._parts.tell(reasons)
        return values

    def cancel(self) -> None:
        """End the connection under a reading."""
        self._client.close()

    def close(self) -> None:
        """End the connection."""
        self._client.close()

    def _open(self, end_s: float) -> None:
        if not self._client.connected:
            self._limit(end_s)
            if not self._client.connect():
                raise SensorError(
                    "unreachable",
                    f"cannot connect to {self._connect}: is it on, are address and port right?",
                )

    def _limit(self, end_s: float) -> None:
        left_s = end_s - time.monotonic()
        if left_s <= 0:
            raise SensorError("timeout", f"{self._connect} has not answered all in time")
        self._client.comm_params.timeout_connect = min(left_s, _LONGEST_REQUEST_S)

    def _read_range(
        self,
        number: int,
        names: tuple[str, ...],
        end_s: float,
        values: dict[str, JsonValue],
        reasons: dict[str, str],
    ) -> None:
        if number not in self._split:
            code = self._read_together(names, end_s, values)
            if code is None:
                return
            if code != _ILLEGAL_ADDRESS or len(names) == 1:
                reasons.update(dict.fromkeys(names, _explained(code)))
                return
            self._split.add(number)
        for name in names:
            code = self._read_together((name,), end_s, values)
            if code is not None:
                reasons[name] = _explained(code)

    def _read_together(
        self, names: tuple[str, ...], end_s: float, values: dict[str, JsonValue]
    ) -> int | None:
        """Ask for these registers at once; the exception code if the device refuses."""
        self._limit(end_s)
        parts = [self._registers[name] for name in names]
        first = parts[0].address
        count = max(part.address + part.n_words for part in parts) - first
        ask = {
            "holding": self._client.read_holding_registers,
            "input": self._client.read_input_registers,
            "coil": self._client.read_coils,
            "discrete": self._client.read_discrete_inputs,
        }[parts[0].kind]
        answer = ask(first, count=count, device_id=self._unit)
        if answer.isError():
            return int(getattr(answer, "exception_code", 0))
        found = answer.bits if parts[0].kind in ("coil", "discrete") else answer.registers
        if len(found) < count:
            raise SensorError("bad-answer", f"{self._connect} answered with too few registers")
        for name, part in zip(names, parts, strict=True):
            at = part.address - first
            values[name] = part.value(found[at : at + part.n_words])
        return None


def _ranges(registers: Mapping[str, Register]) -> Iterator[tuple[str, ...]]:
    """The names of registers that are asked for at once: of one kind, and near each other."""
    ordered = sorted(registers, key=lambda name: (registers[name].kind, registers[name].address))
    group: list[str] = []
    for name in ordered:
        part = registers[name]
        if group:
            first, kind = registers[group[0]].address, registers[group[0]].kind
            end = max(registers[one].address + registers[one].n_words for one in group)
            is_near = part.kind == kind and part.address <= end + _GAP
            if not is_near or part.address + part.n_words - first > _MOST[kind]:
                yield tuple(group)
                group = []
        group.append(name)
    yield tuple(group)


def _explained(code: int) -> str:
    return f"{_EXCEPTIONS.get(code, 'refused')} (exception code {code})"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _open(options: ModbusOptions, place: Place) -> ModbusSensor:
    library = import_extra("pymodbus.client", "modbus")
    parts = urlsplit(options.connect)
    timeout_s = min(options.timeout_s, _LONGEST_REQUEST_S)
    if parts.scheme == "tcp":
        client = library.ModbusTcpClient(
            parts.hostname, port=parts.port or 502, timeout=timeout_s, retries=0
        )
    else:
        import_extra("serial", "modbus")
        client = library.ModbusSerialClient(
            parts.path,
            baudrate=options.baud,
            parity=options.parity[0].upper(),
            stopbits=options.stop_bits,
            timeout=timeout_s,
            retries=0,
        )
    # It says at ERROR what is raised as well.
    logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
    return ModbusSensor(options, place.poll, client)


KIND = SensorKind(ModbusOptions, _open)
