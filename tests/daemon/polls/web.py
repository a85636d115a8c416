"""A web server on the loopback interface that answers as it is told, well or badly."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

Talk = Callable[[socket.socket, bytes], None]
"""Answers one request on its connection; the connection is closed afterwards."""


class Web:
    """Each connection has a thread; what was asked is in `requests`."""

    def __init__(self, talk: Talk, tls: ssl.SSLContext | None = None) -> None:
        self._talk = talk
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self.open_links = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def url(self, path: str = "/") -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                link, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        self.open_links += 1
        with contextlib.suppress(OSError), contextlib.closing(self._wrapped(link)) as wrapped:
            request = b""
            while b"\r\n\r\n" not in request and (chunk := wrapped.recv(65536)):
                request += chunk
            self.requests.append(request)
            self._talk(wrapped, request)
        self.open_links -= 1

    def _wrapped(self, link: socket.socket) -> socket.socket:
        return link if self._tls is None else self._tls.wrap_socket(link, server_side=True)


@contextlib.contextmanager
def serving(talk: Talk, tls: ssl.SSLContext | None = None) -> Iterator[Web]:
    """A server for as long as the block lasts."""
    web = Web(talk, tls)
    try:
        yield web
    finally:
        web.close()


def response(body: str | bytes, status: str = "200 OK", *headers: str) -> bytes:
    """A whole answer."""
    content = body if isinstance(body, bytes) else body.encode()
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(content)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + content


def says(answer: bytes) -> Talk:
    """Always this."""
    return lambda link, request: link.sendall(answer)


def drips(beginning: bytes, drop: bytes = b"x", pause_s: float = 0.05) -> Talk:
    """This, and then a drop again and again for ever."""

    def talk(link: socket.socket, request: bytes) -> None:
        link.sendall(beginning)
        while True:
            time.sleep(pause_s)
            link.sendall(drop)

    return talk


def floods(beginning: bytes, n_bytes: int, sent: list[int]) -> Talk:
    """This, and then so many bytes; `sent` gets how many of them could be sent."""

    def talk(link: socket.socket, request: bytes) -> None:
        link.sendall(beginning)
        chunk = b"x" * 65536
        for _ in range(n_bytes // len(chunk)):
            link.sendall(chunk)
            sent.append(len(chunk))

    return talk
