"""How wide a broker's window is: as it was told, until the broker shows otherwise."""

from __future__ import annotations

from daemon.messages import Receipt
from daemon.writer import Window
from daemon.writer.inflight import InFlight
from tests.daemon.clocks import SetClock

WIDE = 200


class Broker:
    """Sends at most so many without an acknowledgement, to a collector that was told 200."""

    def __init__(self) -> None:
        self.clock = SetClock()
        self.in_flight = InFlight({"home": Window(WIDE)}, self.clock.monotonic_s)
        self.connection = 1
        self._open: list[Receipt] = []
        self._sent = 0

    def send(self, count: int, *, every_s: float = 0.001) -> bool:
        """Whether the last of them makes a commit urgent."""
        is_urgent = False
        for _ in range(count):
            self._sent += 1
            receipt = Receipt(self.connection, self._sent)
            self._open.append(receipt)
            is_urgent = self.in_flight.arrived("home", receipt)
            self.clock.pass_time(every_s)
        return is_urgent

    def get_acknowledgements(self) -> None:
        self.in_flight.acknowledged("home", self._open)
        self._open.clear()


def test_a_broker_that_stops_at_fewer_and_goes_on_at_once_has_a_narrower_window() -> None:
    broker = Broker()
    assert not broker.send(32)
    broker.clock.pass_time(5.0)
    broker.get_acknowledgements()
    assert broker.send(32)
    assert broker.in_flight.is_urgent()
    broker.get_acknowledgements()
    assert not broker.send(15)
    assert broker.send(1)


def test_a_broker_with_little_to_send_has_the_window_that_was_told() -> None:
    broker = Broker()
    broker.send(50, every_s=0.1)
    broker.get_acknowledgements()
    broker.send(50, every_s=0.1)
    broker.clock.pass_time(1.0)
    broker.get_acknowledgements()
    broker.clock.pass_time(1.0)
    assert not broker.send(99)
    assert broker.send(1)


def test_a_new_connection_has_the_window_that_was_told() -> None:
    broker = Broker()
    broker.send(32)
    broker.clock.pass_time(5.0)
    broker.get_acknowledgements()
    broker.send(32)
    broker.connection = 2
    assert not broker.send(99)
    assert broker.send(1)


def test_single_messages_far_apart_are_no_window() -> None:
    broker = Broker()
    for _ in range(3):
        broker.send(1)
        broker.clock.pass_time(5.0)
        broker.get_acknowledgements()
    assert not broker.send(99)


def test_without_a_message_nothing_is_urgent() -> None:
    assert not InFlight({"home": Window(WIDE)}).is_urgent()
