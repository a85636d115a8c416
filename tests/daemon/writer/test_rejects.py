"""The reject file keeps what could not be mapped, and stays small."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from daemon.writer import RejectFile
from tests.daemon.writer.items import message, reading, rejected


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
