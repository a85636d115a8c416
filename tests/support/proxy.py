"""A TCP proxy of the loopback interface that can drop everything, as a cut cable does."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading


class DroppingProxy:
    """Passes bytes between its own port and a server's, until it is `cut`.

    Cut, it swallows what either side sends and tells neither: both believe in their connection
    until they notice. `mend` ends those connections, of which bytes are missing, and passes new
    ones on again.
    """

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=16)
        self.port: int = self._listener.getsockname()[1]
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._other: dict[socket.socket, socket.socket] = {}
        self._is_cut = threading.Event()
        self._is_tainted = threading.Event()
        self._is_ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    def start(self) -> None:
        """Pass on from now on."""
        self._thread.start()

    def cut(self) -> None:
        """Swallow everything from now on; new connections are accepted and get no answer."""
        self._is_tainted.set()
        self._is_cut.set()

    def mend(self) -> None:
        """Pass on what comes over new connections."""
        self._is_cut.clear()

    def stop(self) -> None:
        """End every connection. Safe twice."""
        self._is_ending.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._is_ending.is_set():
            for key, _ in self._selector.select(0.02):
                side = key.fileobj
                assert isinstance(side, socket.socket)
                if side is self._listener:
                    self._accept()
                elif side in self._other:
                    self._pass_on(side)
            if self._is_tainted.is_set() and not self._is_cut.is_set():
                self._is_tainted.clear()
                self._end_all()
        self._end_all()
        self._listener.close()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        server = socket.create_connection(("127.0.0.1", self._server_port))
        for side, other in ((client, server), (server, client)):
            self._other[side] = other
            self._selector.register(side, selectors.EVENT_READ)

    def _pass_on(self, side: socket.socket) -> None:
        try:
            found = side.recv(65536)
            if found and not self._is_cut.is_set():
                self._other[side].sendall(found)
        except OSError:
            found = b""
        if not found and not self._is_cut.is_set():
            self._end(side)
        elif not found:
            # The other side must not hear of it.
            self._selector.unregister(side)

    def _end(self, side: socket.socket) -> None:
        for one in (side, self._other[side]):
            del self._other[one]
            with contextlib.suppress(KeyError):
                self._selector.unregister(one)
            one.close()

    def _end_all(self) -> None:
        while self._other:
            self._end(next(iter(self._other)))
