"""Ports of the loopback interface that a test may use."""

from __future__ import annotations

import random
import socket

# Below Linux's ephemeral range (32768 and up): nobody's outgoing connection can take the port
# while the server that owns it is being restarted.
_FIRST, _LAST = 10_240, 32_767


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now, chosen at random.

    Raises OSError after 100 busy ports.
    """
    chooser = random.SystemRandom()
    for _ in range(100):
        port = chooser.randint(_FIRST, _LAST)
        if _is_free(port):
            return port
    raise OSError(f"no free port of 127.0.0.1 in 100 tries between {_FIRST} and {_LAST}")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port with old connections in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
