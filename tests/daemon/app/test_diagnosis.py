"""What the saved counts of a run say of its messages."""

from __future__ import annotations

from datetime import timedelta

from daemon.app.diagnosis import saved_traffic
from daemon.messages import Mapped, Outcome
from daemon.writer import Inbox, Ledger
from tests.daemon.clocks import SetClock
from tests.daemon.writer.items import message


def test_rates_are_those_of_the_time_that_passed_though_the_clock_was_set_meanwhile() -> None:
    clock = SetClock()
    ledger = Ledger(clock)
    for number in range(1, 601):
        ledger.settle(message(packet_id=number), Mapped(Outcome.STORED, rule="sources[0]"))
    clock.pass_time(300)
    clock.set_wall(clock.wall() + timedelta(days=90))
    traffic = saved_traffic(ledger.snapshot(Inbox().counts))
    assert traffic.protected_hz == 2.0
    assert traffic.topics == {"a/b": (0, 600)}


def test_a_run_of_seconds_says_nothing() -> None:
    clock = SetClock()
    ledger = Ledger(clock)
    ledger.settle(message(packet_id=1), Mapped(Outcome.STORED, rule="sources[0]"))
    clock.pass_time(30)
    assert saved_traffic(ledger.snapshot(Inbox().counts)).topics == {}
