"""Modbus polls against a real server of pymodbus, by TCP and on a serial line."""

from __future__ import annotations

import contextlib
import logging
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.polls import SensorError
from tests.daemon.config.configs import only_problem
from tests.daemon.polls.meters import serial_meter, tcp_meter
from tests.daemon.polls.opened import opened, polled
from tests.support.ports import free_port

LONG_S = 30.0


def poll(connect: str, registers: str, options: str = "") -> str:
    return f"modbus: {{connect: '{connect}', unit: 7, registers: {{{registers}}}{options}}}"


@pytest.mark.parametrize(
    ("register", "value"),
    [
        pytest.param("{address: 0}", 1, id="uint16-by-default"),
        pytest.param("{address: 1, type: int16}", -2, id="int16"),
        pytest.param("{address: 2, type: float32}", 460.8, id="float32-big"),
        pytest.param("{address: 4, type: float32, word_order: little}", 460.8, id="float32-little"),
        pytest.param("{address: 6, type: uint32}", 1, id="uint32"),
        pytest.param("{address: 7, type: uint32, word_order: little}", 1, id="uint32-little"),
        pytest.param("{address: 10, type: int32}", -2147483641, id="int32"),
        pytest.param("{address: 6, type: uint64}", 1 << 32, id="uint64"),
        pytest.param("{address: 10, type: int64}", -0x7FFFFFF8FFF7FFF7 + 0xFFF00001, id="int64"),
        pytest.param("{address: 500}", 42, id="far-away"),
        pytest.param("{address: 1, kind: input}", 17, id="input-register"),
        pytest.param("{address: 2, kind: coil}", 1, id="coil"),
        pytest.param("{address: 1, kind: discrete}", 0, id="discrete-input"),
    ],
)
def test_register_is_read_as_its_type(tmp_path: Path, register: str, value: float) -> None:
    with tcp_meter() as port:
        sensor = opened(tmp_path, poll(f"tcp://127.0.0.1:{port}", f"x: {register}"))
        found = sensor.read(LONG_S)
        sensor.close()
    assert isinstance(found, dict)
    assert found["x"] == pytest.approx(value, rel=1e-6)


def test_registers_near_and_far_become_one_point(tmp_path: Path) -> None:
    registers = "a: {address: 0}, b: {address: 9}, c: {address: 500}, v: {address: 0, kind: input}"
    fields = ", fields: {v: {scale: 0.1, unit: V, store_as: mV}, c: {kind: counter}}, rest: store"
    with tcp_meter() as port:
        mapped = polled(tmp_path, poll(f"tcp://127.0.0.1:{port}", registers, fields))
    [point] = mapped.points
    assert point.fields == {"a": 1.0, "b": 0.0, "c": 42, "v": pytest.approx(230100.0)}


def test_register_that_does_not_exist_costs_no_other_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    registers = "good: {address: 14}, bad: {address: 15}"
    with tcp_meter() as port, caplog.at_level(logging.WARNING, "daemon.polls"):
        sensor = opened(tmp_path, poll(f"tcp://127.0.0.1:{port}", registers))
        values = [sensor.read(LONG_S) for _ in range(3)]
        sensor.close()
    assert values == [{"good": 10}] * 3
    assert [record.getMessage() for record in caplog.records] == [
        "poll modbus: without bad: there is no such register (exception code 2)"
    ]


def test_no_register_that_exists_is_a_failure(tmp_path: Path) -> None:
    with tcp_meter() as port:
        sensor = opened(tmp_path, poll(f"tcp://127.0.0.1:{port}", "bad: {address: 900}"))
        with pytest.raises(SensorError, match="bad: there is no such register") as failure:
            sensor.read(LONG_S)
        sensor.close()
    assert failure.value.kind == "no-register"


def test_meter_that_was_away_is_read_again(tmp_path: Path) -> None:
    with tcp_meter() as port:
        sensor = opened(tmp_path, poll(f"tcp://127.0.0.1:{port}", "a: {address: 0}"))
        assert sensor.read(LONG_S) == {"a": 1}
    with pytest.raises(SensorError):
        sensor.read(LONG_S)
    with tcp_meter(port):
        assert sensor.read(LONG_S) == {"a": 1}
        sensor.close()


def test_serial_line_is_read_as_a_network_is(tmp_path: Path) -> None:
    with serial_meter() as port:
        sensor = opened(tmp_path, poll(f"rtu://{port}", "a: {address: 1, type: int16}"))
        assert sensor.read(LONG_S) == {"a": -2}
        sensor.close()


def test_connection_that_is_half_open_is_left_at_the_timeout(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        sensor = opened(tmp_path, poll(address, "a: {address: 0}", ", timeout: 500ms"))
        with pytest.raises(SensorError, match="unit 7") as failure:
            sensor.read(0.5)
    assert failure.value.kind == "no-answer"


def test_device_that_drips_bytes_is_left_at_the_timeout(tmp_path: Path) -> None:
    # The beginning of an answer of 32 bytes, and then a byte now and then for ever.
    with serving_modbus(b"\0\1\0\0\0\x20\7\3\x1d") as port:
        sensor = opened(
            tmp_path, poll(f"tcp://127.0.0.1:{port}", "a: {address: 0}", ", timeout: 500ms")
        )
        with pytest.raises(SensorError) as failure:
            sensor.read(0.5)
    assert failure.value.kind == "no-answer"


@contextlib.contextmanager
def serving_modbus(beginning: bytes) -> Iterator[int]:
    """A device that begins its first answer so, and then drips; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def talk() -> None:
            with contextlib.suppress(OSError):
                link, _ = listener.accept()
                with link:
                    link.recv(100)
                    link.sendall(beginning)
                    while True:
                        time.sleep(0.05)
                        link.sendall(b"\0")

        threading.Thread(target=talk, daemon=True).start()
        yield listener.getsockname()[1]


def test_nobody_who_listens_is_a_named_failure(tmp_path: Path) -> None:
    sensor = opened(tmp_path, poll(f"tcp://127.0.0.1:{free_port()}", "a: {address: 0}"))
    with pytest.raises(SensorError, match="is it on") as failure:
        sensor.read(LONG_S)
    assert failure.value.kind == "unreachable"


def test_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymodbus.client", None)
    with pytest.raises(SensorError, match=r"pip install 'tinyflux-collector\[modbus\]'"):
        opened(tmp_path, poll("tcp://127.0.0.1", "a: {address: 0}"))


@pytest.mark.parametrize(
    ("connect", "register", "told"),
    [
        pytest.param("meter.lan", "{address: 0}", "tcp://HOST:502", id="no-scheme"),
        pytest.param("rtu://ttyUSB0", "{address: 0}", "rtu:///dev/ttyUSB0", id="two-slashes"),
        pytest.param("tcp://x:99999", "{address: 0}", "no address", id="port"),
        pytest.param("tcp://x", "{address: 70000}", "at most 65535", id="address"),
        pytest.param("tcp://x", "{address: 65535, type: float32}", "last register", id="end"),
        pytest.param("tcp://x", "{address: 1, kind: coil, type: int16}", "one bit", id="coil"),
        pytest.param("tcp://x", "{address: 1, type: float}", "allowed: int16", id="type"),
    ],
)
def test_options_that_cannot_be_are_refused(
    tmp_path: Path, connect: str, register: str, told: str
) -> None:
    problem = only_problem(tmp_path, f"polls: [{poll(connect, f'a: {register}')}]\n")
    assert told in str(problem)
