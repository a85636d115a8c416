"""A broker as a source: its messages go to the inbox, their acknowledgements come back.

One network thread per broker owns the connection, the retries and the subscriptions. It
acknowledges what the writer says is durable, on the connection that brought it and no other.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence

from daemon.clock import Clock
from daemon.errors import SourceError, StartError
from daemon.messages import Message, Receipt, Subscription
from daemon.sources.arrival import Arrival
from daemon.sources.backoff import Backoff
from daemon.sources.copies import Copies, with_equal_qos
from daemon.sources.faults import FaultLog, explain_no_broker
from daemon.sources.link import Link
from daemon.sources.pause import NoRoomError, Pause, RenewError
from daemon.sources.rivalry import Rivalry
from daemon.sources.session import SessionMemory
from daemon.sources.settings import LinkSettings
from daemon.sources.state import BrokerState
from daemon.sources.subscriber import Subscriber
from daemon.writer import Inbox

_log = logging.getLogger(__name__)

# How often the keepalive is looked at when the network is silent.
_IDLE_TURN_S = 1.0
_CHANGE_EVERY_S = 1.0
# How often a source that may not read looks whether it may.
_PAUSED_TURN_S = 0.05
_FAREWELL_S = 2.0


class MqttSource:
    """One broker's subscriptions. `start`, `stop_intake`, `close`, each safe twice."""

    def __init__(
        self,
        settings: LinkSettings,
        subscriptions: Sequence[Subscription | tuple[str, int]],
        inbox: Inbox,
        clock: Clock,
        *,
        reconnect_s: tuple[float, float] = (1.0, 30.0),
        connack_timeout_s: float = 10.0,
        trusts_retain_flag: bool = True,
        memory: SessionMemory | None = None,
        renew: Callable[[], LinkSettings] | None = None,
    ) -> None:
        """`trusts_retain_flag` is false for a broker that sets it on queued messages as well;
        `memory` knows what our session is subscribed to; `renew` reads certificates and password
        again, before each further try to connect: they may have been renewed."""
        self._settings = settings
        self._name = settings.address.broker
        # QoS 2 cannot keep what we promise: paho takes the message over before it is stored.
        self._subscriptions = self._at_most_qos_1(subscriptions)
        self._wanted: Callable[[], Sequence[Subscription]] | None = None
        self._change_s = clock.monotonic_s()
        self._is_renewal_asked = False
        self._inbox = inbox
        self._clock = clock
        self._connack_timeout_s = connack_timeout_s
        self._trusts_retain_flag = trusts_retain_flag
        self._backoff = Backoff(*reconnect_s)
        self._faults = FaultLog(settings.address, clock)
        self._rivalry = Rivalry(settings.address, settings.client_id, clock)
        self._memory = memory or SessionMemory()
        self._renew = renew
        self._connection = 1
        self._renewals = 0
        self._tries = 0
        self._had_session = False
        self._has_session = False
        self._connected = threading.Event()
        self._since_us, self._since_s = clock.now_us(), clock.monotonic_s()
        self._receipts: deque[Receipt] = deque()
        self._copies = Copies()
        self._is_intake_stopped = False
        self._is_closed = False
        self._closing = threading.Event()
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_reader, False)
        os.set_blocking(self._wake_writer, False)
        self._thread = threading.Thread(target=self._run, name=f"mqtt {self._name}", daemon=True)

    @property
    def is_connected(self) -> bool:
        """Whether the broker has accepted us and answered our subscriptions."""
        return self._connected.is_set()

    def await_connection(self, timeout_s: float) -> bool:
        """True as soon as it is connected; False after the timeout."""
        return self._connected.wait(timeout_s)

    @property
    def tries(self) -> int:
        """How often it has tried to connect."""
        return self._tries

    def state(self) -> BrokerState:
        """How it is now. Any thread."""
        settings = self._settings
        path = settings.websocket_path or ""
        is_connected = self.is_connected
        return BrokerState(
            name=self._name,
            url=settings.address.url + path,
            protocol="5" if settings.is_version_5 else "3.1.1",
            client_id=settings.client_id,
            is_connected=is_connected,
            since_us=self._since_us,
            for_s=max(0.0, self._clock.monotonic_s() - self._since_s),
            connections=self._connection if is_connected else self._connection - 1,
            failures=self._faults.failures,
            trouble="" if is_connected else self._faults.trouble,
            refused=tuple(sorted(self._faults.refused_filters)),
            has_session=self._has_session,
        )

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._thread.start()

    def resubscribe(self, wanted: Callable[[], Sequence[Subscription]]) -> None:
        """Subscribe to what `wanted` gives, called in our thread within about a second, in place of
        what was subscribed to until now. Any thread; what is asked for in a moment counts once."""
        self._wanted = wanted
        self._wake()

    def reconnect(self) -> None:
        """Leave, and come back at once by what `renew` gives then. Any thread."""
        self._is_renewal_asked = True
        self._wake()

    def stop_intake(self) -> None:
        """Read no more messages; acknowledgements are still sent."""
        self._is_intake_stopped = True
        self._wake()

    def close(self, timeout_s: float = 5.0) -> None:
        """Send the acknowledgements that wait and leave; whatever is not acknowledged comes again.

        The broker keeps the session.
        """
        self._is_intake_stopped = True
        self._closing.set()
        self._wake()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        if not self._thread.is_alive() and not self._is_closed:
            self._is_closed = True
            os.close(self._wake_reader)
            os.close(self._wake_writer)

    def acknowledge(self, receipts: Sequence[Receipt]) -> None:
        """Acknowledge these in this order; those of an ended connection are dropped. Any thread."""
        self._receipts.extend(receipts)
        self._wake()

    def _wake(self) -> None:
        if not self._is_closed:
            # A full pipe wakes as well as one byte does.
            with contextlib.suppress(BlockingIOError):
                os.write(self._wake_writer, b"!")

    def _run(self) -> None:
        while not self._closing.is_set():
            self._is_renewal_asked = False
            self._read_files_again()
            link = Link(self._settings, self._on_arrival)
            self._copies = Copies()
            self._tries += 1
            try:
                self._serve(link)
            except RenewError as error:
                _log.info("%s", error)
                continue
            except NoRoomError as error:
                _log.warning("%s", error)
                self._await_room()
                continue
            except SourceError as error:
                self._note(link, error)
            except Exception as error:  # noqa: BLE001 - the source callback: paho meets any bytes
                self._survive(link, error)
            finally:
                if link.was_accepted:
                    # Receipts carry it: those of the connection that ended are void from now on.
                    self._connection += 1
                if self._connected.is_set():
                    self._connected.clear()
                    self._since_us, self._since_s = self._clock.now_us(), self._clock.monotonic_s()
                link.close()
            self._closing.wait(self._pause_s())

    def _read_files_again(self) -> None:
        if self._renew is not None and self._tries:
            try:
                self._settings = self._renew()
            except StartError as error:
                self._faults.kept(error)

    def _note(self, link: Link, error: SourceError) -> None:
        if self.is_connected or (link.was_accepted and self._rivalry.is_suspected):
            # A rival may throw us out before our subscriptions are answered.
            self._rivalry.lost(error)
        elif not link.was_accepted:
            self._rivalry.failed()
        self._faults.failed(self._rivalry.explain(error))

    def _pause_s(self) -> float:
        """How long to wait before the next try."""
        if self._rivalry.is_found:
            return self._rivalry.rest_s()
        if self._rivalry.asks_at_once:
            return 0.0
        return self._backoff.next_s()

    def _survive(self, link: Link, error: Exception) -> None:
        if link.is_connected:
            _log.exception("%s: an error that the collector does not know", self._settings.address)
            self._faults.failed(SourceError(f"{self._settings.address}: {error!r}"))
        else:
            self._faults.failed(
                explain_no_broker(self._settings.address, "its first bytes are not MQTT's")
            )

    def _serve(self, link: Link) -> None:
        """Connect and work until told to close; SourceError when the connection is over."""
        link.open()
        self._await_connack(link)
        if self._closing.is_set():
            return
        if not link.has_session:
            self._renewals += 1
        self._rivalry.accepted()
        self._take_change()
        subscriber = Subscriber(
            link,
            self._subscriptions,
            self._faults,
            self._clock,
            self._memory,
            self._settings.session,
        )
        pause = Pause(self._settings.keepalive_s, self._clock)
        while not self._closing.is_set():
            self._send_acknowledgements(link)
            if self._is_renewal_asked:
                self._send_out(link)
                raise RenewError(f"{self._settings.address}: connects again by changed settings")
            is_reading = not self._is_intake_stopped and self._inbox.has_room()
            if pause.is_too_long(
                is_paused=not is_reading and not self._is_intake_stopped,
                is_refused=self._inbox.is_refused,
            ):
                self._send_out(link)
                raise NoRoomError(
                    f"{self._settings.address}: left on purpose, because the inbox is full and the "
                    f"disk takes nothing{'' if self._inbox.is_refused else ' or is very slow'}; "
                    "QoS 1 messages wait with the broker meanwhile"
                )
            link.turn(
                self._wake_reader,
                _IDLE_TURN_S if is_reading or self._is_intake_stopped else _PAUSED_TURN_S,
                is_reading=is_reading,
                has_room=self._inbox.has_room,
            )
            self._drain_wakes()
            if self._clock.monotonic_s() >= self._change_s and self._take_change():
                subscriber.change(self._subscriptions)
            subscriber.tick()
            if subscriber.is_answered and not self.is_connected:
                self._greet(link)
                self._has_session = link.has_session
                self._since_us, self._since_s = self._clock.now_us(), self._clock.monotonic_s()
                self._connected.set()
            if self._faults.is_stable():
                self._backoff.reset()
        self._say_farewell(link)

    def _take_change(self) -> bool:
        """Whether there are other subscriptions now, because `resubscribe` was called."""
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            return False
        # Announcements come in hundreds; each is one of many changes of a moment.
        self._change_s = self._clock.monotonic_s() + _CHANGE_EVERY_S
        before, self._subscriptions = self._subscriptions, self._at_most_qos_1(wanted())
        return self._subscriptions != before

    def _at_most_qos_1(
        self, subscriptions: Sequence[Subscription | tuple[str, int]]
    ) -> tuple[Subscription, ...]:
        wanted = [_at_qos_1(Subscription(*one)) for one in subscriptions]
        return with_equal_qos(wanted) if self._settings.is_version_5 else tuple(wanted)

    def _await_connack(self, link: Link) -> None:
        deadline_s = self._clock.monotonic_s() + self._connack_timeout_s
        while not link.is_connected and not self._closing.is_set():
            left_s = deadline_s - self._clock.monotonic_s()
            if left_s <= 0:
                raise explain_no_broker(
                    self._settings.address,
                    f"it gave no answer to MQTT's CONNECT within {self._connack_timeout_s:.0f} s",
                )
            link.turn(self._wake_reader, min(left_s, _IDLE_TURN_S), is_reading=True)
            self._drain_wakes()

    def _greet(self, link: Link) -> None:
        version = "5" if self._settings.is_version_5 else "3.1.1"
        kept = "the broker has kept our session" if link.has_session else "new session"
        self._faults.connected(f"MQTT {version}, client id {self._settings.client_id}, {kept}")
        if self._had_session and not link.has_session:
            _log.warning(
                "%s: the broker has forgotten our session: what was published while we were not "
                "connected is lost; see its persistence settings",
                self._settings.address,
            )
        self._had_session = True
        if (birth := self._settings.birth) is not None:
            link.publish(birth.topic, birth.payload, retain=birth.is_retained)

    @property
    def _number(self) -> int:
        """Of this connection; one is left out where the broker has begun a new session."""
        return self._connection + self._renewals

    def _send_acknowledgements(self, link: Link) -> None:
        while self._receipts:
            receipt = self._receipts.popleft()
            if receipt.connection == self._number:
                link.acknowledge(receipt.packet_id)
                if copies := self._copies.answered(receipt):
                    for copy in copies:
                        link.acknowledge(copy.packet_id)
                    self._inbox.acknowledged(self._name, copies)

    def _say_farewell(self, link: Link) -> None:
        # DISCONNECT keeps the broker from publishing the will, which says that we are gone.
        if (will := self._settings.will) is not None:
            link.publish(will.topic, will.payload, retain=will.is_retained)
        self._send_out(link)

    def _send_out(self, link: Link) -> None:
        """What we have to say is with the broker, if it takes it within a moment."""
        self._send_acknowledgements(link)
        deadline_s = self._clock.monotonic_s() + _FAREWELL_S
        while link.has_unsent() and self._clock.monotonic_s() < deadline_s:
            link.turn(self._wake_reader, _PAUSED_TURN_S, is_reading=False)
            self._drain_wakes()

    def _await_room(self) -> None:
        while not self._inbox.is_nearly_empty() and not self._closing.is_set():
            self._closing.wait(0.2)

    def _drain_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_reader, 4096)

    def _on_arrival(self, arrival: Arrival) -> None:
        receipt = Receipt(self._number, arrival.packet_id) if arrival.qos == 1 else None
        if (original := self._copies.original_of(arrival, receipt)) is not None:
            if receipt is not None and self._copies.waits(original, receipt):
                self._inbox.copied(self._name, receipt)
            elif receipt is not None:
                self._receipts.append(receipt)
            return
        self._inbox.put(
            Message(
                source=self._name,
                topic=arrival.topic,
                payload=arrival.payload,
                received_us=self._clock.now_us(),
                qos=arrival.qos,
                is_retained=arrival.is_retained and self._trusts_retain_flag,
                is_duplicate=arrival.is_duplicate,
                receipt=receipt,
                monotonic_us=round(self._clock.monotonic_s() * 1e6),
                cut_bytes=arrival.cut_bytes,
            )
        )


def _at_qos_1(wanted: Subscription) -> Subscription:
    return wanted._replace(qos=min(wanted.qos, 1))
