"""Lets no packet above a bound into the memory: of a larger PUBLISH only its head is kept.

Stands between the network and paho, which would collect a packet of up to 256 MiB before it says a
word. What is cut off is read and counted, never kept. Knows nothing of paho but what it asks of a
socket.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from typing import Protocol

_PUBLISH = 0x30
_MAX_HEADER_BYTES = 5
_READ_BYTES = 64 * 1024
_SKIP_BYTES = 1024 * 1024
_FAREWELL_S = 1.0
# What a stream says that only waits.
_WAITS = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Stream(Protocol):
    """A connection that does not block; a TLS or WebSocket one as well."""

    def recv(self, buffer_size: int) -> bytes: ...

    def send(self, buffer: bytes | bytearray) -> int: ...

    def close(self) -> None: ...

    def fileno(self) -> int: ...

    def setblocking(self, flag: bool) -> None: ...


class NarrowStream:
    """A stream whose PUBLISH packets are cut to `head_bytes` where they are above `largest_bytes`.

    One thread. `largest_bytes` 0: nothing is cut.
    """

    def __init__(self, stream: Stream, largest_bytes: int, head_bytes: int) -> None:
        self._stream = stream
        self._largest_bytes = largest_bytes
        self._head_bytes = head_bytes
        self._read = b""
        self._begin = 0
        self._left = 0
        """Bytes of the packet that is being handed out."""
        self._cut: bytearray | None = None
        """Header and head, as far as they are there, of the packet that is being cut."""
        self._keep = 0
        self._skip = 0
        self._cut_bytes = 0
        self._may_have_more = False
        self._fault: OSError | None = None

    @property
    def fault(self) -> OSError | None:
        """Why the stream broke, as the first look showed; None while it works or just ended."""
        return self._fault

    @property
    def cut_bytes(self) -> int:
        """How much was cut off the packet that was handed out last."""
        return self._cut_bytes

    def recv(self, buffer_size: int) -> bytes:
        """The next bytes of a packet, never of two. BlockingIOError where none have come yet."""
        if not self._left and not self._start_packet():
            return b""
        wanted = min(buffer_size, self._left)
        if self._begin < len(self._read):
            part = self._read[self._begin : self._begin + wanted]
            self._begin += len(part)
        else:
            part = self._fetch(wanted)
        self._left -= len(part)
        return part

    def pending(self) -> int:
        """Whether bytes may be had that the network does not announce: 1 or 0."""
        has_rest = self._begin < len(self._read)
        return int(self._may_have_more or (has_rest and (self._left > 0 or self._is_headed())))

    def send(self, buffer: bytes | bytearray) -> int:
        """As the stream does."""
        try:
            return self._stream.send(buffer)
        except _WAITS:
            raise
        except OSError as error:
            # Whoever hung up may have said why, and that lies there unread (a TLS alert).
            with contextlib.suppress(OSError):
                self._stream.setblocking(False)
                self._fetch(1)
            self._fault = self._fault or error
            raise

    def close(self) -> None:
        """As the stream does."""
        self._stream.close()

    def fileno(self) -> int:
        """The stream's."""
        return self._stream.fileno()

    def setblocking(self, flag: bool) -> None:
        """As the stream does."""
        self._stream.setblocking(flag)

    def _fetch(self, wanted: int) -> bytes:
        # TLS and WebSockets hold back what they have decoded: it is all read when this blocks.
        self._may_have_more = False
        try:
            part = self._stream.recv(wanted)
        except _WAITS:
            raise
        except OSError as error:
            self._fault = self._fault or error
            raise
        self._may_have_more = bool(part)
        return part

    def _start_packet(self) -> bool:
        """Read until a packet can be handed out; False at the end of the stream."""
        while self._cut is None:
            header_bytes = self._header_bytes()
            if header_bytes:
                self._measure(header_bytes)
                if self._cut is None:
                    return True
            elif not self._read_on():
                return False
        return self._skip_rest(self._cut)

    def _read_on(self) -> bool:
        part = self._fetch(_READ_BYTES)
        self._read = self._read[self._begin :] + part
        self._begin = 0
        return bool(part)

    def _is_headed(self) -> bool:
        return self._cut is None and self._header_bytes() > 0

    def _header_bytes(self) -> int:
        """The size of the next fixed header (MQTT 3.1.1 section 2.2); 0: not all is there."""
        for size in range(2, _MAX_HEADER_BYTES + 1):
            end = self._begin + size
            if end > len(self._read):
                return 0
            if self._read[end - 1] < 0x80:
                return size
        return _MAX_HEADER_BYTES

    def _measure(self, header_bytes: int) -> None:
        """Hand out the packet as it is, or begin to cut it."""
        begin = self._begin
        body_bytes = 0
        for place in range(header_bytes - 1):
            body_bytes += (self._read[begin + 1 + place] & 0x7F) << (7 * place)
        self._cut_bytes = 0
        # A length that does not end is left to paho to complain about.
        is_publish = (
            self._read[begin] & 0xF0 == _PUBLISH and self._read[begin + header_bytes - 1] < 0x80
        )
        is_large = 0 < self._largest_bytes < header_bytes + body_bytes
        if not (is_publish and is_large and self._head_bytes < body_bytes):
            self._left = header_bytes + body_bytes
            return
        self._begin += header_bytes
        self._cut = bytearray((self._read[begin],)) + _encoded(self._head_bytes)
        self._keep = self._head_bytes
        self._skip = body_bytes - self._head_bytes

    def _skip_rest(self, cut: bytearray) -> bool:
        """Collect the head, read over the rest, then hand out the head as a packet of its own.

        Only then: its acknowledgement may not come before the broker has sent all of it.
        """
        while self._keep or self._skip:
            rest = self._read[self._begin :]
            part = rest or self._fetch(self._keep or min(self._skip, _SKIP_BYTES))
            if not part:
                return False
            kept = min(len(part), self._keep)
            cut += part[:kept]
            self._keep -= kept
            skipped = min(len(part) - kept, self._skip)
            self._skip -= skipped
            self._cut_bytes += skipped
            self._read, self._begin = (part, kept + skipped) if rest else (b"", 0)
        self._read = bytes(cut) + self._read[self._begin :]
        self._begin = 0
        self._left = len(cut)
        self._cut = None
        return True


def _encoded(size: int) -> bytes:
    """As a remaining length (MQTT 3.1.1 section 2.2.3)."""
    encoded = bytearray()
    while True:
        size, low = divmod(size, 128)
        encoded.append(low | (0x80 if size else 0))
        if not size:
            return bytes(encoded)


def let_go(connection: socket.socket) -> None:
    """Read what still comes until the other side has closed too, and close; up to a second."""
    deadline = time.monotonic() + _FAREWELL_S
    with connection, contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        while (left_s := deadline - time.monotonic()) > 0:
            connection.settimeout(left_s)
            if not connection.recv(_READ_BYTES):
                return
