"""The writer thread: visible within a second, acknowledged once durable, nothing dropped."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.clock import SystemClock
from daemon.errors import EX_CANTCREAT, StartError
from daemon.messages import Outcome
from tests.daemon.waiting import wait_until
from tests.daemon.writer.conftest import RunningWriter, StartWriter
from tests.daemon.writer.items import message, reading
from tinyflux import Point
from tinyflux.files import intercepted


def _put_numbers(running: RunningWriter, numbers: range) -> None:
    """One message at QoS 1 for each number, with the number as packet id."""
    for number in numbers:
        running.inbox.put(message(payload=str(number).encode(), packet_id=number))


class FailingDisk:
    """Makes a durable step of the engine fail while it is `broken`; counts the attempts."""

    def __init__(self, step: str, number: int) -> None:
        self.broken = True
        self.attempts = 0
        self._step = step
        self._number = number

    def __call__(self, step: str, path: str) -> None:
        if self.broken and step == self._step:
            self.attempts += 1
            raise OSError(self._number, os.strerror(self._number))


def test_rows_are_visible_before_they_are_acknowledged(start_writer: StartWriter) -> None:
    running = start_writer(interval_s=60.0)
    _put_numbers(running, range(1, 4))
    wait_until(lambda: running.path.exists() and len(running.values()) == 3, "the rows")
    assert running.acknowledged.packet_ids == []


def test_the_interval_makes_them_durable_and_acknowledged(start_writer: StartWriter) -> None:
    running = start_writer(interval_s=0.3)
    _put_numbers(running, range(1, 4))
    wait_until(lambda: running.acknowledged.packet_ids == [1, 2, 3], "the acknowledgements")
    assert running.values() == [1.0, 2.0, 3.0]


def test_its_lag_is_the_age_of_what_is_not_durable_yet(start_writer: StartWriter) -> None:
    running = start_writer(interval_s=60.0)
    assert running.writer.lag_s() == 0.0
    an_hour_ago_us = round((SystemClock().monotonic_s() - 3600) * 1e6)
    running.inbox.put(message(payload=b"1", packet_id=1, monotonic_us=an_hour_ago_us))
    wait_until(lambda: running.path.exists() and len(running.values()) == 1, "the row")
    assert 3600 <= running.writer.lag_s() < 4600
    running.writer.stop(5.0)
    assert running.writer.lag_s() == 0.0


def test_half_a_window_is_acknowledged_before_the_interval(start_writer: StartWriter) -> None:
    running = start_writer(interval_s=3600.0)
    _put_numbers(running, range(1, 11))
    wait_until(lambda: len(running.acknowledged.packet_ids) == 10, "the acknowledgements")
    assert running.acknowledged.packet_ids == list(range(1, 11))


def test_a_stream_is_acknowledged_in_the_order_of_receipt(start_writer: StartWriter) -> None:
    running = start_writer(interval_s=0.2)
    _put_numbers(running, range(1, 2001))
    wait_until(lambda: len(running.acknowledged.packet_ids) == 2000, "the acknowledgements")
    assert running.acknowledged.packet_ids == list(range(1, 2001))
    assert running.values() == [float(number) for number in range(1, 2001)]


def test_nothing_is_acknowledged_before_the_fsync(start_writer: StartWriter) -> None:
    steps: list[str] = []
    running = start_writer(interval_s=0.1)
    running.acknowledged.before = lambda: steps.append("acknowledge")

    def watch(step: str, path: str) -> None:
        if path == str(running.path) and step in ("write", "fsync"):
            steps.append(step)

    with intercepted(watch):
        running.inbox.put(message(packet_id=1))
        wait_until(lambda: running.acknowledged.packet_ids == [1], "the acknowledgement")
    assert steps == ["write", "fsync", "acknowledge"]


def test_without_sync_it_is_acknowledged_once_written(start_writer: StartWriter) -> None:
    running = start_writer(interval_s=3600.0, sync="never")
    disk = FailingDisk("fsync", errno.EIO)
    with intercepted(disk):
        _put_numbers(running, range(1, 3))
        wait_until(lambda: running.acknowledged.packet_ids == [1, 2], "the acknowledgements")
    assert disk.attempts == 0


def test_with_sync_always_nothing_waits_for_the_interval(start_writer: StartWriter) -> None:
    running = start_writer(interval_s=3600.0, sync="always")
    _put_numbers(running, range(1, 3))
    wait_until(lambda: running.acknowledged.packet_ids == [1, 2], "the acknowledgements")


@pytest.mark.parametrize(
    ("step", "number"),
    [("write", errno.ENOSPC), ("write", errno.EIO), ("fsync", errno.EIO)],
    ids=["full", "write error", "fsync error"],
)
def test_a_refusing_disk_is_said_once_and_nothing_is_lost(
    start_writer: StartWriter, caplog: pytest.LogCaptureFixture, step: str, number: int
) -> None:
    caplog.set_level(logging.WARNING, "daemon.writer")
    running = start_writer(interval_s=0.1)
    disk = FailingDisk(step, number)
    with intercepted(disk):
        _put_numbers(running, range(1, 6))
        running.inbox.put(reading(6))
        wait_until(lambda: disk.attempts >= 3, "three attempts")
        assert running.acknowledged.packet_ids == []
        assert running.writer.is_refused
        disk.broken = False
        wait_until(lambda: len(running.acknowledged.packet_ids) == 5, "the acknowledgements")
        wait_until(lambda: "writing works again" in caplog.text, "the end to be said")
    assert sorted(set(running.values())) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    errors = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
    assert len(errors) == 1
    assert str(running.path) in errors[0]
    assert any("writing works again" in r.getMessage() for r in caplog.records)


def test_after_a_failed_fsync_the_rows_are_written_again(start_writer: StartWriter) -> None:
    """The kernel may call pages clean that it could not write: the next success says nothing."""
    running = start_writer(interval_s=0.1)
    disk = FailingDisk("fsync", errno.EIO)
    steps: list[str] = []

    def watch(step: str, path: str) -> None:
        if path == str(running.path) and step in ("write", "fsync"):
            steps.append(step)
            disk(step, path)

    with intercepted(watch):
        running.inbox.put(message(packet_id=1))
        wait_until(lambda: disk.attempts > 0, "the failure")
        disk.broken = False
        wait_until(lambda: running.acknowledged.packet_ids == [1], "the acknowledgement")
    assert steps[-3:] == ["fsync", "write", "fsync"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 200 kB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine lets nobody mount a tmpfs")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_acknowledges_nothing_and_goes_on_when_there_is_room(
    start_writer: StartWriter, small_disk: Path
) -> None:
    running = start_writer(small_disk, interval_s=0.1)
    _put_numbers(running, range(1, 11))
    wait_until(lambda: len(running.acknowledged.packet_ids) == 10, "the first ones")
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        file.write(b"x" * 300_000)
    before = running.path.stat().st_size
    numbers = range(11, 1011)
    _put_numbers(running, numbers)
    wait_until(lambda: running.writer.is_refused, "the disk to refuse")
    assert running.acknowledged.packet_ids == list(range(1, 11))
    filler.unlink()
    wait_until(lambda: len(running.acknowledged.packet_ids) == 1010, "the others")
    assert running.path.stat().st_size > before
    assert running.values() == [float(number) for number in range(1, 1011)]


def test_a_refused_point_is_rejected_and_the_others_are_stored(start_writer: StartWriter) -> None:
    running = start_writer(interval_s=0.1)
    for number, text in enumerate(["1", "refused", "3"], start=1):
        running.inbox.put(message(payload=text.encode(), packet_id=number))
    wait_until(lambda: running.acknowledged.packet_ids == [1, 2, 3], "the acknowledgements")
    assert running.values() == [1.0, 3.0]
    assert running.rejected_payloads() == ["refused"]
    assert running.ledger.outcomes()[Outcome.REJECTED] == 1


def test_a_reject_line_is_there_before_its_acknowledgement(start_writer: StartWriter) -> None:
    running = start_writer(interval_s=0.1)
    kept: list[list[str]] = []
    running.acknowledged.before = lambda: kept.append(running.rejected_payloads())
    running.inbox.put(message(payload=b"wet", packet_id=1))
    wait_until(lambda: running.acknowledged.packet_ids == [1], "the acknowledgement")
    assert kept == [["wet"]]


def test_a_reject_line_is_durable_before_its_acknowledgement(start_writer: StartWriter) -> None:
    running = start_writer(interval_s=0.1)
    steps: list[str] = []
    running.acknowledged.before = lambda: steps.append("acknowledge")

    def watch(step: str, path: str) -> None:
        if path == str(running.rejects.path):
            steps.append(step)

    with intercepted(watch):
        running.inbox.put(message(payload=b"wet", packet_id=1))
        wait_until(lambda: running.acknowledged.packet_ids == [1], "the acknowledgement")
    assert steps == ["write", "fsync", "acknowledge"]


def test_a_reject_file_that_cannot_be_written_loses_nothing(
    start_writer: StartWriter, caplog: pytest.LogCaptureFixture
) -> None:
    running = start_writer(interval_s=0.1)
    running.rejects.path.mkdir()
    running.inbox.put(message(payload=b"wet", packet_id=1))
    running.inbox.put(message(payload=b"1", packet_id=2))
    wait_until(lambda: running.writer.is_refused, "the refusal")
    assert running.acknowledged.packet_ids == []
    assert str(running.rejects.path) in caplog.text
    running.rejects.path.rmdir()
    wait_until(lambda: running.acknowledged.packet_ids == [1, 2], "the acknowledgements")
    assert (running.values(), running.rejected_payloads()) == ([1.0], ["wet"])


def test_the_room_of_what_is_written_is_free(start_writer: StartWriter) -> None:
    running = start_writer(interval_s=3600.0)
    running.inbox.put(reading(1))
    wait_until(lambda: running.path.exists() and running.values() == [1.0], "the row")
    wait_until(lambda: running.inbox.counts().waiting_bytes == 0, "the room")


def test_rejects_are_logged_once_for_each_kind(
    start_writer: StartWriter, caplog: pytest.LogCaptureFixture
) -> None:
    running = start_writer(interval_s=0.1)
    for number in range(1, 101):
        running.inbox.put(message("garden/rain", b"wet", packet_id=number))
    wait_until(lambda: len(running.acknowledged.packet_ids) == 100, "the acknowledgements")
    said = [r.getMessage() for r in caplog.records if "rejected" in r.getMessage()]
    assert len(said) == 1
    assert "garden/rain" in said[0]
    assert "'wet' is no number" in said[0]
    assert "sources[0]" in said[0]


def test_a_fault_of_the_mapping_costs_only_its_message(start_writer: StartWriter) -> None:
    running = start_writer(interval_s=0.1)
    for number, text in enumerate(["1", "bug", "3"], start=1):
        running.inbox.put(message(payload=text.encode(), packet_id=number))
    wait_until(lambda: running.acknowledged.packet_ids == [1, 2, 3], "the acknowledgements")
    assert running.values() == [1.0, 3.0]
    assert running.rejected_payloads() == ["bug"]


def test_an_observer_sees_points_once_they_are_written(start_writer: StartWriter) -> None:
    seen: list[object] = []

    def observe(points: object) -> None:
        seen.append(points)

    running = start_writer(interval_s=60.0, observers=[observe])
    running.inbox.put(message(payload=b"21.5"))
    wait_until(lambda: bool(seen), "the observation")
    [[point]] = seen  # type: ignore[misc]
    assert isinstance(point, Point)
    assert point.fields == {"value": 21.5}
    assert running.values() == [21.5]


def test_a_failing_observer_costs_no_message(start_writer: StartWriter) -> None:
    def observe(points: object) -> None:
        raise RuntimeError("a broken table")

    running = start_writer(interval_s=0.1, observers=[observe])
    _put_numbers(running, range(1, 4))
    wait_until(lambda: running.acknowledged.packet_ids == [1, 2, 3], "the acknowledgements")
    assert running.values() == [1.0, 2.0, 3.0]


def test_a_retained_value_that_comes_again_is_not_stored_again(start_writer: StartWriter) -> None:
    running = start_writer(interval_s=0.1)
    running.inbox.put(message("a", b"1", packet_id=1, is_retained=True))
    running.inbox.put(message("a", b"1", packet_id=1, connection=2, is_retained=True))
    running.inbox.put(message("a", b"2", packet_id=2, connection=2, is_retained=True))
    running.inbox.put(message("a", b"2", packet_id=3, connection=2))
    wait_until(lambda: len(running.acknowledged.receipts) == 4, "the acknowledgements")
    assert running.values() == [1.0, 2.0, 2.0]
    assert running.ledger.outcomes()[Outcome.RETAINED_SEEN] == 1


def test_what_is_sent_again_after_a_lost_acknowledgement_is_not_stored_again(
    start_writer: StartWriter,
) -> None:
    running = start_writer(interval_s=0.1)
    for packet_id, payload in ((1, b"1"), (2, b"1")):
        running.inbox.put(message(payload=payload, packet_id=packet_id))
    for packet_id, payload in ((1, b"1"), (2, b"1"), (3, b"1")):
        again = message(payload=payload, packet_id=packet_id, connection=2, is_duplicate=True)
        running.inbox.put(again)
    wait_until(lambda: len(running.acknowledged.receipts) == 5, "the acknowledgements")
    # The third was marked as sent again, but had never come.
    assert running.values() == [1.0, 1.0, 1.0]
    assert running.ledger.outcomes()[Outcome.DUPLICATE] == 2


def test_what_is_known_is_acknowledged_before_what_follows_is_stored(
    start_writer: StartWriter,
) -> None:
    """On a slow disk the connection may be gone before that: it would all come a third time."""
    running = start_writer(interval_s=3600.0)
    _put_numbers(running, range(1, 11))
    wait_until(lambda: len(running.acknowledged.receipts) == 10, "the first ones")
    has_room = threading.Event()

    def be_slow(step: str, path: str) -> None:
        if (step, path) == ("write", str(running.path)):
            assert has_room.wait(20.0)

    with intercepted(be_slow):
        for number in range(1, 6):
            again = message(
                payload=str(number).encode(), packet_id=number, connection=2, is_duplicate=True
            )
            running.inbox.put(again)
        running.inbox.put(message(payload=b"11", packet_id=11, connection=2))
        wait_until(lambda: len(running.acknowledged.receipts) == 15, "those that came again")
        assert running.writer.held() == 1
        has_room.set()
        assert running.writer.stop(10.0)
    assert running.values() == [float(number) for number in range(1, 12)]
    assert running.ledger.difference(running.inbox.counts(), running.writer.held()) == 0


def test_a_disk_that_refuses_is_told_to_the_sources(start_writer: StartWriter) -> None:
    running = start_writer(interval_s=0.1)
    disk = FailingDisk("write", errno.ENOSPC)
    with intercepted(disk):
        _put_numbers(running, range(1, 3))
        wait_until(lambda: running.inbox.is_refused, "the refusal")
        disk.broken = False
        wait_until(lambda: not running.inbox.is_refused, "its end")


def test_the_same_value_twice_is_two_readings(start_writer: StartWriter) -> None:
    running = start_writer(interval_s=0.1)
    running.inbox.put(message(payload=b"1", packet_id=1))
    running.inbox.put(message(payload=b"1", packet_id=1, connection=2))
    running.inbox.put(message(payload=b"2", packet_id=2, connection=2, is_duplicate=True))
    wait_until(lambda: len(running.acknowledged.receipts) == 3, "the acknowledgements")
    assert running.values() == [1.0, 1.0, 2.0]


def test_stop_writes_and_acknowledges_what_waits(start_writer: StartWriter) -> None:
    running = start_writer(interval_s=3600.0)
    _put_numbers(running, range(1, 6))
    assert running.writer.stop(10.0)
    assert running.acknowledged.packet_ids == [1, 2, 3, 4, 5]
    assert running.values() == [1.0, 2.0, 3.0, 4.0, 5.0]
    saved = json.loads(running.ledger_path.read_text(encoding="utf-8"))
    assert saved["outcomes"]["stored"] == 5
    assert saved["outcomes"]["waiting"] == 0
    assert saved["position_bytes"] == running.path.stat().st_size


def test_stop_gives_up_on_a_disk_that_refuses_and_says_so(
    start_writer: StartWriter, caplog: pytest.LogCaptureFixture
) -> None:
    running = start_writer(interval_s=0.1)
    with intercepted(FailingDisk("write", errno.ENOSPC)):
        _put_numbers(running, range(1, 4))
        wait_until(lambda: running.writer.is_refused, "the disk to refuse")
        assert not running.writer.stop(0.5)
    assert running.acknowledged.packet_ids == []
    assert any("stopped with 3 items" in r.getMessage() for r in caplog.records)


def test_stop_is_safe_twice_and_before_start(start_writer: StartWriter, tmp_path: Path) -> None:
    running = start_writer()
    assert running.writer.stop(5.0)
    assert running.writer.stop(5.0)
    never = RunningWriter(tmp_path)
    assert never.writer.stop(5.0)


def test_the_ledger_balances_through_everything(
    start_writer: StartWriter, caplog: pytest.LogCaptureFixture
) -> None:
    running = start_writer(interval_s=0.05)
    for number in range(1, 301):
        text = ("1", "wet", "refused", "bug")[number % 4]
        running.inbox.put(message(f"t/{number % 7}", text.encode(), packet_id=number))
        running.inbox.put(reading(number))
    assert running.writer.stop(10.0)
    saved = json.loads(running.ledger_path.read_text(encoding="utf-8"))
    assert saved["received"] == 600
    assert sum(saved["outcomes"].values()) == 600
    assert saved["outcomes"]["rejected"] == 225
    assert not [r for r in caplog.records if "does not balance" in r.getMessage()]


def test_a_data_path_that_is_a_folder_is_said(tmp_path: Path) -> None:
    (tmp_path / "data.csv").mkdir()
    with pytest.raises(StartError, match=r"set storage\.path to a file name") as caught:
        RunningWriter(tmp_path).writer.start()
    assert caught.value.exit_status == EX_CANTCREAT
