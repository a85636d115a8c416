"""What waits comes back until what came of it is surely there, whatever ends the process."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.errors import StartError
from daemon.messages import Message, Reading
from daemon.spool import HeldItem, Spool, pack_item, unpack_item
from tinyflux.files import intercepted

BOOT, NEXT_BOOT = "boot-1", "boot-2"


def _opened(path: Path, boot_id: str = BOOT) -> Spool:
    spool = Spool(path, boot_id)
    spool.open()
    return spool


def _values(spool: Spool) -> list[object]:
    return [(spool.get(number) or {}).get("n") for number in spool.waiting("k")]


def _kept(path: Path, count: int = 3, boot_id: str = BOOT) -> tuple[Spool, list[int]]:
    spool = _opened(path, boot_id)
    numbers = spool.put("k", [{"n": number} for number in range(count)])
    spool.sync()
    return spool, numbers


def test_kinds_are_counted_on_their_own(tmp_path: Path) -> None:
    spool, numbers = _kept(tmp_path / "s")
    spool.put("other", [{"n": 7}])
    spool.done(numbers[:1])
    assert [spool.count(kind) for kind in ("k", "other", "none")] == [2, 1, 0]
    spool.commit()
    again = _opened(tmp_path / "s")
    again.open()
    assert [again.count(kind) for kind in ("k", "other", "none")] == [2, 1, 0]


def test_what_comes_and_goes_between_two_commits_is_not_synced(tmp_path: Path) -> None:
    spool = _opened(tmp_path / "s")
    steps: list[str] = []
    with intercepted(lambda step, path: steps.append(step)):
        spool.done(spool.put("k", [{"n": 1}]))
        spool.sync()
        spool.commit()
        assert "fsync" not in steps
        numbers = spool.put("k", [{"n": 2}])
        spool.sync()
        spool.done(numbers)
        spool.sync()
        spool.commit()
    assert steps.count("fsync") == 2
    assert (tmp_path / "s").read_bytes() == b""


def test_values_come_back_in_order(tmp_path: Path) -> None:
    _kept(tmp_path / "s")
    spool = _opened(tmp_path / "s", NEXT_BOOT)
    assert _values(spool) == [0, 1, 2]
    assert (len(spool), list(spool.waiting("other"))) == (3, [])


@pytest.mark.parametrize(
    ("boot_id", "is_committed", "left"),
    [
        pytest.param(BOOT, False, [2], id="killed before the commit"),
        pytest.param(BOOT, True, [2], id="killed after the commit"),
        pytest.param(NEXT_BOOT, True, [2], id="power cut after the commit"),
        pytest.param(NEXT_BOOT, False, [0, 1, 2], id="power cut before the commit"),
    ],
)
def test_what_is_done_comes_back_unless_it_is_surely_there(
    tmp_path: Path, boot_id: str, is_committed: bool, left: list[int]
) -> None:
    spool, numbers = _kept(tmp_path / "s")
    spool.done(numbers[:2])
    if is_committed:
        spool.commit()
    assert _values(spool) == [2]
    assert _values(_opened(tmp_path / "s", boot_id)) == left


def test_a_commit_does_not_speak_for_the_boot_before(tmp_path: Path) -> None:
    spool, numbers = _kept(tmp_path / "s")
    spool.done(numbers[:2])
    spool.close()
    second = _opened(tmp_path / "s", NEXT_BOOT)
    second.done(list(second.waiting("k"))[:1])
    second.commit()
    assert _values(_opened(tmp_path / "s", NEXT_BOOT)) == [1, 2]


def test_an_empty_spool_takes_no_room(tmp_path: Path) -> None:
    spool, numbers = _kept(tmp_path / "s")
    spool.done(numbers)
    spool.commit()
    assert ((tmp_path / "s").stat().st_size, spool.size_bytes) == (0, 0)
    spool.put("k", [{"n": 7}])
    assert _values(_opened(tmp_path / "s")) == [7]


def test_the_file_is_bounded_by_what_waits(tmp_path: Path) -> None:
    spool, [first] = _kept(tmp_path / "s", 1)
    for number in range(300):
        numbers = spool.put("k", [{"n": number, "text": "x" * 1000} for _ in range(20)])
        spool.done(numbers)
        spool.commit()
    assert (tmp_path / "s").stat().st_size < 1_200_000
    assert list(spool.waiting("k")) == [first]
    assert _values(_opened(tmp_path / "s")) == [0]


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        pytest.param(lambda content: content[:-4], [0, 1], id="half a line"),
        pytest.param(lambda content: content + b"\0" * 300, [0, 1, 2], id="zeros behind"),
        pytest.param(
            lambda content: content.replace(b'"n":1', b'"n":9'), [0, 2], id="a flipped byte"
        ),
        pytest.param(lambda content: b"\0" * len(content), [], id="all zeros"),
        pytest.param(lambda content: b"", [], id="empty"),
        pytest.param(lambda content: b"\xff\n" + content, [0, 1, 2], id="bytes in front"),
    ],
)
def test_damage_costs_what_it_hits(
    tmp_path: Path, damage: Callable[[bytes], bytes], left: list[int]
) -> None:
    path = tmp_path / "s"
    _kept(path)[0].close()
    path.write_bytes(damage(path.read_bytes()))
    spool = _opened(path)
    assert _values(spool) == left
    spool.put("k", [{"n": 5}])
    spool.close()
    assert _values(_opened(path)) == [*left, 5]


def test_a_full_disk_keeps_nothing_of_a_value(tmp_path: Path) -> None:
    spool, _ = _kept(tmp_path / "s")

    def cut_short(step: str, path: str) -> int | None:
        if step == "write":
            cut_short.calls += 1  # type: ignore[attr-defined]
            if cut_short.calls > 1:  # type: ignore[attr-defined]
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return 5
        return None

    cut_short.calls = 0  # type: ignore[attr-defined]
    with intercepted(cut_short), pytest.raises(OSError, match="No space"):
        spool.put("k", [{"n": 3}])
    spool.put("k", [{"n": 4}])
    assert _values(spool) == [0, 1, 2, 4]
    assert _values(_opened(tmp_path / "s")) == [0, 1, 2, 4]


def test_after_a_failed_fsync_the_values_are_written_anew(tmp_path: Path) -> None:
    spool = _opened(tmp_path / "s")
    spool.put("k", [{"n": 1}])
    steps: list[str] = []

    def refuse(step: str, path: str) -> None:
        steps.append(step)
        if step == "fsync" and len(steps) == 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with intercepted(refuse):
        with pytest.raises(OSError, match="Input/output"):
            spool.sync()
        spool.sync()
    assert steps[1:4] == ["create", "write", "fsync"]
    assert _values(spool) == [1]


def test_what_a_killed_process_left_is_on_disk_once_it_is_open(tmp_path: Path) -> None:
    """It may be acknowledged as sent again, with nothing more to write."""
    first = Spool(tmp_path / "spool")
    first.put("clock", [{"n": 1}])
    first.close()
    steps: list[str] = []
    with intercepted(lambda step, path: steps.append(step)):
        Spool(tmp_path / "spool").open()
    assert "fsync" in steps


def test_a_file_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    with pytest.raises(StartError, match="where points wait"):
        _opened(tmp_path / "s")


@pytest.mark.parametrize(
    "item",
    [
        Message("home", "a/ü", "21.5 °C".encode(), 1_772_366_400_000_000, qos=1),
        Message("home", "a\ud800", b"\xff\x00", 5, is_retained=True, is_seen=True),
        Reading("system", {"load": [0.5, None, "x"], "big": 10**30}, 7),
    ],
    ids=["text", "bytes", "reading"],
)
def test_an_item_comes_back_as_it_was(tmp_path: Path, item: Message | Reading) -> None:
    held = HeldItem(item, BOOT, 123)
    _opened(tmp_path / "s").put("k", [pack_item(held)])
    spool = _opened(tmp_path / "s")
    [number] = spool.waiting("k")
    body = spool.get(number)
    assert body is not None
    assert unpack_item(body) == held
