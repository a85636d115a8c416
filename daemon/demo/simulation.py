"""Publishes the five devices to a broker, as any MQTT client would, until it is stopped."""

from __future__ import annotations

import heapq
import logging
import os
import random
import threading
from datetime import UTC, datetime, tzinfo

from daemon.clock import Clock, SystemClock
from daemon.demo.devices import Device, five_devices
from daemon.errors import SourceError
from daemon.sources import Endpoint, LinkSettings
from daemon.sources.faults import Address
from daemon.sources.link import Link

_log = logging.getLogger(__name__)

_SHORTEST_S = 1.0
_LONGEST_S = 5.0
_CONNECT_WAIT_S = 10.0
_RETRY_S = 2.0
_TURN_S = 0.5


class Simulation:
    """One connection, one thread, five devices, each with a message every 1 to 5 seconds.

    A broker that is away is tried again; what would have been said meanwhile is not said later.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        zone: tzinfo,
        *,
        clock: Clock | None = None,
        chance: random.Random | None = None,
    ) -> None:
        self._settings = LinkSettings(
            address=Address("of the simulated devices", endpoint.host, endpoint.port),
            client_id=f"simulated-devices-{os.getpid()}",
            username=endpoint.username,
            password=endpoint.password,
        )
        self._clock = clock or SystemClock()
        self._chance = chance or random.Random()
        self._devices = five_devices(self._chance, zone)
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._wake = -1

    def start(self) -> None:
        """Publish from now on; returns at once. Does nothing when it runs."""
        if self._thread is None:
            self._stopping.clear()
            self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
            self._thread = threading.Thread(target=self._run, name="simulation", daemon=True)
            self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End the connection in order. Safe before `start`, and twice."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopping.set()
        os.eventfd_write(self._wake, 1)
        thread.join(timeout_s)
        if not thread.is_alive():
            os.close(self._wake)

    def _run(self) -> None:
        is_said = False
        while not self._stopping.is_set():
            link = Link(self._settings, lambda arrival: None)
            try:
                self._connect(link)
                is_said = False
                self._publish(link)
            except SourceError as error:
                if not is_said:
                    _log.warning("simulated devices: %s; trying again", error)
                is_said = True
                self._stopping.wait(_RETRY_S)
            finally:
                link.close()

    def _connect(self, link: Link) -> None:
        link.open()
        end_s = self._clock.monotonic_s() + _CONNECT_WAIT_S
        while not link.is_connected and not self._stopping.is_set():
            if self._clock.monotonic_s() > end_s:
                raise SourceError(f"{self._settings.address} does not answer")
            link.turn(self._wake, _TURN_S, is_reading=True)

    def _publish(self, link: Link) -> None:
        """Each device when it is due; the first messages come at once."""
        now_s = self._clock.monotonic_s()
        due = [(now_s, number, now_s) for number in range(len(self._devices))]
        heapq.heapify(due)
        while not self._stopping.is_set():
            now_s = self._clock.monotonic_s()
            due_s, number, last_s = due[0]
            if due_s > now_s:
                link.turn(self._wake, min(due_s - now_s, _TURN_S), is_reading=True)
                continue
            self._say(link, self._devices[number], now_s - last_s)
            next_s = now_s + self._chance.uniform(_SHORTEST_S, _LONGEST_S)
            heapq.heapreplace(due, (next_s, number, now_s))

    def _say(self, link: Link, device: Device, passed_s: float) -> None:
        now = datetime.fromtimestamp(self._clock.now_us() / 1e6, UTC)
        said = device.publication(now, passed_s)
        link.publish(said.topic, said.payload, retain=said.is_retained)
