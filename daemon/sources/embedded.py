"""A broker in the collector's own process, for a first try without Mosquitto.

It keeps nothing on disk and ends with the collector. The collector connects to it as any client.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading

from daemon.config import BrokerConfig, is_loopback
from daemon.errors import EX_UNAVAILABLE, StartError
from daemon.sources.settings import Endpoint

_log = logging.getLogger(__name__)

_START_TIMEOUT_S = 60.0
_USERNAME = "collector"


class EmbeddedBroker:
    """One broker in a thread of its own.

    With a user name in the configuration clients must give it. Without one, whoever is on this
    machine may come in, and nobody else.
    """

    def __init__(self, name: str, config: BrokerConfig) -> None:
        self._name = name
        self._host, self._port = config.address
        secret = config.password
        self._username = config.username or _USERNAME
        self._password = None if secret is None else secret.get_secret_value()
        self._is_open = self._is_closed_to_all = False
        if config.username is None:
            # The collector's own login, which keeps its session apart from everybody else's.
            self._password = secrets.token_urlsafe(16)
            self._is_open = is_loopback(self._host)
            self._is_closed_to_all = not self._is_open
        self._loop: asyncio.AbstractEventLoop | None = None
        self._until: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"broker {name}", daemon=True)

    @property
    def endpoint(self) -> Endpoint:
        """Where local programs reach it, once it has started, and as whom."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)
        return Endpoint(host, self._port, self._username, self._password)

    def start(self) -> None:
        """It accepts clients when this returns. Raises StartError."""
        try:
            import daemon.sources.amqtt_broker  # noqa: F401 - it takes long and is an extra
        except ImportError as error:
            raise StartError(
                f"brokers.{self._name}: the embedded broker needs the extra `embedded` "
                f"({error}): pip install 'tinyflux-collector[embedded]', or set "
                f"brokers.{self._name}.url to a broker of your own, as mqtt://host:1883",
                EX_UNAVAILABLE,
            ) from error
        # It tells every step at INFO, and at WARNING what our late acknowledgements make of it.
        library = logging.getLogger("amqtt")
        if library.getEffectiveLevel() >= logging.WARNING:
            library.setLevel(logging.CRITICAL)
        self._thread.start()
        self._ready.wait(_START_TIMEOUT_S)
        if self._failure is not None or not self._ready.is_set():
            raise StartError(
                f"brokers.{self._name}: the embedded broker cannot listen on "
                f"{self._host}:{self._port}: {self._failure or 'it did not start in time'}; "
                f"set brokers.{self._name}.listen to another port, or leave it out for a free one",
                EX_UNAVAILABLE,
            ) from self._failure
        _log.info(
            "the embedded broker listens on %s:%d (%s)",
            self._host,
            self._port,
            "programs of this machine need no login" if self._is_open else "with login",
        )
        if self._is_closed_to_all:
            _log.warning(
                "no device can log in at the embedded broker: set brokers.%s.username and "
                "password, and give them to the devices",
                self._name,
            )

    def stop(self, timeout_s: float = 5.0) -> None:
        """End it and its connections. Safe twice and before `start`."""
        if self._loop is not None and self._until is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._until.set)
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except OSError as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        from daemon.sources import amqtt_broker

        self._loop = asyncio.get_running_loop()
        self._until = asyncio.Event()
        login = amqtt_broker.Login.Config(self._username, self._password, self._is_open)
        await amqtt_broker.serve(self._host, self._port, login, self._listening, self._until)

    def _listening(self, port: int) -> None:
        self._port = port
        self._ready.set()
