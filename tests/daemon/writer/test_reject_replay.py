"""The reject file while a replay has taken it away: no line is lost, whoever does what when."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from pathlib import Path

import pytest

from daemon.errors import StartError
from daemon.writer import RejectFile, RejectTray, decode_reject, working_lines
from tests.daemon.writer.items import message, reading, rejected
from tinyflux.files import intercepted

SIZE = 20_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rejects.jsonl"


def _append(rejects: RejectFile, *names: str) -> None:
    for name in names:
        rejects.append(message("a/b", name.encode()), rejected())
    rejects.sync()


def _payloads(path: Path) -> list[str]:
    """What the tray would try, oldest first."""
    rejects = [decode_reject(line) for line in RejectTray(path, SIZE).peek()]
    return [bytes(getattr(one.item, "payload", b"")).decode() for one in rejects if one]


def _many(first: int, last: int) -> list[str]:
    return [f"{number:05}" for number in range(first, last)]


def test_lines_written_meanwhile_come_behind_what_is_put_back(path: Path) -> None:
    rejects, tray = RejectFile(path, SIZE), RejectTray(path, SIZE)
    _append(rejects, "one", "two")
    [work] = tray.take()
    _append(rejects, "three")
    assert len(list(working_lines(work))) == 2
    tray.keep(work, list(working_lines(work))[1:])
    assert tray.put_back() == 0
    _append(rejects, "four")
    assert _payloads(path) == ["two", "three", "four"]
    assert [file.name for file in path.parent.iterdir()] == ["rejects.jsonl"]


def test_both_files_are_taken_oldest_first_and_put_back_where_they_were(path: Path) -> None:
    rejects, tray = RejectFile(path, SIZE), RejectTray(path, SIZE)
    _append(rejects, *_many(0, 70))
    before = (path.read_bytes(), rejects.predecessor.read_bytes())
    older, newer = tray.take()
    assert len(list(working_lines(older))) + len(list(working_lines(newer))) == 70
    assert tray.put_back() == 0
    assert (path.read_bytes(), rejects.predecessor.read_bytes()) == before
    assert _payloads(path) == _many(0, 70)


def test_nothing_is_left_when_everything_fitted(path: Path) -> None:
    rejects, tray = RejectFile(path, SIZE), RejectTray(path, SIZE)
    _append(rejects, *_many(0, 70))
    for work in tray.take():
        tray.keep(work, [])
    tray.put_back()
    assert list(path.parent.iterdir()) == []
    _append(rejects, "next")
    assert _payloads(path) == ["next"]


def test_more_than_fits_meanwhile_drops_the_oldest_and_says_how_many(path: Path) -> None:
    rejects, tray = RejectFile(path, SIZE), RejectTray(path, SIZE)
    _append(rejects, *_many(0, 40))
    tray.take()
    _append(rejects, *_many(40, 110))
    n_dropped = tray.put_back()
    kept = _payloads(path)
    assert kept == _many(110 - len(kept), 110)
    assert len(kept) + n_dropped >= 110 - 1
    assert sum(file.stat().st_size for file in path.parent.iterdir()) <= SIZE


def test_a_replay_that_was_killed_is_gone_on_with(path: Path) -> None:
    rejects = RejectFile(path, SIZE)
    _append(rejects, "one")
    RejectTray(path, SIZE).take()
    _append(rejects, "two")
    tray = RejectTray(path, SIZE)
    assert tray.is_unfinished()
    [work] = tray.take()
    assert len(list(working_lines(work))) == 1
    tray.put_back()
    assert not tray.is_unfinished()
    assert _payloads(path) == ["one", "two"]


@pytest.mark.parametrize("step", ["create", "write", "fsync", "rename", "fsync directory"])
@pytest.mark.parametrize("number", range(4))
def test_no_line_is_lost_where_a_step_fails(path: Path, step: str, number: int) -> None:
    rejects = RejectFile(path, SIZE)
    _append(rejects, *_many(0, 70))
    met = 0

    def refuse(done: str, where: str) -> None:
        nonlocal met
        met += done == step
        if met > number:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def replay() -> None:
        tray = RejectTray(path, SIZE)
        for work in tray.take():
            tray.keep(work, list(working_lines(work))[5:])
        _append(rejects, "new")
        tray.put_back()

    with intercepted(refuse), contextlib.suppress(OSError):
        replay()
    found = set(_payloads(path))
    # The first five of each file were stored and may be gone; nothing else may.
    n_old = 70 - len([name for name in _many(0, 70) if name in found])
    assert n_old <= 10
    replay()
    assert "new" in _payloads(path)


def test_only_one_replay_runs_at_a_time(path: Path) -> None:
    tray = RejectTray(path, SIZE)
    with tray.alone(), pytest.raises(StartError, match="another replay"), tray.alone():
        pass
    with tray.alone():
        pass


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can replay another user's rejects")
def test_files_that_root_puts_back_stay_the_collectors(path: Path) -> None:
    rejects, tray = RejectFile(path, SIZE), RejectTray(path, SIZE)
    _append(rejects, "one", "two")
    os.chown(path, 12345, 12346)
    path.chmod(0o640)
    for work in tray.take():
        tray.keep(work, list(working_lines(work))[:1])
    tray.put_back()
    state = path.stat()
    assert (state.st_uid, state.st_gid, stat.S_IMODE(state.st_mode)) == (12345, 12346, 0o640)


@pytest.mark.parametrize("payload", [b"21,5", b"\xff\x00", b"", "°".encode()])
def test_a_message_comes_back_as_it_was(path: Path, payload: bytes) -> None:
    item = message("a/b", payload)
    rejects = RejectFile(path, SIZE)
    rejects.append(item, rejected("no", "type", "sources[3]"))
    found = decode_reject(path.read_bytes())
    assert found is not None
    assert found.item == item
    assert (found.rule, found.kind, found.reason) == ("sources[3]", "type", "no")


def test_a_reading_comes_back_as_it_was(path: Path) -> None:
    item = reading({"mm": [1, None, "wet"]}, poll="rain")
    RejectFile(path, SIZE).append(item, rejected())
    found = decode_reject(path.read_bytes())
    assert found is not None
    assert found.item == item


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"[]",
        b"{half",
        b'{"time": "2026-03-01T12:00:00+00:00"}',
        b'{"time": "soon", "source": "h", "topic": "t", "qos": 0, "payload": ""}',
        b'{"time": "2026-03-01T12:00:00", "source": "h", "topic": "t", "qos": 0, "payload": ""}',
        b'{"time": "2026-03-01T12:00:00+00:00", "poll": "p", "value": 1, "is_cut": true}',
        b'{"time": "2026-03-01T12:00:00+00:00", "source": "h", "topic": "t", "qos": 0, '
        b'"payload_base64": "?"}',
    ],
)
def test_what_is_no_whole_reject_is_none(line: bytes) -> None:
    assert decode_reject(line) is None
