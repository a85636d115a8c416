"""A writer killed at any step: what comes again is neither lost nor stored twice."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.messages import Outcome
from tests.daemon.waiting import wait_until
from tests.daemon.writer.conftest import RunningWriter
from tests.daemon.writer.killed import TEXTS, board_of, messages, writer_of
from tinyflux.files import intercepted

_ROOT = Path(__file__).parents[3]
NUMBERS = [1.0, 2.0, 2.0, 3.0]
STEPS = [
    pytest.param("write", "data.received", 0, id="before the note"),
    pytest.param("write", "data.csv", 0, id="before the rows"),
    pytest.param("write", "rejects.jsonl", 0, id="between the rows and the reject line"),
    pytest.param("write", "data.received", 1, id="before it is noted that the batch is done"),
    pytest.param("fsync", "data.csv", 0, id="before the commit"),
    pytest.param("write", "data.received", 2, id="before it is noted that the commit is done"),
    pytest.param("none", "", 0, id="after the acknowledgement"),
]


def _kill(folder: Path, step: str, name: str, after: int, how: str = "") -> None:
    command = [sys.executable, "-m", "tests.daemon.writer.killed"]
    ended = subprocess.run(
        [*command, str(folder), step, name, str(after), how],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr


def _send_again(folder: Path, how: str = "") -> RunningWriter:
    """The next process, to which the broker sends everything again; stopped."""
    running = writer_of(folder, board_of(how))
    running.writer.start()
    for one in messages(connection=2, is_duplicate=True):
        running.inbox.put(one)
    try:
        wait_until(lambda: len(running.acknowledged.receipts) == len(TEXTS), "the acknowledgements")
    finally:
        assert running.writer.stop(10.0)
    return running


@pytest.mark.parametrize(("step", "name", "after"), STEPS)
def test_every_message_is_kept_once(tmp_path: Path, step: str, name: str, after: int) -> None:
    _kill(tmp_path, step, name, after)
    running = _send_again(tmp_path)
    assert sorted(running.values()) == NUMBERS
    assert running.rejected_payloads() == ["wet"]


def test_what_was_written_before_the_note_of_its_end_counts_as_duplicate(tmp_path: Path) -> None:
    _kill(tmp_path, "write", "data.received", 1)
    running = _send_again(tmp_path)
    assert running.ledger.outcomes()[Outcome.DUPLICATE] == len(TEXTS)


def test_what_was_found_is_known_to_every_later_process(tmp_path: Path) -> None:
    """Each is killed at the same moment: nobody has said that the batch is done."""
    _kill(tmp_path, "write", "data.received", 1)
    _kill_again(tmp_path)
    running = _send_again(tmp_path)
    assert sorted(running.values()) == NUMBERS
    assert running.rejected_payloads() == ["wet"]


def _kill_again(folder: Path) -> None:
    """Killed before its first note of a new message."""
    running = writer_of(folder, None)
    running.writer.start()
    for one in messages(connection=2, is_duplicate=True)[:2]:
        running.inbox.put(one)
    wait_until(lambda: len(running.acknowledged.receipts) == 2, "the acknowledgements")
    assert running.writer.stop(10.0)


@pytest.mark.parametrize(
    ("step", "name", "after"),
    [
        pytest.param("write", "data.spool", 0, id="before they wait"),
        pytest.param("write", "data.received", 1, id="before it is noted that they wait"),
        pytest.param("fsync", "data.spool", 0, id="before the commit"),
    ],
)
def test_every_message_waits_once(tmp_path: Path, step: str, name: str, after: int) -> None:
    _kill(tmp_path, step, name, after, "wait")
    running = _send_again(tmp_path, "wait")
    assert running.writer.spooled() == len(TEXTS)
    assert not running.path.exists() or running.values() == []


@pytest.mark.parametrize(
    ("step", "name", "after"),
    [
        pytest.param("write", "data.csv", 0, id="before the rows"),
        pytest.param("write", "rejects.jsonl", 0, id="between the rows and the reject line"),
        pytest.param("write", "data.spool", 0, id="before it is out of the spool"),
        pytest.param("write", "data.received", 1, id="before it is noted that the batch is done"),
    ],
)
def test_what_has_waited_is_stored_once(tmp_path: Path, step: str, name: str, after: int) -> None:
    _kill(tmp_path, "none", "", 0, "wait")
    _kill(tmp_path, step, name, after, "take")
    running = writer_of(tmp_path, board_of("take"))
    running.writer.start()
    wait_until(lambda: running.writer.held() == 0, "the end of the waiting")
    assert running.writer.stop(10.0)
    assert sorted(running.values()) == NUMBERS
    assert running.rejected_payloads() == ["wet"]


def _steps_until(folder: Path, how: str) -> list[tuple[str, str]]:
    """Durable steps of the next process, with the file's name, before it acknowledges anything."""
    steps: list[tuple[str, str]] = []
    running = writer_of(folder, board_of(how))
    running.acknowledged.before = lambda: steps.append(("acknowledge", ""))
    with intercepted(lambda step, path: steps.append((step, Path(path).name))):
        running.writer.start()
        for one in messages(connection=2, is_duplicate=True):
            running.inbox.put(one)
        wait_until(lambda: ("acknowledge", "") in steps, "an acknowledgement")
        assert running.writer.stop(10.0)
    assert running.ledger.outcomes()[Outcome.DUPLICATE] == len(TEXTS)
    return steps[: steps.index(("acknowledge", ""))]


@pytest.mark.parametrize(
    ("how", "files"),
    [
        pytest.param("", {"data.csv", "rejects.jsonl"}, id="rows and rejects"),
        pytest.param("wait", {"data.spool"}, id="the spool"),
    ],
)
def test_what_it_left_is_on_disk_before_it_is_acknowledged_as_sent_again(
    tmp_path: Path, how: str, files: set[str]
) -> None:
    _kill(tmp_path, "write", "data.received", 1, how)
    steps = _steps_until(tmp_path, how)
    assert files <= {name for step, name in steps if step == "fsync"}


def test_the_spool_forgets_nothing_before_what_came_of_it_is_on_disk(tmp_path: Path) -> None:
    _kill(tmp_path, "none", "", 0, "wait")
    _kill(tmp_path, "fsync", "rejects.jsonl", 0, "take")
    steps: list[tuple[str, str]] = []
    running = writer_of(tmp_path, board_of("take"))
    with intercepted(lambda step, path: steps.append((step, Path(path).name))):
        running.writer.start()
        assert running.writer.stop(10.0)
    forgotten = next(number for number, (_, name) in enumerate(steps) if name == "data.spool")
    before = steps[:forgotten]
    assert {("fsync", "data.csv"), ("fsync", "rejects.jsonl")} <= set(before)
    assert sorted(running.values()) == NUMBERS
