"""Listens to a broker as a stranger: sees what is published, and disturbs nobody.

With a client id of its own, without a session, at QoS 0: nothing is acknowledged, and nothing of
ours stays at the broker. Not with will or birth, which would say that the collector is there.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from daemon.clock import Clock
from daemon.errors import SourceError
from daemon.messages import Message, Subscription
from daemon.sources.arrival import Arrival
from daemon.sources.faults import explain_no_broker
from daemon.sources.link import Link
from daemon.sources.settings import LinkSettings

_CONNACK_S = 10.0
_TURN_S = 0.5
_AGAIN_S = 5.0


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker has accepted us, and answered what we asked to listen to."""

    broker: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is over, or was refused; it is tried again."""

    broker: str
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker does not let us subscribe to a topic filter."""

    broker: str
    topic_filter: str
    reason: str


Event = Message | Connected | Disconnected | Refused


class Listener:
    """One broker's messages, from a thread of its own, for as long as it is wanted."""

    def __init__(
        self,
        settings: LinkSettings,
        filters: Sequence[str],
        take: Callable[[Event], object],
        clock: Clock,
        *,
        trusts_retain_flag: bool = True,
    ) -> None:
        """`take` is called from the listener's thread, in the order of what happens.
        `trusts_retain_flag` is false for a broker that sets it on other messages as well."""
        self._settings = replace(
            settings,
            client_id=f"tf-watch-{secrets.token_hex(4)}",
            is_passing=True,
            # MQTT 5: the session ends with the connection, also where we are killed.
            session_s=0,
            will=None,
            birth=None,
        )
        self._name = settings.address.broker
        self._filters = list(dict.fromkeys(filters))
        self._more: deque[str] = deque()
        self._take = take
        self._clock = clock
        self._trusts_retain_flag = trusts_retain_flag
        self._closing = threading.Event()
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_reader, False)
        os.set_blocking(self._wake_writer, False)
        self._thread = threading.Thread(target=self._run, name=f"watch {self._name}", daemon=True)

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread.start()

    def listen_to(self, filters: Sequence[str]) -> None:
        """Listen to these topic filters too. Any thread."""
        self._more.extend(filters)
        self._wake()

    def close(self, timeout_s: float = 3.0) -> None:
        """Leave. Safe twice and before `start`."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._wake()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        if not self._thread.is_alive():
            os.close(self._wake_reader)
            os.close(self._wake_writer)

    def _wake(self) -> None:
        # A full pipe wakes as well as one byte does.
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_writer, b"!")

    def _run(self) -> None:
        while not self._closing.is_set():
            link = Link(self._settings, self._arrived)
            try:
                self._serve(link)
            except SourceError as error:
                self._take(Disconnected(self._name, str(error)))
            except Exception as error:  # noqa: BLE001 - the source callback: paho meets any bytes
                reason = f"{self._settings.address}: an error that is not known: {error!r}"
                self._take(Disconnected(self._name, reason))
            finally:
                link.close()
            self._closing.wait(_AGAIN_S)

    def _serve(self, link: Link) -> None:
        link.open()
        deadline_s = self._clock.monotonic_s() + _CONNACK_S
        while not link.is_connected and not self._closing.is_set():
            if self._clock.monotonic_s() >= deadline_s:
                raise explain_no_broker(
                    self._settings.address,
                    f"it gave no answer to MQTT's CONNECT within {_CONNACK_S:.0f} s",
                )
            self._turn(link)
        link.subscribe([Subscription(name, 0) for name in self._filters])
        unanswered = set(self._filters)
        while not self._closing.is_set():
            self._turn(link)
            for grant in link.take_grants():
                if grant.refusal:
                    self._take(Refused(self._name, grant.topic_filter, grant.refusal))
                if unanswered == {grant.topic_filter}:
                    self._take(Connected(self._name))
                unanswered.discard(grant.topic_filter)
            self._subscribe_more(link)

    def _turn(self, link: Link) -> None:
        link.turn(self._wake_reader, _TURN_S, is_reading=True)
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_reader, 4096)

    def _subscribe_more(self, link: Link) -> None:
        fresh = []
        while self._more:
            name = self._more.popleft()
            if name not in self._filters:
                self._filters.append(name)
                fresh.append(name)
        if fresh:
            link.subscribe([Subscription(name, 0) for name in fresh])

    def _arrived(self, arrival: Arrival) -> None:
        self._take(
            Message(
                source=self._name,
                topic=arrival.topic,
                payload=arrival.payload,
                received_us=self._clock.now_us(),
                qos=arrival.qos,
                is_retained=arrival.is_retained and self._trusts_retain_flag,
                cut_bytes=arrival.cut_bytes,
            )
        )
