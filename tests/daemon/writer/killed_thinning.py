"""A thinning writer that is killed before one durable step: `python -m …killed_thinning`.

Arguments: folder, name of a rule, step, name of the file, how many of these steps are done before,
and `come` if messages come or `close` if what has waited is over.
"""

from __future__ import annotations

import os
import signal
import sys
from functools import partial
from pathlib import Path

from daemon.clock import SystemClock
from daemon.config import parse_deadband
from daemon.messages import Mapped, Message, Origin, Reading
from daemon.spool import Spool
from daemon.thinning import Policy, SeriesMemory, Thinner
from daemon.writer import SeriesFile, ThinningStage, WaitingPoints
from tests.daemon.waiting import wait_until
from tests.daemon.writer import killed
from tests.daemon.writer.conftest import NumberMapper, RunningWriter
from tests.daemon.writer.killed import BOOT
from tinyflux.files import intercepted

TEXTS = ("1", "2", "2", "1", "3")
HOUR_US = 3_600_000_000
POLICIES = {
    "throttle": Policy(leaves_out=False, window_us=HOUR_US),
    "joined": Policy(leaves_out=False, window_us=HOUR_US),
    "deadband": Policy(leaves_out=True, deadband_for=lambda _: parse_deadband(0)),
}
ROWS = {
    "throttle": [{"value": 3.0}],
    "joined": [{"value 1.0": 1.0, "value 2.0": 2.0, "value 3.0": 3.0}],
    "deadband": [{"value": value} for value in (1.0, 2.0, 1.0, 3.0)],
}
"""What all of the messages must become."""


class ThinnedMapper(NumberMapper):
    """The same, of a rule that thins; the rule `joined` has a field for each number."""

    def __init__(self, rule: str) -> None:
        self._rule = rule

    def map(self, item: Message | Reading) -> Mapped:
        mapped = super().map(item)
        if self._rule == "joined":
            [point] = mapped.points
            value = point.fields["value"]
            point.fields = {f"value {value}": value}
        return Mapped(
            mapped.outcome, mapped.points, mapped.rule, origins=(Origin("sources[0]", {}),)
        )


messages = partial(killed.messages, texts=TEXTS)
"""The messages as they come on a connection."""


class LaterClock(SystemClock):
    """That of this machine, when every window is over."""

    def monotonic_s(self) -> float:
        return super().monotonic_s() + 2 * HOUR_US / 1e6


def writer_of(
    folder: Path, rule: str, boot_id: str = BOOT, clock: SystemClock | None = None
) -> RunningWriter:
    """A writer that commits soon."""
    clock, memory = clock or SystemClock(), SeriesMemory()
    policy = POLICIES[rule]
    data = folder / "data.csv"
    stage = ThinningStage(
        Thinner(lambda _: policy, memory),
        WaitingPoints(Spool(folder / "data.spool", boot_id)),
        SeriesFile(folder / "data.series.json", data, memory, clock),
        clock,
    )
    return RunningWriter(
        folder, interval_s=0.05, boot_id=boot_id, mapper=ThinnedMapper(rule), thinning=stage
    )


def main(folder: Path, rule: str, step: str, name: str, after: int, how: str) -> None:
    """Ends by SIGKILL, at the latest when all is acknowledged, or all that has waited is over."""
    running = writer_of(folder, rule, clock=SystemClock() if how == "come" else LaterClock())
    left = [after]

    def kill(done: str, path: str) -> None:
        if (done, Path(path).name) == (step, name):
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1

    if how == "come":
        # In one batch: they are there before it begins.
        for one in messages(connection=1):
            running.inbox.put(one)
    with intercepted(kill):
        running.writer.start()
        if how == "come":
            wait_until(lambda: len(running.acknowledged.receipts) == len(TEXTS), "all of them")
        else:
            wait_until(lambda: running.writer.held() == 0, "the end of the waiting")
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:5], int(sys.argv[5]), sys.argv[6])
