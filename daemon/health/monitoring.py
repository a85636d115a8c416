"""What monitoring asks over HTTP: /metrics for Prometheus, /healthz for whoever wants yes or no.

One request at a time, each with a short patience, so that nobody can hold up more than the next
one who asks. Imported only where it is configured: the server of the standard library costs 3 MB.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import TracebackType
from typing import Any, Self

from daemon.errors import EX_UNAVAILABLE, StartError
from daemon.health.metrics import CONTENT_TYPE, metrics_text
from daemon.health.status_view import problems

_log = logging.getLogger(__name__)

_JOIN_S = 3.0
_PATIENCE_S = 2.0
_TEXT = "text/plain; charset=utf-8"

Snapshot = Callable[[], Mapping[str, Any]]
"""How the collector is now; called in the server's thread."""


class Monitoring:
    """While entered, answers at `address`. Entering raises StartError where it cannot listen."""

    def __init__(
        self,
        address: tuple[str, int],
        snapshot: Snapshot,
        *,
        has_metrics: bool = True,
        has_health: bool = True,
    ) -> None:
        self._address = address
        pages: dict[str, Callable[[], tuple[int, str, str]]] = {}
        if has_metrics:
            pages["/metrics"] = lambda: (200, CONTENT_TYPE, metrics_text(snapshot()))
        if has_health:
            pages["/healthz"] = partial(_health, snapshot)
        self._pages = pages
        self._server: HTTPServer | None = None
        self._thread = threading.Thread(target=self._run, name="monitoring", daemon=True)

    def __enter__(self) -> Self:
        host, port = self._address
        try:
            self._server = _server(host)(self._address, partial(_Answer, self._pages))
        except OSError as error:
            raise StartError(
                f"http.listen: cannot listen on {host}:{port}: {error.strerror or error}; give an "
                "address of this machine and a port that is free",
                EX_UNAVAILABLE,
            ) from error
        self._thread.start()
        _log.info("monitoring may ask http://%s:%d %s", host, port, " ".join(self._pages))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._thread.join(_JOIN_S)
            self._server.server_close()
            self._server = None

    def _run(self) -> None:
        assert self._server is not None
        self._server.serve_forever(0.2)


def _health(snapshot: Snapshot) -> tuple[int, str, str]:
    found = problems(snapshot())
    return (503 if found else 200), _TEXT, "".join(f"{line}\n" for line in found) or "ok\n"


def _server(host: str) -> type[HTTPServer]:
    class Server(HTTPServer):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        def handle_error(self, request: object, client_address: object) -> None:
            _log.debug("a request of %s was not answered", client_address, exc_info=True)

    return Server


class _Answer(BaseHTTPRequestHandler):
    """One request."""

    timeout = _PATIENCE_S
    server_version = "tinyflux-collector"
    sys_version = ""

    def __init__(
        self, pages: Mapping[str, Callable[[], tuple[int, str, str]]], *arguments: Any
    ) -> None:
        self._pages = pages
        super().__init__(*arguments)

    def do_GET(self) -> None:
        page = self._pages.get(self.path.partition("?")[0])
        status, kind, text = page() if page is not None else (404, _TEXT, self._contents())
        body = text.encode("utf-8", "replace")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - http.server names it

    def log_message(self, format: str, *args: Any) -> None:
        _log.debug(format, *args)

    def _contents(self) -> str:
        return f"there is {', '.join(self._pages) or 'nothing'}\n"
