"""When written points become durable: the interval, half a window, or load."""

from __future__ import annotations

import pytest

from daemon.writer import CommitRule
from daemon.writer.commit import Sync
from tests.daemon.clocks import SetClock


def _rule(clock: SetClock, sync: Sync = "commit") -> CommitRule:
    return CommitRule(clock, interval_s=5.0, points=500, sync=sync)


def test_nothing_waits_nothing_is_due() -> None:
    clock = SetClock()
    rule = _rule(clock)
    clock.pass_time(3600)
    assert not rule.is_due(is_urgent=True)
    assert rule.wait_s() == 5.0


def test_the_interval_counts_from_the_oldest() -> None:
    clock = SetClock()
    rule = _rule(clock)
    rule.written(items=1, points=1, receipts=1)
    clock.pass_time(3)
    rule.written(items=1, points=1, receipts=1)
    assert not rule.is_due(is_urgent=False)
    assert rule.wait_s() == pytest.approx(2.0)
    clock.pass_time(2)
    assert rule.is_due(is_urgent=False)
    assert rule.wait_s() == 0.0


def test_half_a_window_is_due_at_once() -> None:
    rule = _rule(SetClock())
    rule.written(items=10, points=10, receipts=10)
    assert not rule.is_due(is_urgent=False)
    assert rule.is_due(is_urgent=True)


def test_so_many_points_are_due_at_once() -> None:
    rule = _rule(SetClock())
    rule.written(items=1, points=499, receipts=0)
    assert not rule.is_due(is_urgent=False)
    rule.written(items=1, points=1, receipts=0)
    assert rule.is_due(is_urgent=False)


def test_after_a_commit_nothing_is_due() -> None:
    rule = _rule(SetClock())
    rule.written(items=1, points=1000, receipts=1)
    rule.committed()
    assert not rule.is_due(is_urgent=True)


def _commit_every(rule: CommitRule, clock: SetClock, seconds: float, receipts: int) -> None:
    for _ in range(20):
        clock.pass_time(seconds)
        rule.written(items=receipts, points=receipts, receipts=receipts)
        rule.committed()


def test_under_load_whatever_waits_is_due() -> None:
    clock = SetClock()
    rule = _rule(clock)
    _commit_every(rule, clock, 0.01, 10)
    rule.written(items=1, points=1, receipts=1)
    assert rule.is_due(is_urgent=False)


def test_what_no_broker_waits_for_is_not_due_under_load() -> None:
    clock = SetClock()
    rule = _rule(clock)
    _commit_every(rule, clock, 0.01, 10)
    rule.written(items=1, points=1, receipts=0)
    assert not rule.is_due(is_urgent=False)


def test_a_hundred_messages_a_second_are_no_load() -> None:
    clock = SetClock()
    rule = _rule(clock)
    _commit_every(rule, clock, 0.1, 10)
    rule.written(items=1, points=1, receipts=1)
    assert not rule.is_due(is_urgent=False)


def test_load_is_forgotten_when_it_is_over() -> None:
    clock = SetClock()
    rule = _rule(clock)
    _commit_every(rule, clock, 0.001, 10)
    clock.pass_time(1)
    rule.written(items=1, points=1, receipts=1)
    assert not rule.is_due(is_urgent=False)


@pytest.mark.parametrize("sync", ["always", "never"])
def test_without_a_commit_interval_all_is_due_at_once(sync: Sync) -> None:
    rule = _rule(SetClock(), sync)
    rule.written(items=1, points=1, receipts=0)
    assert rule.is_due(is_urgent=False)
