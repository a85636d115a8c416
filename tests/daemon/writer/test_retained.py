"""The memory of retained messages: what it recalls, and what becomes of a damaged file."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from daemon.errors import EX_NOPERM, StartError
from daemon.messages import Message
from daemon.writer import RetainedMemory
from tests.daemon.writer.items import message
from tinyflux.files import intercepted


def _memory(folder: Path, max_topics: int = 20_000, boot_id: str = "boot 1") -> RetainedMemory:
    memory = RetainedMemory(folder / "data.retained", max_topics, boot_id)
    memory.open()
    return memory


def _filled(folder: Path, count: int) -> Path:
    """The file of a memory that has seen one message of each of `count` topics."""
    memory = _memory(folder)
    for number in range(count):
        memory.remember(message(f"a/{number}", b"1"))
    memory.write()
    memory.commit()
    memory.close()
    return folder / "data.retained"


def test_the_last_payload_of_a_topic_is_known(tmp_path: Path) -> None:
    memory = _memory(tmp_path)
    memory.remember(message("a", b"1"))
    memory.remember(message("a", b"2"))
    assert memory.is_known(message("a", b"2"))
    assert not memory.is_known(message("a", b"1"))
    assert not memory.is_known(message("b", b"2"))
    assert not memory.is_known(message("a", b"2", source="cellar"))


def test_a_live_message_leaves_what_came_as_retained_known(tmp_path: Path) -> None:
    """It may have been published without the retain flag: the broker still has the other."""
    memory = _memory(tmp_path)
    memory.remember(message("a", b"3", is_retained=True))
    memory.remember(message("a", b"4"))
    memory.remember(message("a", b"5"))
    memory.write()
    for known in (memory, _memory(tmp_path)):
        assert known.is_known(message("a", b"3", is_retained=True))
        assert known.is_known(message("a", b"5", is_retained=True))
        assert not known.is_known(message("a", b"4", is_retained=True))
    memory.remember(message("a", b"6", is_retained=True))
    memory.write()
    for known in (memory, _memory(tmp_path)):
        assert known.is_known(message("a", b"6", is_retained=True))
        assert not known.is_known(message("a", b"3", is_retained=True))


def test_what_was_written_is_recalled_without_an_end_in_order(tmp_path: Path) -> None:
    memory = _memory(tmp_path)
    memory.remember(message("a", b"1"))
    memory.write()
    # No close: as a killed process leaves it.
    assert _memory(tmp_path).is_known(message("a", b"1"))


def test_what_was_not_committed_is_not_believed_after_a_restart_of_the_machine(
    tmp_path: Path,
) -> None:
    """Its row may be gone with the page cache: believed, the value would be lost."""
    memory = _memory(tmp_path)
    memory.remember(message("a", b"1"))
    memory.write()
    memory.commit()
    memory.remember(message("a", b"2"))
    memory.write()
    second = _memory(tmp_path, boot_id="boot 2")
    assert second.is_known(message("a", b"1"))
    second.remember(message("b", b"1"))
    second.write()
    second.commit()
    third = _memory(tmp_path, boot_id="boot 2")
    assert third.is_known(message("a", b"1"))
    assert third.is_known(message("b", b"1"))


def test_what_a_killed_process_has_written_is_committed_by_the_next(tmp_path: Path) -> None:
    memory = _memory(tmp_path)
    memory.remember(message("a", b"1"))
    memory.write()
    _memory(tmp_path).commit()
    assert _memory(tmp_path, boot_id="boot 2").is_known(message("a", b"1"))


def test_without_a_boot_id_nothing_is_believed_that_was_not_committed(tmp_path: Path) -> None:
    memory = _memory(tmp_path, boot_id="")
    memory.remember(message("a", b"1"))
    memory.write()
    assert not _memory(tmp_path, boot_id="").is_known(message("a", b"1"))


def test_what_was_not_written_is_not_recalled(tmp_path: Path) -> None:
    memory = _memory(tmp_path)
    memory.remember(message("a", b"1"))
    memory.close()
    assert not _memory(tmp_path).is_known(message("a", b"1"))


def test_a_few_topics_too_many_do_not_push_all_others_out(tmp_path: Path) -> None:
    """A broker sends them in the same order at each start."""
    retained = [message(f"a/{number}", b"1", is_retained=True) for number in range(1030)]
    starts = [_start(tmp_path, retained) for _ in range(6)]
    assert starts[0] == 1030
    assert 30 <= max(starts[1:]) < 150


def _start(folder: Path, retained: Sequence[Message]) -> int:
    """How many of these a collector with room for 1,000 stores when a broker sends all of them."""
    memory = _memory(folder, max_topics=1000)
    stored = 0
    for one in retained:
        stored += not memory.is_known(one)
        memory.remember(one)
    memory.write()
    memory.commit()
    memory.close()
    assert len(memory) <= 1000
    return stored


def test_topics_that_have_died_make_room(tmp_path: Path) -> None:
    _start(tmp_path, [message(f"old/{number}", b"1", is_retained=True) for number in range(1000)])
    retained = [message(f"new/{number}", b"1", is_retained=True) for number in range(500)]
    starts = [_start(tmp_path, retained) for _ in range(8)]
    assert starts[-1] < 20


def test_too_many_topics_are_counted_and_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    memory = _memory(tmp_path, max_topics=2)
    for number in range(5):
        memory.remember(message(str(number), b"1"))
    assert (len(memory), memory.n_forgotten) == (2, 3)
    assert caplog.text.count("last payloads of 2 topics, and there are more") == 1


def test_a_payload_that_does_not_change_is_written_once(tmp_path: Path) -> None:
    path = _filled(tmp_path, 1)
    size = path.stat().st_size
    memory = _memory(tmp_path)
    for _ in range(100):
        memory.remember(message("a/0", b"1"))
        memory.write()
        memory.commit()
    assert path.stat().st_size == size


def test_the_file_stays_small_however_often_values_change(tmp_path: Path) -> None:
    memory = _memory(tmp_path)
    for number in range(20_000):
        memory.remember(message("a", str(number).encode()))
        memory.write()
        memory.commit()
    memory.close()
    assert (tmp_path / "data.retained").stat().st_size < 100_000
    assert _memory(tmp_path).is_known(message("a", b"19999"))


def _cut(content: bytes) -> bytes:
    return content[:-7]


def _zeroed(content: bytes) -> bytes:
    return content + bytes(4096)


def _flipped(content: bytes) -> bytes:
    # In the second last message; the commit's record is behind the last.
    return content[:-50] + bytes([content[-50] ^ 1]) + content[-49:]


def _foreign(content: bytes) -> bytes:
    return b"#" + content


@pytest.mark.parametrize(
    ("damage", "survivors"),
    [(_cut, 10), (_zeroed, 10), (_flipped, 8), (_foreign, 0)],
    ids=["cut", "zeroes behind it", "a flipped bit", "another head"],
)
def test_a_damaged_file_is_read_as_far_as_it_is_whole_and_mended(
    tmp_path: Path, damage: object, survivors: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = _filled(tmp_path, 10)
    assert callable(damage)
    path.write_bytes(damage(path.read_bytes()))
    memory = _memory(tmp_path)
    assert len(memory) == survivors
    memory.remember(message("new", b"1"))
    memory.write()
    memory.commit()
    memory.close()
    caplog.clear()
    assert len(_memory(tmp_path)) == survivors + 1
    assert caplog.records == []


@pytest.mark.parametrize("step", ["write", "fsync"])
def test_what_a_full_disk_refused_is_written_later(tmp_path: Path, step: str) -> None:
    memory = _memory(tmp_path)
    memory.remember(message("a", b"1", is_retained=True))

    def refuse(done: str, path: str) -> None:
        if done == step:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def make_known() -> None:
        memory.write()
        memory.commit()

    with intercepted(refuse), pytest.raises(OSError, match="No space"):
        make_known()
    make_known()
    assert _memory(tmp_path).is_known(message("a", b"1"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_said_with_the_remedy(tmp_path: Path) -> None:
    _filled(tmp_path, 1).chmod(0)
    with pytest.raises(StartError, match="or remove it") as caught:
        _memory(tmp_path)
    assert caught.value.exit_status == EX_NOPERM
