"""Listeners that a broker needs beside the plain one: with TLS, and behind a WebSocket.

Certificates are trustme's, which Python 3.13's stricter checks accept as well.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path

import trustme
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from tests.support.mosquitto import Mosquitto, StartMosquitto
from tests.support.ports import free_port


@dataclass(frozen=True)
class Identity:
    """A certificate and its key as files (PEM)."""

    certificate: Path
    key: Path


def write_authority(authority: trustme.CA, folder: Path, name: str = "ca") -> Path:
    """The authority's certificate as a file."""
    path = folder / f"{name}.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


def write_identity(leaf: trustme.LeafCert, folder: Path, name: str) -> Identity:
    """A certificate with its chain, and its key, as files."""
    identity = Identity(folder / f"{name}.pem", folder / f"{name}.key")
    for number, part in enumerate(leaf.cert_chain_pems):
        part.write_to_path(str(identity.certificate), append=number > 0)
    leaf.private_key_pem.write_to_path(str(identity.key))
    return identity


def start_secured(
    start_mosquitto: StartMosquitto,
    folder: Path,
    authority: trustme.CA,
    shown: trustme.LeafCert | Identity | None = None,
    *,
    lines: tuple[str, ...] = (),
) -> tuple[Mosquitto, int]:
    """A broker with a second listener for TLS, and that listener's port.

    `shown` is its certificate, by default one for localhost; `lines` are more lines of it.
    """
    if not isinstance(shown, Identity):
        leaf = shown or authority.issue_cert("localhost", "127.0.0.1")
        shown = write_identity(leaf, folder, "broker")
    port = free_port()
    listener = [
        f"listener {port} 127.0.0.1",
        f"certfile {shown.certificate}",
        f"keyfile {shown.key}",
        f"cafile {write_authority(authority, folder, 'broker-ca')}",
        *lines,
    ]
    # A file of its own, because a line here would replace the listener without TLS.
    included = folder / "conf.d"
    included.mkdir()
    (included / "tls.conf").write_text("\n".join(listener) + "\n", encoding="utf-8")
    return start_mosquitto(lines=[f"include_dir {included}"]), port


class WebSocketGate:
    """A WebSocket in front of a broker, as a reverse proxy offers it; only the path /mqtt."""

    def __init__(self, broker_port: int, leaf: trustme.LeafCert | None = None) -> None:
        self._broker_port = broker_port
        context = None
        if leaf is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            leaf.configure_cert(context)
        self._server = serve(
            self._serve,
            "127.0.0.1",
            0,
            ssl=context,
            subprotocols=["mqtt"],  # type: ignore[list-item]
            process_request=_only_mqtt,
            compression=None,
        )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        port: int = self._server.socket.getsockname()[1]
        return port

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()

    def _serve(self, client: ServerConnection) -> None:
        with (
            contextlib.suppress(ConnectionClosed, OSError),
            socket.create_connection(("127.0.0.1", self._broker_port)) as broker,
        ):
            back = threading.Thread(target=_pass_back, args=(broker, client), daemon=True)
            back.start()
            try:
                for part in client:
                    broker.sendall(part if isinstance(part, bytes) else part.encode())
            finally:
                broker.shutdown(socket.SHUT_RDWR)


def _pass_back(broker: socket.socket, client: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed, OSError):
        while part := broker.recv(65_536):
            client.send(part)
        client.close()


def _only_mqtt(client: ServerConnection, request: object) -> object:
    path = getattr(request, "path", "")
    return None if path == "/mqtt" else client.respond(404, "no such path\n")  # type: ignore[arg-type]
