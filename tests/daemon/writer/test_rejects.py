"""The reject file keeps what could not be mapped, and stays small."""

from __future__ import annotations

import base64
import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.messages import Message, Reading
from daemon.writer import RejectFile, decode_reject
from tests.daemon.writer.items import message, reading, rejected
from tinyflux.files import intercepted


def _lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _written(tmp_path: Path, *payloads: bytes, max_size_bytes: int = 1_000_000) -> RejectFile:
    rejects = RejectFile(tmp_path / "rejects.jsonl", max_size_bytes)
    for payload in payloads:
        rejects.append(message("a/b", payload), rejected())
    rejects.sync()
    rejects.close()
    return rejects


def test_a_line_says_all_that_is_needed_to_try_again(tmp_path: Path) -> None:
    rejects = _written(tmp_path, b"21,5")
    assert _lines(rejects.path) == [
        {
            "time": "2026-03-01T12:00:00.000000+00:00",
            "source": "home",
            "topic": "a/b",
            "qos": 0,
            "payload": "21,5",
            "rule": "sources[0]",
            "kind": "not-json",
            "reason": "not JSON",
        }
    ]


@pytest.mark.parametrize("item", [message(), reading()], ids=["message", "poll"])
def test_a_line_says_that_its_time_is_not_to_be_believed(
    tmp_path: Path, item: Message | Reading
) -> None:
    rejects = RejectFile(tmp_path / "rejects.jsonl", 1_000_000)
    rejects.append(replace(item, is_clock_doubtful=True), rejected())
    rejects.append(item, rejected())
    doubtful, known = rejects.lines()
    assert json.loads(doubtful)["time_quality"] == "unsynced"
    assert [
        reject.item.is_clock_doubtful
        for line in (doubtful, known)
        if (reject := decode_reject(line))
    ] == [True, False]
    rejects.close()


@pytest.mark.parametrize(
    "payload",
    [b"", b"grad \xc2\xb0C", b'{"a": 1}\r\n{"b": "\\n"}', b"\x00\x1f", b"x" * 50_000],
    ids=["empty", "umlaut", "line ends", "control characters", "long"],
)
def test_text_comes_back_as_it_was(tmp_path: Path, payload: bytes) -> None:
    [line] = _lines(_written(tmp_path, payload).path)
    assert str(line["payload"]).encode() == payload


def test_bytes_that_are_no_text_come_back_from_base64(tmp_path: Path) -> None:
    payload = bytes(range(256))
    [line] = _lines(_written(tmp_path, payload).path)
    assert base64.b64decode(str(line["payload_base64"])) == payload


def test_a_reading_is_kept_with_its_value(tmp_path: Path) -> None:
    rejects = RejectFile(tmp_path / "rejects.jsonl", 100_000)
    rejects.append(reading({"mm": "wet", "text": "\ud800"}, poll="rain"), rejected(rule="polls[0]"))
    rejects.close()
    [line] = _lines(rejects.path)
    assert (line["poll"], line["value"]) == ("rain", {"mm": "wet", "text": "\ud800"})


def test_the_file_and_its_predecessor_stay_below_the_limit(tmp_path: Path) -> None:
    payloads = [f"{number:05}".encode() for number in range(1000)]
    rejects = _written(tmp_path, *payloads, max_size_bytes=20_000)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20_000
    kept = [line["payload"] for line in _lines(rejects.predecessor) + _lines(rejects.path)]
    assert kept == [payload.decode() for payload in payloads[-len(kept) :]]
    assert len(kept) > 50


def test_a_payload_beyond_the_limit_is_cut_and_marked(tmp_path: Path) -> None:
    rejects = _written(tmp_path, b"x" * 1_000_000, b"short", max_size_bytes=20_000)
    lines = _lines(rejects.path)
    assert [line.get("is_cut", False) for line in lines] == [True, False]
    assert str(lines[0]["payload"]).startswith("xxx")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20_000


def test_half_a_line_of_a_power_cut_is_not_continued(tmp_path: Path) -> None:
    rejects = _written(tmp_path, b"one")
    whole = rejects.path.read_bytes()
    rejects.path.write_bytes(whole + b'{"time": "2026')
    _written(tmp_path, b"two")
    first, torn, last = rejects.path.read_text(encoding="utf-8").splitlines()
    assert json.loads(first)["payload"] == "one"
    assert torn == '{"time": "2026'
    assert json.loads(last)["payload"] == "two"


def test_nothing_rejected_makes_no_file(tmp_path: Path) -> None:
    rejects = _written(tmp_path)
    assert not rejects.path.exists()


class _Steps:
    """The durable steps that are taken on the reject file and its folder; some fail."""

    def __init__(self, *failing: str) -> None:
        self.taken: list[str] = []
        self._failing = list(failing)

    def __call__(self, step: str, path: str) -> None:
        self.taken.append(step)
        if step in self._failing:
            self._failing.remove(step)
            raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_after_a_failed_sync_the_same_lines_are_written_again_in_their_places(
    tmp_path: Path,
) -> None:
    """The kernel may call pages clean that it could not write: the next success says nothing."""
    rejects = _written(tmp_path, b"one")
    for payload in (b"two", b"three"):
        rejects.append(message("a/b", payload), rejected())
    steps = _Steps("fsync")
    with intercepted(steps), pytest.raises(OSError, match="Input/output"):
        rejects.sync()
    _lose(rejects.path, b"two")
    with intercepted(steps):
        rejects.sync()
    assert steps.taken == ["fsync", "write", "write", "fsync", "fsync directory"]
    assert [line["payload"] for line in _lines(rejects.path)] == ["one", "two", "three"]


def _lose(path: Path, payload: bytes) -> None:
    """As when the page that holds this line never reached the disk and is read from it."""
    content = path.read_bytes()
    [line] = [line for line in content.splitlines(keepends=True) if payload in line]
    path.write_bytes(content.replace(line, bytes(len(line))))


def test_a_name_that_could_not_be_synced_is_synced_next(tmp_path: Path) -> None:
    rejects = RejectFile(tmp_path / "rejects.jsonl", 1_000_000)
    rejects.append(message("a/b", b"one"), rejected())
    steps = _Steps("fsync directory")
    with intercepted(steps), pytest.raises(OSError, match="Input/output"):
        rejects.sync()
    with intercepted(steps):
        rejects.sync()
        rejects.sync()
    assert steps.taken.count("fsync directory") == 2


def test_lines_that_are_not_synced_are_not_renamed_away(tmp_path: Path) -> None:
    rejects = RejectFile(tmp_path / "rejects.jsonl", 800)
    payloads = [b"one" * 20, b"two" * 20]
    rejects.append(message("a/b", payloads[0]), rejected())
    with intercepted(_Steps("fsync")), pytest.raises(OSError, match="Input/output"):
        rejects.append(message("a/b", payloads[1]), rejected())
    assert not rejects.predecessor.exists()
    rejects.append(message("a/b", payloads[1]), rejected())
    found = [str(line["payload"]).encode() for line in map(json.loads, rejects.lines())]
    assert found == payloads


def test_what_a_killed_process_left_is_on_disk_once_it_is_open(tmp_path: Path) -> None:
    """It may be acknowledged as sent again, with nothing more to write."""
    path = _written(tmp_path, b"one").path
    steps = _Steps()
    with intercepted(steps):
        RejectFile(path, 1_000_000).open()
    assert "fsync" in steps.taken


@pytest.mark.parametrize(
    "name", ["rejects.1.jsonl", "rejects.replay.jsonl", "rejects.replay.1.jsonl"]
)
def test_lines_that_were_moved_away_are_on_disk_too_once_it_is_open(
    tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(b"{}\n")
    synced: list[str] = []
    with intercepted(
        lambda step, path: synced.append(Path(path).name) if step == "fsync" else None
    ):
        RejectFile(tmp_path / "rejects.jsonl", 1_000_000).open()
    assert synced[0] == name
