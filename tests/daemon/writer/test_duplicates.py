"""What comes again after a lost acknowledgement is recognised, in the next process too."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from daemon.errors import StartError
from daemon.messages import Message
from daemon.writer import DuplicateMemory
from daemon.writer.notes import Note, Noted
from tests.daemon.writer.items import message

BOOT, NEXT_BOOT = "f7a2902d", "0c6d3b11"


def _again(text: str, packet_id: int, *, connection: int = 1, topic: str = "a/b") -> Message:
    return message(
        topic, text.encode(), packet_id=packet_id, connection=connection, is_duplicate=True
    )


def _is_known(memory: DuplicateMemory, one: Message) -> bool:
    sent = memory.come(one)
    return sent is not None and sent.is_known


def _note(memory: DuplicateMemory, messages: list[Message]) -> None:
    """They have come, and will make a row each, whose trace is their payload."""
    noted = []
    for one in messages:
        sent = memory.come(one)
        assert sent is not None
        noted.append(Noted(*sent, (_trace(one.payload.decode()),)))
    memory.note(Note(tuple(noted)))


def _trace(text: str) -> bytes:
    return text.encode().rjust(8)


def _written(path: Path, texts: list[str], *, boot_id: str = BOOT, is_committed: bool) -> None:
    """A process that was killed after it had written these with packet ids from 1."""
    memory = DuplicateMemory(path, boot_id)
    memory.open()
    _note(
        memory,
        [
            message("a/b", text.encode(), packet_id=packet_id)
            for packet_id, text in enumerate(texts, start=1)
        ],
    )
    memory.done()
    if is_committed:
        memory.commit()
    memory.close()


def _noted(path: Path, texts: list[str]) -> None:
    """A process that was killed while it wrote these."""
    memory = DuplicateMemory(path, BOOT)
    memory.open()
    _note(memory, [message("a/b", text.encode(), packet_id=int(text)) for text in texts])
    memory.close()


def _reopened(path: Path, boot_id: str, *found: str) -> DuplicateMemory:
    """The next process, which finds these rows in the data file."""
    memory = DuplicateMemory(path, boot_id)
    memory.open(lambda notes: Counter(_trace(text) for text in found))
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
    assert _is_known(memory, _again("1", 1)) is is_known
    assert _is_known(memory, _again("2", 2)) is is_known


def test_a_commit_after_a_power_cut_does_not_speak_for_the_boot_before(tmp_path: Path) -> None:
    path = tmp_path / "data.received"
    _written(path, ["1"], boot_id=BOOT, is_committed=False)
    _written(path, [], boot_id=NEXT_BOOT, is_committed=True)
    assert not _is_known(_reopened(path, NEXT_BOOT), _again("1", 1))


def test_what_was_asked_for_but_not_written_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "data.received"
    memory = _reopened(path, BOOT)
    _is_known(memory, message("a/b", b"1", packet_id=1))
    memory.close()
    assert not _is_known(_reopened(path, BOOT), _again("1", 1))


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
    assert not _is_known(_reopened(path, BOOT), other)


def test_it_is_recognised_on_every_connection_until_a_new_message_comes(tmp_path: Path) -> None:
    path = tmp_path / "data.received"
    _written(path, ["1"], is_committed=True)
    memory = _reopened(path, BOOT)
    assert _is_known(memory, _again("1", 1, connection=1))
    assert _is_known(memory, _again("1", 1, connection=2))
    # Sent again is sent first: with a new message the broker has nothing more to repeat.
    assert not _is_known(memory, message("a/b", b"5", packet_id=2, connection=3))
    assert not _is_known(memory, _again("1", 1, connection=3))


@pytest.mark.parametrize(
    ("damage", "n_known"),
    [
        pytest.param(lambda content: content[:-5], 2, id="half the record of its end"),
        pytest.param(lambda content: content[:-15], 0, id="half a note"),
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
    memory = _reopened(path, BOOT, "1", "2")
    seen = [_is_known(memory, _again(str(number), number)) for number in (1, 2, 3)]
    assert sum(seen) == n_known
    _note(memory, [_again(str(number), number, connection=2) for number in (1, 2, 3)])
    memory.done()
    memory.close()
    again = _reopened(path, BOOT)
    assert [_is_known(again, _again(str(number), number)) for number in (1, 2, 3)] == [True] * 3


def test_the_file_is_bounded_and_still_knows_the_newest(tmp_path: Path) -> None:
    path = tmp_path / "data.received"
    memory = _reopened(path, BOOT)
    for first in range(0, 90_000, 50):
        _note(
            memory,
            [
                message("a/b", str(number).encode(), packet_id=number % 65_535 + 1)
                for number in range(first, first + 50)
            ],
        )
        memory.done()
        memory.commit()
    memory.close()
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 3_100_000
    again = _reopened(path, BOOT)
    newest = range(41_000, 90_000)
    assert all(_is_known(again, _again(str(number), number % 65_535 + 1)) for number in newest)


def test_of_a_batch_that_was_begun_only_what_is_found_is_known(tmp_path: Path) -> None:
    path = tmp_path / "data.received"
    _noted(path, ["1", "2", "3"])
    memory = _reopened(path, BOOT, "1", "3")
    seen = [_is_known(memory, _again(str(number), number)) for number in (1, 2, 3)]
    assert seen == [True, False, True]


def test_of_two_messages_with_one_row_one_is_known(tmp_path: Path) -> None:
    path = tmp_path / "data.received"
    memory = DuplicateMemory(path, BOOT)
    memory.open()
    _note(memory, [message("a/b", b"1", packet_id=number) for number in (1, 2)])
    memory.close()
    again = _reopened(path, BOOT, "1")
    assert [_is_known(again, _again("1", number)) for number in (1, 2)] == [True, False]


def test_after_a_power_cut_what_is_found_of_uncommitted_batches_is_known(tmp_path: Path) -> None:
    path = tmp_path / "data.received"
    _written(path, ["1", "2"], is_committed=False)
    memory = _reopened(path, NEXT_BOOT, "2")
    assert not _is_known(memory, _again("1", 1))
    assert _is_known(memory, _again("2", 2))


def test_a_batch_that_is_done_is_not_looked_for(tmp_path: Path) -> None:
    path = tmp_path / "data.received"
    _written(path, ["1"], is_committed=False)
    asked: list[object] = []
    DuplicateMemory(path, BOOT).open(lambda notes: Counter(str(asked.append(notes)).encode()))
    assert asked == []


def test_a_message_that_was_not_written_is_not_taken_for_an_earlier_one(tmp_path: Path) -> None:
    """Same packet id, topic and payload as one that was written and acknowledged before."""
    path = tmp_path / "data.received"
    _written(path, ["1"], is_committed=True)
    _noted(path, ["1"])
    assert not _is_known(_reopened(path, BOOT), _again("1", 1))


def test_what_was_found_is_written_down_once_for_all(tmp_path: Path) -> None:
    path = tmp_path / "data.received"
    _noted(path, ["1", "2"])
    second = _reopened(path, BOOT, "2")
    _note(second, [message("a/b", b"7", packet_id=7, connection=1, is_duplicate=True)])
    second.done()
    second.close()
    # By now the row may be gone: retention has its reasons.
    third = _reopened(path, BOOT)
    assert not _is_known(third, _again("1", 1))
    assert _is_known(third, _again("2", 2))


def test_a_repetition_in_a_batch_that_was_begun_stays_known(tmp_path: Path) -> None:
    path = tmp_path / "data.received"
    _written(path, ["1"], is_committed=True)
    second = _reopened(path, BOOT)
    _note(second, [_again("1", 1)])
    second.close()
    assert _is_known(_reopened(path, BOOT), _again("1", 1))


def test_what_was_not_repeated_on_a_connection_is_acknowledged(tmp_path: Path) -> None:
    """Packet ids may start anew with a connection: the same one may bring another message."""
    memory = _reopened(tmp_path / "data.received", BOOT)
    memory.come(message("a/b", b"on", packet_id=1, connection=1))
    memory.come(message("a/b", b"off", packet_id=2, connection=2))
    assert not _is_known(memory, _again("on", 1, connection=3))
    assert _is_known(memory, _again("off", 2, connection=3))


@pytest.mark.parametrize("is_restarted", [False, True], ids=["same process", "after a restart"])
def test_nothing_from_before_a_new_session_or_a_silent_connection_is_recognised(
    tmp_path: Path, is_restarted: bool
) -> None:
    """A device that repeats its value, a broker that counts packet ids from 1 again."""
    path = tmp_path / "data.received"
    memory = _reopened(path, BOOT)
    _note(memory, [message("a/b", b"on", packet_id=n, connection=1) for n in (1, 2)])
    memory.done()
    memory.commit()
    connection = 3
    if is_restarted:
        memory.close()
        memory, connection = _reopened(path, BOOT), 2
    assert not _is_known(memory, _again("on", 1, connection=connection))
    assert not _is_known(memory, _again("on", 2, connection=connection))


def test_a_broker_that_gives_ids_out_anew_at_once_is_not_believed(tmp_path: Path) -> None:
    memory = _reopened(tmp_path / "data.received", BOOT)
    for _ in range(3):
        memory.come(message("a/b", b"on", packet_id=1))
    assert not _is_known(memory, _again("on", 1, connection=2))


def test_a_packet_id_that_is_given_out_anew_is_another_message(tmp_path: Path) -> None:
    """65,535 messages later the same value under the same packet id is a new reading."""
    memory = _reopened(tmp_path / "data.received", BOOT)
    for number in range(51_000):
        _is_known(memory, message("a/b", b"21.5", packet_id=number + 1))
    again = _again("21.5", 51_000, connection=2)
    assert _is_known(memory, again)
    assert not _is_known(memory, _again("21.5", 1, connection=2))


def test_a_file_that_cannot_be_read_is_said_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "data.received"
    path.mkdir()
    with pytest.raises(StartError, match=r"data\.received.*remove it"):
        DuplicateMemory(path, BOOT).open()
