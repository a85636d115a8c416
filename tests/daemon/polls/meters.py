"""A Modbus device: a real server of pymodbus, by TCP or on a pseudo-terminal."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import tty
from collections.abc import Callable, Iterator
from typing import Any

from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from tests.support.ports import free_port

REGISTERS = DataType.REGISTERS
HOLDING = SimData(
    0,
    values=[0x0001, 0xFFFE, 0x43E6, 0x6666, 0x6666, 0x43E6, 0, 1, 0, 0, 0x8000, 7, 8, 9, 10],
    datatype=REGISTERS,
)
FAR = SimData(500, values=[42], datatype=REGISTERS)
INPUT = SimData(0, values=[2301, 17], datatype=REGISTERS)
BITS = [SimData(0, values=[True, False, True, False] * 4, datatype=DataType.BITS)]


def device() -> SimDevice:
    """Coils, discrete inputs, holding registers 0 to 14 and 500, input registers 0 and 1."""
    return SimDevice(id=7, simdata=(BITS, BITS, [HOLDING, FAR], [INPUT]))


@contextlib.contextmanager
def running(make: Callable[[], Any]) -> Iterator[None]:
    """A server in a thread of its own, for as long as the block lasts."""
    loop = asyncio.new_event_loop()
    made: list[Any] = []

    async def start() -> None:
        made.append(make())
        await made[0].serve_forever(background=True)

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(start(), loop).result(20)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(made[0].shutdown(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


@contextlib.contextmanager
def tcp_meter(port: int | None = None) -> Iterator[int]:
    """A meter by TCP; its port."""
    port = free_port() if port is None else port
    with running(lambda: ModbusTcpServer(device(), address=("127.0.0.1", port))):
        yield port


@contextlib.contextmanager
def serial_meter() -> Iterator[str]:
    """A meter on a serial line; the name of the line's other end."""
    with (
        crossed_ports() as (ours, theirs),
        running(lambda: ModbusSerialServer(device(), port=theirs, baudrate=9600)),
    ):
        yield ours


@contextlib.contextmanager
def crossed_ports() -> Iterator[tuple[str, str]]:
    """Two pseudo-terminals of which each reads what is written to the other."""
    pairs = [os.openpty() for _ in range(2)]
    for _, slave in pairs:
        tty.setraw(slave)
    (first, _), (second, _) = pairs

    def carry(source: int, target: int) -> None:
        with contextlib.suppress(OSError):
            while chunk := os.read(source, 4096):
                os.write(target, chunk)

    for source, target in ((first, second), (second, first)):
        threading.Thread(target=carry, args=(source, target), daemon=True).start()
    try:
        yield os.ttyname(pairs[0][1]), os.ttyname(pairs[1][1])
    finally:
        for pair in pairs:
            for descriptor in reversed(pair):
                os.close(descriptor)
