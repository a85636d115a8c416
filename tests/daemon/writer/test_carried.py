"""The ledger goes on after a restart; what a crash has left out of it appears as recovered."""

from __future__ import annotations

import errno
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.messages import Outcome
from daemon.writer.carried import Carried, Covered, carry_over, position_of
from daemon.writer.counts import CountsFile
from tests.daemon.waiting import wait_until
from tests.daemon.writer.conftest import StartWriter
from tests.daemon.writer.items import message
from tinyflux.files import intercepted

ROW = b"2026-03-01T12:00:00,numbers,f_value,1.0\r\n"
QUOTED = b'2026-03-01T12:00:00,numbers,t_note,"two\r\nlines ""here""",f_value,1.0\r\n'


def _save(folder: Path, *, ended: bool = False, **changes: object) -> Path:
    """A ledger of 7 points in 5 messages, which covers the data file as it is."""
    position = position_of(folder / "data.csv")
    path = folder / "data.ledger.json"
    total = {
        "since": "2026-03-01T12:00:00.000+00:00",
        "outcomes": {"stored": 5, "duplicate": 2, "waiting": 3},
        "points": 7,
        "recovered": 1,
        "crashes": 1,
    }
    content = {
        "run": "a-run",
        "outcomes": {"stored": 3, "rejected": 0, "waiting": 3},
        "points": 4,
        "total": total,
        "position_bytes": position.size_bytes,
        "position_inode": position.inode,
        "ended": ended,
    }
    path.write_text(json.dumps(content | changes), encoding="ascii")
    return path


@pytest.mark.parametrize(
    ("behind", "recovered"),
    [
        pytest.param(b"", 0, id="nothing"),
        pytest.param(ROW * 3, 3, id="three rows"),
        pytest.param(ROW + ROW[:20], 1, id="a torn row"),
        pytest.param(QUOTED + ROW, 2, id="a value with a line break"),
    ],
)
def test_rows_behind_the_saved_place_are_recovered(
    tmp_path: Path, behind: bytes, recovered: int
) -> None:
    data = tmp_path / "data.csv"
    data.write_bytes(ROW * 8)
    path = _save(tmp_path)
    with data.open("ab") as file:
        file.write(behind)
    carried = carry_over(path, data)
    assert carried.recovered_now == recovered
    assert (carried.points, carried.recovered_points, carried.crashes) == (7, 1 + recovered, 2)
    # What waited is not carried over: it comes again, or was lost with the process.
    assert carried.received == 7


def test_after_an_orderly_end_nothing_is_recovered(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    path = _save(tmp_path, ended=True)
    data.write_bytes(ROW * 3)
    carried = carry_over(path, data)
    assert (carried.recovered_now, carried.crashes) == (0, 1)


def _replace(data: Path) -> None:
    other = data.with_name("other")
    other.write_bytes(ROW * 100)
    other.rename(data)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_replace, id="rewritten"),
        pytest.param(lambda data: data.write_bytes(ROW), id="cut"),
        pytest.param(Path.unlink, id="gone"),
    ],
)
def test_behind_a_place_that_is_no_more_nobody_can_tell(
    tmp_path: Path, change: Callable[[Path], Any]
) -> None:
    data = tmp_path / "data.csv"
    data.write_bytes(ROW * 8)
    path = _save(tmp_path)
    change(data)
    carried = carry_over(path, data)
    assert (carried.recovered_now, carried.recovered_points, carried.crashes) == (None, 1, 2)


def _count(folder: Path, **changes: object) -> None:
    """As the same run has counted after it had saved: 2 more stored, 4 rejected, of 3 points."""
    counts = CountsFile(folder / "data.ledger.counts")
    covered = Covered(position_of(folder / "data.csv"), position_of(folder / "rejects.jsonl"))
    content = {"run": "a-run", "outcomes": {"stored": 5, "rejected": 4}, "points": 7}
    counts.write(content | covered.as_json() | changes)
    counts.close()


def test_what_was_counted_after_the_ledger_was_saved_is_carried_over(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_bytes(ROW * 8)
    path = _save(tmp_path)
    data.write_bytes(ROW * 11)
    _count(tmp_path)
    with data.open("ab") as file:
        file.write(ROW)
    carried = carry_over(path, data)
    assert carried.outcomes[Outcome.STORED] == 5 + 2
    assert carried.outcomes[Outcome.REJECTED] == 4
    assert (carried.points, carried.recovered_now, carried.crashes) == (7 + 3, 1, 2)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"run": "another-run"}, id="of another run"),
        pytest.param({"outcomes": {"stored": 2}}, id="older than the ledger"),
    ],
)
def test_counts_that_do_not_belong_to_the_ledger_are_not_used(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    (tmp_path / "data.csv").write_bytes(ROW * 8)
    path = _save(tmp_path)
    _count(tmp_path, **changes)
    assert carry_over(path, tmp_path / "data.csv").outcomes[Outcome.STORED] == 5


@pytest.mark.parametrize("damage", [b"", b"\0" * 1024, b"00000000 {}\n"], ids=repr)
def test_counts_that_a_power_cut_has_spoiled_are_not_used(tmp_path: Path, damage: bytes) -> None:
    (tmp_path / "data.csv").write_bytes(ROW * 8)
    path = _save(tmp_path)
    (tmp_path / "data.ledger.counts").write_bytes(damage)
    assert carry_over(path, tmp_path / "data.csv").outcomes[Outcome.STORED] == 5


def _reject(path: Path, *kinds: str) -> None:
    with path.open("a", encoding="ascii") as file:
        file.writelines(json.dumps({"kind": kind}) + "\n" for kind in kinds)


def _rotate(rejects: Path) -> None:
    rejects.rename(rejects.with_name("rejects.1.jsonl"))
    _reject(rejects, "type")


@pytest.mark.parametrize(
    ("change", "rejected"),
    [
        pytest.param(lambda path: None, 0, id="nothing"),
        pytest.param(lambda path: _reject(path, "type", "empty", "type"), 2, id="two and a sample"),
        pytest.param(_rotate, 1, id="rotated meanwhile"),
        pytest.param(Path.unlink, 0, id="gone"),
    ],
)
def test_rejects_behind_the_counted_place_are_rejected_messages(
    tmp_path: Path, change: Callable[[Path], Any], rejected: int
) -> None:
    (tmp_path / "data.csv").write_bytes(ROW * 8)
    rejects = tmp_path / "rejects.jsonl"
    _reject(rejects, "type", "type")
    path = _save(tmp_path)
    _count(tmp_path)
    change(rejects)
    carried = carry_over(path, tmp_path / "data.csv", rejects)
    assert carried.outcomes[Outcome.REJECTED] == 4 + rejected


def test_what_a_replay_has_stored_is_not_recovered(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    data.write_bytes(ROW * 8)
    path = _save(tmp_path, replayed=100)
    data.write_bytes(ROW * 13)
    carried = carry_over(path, data, replayed=103)
    assert (carried.recovered_now, carried.recovered_points) == (2, 3)


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"version": 1}', '{"total": {"points": "x"}}'], ids=repr
)
def test_a_ledger_that_cannot_be_used_begins_anew_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    path = tmp_path / "data.ledger.json"
    path.write_text(content, encoding="ascii")
    assert carry_over(path, tmp_path / "data.csv") == Carried()
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_without_a_ledger_it_begins_in_silence(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert carry_over(tmp_path / "data.ledger.json", tmp_path / "data.csv") == Carried()
    assert not caplog.records


def _run(start_writer: StartWriter, numbers: range) -> Path:
    running = start_writer(interval_s=0.1)
    for number in numbers:
        running.inbox.put(message("a/b", str(number).encode(), packet_id=number))
    wait_until(lambda: running.ledger.outcomes()[Outcome.STORED] == 3, "the rows")
    assert running.writer.stop(5.0)
    return running.ledger_path


def test_totals_go_on_from_run_to_run(start_writer: StartWriter) -> None:
    _run(start_writer, range(1, 4))
    path = _run(start_writer, range(4, 7))
    saved = json.loads(path.read_text(encoding="utf-8"))
    assert (saved["points"], saved["total"]["points"]) == (3, 6)
    assert (saved["received"], saved["total"]["received"]) == (3, 6)
    assert (saved["total"]["recovered"], saved["total"]["crashes"]) == (0, 0)
    assert saved["total"]["outcomes"]["stored"] == 6


def test_counts_that_cannot_be_written_stop_nothing_and_are_said_once(
    start_writer: StartWriter, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(step: str, path: str) -> None:
        if path.endswith("data.ledger.counts"):
            raise OSError(errno.ENOSPC, "No space left on device", path)

    running = start_writer(interval_s=0.05)
    with intercepted(refuse):
        for number in (1, 2):
            running.inbox.put(message("a/b", b"1", packet_id=number))
            wait_until(lambda n=number: running.acknowledged.packet_ids == [1, 2][:n], "the answer")  # type: ignore[misc]
    assert running.writer.stop(5.0)
    said = [record.getMessage() for record in caplog.records if "the counts" in record.message]
    assert len(said) == 1
    assert "No space left on device" in said[0]
