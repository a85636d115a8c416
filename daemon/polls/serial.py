"""The sensor kind `serial`: lines from a serial port. The only door to pyserial."""

from __future__ import annotations

import re
import threading
import time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from daemon.config import TextOptions
from daemon.messages import JsonValue
from daemon.polls.extras import import_extra
from daemon.polls.sensor import Place, Sensor, SensorError, SensorKind

_LONGEST_LINE_BYTES = 65_536
_CHUNK_BYTES = 4096
_LOOK_S = 0.2


def _check_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"this is no regular expression: {error}") from None
    return text


class SerialOptions(TextOptions):
    """A line from a serial port."""

    port: str = Field(min_length=1)
    """As /dev/ttyUSB0; names below /dev/serial/by-id stay the same after a restart."""
    baud: int = Field(default=9600, ge=50, le=4_000_000)
    """Speed."""
    bits: Literal[5, 6, 7, 8] = 8
    """Data bits."""
    parity: Literal["none", "even", "odd"] = "none"
    """Parity bit."""
    stop_bits: Literal[1, 2] = 1
    """Stop bits."""
    request: str | None = Field(default=None, max_length=1000)
    """Sent before a line is awaited, where a device answers only when asked, as "READ?\\r\\n"."""
    match: Annotated[str, AfterValidator(_check_pattern)] | None = None
    """Regular expression: the first line in which it fits is the reading."""


class SerialSensor(Sensor):
    """Keeps the port open, and opens it anew after each trouble.

    What came before a reading is thrown away, and so is the rest of a line that was half over: the
    kernel keeps 4 kB, and what it keeps may be old.
    """

    def __init__(self, options: SerialOptions, library: Any) -> None:
        """`library` is the module `serial` of pyserial."""
        self._library = library
        self._options = options
        self._pattern = None if options.match is None else re.compile(options.match)
        self._port: Any = None
        self._cancelled = threading.Event()

    def read(self, timeout_s: float) -> JsonValue:
        """The next whole line, or the answer to the request. Raises SensorError."""
        self._cancelled.clear()
        end_s = time.monotonic() + timeout_s
        try:
            port = self._opened()
            port.reset_input_buffer()
            if self._options.request is not None:
                port.write(self._options.request.encode())
            return self._line(port, end_s, timeout_s)
        except (OSError, self._library.SerialException) as error:
            self.close()
            raise self._failure(error) from error

    def cancel(self) -> None:
        """End a reading within a fifth of a second."""
        self._cancelled.set()

    def close(self) -> None:
        """Close the port."""
        port, self._port = self._port, None
        if port is not None:
            port.close()

    def _opened(self) -> Any:
        if self._port is None:
            options = self._options
            self._port = self._library.Serial(
                options.port,
                options.baud,
                bytesize=options.bits,
                parity=options.parity[0].upper(),
                stopbits=options.stop_bits,
                timeout=_LOOK_S,
                write_timeout=2.0,
                exclusive=True,
            )
        return self._port

    def _line(self, port: Any, end_s: float, timeout_s: float) -> str:
        waiting = bytearray()
        # Without a request nobody knows where in a line we came in.
        is_whole = self._options.request is not None
        while True:
            if self._cancelled.is_set():
                raise SensorError("cancelled", f"waiting for {self._options.port} was cancelled")
            if time.monotonic() > end_s:
                what = (
                    "no line" if self._pattern is None else f"no line with {self._options.match!r}"
                )
                raise SensorError(
                    "timeout", f"{what} came from {self._options.port} within {timeout_s:g} s"
                )
            waiting += port.read(max(1, min(port.in_waiting, _CHUNK_BYTES)))
            while (end := _line_end(waiting)) is not None:
                line = bytes(waiting[:end]).strip(b"\r\n\0")
                del waiting[: end + 1]
                if is_whole and line:
                    text = line.decode("utf-8", "replace")
                    if self._pattern is None or self._pattern.search(text):
                        return text
                is_whole = True
            if len(waiting) > _LONGEST_LINE_BYTES:
                raise SensorError(
                    "too-large",
                    f"{self._options.port} sends more than {_LONGEST_LINE_BYTES} bytes without a "
                    "line end: is `baud` right?",
                )

    def _failure(self, error: Exception) -> SensorError:
        port, text = self._options.port, " ".join(str(error).split())
        number = getattr(error, "errno", None)
        if number == 2 or "No such file" in text:
            return SensorError("no-port", f"there is no serial port {port}: is it plugged in?")
        if number == 13:
            return SensorError(
                "permission",
                f"not allowed to open {port}: the collector's user has to be in the group "
                "`dialout`; under systemd use the drop-in serial.conf",
            )
        if number == 11 or "exclusively lock" in text:
            return SensorError("busy", f"another program has {port} open")
        return SensorError("no-port", f"{port}: {text[:200]}")


def _line_end(content: bytearray) -> int | None:
    places = [at for at in (content.find(b"\n"), content.find(b"\r")) if at >= 0]
    return min(places, default=None)


def _open(options: SerialOptions, place: Place) -> SerialSensor:
    return SerialSensor(options, import_extra("serial", "serial"))


KIND = SensorKind(SerialOptions, _open)
