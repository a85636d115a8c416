"""What comes again after a lost acknowledgement is recognised, in the next process too."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.errors import StartError
from daemon.messages import Message
from daemon.writer import DuplicateMemory
from tests.daemon.writer.items import message

BOOT, NEXT_BOOT = "f7a2902d", "0c6d3b11"


def _again(text: str, packet_id: int, *, connection: int = 1, topic: str = "a/b") -> Message:
    return message(
        topic, text.encode(), packet_id=packet_id, connection=connection, is_duplicate=True
    )


def _written(path: Path, texts: list[str], *, boot_id: str = BOOT, is_committed: bool) -> None:
    """A process that was killed after it had written these with packet ids from 1."""
    memory = DuplicateMemory(path, boot_id)
    memory.open()
    for packet_id, text in enumerate(texts, start=1):
        memory.is_seen(message("a/b", text.encode(), packet_id=packet_id))
    memory.write()
    if is_committed:
        memory.commit()
    memory.close()


def _reopened(path: Path, boot_id: str) -> DuplicateMemory:
    memory = DuplicateMemory(path, boot_id)
    memory.open()
    return memory


@pytest.mark.parametrize(
    ("boot_id", "is_committed", "is_known"),
    [
        pytest.param(BOOT, False, True, id="killed before the commit"),
        pytest.param(BOOT, True, True, id="killed after the commit"),
        pytest.param(NEXT_BOOT, True, True, id="power cut after the commit"),
        pytest.param(NEXT_BOOT, False, False, id="power cut before the commit"),
        pytest.param("", False, False, id="a kernel that names no boot"),
    ],
)
def test_the_next_process_knows_what_is_surely_there(
    tmp_path: Path, boot_id: str, is_committed: bool, is_known: bool
) -> None:
    path = tmp_path / "data.received"
    _written(path, ["1", "2"], boot_id=boot_id and BOOT, is_committed=is_committed)
    memory = _reopened(path, boot_id)
    assert memory.is_seen(_again("1", 1)) is is_known
    assert memory.is_seen(_again("2", 2)) is is_known


def test_a_commit_after_a_power_cut_does_not_speak_for_the_boot_before(tmp_path: Path) -> None:
    path = tmp_path / "data.received"
    _written(path, ["1"], boot_id=BOOT, is_committed=False)
    _written(path, [], boot_id=NEXT_BOOT, is_committed=True)
    assert not _reopened(path, NEXT_BOOT).is_seen(_again("1", 1))


def test_what_was_asked_for_but_not_written_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "data.received"
    memory = _reopened(path, BOOT)
    memory.is_seen(message("a/b", b"1", packet_id=1))
    memory.close()
    assert not _reopened(path, BOOT).is_seen(_again("1", 1))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(_again("2", 1), id="another payload"),
        pytest.param(_again("1", 2), id="another packet id"),
        pytest.param(_again("1", 1, topic="a/c"), id="another topic"),
        pytest.param(message("a/b", b"1", packet_id=1), id="not marked as sent again"),
    ],
)
def test_another_message_is_not_taken_for_it(tmp_path: Path, other: Message) -> None:
    path = tmp_path / "data.received"
    _written(path, ["1"], is_committed=True)
    assert not _reopened(path, BOOT).is_seen(other)


def test_it_is_recognised_on_every_connection_until_a_new_message_comes(tmp_path: Path) -> None:
    path = tmp_path / "data.received"
    _written(path, ["1"], is_committed=True)
    memory = _reopened(path, BOOT)
    assert memory.is_seen(_again("1", 1, connection=1))
    assert memory.is_seen(_again("1", 1, connection=2))
    # Sent again is sent first: with a new message the broker has nothing more to repeat.
    assert not memory.is_seen(message("a/b", b"5", packet_id=2, connection=3))
    assert not memory.is_seen(_again("1", 1, connection=3))


@pytest.mark.parametrize(
    ("damage", "n_known"),
    [
        pytest.param(lambda content: content[:-5], 2, id="half a record"),
        pytest.param(lambda content: content + bytes(100), 3, id="zeros behind"),
        pytest.param(lambda content: b"\0" * len(content), 0, id="all zeros"),
        pytest.param(lambda content: b"", 0, id="empty"),
        pytest.param(lambda content: content[:40] + b"?" + content[41:], 0, id="a flipped byte"),
    ],
)
def test_a_damaged_file_costs_its_end_and_goes_on(tmp_path: Path, damage, n_known: int) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "data.received"
    _written(path, ["1", "2", "3"], is_committed=False)
    path.write_bytes(damage(path.read_bytes()))
    memory = _reopened(path, BOOT)
    seen = [memory.is_seen(_again(str(number), number)) for number in (1, 2, 3)]
    assert sum(seen) == n_known
    memory.write()
    memory.close()
    again = _reopened(path, BOOT)
    assert [again.is_seen(_again(str(number), number)) for number in (1, 2, 3)] == [True] * 3


def test_the_file_is_bounded_and_still_knows_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "data.received"
    memory = _reopened(path, BOOT)
    for number in range(90_000):
        packet_id = number % 65_535 + 1
        memory.is_seen(message("a/b", str(number).encode(), packet_id=packet_id))
        if number % 50 == 0:
            memory.write()
            memory.commit()
    memory.write()
    memory.close()
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 1_300_000
    again = _reopened(path, BOOT)
    newest = range(70_000, 90_000)
    assert all(again.is_seen(_again(str(number), number % 65_535 + 1)) for number in newest)


def test_a_packet_id_that_is_given_out_anew_is_another_message(tmp_path: Path) -> None:
    """65,535 messages later the same value under the same packet id is a new reading."""
    memory = _reopened(tmp_path / "data.received", BOOT)
    for number in range(31_000):
        memory.is_seen(message("a/b", b"21.5", packet_id=number + 1))
    again = _again("21.5", 31_000, connection=2)
    assert memory.is_seen(again)
    assert not memory.is_seen(_again("21.5", 1, connection=2))


def test_a_file_that_cannot_be_read_is_said_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "data.received"
    path.mkdir()
    with pytest.raises(StartError, match=r"data\.received.*remove it"):
        DuplicateMemory(path, BOOT).open()
