"""One HTTP answer within bounds: of time as a whole, of size, of redirections.

The time is checked at each read of the socket, so that a server that sends a byte a second, in its
headers too, gets no further than one that sends nothing.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

from daemon.polls.sensor import SensorError

_CHUNK_BYTES = 65_536
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked of a server."""

    url: str
    method: str = "GET"
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        """The URL without what may be a secret in its query."""
        return self.url.partition("?")[0]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server sent."""

    status: int
    reason: str
    charset: str
    body: bytes


class Fetcher:
    """Asks servers, one after the other; `cancel` ends what is under way."""

    def __init__(
        self, *, limit_bytes: int, max_redirects: int, trust: Callable[[], ssl.SSLContext]
    ) -> None:
        """`trust` is asked once, when a server is first spoken to by TLS: the authorities of the
        system take a megabyte."""
        self._limit_bytes = limit_bytes
        self._max_redirects = max_redirects
        self._trust = trust
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._is_running = self._is_cancelled = False

    def fetch(self, request: Request, timeout_s: float) -> Answer:
        """The answer, after redirections. Raises SensorError; nothing is open by then."""
        with self._lock:
            self._is_running, self._is_cancelled = True, False
        end_s = time.monotonic() + timeout_s
        try:
            for _ in range(self._max_redirects + 1):
                answer = self._ask(request, end_s)
                if isinstance(answer, Answer):
                    return answer
                request = _redirected(request, answer)
        except TimeoutError as error:
            raise SensorError(
                "timeout", f"{request.place} has not answered in full within {timeout_s:g} s"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            with self._lock:
                if self._is_cancelled:
                    raise SensorError(
                        "cancelled", f"asking {request.place} was cancelled"
                    ) from error
            raise _failure(request, error) from error
        finally:
            with self._lock:
                self._is_running = False
        raise SensorError(
            "redirects",
            f"{request.place} is one redirection more than the {self._max_redirects} allowed",
        )

    def cancel(self) -> None:
        """End the request that is under way, if there is one."""
        with self._lock:
            self._is_cancelled = self._is_running
            if self._socket is not None:
                with contextlib.suppress(OSError):
                    # Not the method of a TLS socket, which would pull it from under its reader.
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _failure(self, request: Request, error: Exception) -> SensorError:
        with self._lock:
            if self._is_cancelled:
                return SensorError("cancelled", f"asking {request.place} was cancelled")
        return _failure(request, error)

    def _ask(self, request: Request, end_s: float) -> Answer | str:
        """One answer, or the place that it redirects to."""
        parts = urlsplit(request.url)
        with contextlib.ExitStack() as stack:
            link = stack.enter_context(self._connected(parts, end_s))
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            link.request(request.method, target, request.body, dict(request.headers))
            response = stack.enter_context(contextlib.closing(link.getresponse()))
            location = response.headers.get("Location")
            if response.status in _REDIRECTS and location and request.method == "GET":
                return location
            return Answer(
                response.status,
                response.reason,
                response.headers.get_content_charset("utf-8"),
                self._body(request, response),
            )

    @contextlib.contextmanager
    def _connected(self, parts: SplitResult, end_s: float) -> Iterator[http.client.HTTPConnection]:
        is_tls = parts.scheme == "https"
        host = parts.hostname or ""
        port = parts.port or (443 if is_tls else 80)
        timed: _TimedSocket | ssl.SSLSocket = _connect(host, port, end_s)
        try:
            if is_tls:
                wrapped = self._tls_context().wrap_socket(timed, server_hostname=host)
                assert isinstance(wrapped, _TimedTlsSocket)
                wrapped.end_s = end_s
                timed = wrapped
            with self._lock:
                if self._is_cancelled:
                    raise ConnectionAbortedError("cancelled")
                self._socket = timed
            link = (
                http.client.HTTPSConnection(host, port, context=self._tls_context())
                if is_tls
                else http.client.HTTPConnection(host, port)
            )
            link.sock = timed
            try:
                yield link
            finally:
                link.close()
        finally:
            with self._lock:
                self._socket = None
            timed.close()

    def _tls_context(self) -> ssl.SSLContext:
        if self._context is None:
            self._context = self._trust()
            self._context.sslsocket_class = _TimedTlsSocket
        return self._context

    def _body(self, request: Request, response: http.client.HTTPResponse) -> bytes:
        encoding = response.headers.get("Content-Encoding", "identity")
        if encoding.lower() not in ("identity", ""):
            raise SensorError(
                "bad-answer", f"{request.place} answers in the encoding {encoding}, unasked"
            )
        body = bytearray()
        while chunk := response.read1(_CHUNK_BYTES):
            body += chunk
            if len(body) > self._limit_bytes:
                raise SensorError(
                    "too-large",
                    f"{request.place} sends more than {self._limit_bytes} bytes, which is max_size",
                )
        with self._lock:
            if self._is_cancelled:
                # An answer without a length seems to be whole whenever the connection ends.
                raise ConnectionAbortedError("cancelled")
        if response.length:
            raise http.client.IncompleteRead(bytes(body[:0]), response.length)
        return bytes(body)


class _TimedSocket(socket.socket):
    """Gives each read only what is left of the time for all of them."""

    end_s = float("inf")

    def recv_into(self, *arguments: Any) -> int:
        """As of any socket. Raises TimeoutError also when the time was over before."""
        self.settimeout(_left_s(self.end_s))
        return super().recv_into(*arguments)


class _TimedTlsSocket(ssl.SSLSocket):
    end_s = float("inf")

    def recv_into(self, *arguments: Any) -> int:
        """As above."""
        self.settimeout(_left_s(self.end_s))
        return super().recv_into(*arguments)


def _left_s(end_s: float) -> float:
    left_s = end_s - time.monotonic()
    if left_s <= 0:
        raise TimeoutError("the time is over")
    return left_s


def _connect(host: str, port: int, end_s: float) -> _TimedSocket:
    """A connection to the first address that answers. Raises OSError."""
    last: OSError = ConnectionError("no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM):
        left_s = _left_s(end_s)
        candidate = _TimedSocket(family, kind, protocol)
        try:
            candidate.end_s = end_s
            candidate.settimeout(left_s)
            candidate.connect(address)
            candidate.settimeout(_left_s(end_s))
        except OSError as error:
            candidate.close()
            last = error
        else:
            return candidate
    raise last


def _redirected(request: Request, location: str) -> Request:
    """The next request. What the configuration says to one server is not told to another."""
    try:
        url = urljoin(request.url, location)
        before, after = urlsplit(request.url), urlsplit(url)
        is_usable = after.scheme in ("http", "https") and bool(after.hostname)
        is_same = (before.hostname, before.port or before.scheme) == (
            after.hostname, after.port or after.scheme,
        )  # fmt: skip
    except ValueError:
        is_usable = is_same = False
        url = location
    if not is_usable:
        raise SensorError(
            "redirects", f"{request.place} redirects to {location[:100]!r}, which is no address"
        )
    return replace(request, url=url, headers=request.headers if is_same else {})


def _failure(request: Request, error: Exception) -> SensorError:
    place = request.place
    match error:
        case socket.gaierror():
            return SensorError("name", f"{place}: the name cannot be found: {error.strerror}")
        case ssl.SSLCertVerificationError():
            return SensorError(
                "certificate",
                f"{place}: its certificate is not trusted: {error.verify_message}; name the "
                "authority, or the certificate itself, in `tls: {ca: FILE}`",
            )
        case ssl.SSLError():
            return SensorError("tls", f"{place}: TLS failed: {error.reason or error}")
        case ConnectionRefusedError():
            return SensorError("refused", f"{place}: nobody listens at this address and port")
        case http.client.IncompleteRead() | ConnectionResetError():
            return SensorError("bad-answer", f"{place}: the connection ended within the answer")
        case http.client.HTTPException():
            reason = f"{type(error).__name__} {error}".strip()
            return SensorError("bad-answer", f"{place}: the answer is no HTTP: {reason[:100]}")
        case _:
            return SensorError("unreachable", f"{place}: {getattr(error, 'strerror', '') or error}")
