"""A writer that thins: each message has one outcome, even before it is committed that it waits."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.messages import Outcome
from daemon.spool import Spool
from daemon.thinning import Policy, SeriesMemory, Thinner
from daemon.writer import SeriesFile, ThinningStage, WaitingPoints
from tests.daemon.waiting import wait_until
from tests.daemon.writer.conftest import RunningWriter
from tests.daemon.writer.items import RECEIVED_US, message
from tests.daemon.writer.killed_thinning import ThinnedMapper


def _thinning(folder: Path, policy: Policy) -> ThinningStage:
    clock, memory = SystemClock(), SeriesMemory()
    return ThinningStage(
        Thinner(lambda _: policy, memory),
        WaitingPoints(Spool(folder / "spool", "boot")),
        SeriesFile(folder / "series.json", folder / "data.csv", memory, clock),
        clock,
    )


@pytest.mark.parametrize("interval_s", [0.02, 60.0], ids=["many commits", "one commit"])
@pytest.mark.parametrize(
    "policy",
    [
        pytest.param(Policy(leaves_out=False, window_us=3_600_000_000), id="throttle"),
        pytest.param(Policy(leaves_out=False, window_us=50_000, keeps_last=False), id="merge"),
        pytest.param(Policy(leaves_out=True, window_us=1_000), id="unchanged"),
    ],
)
def test_the_ledger_balances_in_every_turn(
    tmp_path: Path, policy: Policy, interval_s: float, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    running = RunningWriter(
        tmp_path,
        interval_s=interval_s,
        mapper=ThinnedMapper("throttle"),
        thinning=_thinning(tmp_path, policy),
    )
    running.writer.start()
    try:
        for number in range(16):
            running.inbox.put(
                message(
                    payload=str(number % 3).encode(),
                    packet_id=number + 1,
                    received_us=RECEIVED_US + 1000 * number,
                )
            )
            # In turns of its own, many of them before the commit.
            taken = number
            wait_until(lambda: running.inbox.counts().waiting == 0, f"message {taken} to be taken")
    finally:
        assert running.writer.stop(10.0)
    outcomes = running.ledger.outcomes()
    assert caplog.messages == []
    assert sum(outcomes.values()) == 16
    assert outcomes[Outcome.WAITING] == 0
    assert running.acknowledged.packet_ids == list(range(1, 17))
    assert running.writer.held() == 0
    assert len(running.values()) == sum(running.ledger.points_by_measurement().values())
