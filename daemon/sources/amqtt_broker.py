"""The broker inside the collector, as coroutines. The only door to amqtt; imported late.

Knows nothing of threads. Its listener is ours, so that the port can be one that is free and the
end does not wait for its clients.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass

from amqtt.adapters import StreamReaderAdapter, StreamWriterAdapter
from amqtt.broker import Broker
from amqtt.contexts import BaseContext, BrokerConfig, ListenerConfig, ListenerType
from amqtt.plugins.base import BaseAuthPlugin
from amqtt.session import Session

_log = logging.getLogger("daemon.sources.embedded")

_LISTENER = "default"
_SHUTDOWN_S = 3.0


class Login(BaseAuthPlugin):  # type: ignore[misc]
    """Lets in who knows user name and password, and whoever gives neither where it is open.

    Everybody else is refused, and that said once. Replaces amqtt's own plugin, with which an
    anonymous client loses its session and a user name needs no password.
    """

    @dataclass
    class Config:
        """What amqtt fills from the plugin's options."""

        username: str = ""
        password: str | None = None
        is_open: bool = False

    def __init__(self, context: BaseContext) -> None:
        super().__init__(context)
        self._refused: set[str | None] = set()

    async def authenticate(self, *, session: Session) -> bool:
        """Whether this client may come in."""
        wanted = self.config
        if wanted.is_open and not session.username:
            return True
        is_known = session.username == wanted.username and (
            wanted.password is None
            or hmac.compare_digest((session.password or "").encode(), wanted.password.encode())
        )
        if not is_known and session.username not in self._refused and len(self._refused) < 20:
            self._refused.add(session.username)
            who = f"user name {session.username!r}" if session.username else "no user name"
            _log.warning(
                "the embedded broker refused a client with %s: clients must give the broker's "
                "`username` and `password` of the configuration",
                who,
            )
        return is_known


async def serve(
    host: str,
    port: int,
    login: Login.Config,
    listening: Callable[[int], None],
    until: asyncio.Event,
) -> None:
    """Run a broker until `until` is set; `listening` gets the port. OSError if it is taken."""
    asyncio.get_running_loop().set_exception_handler(_note)
    broker = Broker(
        BrokerConfig(
            listeners={_LISTENER: ListenerConfig(type=ListenerType.EXTERNAL)},
            plugins={f"{Login.__module__}.{Login.__name__}": vars(login)},
        )
    )
    await broker.start()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await broker.external_connected(
                StreamReaderAdapter(reader), StreamWriterAdapter(writer), _LISTENER
            )

    try:
        server = await asyncio.start_server(connected, host, port)
        listening(server.sockets[0].getsockname()[1])
        await until.wait()
        # Not waited for: it would wait for the clients too.
        server.close()
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(broker.shutdown(), _SHUTDOWN_S)


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    # A client that vanishes leaves exceptions in tasks that nobody awaits.
    _log.debug("the embedded broker: %s", context.get("exception") or context.get("message"))
