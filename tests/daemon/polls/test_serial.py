"""Serial polls on pseudo-terminals."""

from __future__ import annotations

import os
import sys
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.polls import Sensor, SensorError
from tests.daemon.polls.opened import opened, polled
from tests.daemon.waiting import wait_until

LONG_S = 30.0


class Line:
    """A pseudo-terminal with a device at its other end that sends again and again."""

    def __init__(self) -> None:
        self.device, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self._is_over = threading.Event()

    def sends(self, content: bytes, pause_s: float = 0.05) -> None:
        def send() -> None:
            while not self._is_over.wait(pause_s):
                os.write(self.device, content)

        threading.Thread(target=send, daemon=True).start()

    def close(self) -> None:
        self._is_over.set()
        time.sleep(0.1)
        os.close(self.device)
        os.close(self._slave)


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.close()


def sensor_of(folder: Path, line: Line, options: str = "") -> Sensor:
    return opened(folder, f"serial: {{port: {line.port}{options}}}")


def test_line_becomes_a_point(tmp_path: Path, line: Line) -> None:
    line.sends(b"t=21.5 rh=40\r\n")
    mapped = polled(tmp_path, f"serial: {{port: {line.port}, parse: key_value}}")
    assert mapped.points[0].fields == {"t": 21.5, "rh": 40.0}


def test_half_a_line_and_what_is_old_are_passed_over(tmp_path: Path, line: Line) -> None:
    sensor = sensor_of(tmp_path, line)
    os.write(line.device, b"old 1\nold 2\nhalf ")
    line.sends(b"of it\nnew\n")
    assert sensor.read(LONG_S) in ("new", "of it")
    assert not str(sensor.read(LONG_S)).startswith(("old", "half"))
    sensor.close()


def test_line_that_fits_is_waited_for(tmp_path: Path, line: Line) -> None:
    line.sends(b"$GPGSV,1\r\n$GPGGA,2\r\n$GPRMC,3\r\n")
    sensor = sensor_of(tmp_path, line, ", match: '^.GPRMC'")
    assert sensor.read(LONG_S) == "$GPRMC,3"
    sensor.close()


def test_device_that_must_be_asked_is_asked(tmp_path: Path, line: Line) -> None:
    def answer() -> None:
        if os.read(line.device, 100) == b"READ?\r\n":
            os.write(line.device, b"7.5\r\n")

    threading.Thread(target=answer, daemon=True).start()
    sensor = sensor_of(tmp_path, line, ', request: "READ?\\r\\n"')
    assert sensor.read(LONG_S) == "7.5"
    sensor.close()


def test_silence_is_a_timeout(tmp_path: Path, line: Line) -> None:
    sensor = sensor_of(tmp_path, line)
    with pytest.raises(SensorError, match=r"no line came from .* within 0\.5 s") as failure:
        sensor.read(0.5)
    sensor.close()
    assert failure.value.kind == "timeout"


def test_bytes_without_a_line_end_are_a_failure(tmp_path: Path, line: Line) -> None:
    line.sends(b"\xff" * 2000, pause_s=0.001)
    sensor = sensor_of(tmp_path, line)
    with pytest.raises(SensorError, match="is `baud` right") as failure:
        sensor.read(LONG_S)
    sensor.close()
    assert failure.value.kind == "too-large"


def test_port_that_is_not_there_is_opened_when_it_is(tmp_path: Path, line: Line) -> None:
    link = tmp_path / "ttyUSB0"
    sensor = opened(tmp_path, f"serial: {{port: {link}}}")
    with pytest.raises(SensorError, match="is it plugged in"):
        sensor.read(LONG_S)
    link.symlink_to(line.port)
    line.sends(b"1\n")
    assert sensor.read(LONG_S) == "1"
    sensor.close()


def test_port_that_another_has_is_busy(tmp_path: Path, line: Line) -> None:
    line.sends(b"1\n")
    first, second = sensor_of(tmp_path, line), sensor_of(tmp_path, line)
    first.read(LONG_S)
    with pytest.raises(SensorError, match="another program") as failure:
        second.read(LONG_S)
    assert failure.value.kind == "busy"
    first.close()
    assert second.read(LONG_S) == "1"
    second.close()


def test_cancel_ends_a_reading(tmp_path: Path, line: Line) -> None:
    sensor = sensor_of(tmp_path, line)
    kinds: list[str] = []

    def read() -> None:
        try:
            sensor.read(600)
        except SensorError as error:
            kinds.append(error.kind)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()

    def is_cancelled() -> bool:
        sensor.cancel()
        return bool(kinds)

    wait_until(is_cancelled, "the reading to end")
    reader.join(20)
    sensor.close()
    assert kinds == ["cancelled"]


def test_missing_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "serial", None)
    with pytest.raises(SensorError, match=r"pip install 'tinyflux-collector\[serial\]'"):
        opened(tmp_path, "serial: {port: /dev/ttyUSB0}")
