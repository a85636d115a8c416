"""A thinning writer killed at any step: each series ends with its last value, once."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.messages import Outcome
from tests.daemon.waiting import wait_until
from tests.daemon.writer.conftest import RunningWriter
from tests.daemon.writer.killed import BOOT
from tests.daemon.writer.killed_thinning import ROWS, TEXTS, messages, writer_of
from tinyflux import TinyFlux

_ROOT = Path(__file__).parents[3]
COMING = [
    pytest.param("write", "data.received", 0, id="before the note"),
    pytest.param("write", "data.csv", 0, id="before the rows"),
    pytest.param("write", "data.spool", 0, id="before the spool"),
    pytest.param("write", "data.received", 1, id="before it is noted that the batch is done"),
    pytest.param("fsync", "data.csv", 0, id="before the commit"),
    pytest.param("fsync", "data.spool", 0, id="before the spool is durable"),
    pytest.param("none", "", 0, id="after the acknowledgement"),
]
# What the other rules leave is the same but for these.
TELLING = [COMING[2], COMING[3], COMING[5]]
CLOSING = [
    pytest.param("write", "data.received", 0, BOOT, id="before the note"),
    pytest.param("write", "data.csv", 0, BOOT, id="before the row"),
    pytest.param("write", "data.spool", 0, BOOT, id="before the spool knows"),
    pytest.param("write", "data.received", 1, BOOT, id="before it is noted that it is done"),
    pytest.param("truncate", "data.spool", 0, BOOT, id="before the spool is emptied"),
    pytest.param("write", "data.spool", 0, "next", id="before the spool knows, then a restart"),
    pytest.param("truncate", "data.spool", 0, "next", id="before it is emptied, then a restart"),
    pytest.param("none", "", 0, "next", id="afterwards, then a restart"),
]


def _kill(folder: Path, rule: str, step: str, name: str, after: int, how: str) -> None:
    command = [sys.executable, "-m", "tests.daemon.writer.killed_thinning"]
    ended = subprocess.run(
        [*command, str(folder), rule, step, name, str(after), how],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def _finish(running: RunningWriter, acknowledged: int) -> list[dict[str, int | float | None]]:
    """What is stored once it has ended in order; its ledger balances."""
    try:
        wait_until(
            lambda: len(running.acknowledged.receipts) == acknowledged, "the acknowledgements"
        )
    finally:
        assert running.writer.stop(10.0)
    assert running.ledger.difference(running.inbox.counts(), running.writer.held()) == 0
    assert running.ledger.outcomes()[Outcome.WAITING] == 0
    with TinyFlux(str(running.path), access_mode="r") as db:
        return [point.fields for point in db.all(sorted=False)]


@pytest.mark.parametrize(("step", "name", "after"), COMING)
def test_what_comes_again_throttles_nothing_new(
    tmp_path: Path, step: str, name: str, after: int
) -> None:
    assert _come_again(tmp_path, "throttle", step, name, after) == ROWS["throttle"]


@pytest.mark.parametrize("rule", ["joined", "deadband"])
@pytest.mark.parametrize(("step", "name", "after"), TELLING)
def test_what_comes_again_changes_nothing(
    tmp_path: Path, rule: str, step: str, name: str, after: int
) -> None:
    assert _come_again(tmp_path, rule, step, name, after) == ROWS[rule]


def _come_again(
    folder: Path, rule: str, step: str, name: str, after: int
) -> list[dict[str, int | float | None]]:
    _kill(folder, rule, step, name, after, "come")
    running = writer_of(folder, rule)
    running.writer.start()
    for one in messages(connection=2, is_duplicate=True):
        running.inbox.put(one)
    return _finish(running, len(TEXTS))


@pytest.mark.parametrize(("step", "name", "after", "boot_id"), CLOSING)
def test_what_has_waited_is_stored_once(
    tmp_path: Path, step: str, name: str, after: int, boot_id: str
) -> None:
    """After a restart of the machine too, for which the page cache is believed no more."""
    _kill(tmp_path, "joined", "none", "", 0, "come")
    _kill(tmp_path, "joined", step, name, after, "close")
    running = writer_of(tmp_path, "joined", boot_id)
    running.writer.start()
    assert _finish(running, 0) == ROWS["joined"]
