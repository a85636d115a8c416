"""Chips on an I2C bus, played by a bus that has none: there is no such bus here."""

from __future__ import annotations

from daemon.polls import SensorError


class Registers:
    """A bus with one chip that has registers; what is written is kept."""

    def __init__(self, address: int, contents: dict[int, bytes]) -> None:
        self._address = address
        self.memory = bytearray(256)
        for register, content in contents.items():
            self.memory[register : register + len(content)] = content
        self.written: list[tuple[int, int]] = []
        self.is_closed = False

    def exchange(self, address: int, sent: bytes, n_read: int) -> bytes:
        if address != self._address:
            raise SensorError("no-answer", f"nothing answers at address {address:#04x}")
        if len(sent) == 2:
            self.written.append((sent[0], sent[1]))
        return bytes(self.memory[sent[0] : sent[0] + n_read])

    def close(self) -> None:
        self.is_closed = True


class Answering:
    """A bus with one chip that answers each command with the same bytes."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self.sent: list[bytes] = []

    def exchange(self, address: int, sent: bytes, n_read: int) -> bytes:
        if sent:
            self.sent.append(sent)
        return self._answer[:n_read]

    def close(self) -> None:
        """Nothing to let go of."""
