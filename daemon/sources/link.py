"""One connection to a broker, from its CONNECT to its end. With `client`, the only door to paho.

paho is driven from the outside (its interface for external event loops), so that one thread owns
the connection and every fault has its reason. Knows nothing of inboxes, rules or retries.
"""

from __future__ import annotations

import os
import select
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence

from paho.mqtt.client import (
    MQTT_CLEAN_START_FIRST_ONLY,
    Client,
    ConnectFlags,
    DisconnectFlags,
    MQTTMessage,
    WebsocketConnectionError,
)
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from daemon.errors import SourceError
from daemon.messages import Subscription
from daemon.sources.arrival import Arrival, Grant
from daemon.sources.client import (
    NarrowClient,
    identified,
    make_client,
    parting_wishes,
    session_wishes,
    subscribe_options,
)
from daemon.sources.faults import (
    explain_connack,
    explain_connect,
    explain_disconnect,
    explain_hang_up,
    explain_no_broker,
    explain_no_websocket,
)
from daemon.sources.narrow import let_go
from daemon.sources.settings import LinkSettings

_CONNECT_TIMEOUT_S = 8.0
_PACKETS_PER_TURN = 100
_FILTERS_A_PACKET = 100


class Link:
    """Used by one thread only. `open` it, then `turn` it until it raises or is closed."""

    def __init__(self, settings: LinkSettings, arrived: Callable[[Arrival], None]) -> None:
        self._settings = settings
        self._arrived = arrived
        self._client = self._make_client()
        self._poller: select.poll | None = None
        self._socket_fd = -1
        self._arrivals = 0
        self._connack: SourceError | bool | None = None
        self._lost: SourceError | None = None
        self._asked: dict[int, Sequence[str]] = {}
        self._grants: list[Grant] = []
        self._ending: dict[int, Sequence[str]] = {}
        self._ended: list[str] = []
        self._session_s: int | None = None
        self.takes_identifiers = settings.is_version_5
        """Whether subscriptions may have identifiers."""

    @property
    def is_connected(self) -> bool:
        """Whether the broker has accepted the CONNECT and the connection was not lost since."""
        return self.was_accepted and self._lost is None

    @property
    def was_accepted(self) -> bool:
        """Whether the broker has accepted the CONNECT, whatever came of it."""
        return isinstance(self._connack, bool)

    @property
    def has_session(self) -> bool:
        """Whether the broker had kept a session for us (CONNACK's session present)."""
        return self._connack is True

    @property
    def session_s(self) -> int | None:
        """MQTT 5: how long the broker will keep the session if that is not what we asked for."""
        return self._session_s

    def open(self) -> None:
        """Connect the socket and send CONNECT; blocks for seconds. SourceError with the reason."""
        settings = self._settings
        is_version_5 = settings.is_version_5
        try:
            self._client.connect(
                settings.address.host,
                settings.address.port,
                keepalive=settings.keepalive_s,
                # On 3.1.1 it is the constructor's clean_session, and this default says so.
                clean_start=settings.is_passing if is_version_5 else MQTT_CLEAN_START_FIRST_ONLY,
                properties=session_wishes(settings) if is_version_5 else None,
            )
        except (WebsocketConnectionError, UnicodeDecodeError, IndexError) as error:
            # paho takes the answer to its handshake apart without a look.
            raise explain_no_websocket(settings.address, settings.websocket_path or "") from error
        except (OSError, ssl.SSLError) as error:
            raise explain_connect(settings.address, error) from error
        connection = self._client.socket()
        if connection is not None:
            # An acknowledgement is four bytes: Nagle's algorithm would hold it back.
            with socket.socket(fileno=os.dup(connection.fileno())) as plain:
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def turn(
        self,
        wake_fd: int,
        timeout_s: float,
        *,
        is_reading: bool,
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        """Wait for the network or `wake_fd`, then read, write and ping what is due.

        Reads nothing when `is_reading` is false, and stops once there is no room: `has_room` is
        asked after each message. Raises SourceError when the connection is over.
        """
        connection = self._client.socket()
        if connection is not None:
            readable, writable, is_broken = self._wait(connection, wake_fd, timeout_s, is_reading)
            if readable or is_broken:
                self._read(has_room)
            if writable and self._lost is None:
                self._client.loop_write()
            if self._lost is None and self._connack is not None:
                # Before, paho would leave after a keepalive: whoever waits for CONNACK does that.
                self._client.loop_misc()
        self._raise_if_over()

    def subscribe(
        self, wanted: Sequence[Subscription], identifiers: Mapping[str, int] | None = None
    ) -> None:
        """Ask for these topic filters; `take_grants` has the answers.

        MQTT 5: `identifiers` by topic filter come back with the messages.
        """
        known = identifiers or {} if self.takes_identifiers else {}
        together = [one for one in wanted if one.topic_filter not in known]
        for start in range(0, len(together), _FILTERS_A_PACKET):
            self._subscribe(together[start : start + _FILTERS_A_PACKET], None)
        for one in wanted:
            if one.topic_filter in known:
                # A SUBSCRIBE has one identifier for all of its filters.
                self._subscribe([one], known[one.topic_filter])

    def _subscribe(self, wanted: Sequence[Subscription], identifier: int | None) -> None:
        if self._settings.is_version_5:
            options = [(one.topic_filter, subscribe_options(one)) for one in wanted]
            _, packet_id = self._client.subscribe(options, properties=identified(identifier))
        else:
            _, packet_id = self._client.subscribe([(one.topic_filter, one.qos) for one in wanted])
        if packet_id is not None:
            self._asked[packet_id] = [one.topic_filter for one in wanted]

    def unsubscribe(self, names: Sequence[str]) -> None:
        """Ask for the end of these subscriptions; `take_ended` has those that are confirmed."""
        if names:
            _, packet_id = self._client.unsubscribe(list(names))
            if packet_id is not None:
                self._ending[packet_id] = names

    def take_ended(self) -> list[str]:
        """The subscriptions whose end the broker has confirmed since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def take_grants(self) -> list[Grant]:
        """The broker's answers to `subscribe` since the last call."""
        grants, self._grants = self._grants, []
        return grants

    def acknowledge(self, packet_id: int) -> None:
        """Send PUBACK."""
        self._client.ack(packet_id, 1)

    def publish(self, topic: str, payload: str, *, retain: bool) -> None:
        """Send a message of our own at QoS 1; nobody waits for its PUBACK."""
        self._client.publish(topic, payload.encode(), qos=1, retain=retain)

    def has_unsent(self) -> bool:
        """Whether bytes wait for the socket."""
        return self._client.want_write()

    def close(self) -> None:
        """Say DISCONNECT if the connection stands, and drop it; up to a second. Safe twice."""
        connection = self._client.socket()
        spare = None
        if connection is not None and self.is_connected:
            # paho closes the socket as soon as DISCONNECT is sent. While something lies unread
            # the kernel would then reset the connection, and the broker might lose what we said
            # last: the acknowledgements, and the DISCONNECT that holds back the will.
            spare = socket.socket(fileno=os.dup(connection.fileno()))
        self._client.disconnect(properties=parting_wishes(self._settings))
        connection = self._client.socket()
        if connection is not None:
            connection.close()
        if spare is not None:
            let_go(spare)

    def _make_client(self) -> NarrowClient:
        client = make_client(self._settings)
        client.connect_timeout = _CONNECT_TIMEOUT_S
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_unsubscribe = self._on_unsubscribe
        client.on_message = self._on_message
        return client

    def _wait(
        self, connection: object, wake_fd: int, timeout_s: float, is_reading: bool
    ) -> tuple[bool, bool, bool]:
        """Whether the connection can be read, can be written, and is broken."""
        assert hasattr(connection, "fileno")
        descriptor: int = connection.fileno()
        pending = getattr(connection, "pending", None)
        if is_reading and pending is not None and pending() > 0:
            return True, self._client.want_write(), False
        if self._poller is None:
            self._poller = select.poll()
            self._poller.register(wake_fd, select.POLLIN)
        wanted = select.POLLIN if is_reading else 0
        if self._client.want_write():
            wanted |= select.POLLOUT
        self._poller.register(descriptor, wanted)
        happened = dict(self._poller.poll(timeout_s * 1000)).get(descriptor, 0)
        broken = select.POLLERR | select.POLLHUP | select.POLLNVAL
        return (
            bool(happened & select.POLLIN),
            bool(happened & select.POLLOUT),
            bool(happened & broken),
        )

    def _read(self, has_room: Callable[[], bool]) -> None:
        for _ in range(_PACKETS_PER_TURN):
            before = self._arrivals
            if self._client.loop_read() != 0 or self._arrivals == before or self._lost is not None:
                return
            if not has_room():
                return

    def _raise_if_over(self) -> None:
        if isinstance(self._connack, SourceError):
            raise self._connack
        if self._lost is not None:
            raise self._lost
        if self._client.socket() is None:
            raise SourceError(f"{self._settings.address}: the connection was lost")

    def _on_connect(
        self,
        client: Client,
        userdata: object,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._connack = explain_connack(
                self._settings.address, reason.value, reason.getName(), self._settings.client_id
            )
        else:
            self._connack = bool(flags.session_present)
            self._session_s = getattr(properties, "SessionExpiryInterval", None)
            if not getattr(properties, "SubscriptionIdentifierAvailable", 1):
                self.takes_identifiers = False

    def _on_disconnect(
        self,
        client: Client,
        userdata: object,
        flags: DisconnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        address = self._settings.address
        if self._connack is None and reason.getName() == "Protocol error":
            self._lost = explain_no_broker(
                address, "its answer to MQTT's CONNECT is something else"
            )
        elif self._connack is None:
            stream = self._client.stream
            self._lost = explain_hang_up(address, stream.fault if stream is not None else None)
        elif flags.is_disconnect_packet_from_server:
            self._lost = explain_disconnect(
                address, reason.value, reason.getName(), self._settings.client_id
            )
        else:
            self._lost = SourceError(f"{address}: the connection was lost{_detail(reason)}")

    def _on_subscribe(
        self,
        client: Client,
        userdata: object,
        packet_id: int,
        reasons: list[ReasonCode],
        properties: Properties | None,
    ) -> None:
        for name, reason in zip(self._asked.pop(packet_id, ()), reasons, strict=False):
            self._grants.append(Grant(name, reason.getName() if reason.is_failure else ""))

    def _on_unsubscribe(
        self,
        client: Client,
        userdata: object,
        packet_id: int,
        reasons: list[ReasonCode],
        properties: Properties | None,
    ) -> None:
        # On 3.1.1 an UNSUBACK names no reasons: it always works.
        names = self._ending.pop(packet_id, ())
        refused = {name for name, reason in zip(names, reasons, strict=False) if reason.is_failure}
        self._ended += [name for name in names if name not in refused]

    def _on_message(self, client: Client, userdata: object, message: MQTTMessage) -> None:
        self._arrivals += 1
        if message.qos == 2:
            # Only an old subscription of this session can bring one. paho has taken it over from
            # the broker already, so all that is left is to free its place in the window.
            client.ack(message.mid, 2)
        try:
            topic = message.topic
        except UnicodeDecodeError as error:
            topic = error.object.decode("utf-8", "backslashreplace")
        self._arrived(
            Arrival(
                topic,
                bytes(message.payload),
                message.qos,
                message.mid,
                message.retain,
                message.dup,
                tuple(getattr(message.properties, "SubscriptionIdentifier", ())),
                self._client.stream.cut_bytes if self._client.stream is not None else 0,
            )
        )


def _detail(reason: ReasonCode) -> str:
    name = reason.getName()
    return "" if name == "Unspecified error" else f" ({name})"
