"""A stream that lets no large PUBLISH through: what paho gets of it, however it arrives."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.sources.narrow import NarrowStream

HEAD_BYTES = 200
LARGEST_BYTES = 1000
PINGRESP = b"\xd0\x00"


class Chunks:
    """A connection on which these bytes come, each as soon as the one before was read."""

    def __init__(self, chunks: Sequence[bytes], *, ends: bool = False) -> None:
        self._chunks = list(chunks)
        self._ends = ends
        self._is_silent = False
        self.longest_asked = 0

    def recv(self, buffer_size: int) -> bytes:
        self.longest_asked = max(self.longest_asked, buffer_size)
        # Between two chunks the network is silent for once.
        self._is_silent = not self._is_silent
        if self._is_silent or not self._chunks:
            if self._ends and not self._chunks:
                return b""
            raise BlockingIOError
        chunk = self._chunks[0]
        self._chunks[0] = chunk[buffer_size:]
        if not self._chunks[0]:
            self._chunks.pop(0)
        return chunk[:buffer_size]

    def send(self, buffer: bytes | bytearray) -> int:
        return len(buffer)

    def close(self) -> None: ...

    def fileno(self) -> int:
        return -1

    def setblocking(self, flag: bool) -> None: ...


def _packet(kind: int, body: bytes) -> bytes:
    size, encoded = len(body), bytearray()
    while size >= 128:
        encoded.append(size % 128 | 0x80)
        size //= 128
    encoded.append(size)
    return bytes((kind,)) + bytes(encoded) + body


def _all_of(stream: NarrowStream, asked: int, patience: int = 2000) -> bytes:
    """All that comes, read as paho does: `asked` bytes at once, again when it blocked."""
    found = b""
    for _ in range(patience):
        try:
            part = stream.recv(asked)
        except BlockingIOError:
            continue
        found += part
        if not part:
            break
    return found


def _cut_into(content: bytes, size: int) -> list[bytes]:
    return [content[place : place + size] for place in range(0, len(content), size)]


LARGE = _packet(0x32, b"\x00\x01a\x00\x07" + b"x" * 100_000)
CUT = _packet(0x32, (b"\x00\x01a\x00\x07" + b"x" * HEAD_BYTES)[:HEAD_BYTES])
SMALL = _packet(0x30, b"\x00\x01b42")


@pytest.mark.parametrize("chunk_bytes", [1000, 4096, 65_536, 10**6])
@pytest.mark.parametrize("asked", [1, 100, 10**6])
def test_only_the_head_of_a_large_message_comes_through(chunk_bytes: int, asked: int) -> None:
    chunks = _cut_into(SMALL + LARGE + PINGRESP + LARGE + SMALL, chunk_bytes)
    stream = NarrowStream(Chunks(chunks, ends=True), LARGEST_BYTES, HEAD_BYTES)
    assert _all_of(stream, asked) == SMALL + CUT + PINGRESP + CUT + SMALL


@given(
    sizes=st.lists(st.integers(0, 3000), max_size=6),
    chunk_bytes=st.integers(1, 3000),
    asked=st.integers(1, 3000),
)
def test_packets_come_through_whole_or_cut_however_they_arrive(
    sizes: list[int], chunk_bytes: int, asked: int
) -> None:
    packets = [_packet(0x30, bytes(size)) for size in sizes]
    expected = [
        packet if len(packet) <= LARGEST_BYTES else _packet(0x30, bytes(HEAD_BYTES))
        for packet in packets
    ]
    chunks = _cut_into(b"".join(packets), chunk_bytes)
    stream = NarrowStream(Chunks(chunks, ends=True), LARGEST_BYTES, HEAD_BYTES)
    assert _all_of(stream, asked, 40_000) == b"".join(expected)


def test_it_says_how_much_was_cut_of_the_packet_that_came_last() -> None:
    stream = NarrowStream(Chunks([LARGE, SMALL]), LARGEST_BYTES, HEAD_BYTES)
    assert len(_all_of(stream, 1, len(CUT) + 3)) >= len(CUT)
    assert stream.cut_bytes == 5 + 100_000 - HEAD_BYTES
    _all_of(stream, 10**6, 20)
    assert stream.cut_bytes == 0


def test_a_large_message_is_handed_out_only_when_all_of_it_has_come() -> None:
    """Else it might be acknowledged before the broker has sent it."""
    stream = NarrowStream(Chunks([LARGE[:-1]]), LARGEST_BYTES, HEAD_BYTES)
    assert _all_of(stream, 10**6) == b""


def test_what_is_skipped_is_never_asked_for_in_one_piece() -> None:
    chunks = Chunks(_cut_into(_packet(0x30, bytes(20_000_000)), 10**7), ends=True)
    assert len(_all_of(NarrowStream(chunks, LARGEST_BYTES, HEAD_BYTES), 10**9)) == HEAD_BYTES + 3
    assert chunks.longest_asked <= 2**20


def test_only_messages_are_cut() -> None:
    suback = _packet(0x90, bytes(5000))
    stream = NarrowStream(Chunks([suback], ends=True), LARGEST_BYTES, HEAD_BYTES)
    assert _all_of(stream, 10**6) == suback


def test_without_a_bound_nothing_is_cut() -> None:
    stream = NarrowStream(Chunks([LARGE], ends=True), 0, HEAD_BYTES)
    assert _all_of(stream, 10**6) == LARGE


def test_a_length_that_is_none_is_left_to_paho() -> None:
    wrong = b"\x30\xff\xff\xff\xff\xff"
    stream = NarrowStream(Chunks([wrong], ends=True), LARGEST_BYTES, HEAD_BYTES)
    assert _all_of(stream, 1).startswith(wrong[:5])


def test_what_was_read_ahead_is_pending_until_it_is_handed_out() -> None:
    stream = NarrowStream(Chunks([SMALL + SMALL + SMALL[:1]]), LARGEST_BYTES, HEAD_BYTES)
    assert stream.pending() == 0
    assert _all_of(stream, len(SMALL), 2) == SMALL
    assert stream.pending() == 1
    assert _all_of(stream, len(SMALL), 20) == SMALL
    # The first byte of a packet is not worth a turn of its own.
    assert stream.pending() == 0


class HungUp(Chunks):
    """A connection whose other side has said why it goes, and is gone."""

    def __init__(self, last_word: OSError) -> None:
        super().__init__([])
        self._last_word = last_word

    def recv(self, buffer_size: int) -> bytes:
        raise self._last_word

    def send(self, buffer: bytes | bytearray) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize("reads_first", [False, True])
def test_the_last_word_of_who_hung_up_is_kept(reads_first: bool) -> None:
    word = ssl.SSLError(1, "tlsv13 alert certificate required")
    stream = NarrowStream(HungUp(word), LARGEST_BYTES, HEAD_BYTES)
    assert stream.fault is None
    if reads_first:
        with pytest.raises(ssl.SSLError):
            stream.recv(1)
    with pytest.raises(BrokenPipeError):
        stream.send(b"CONNECT")
    assert stream.fault is word


def test_a_stream_that_only_waits_has_no_fault() -> None:
    stream = NarrowStream(Chunks([]), LARGEST_BYTES, HEAD_BYTES)
    with pytest.raises(BlockingIOError):
        stream.recv(1)
    assert stream.fault is None


def test_without_a_last_word_the_fault_is_that_it_is_gone() -> None:
    stream = NarrowStream(HungUp(BlockingIOError()), LARGEST_BYTES, HEAD_BYTES)
    with pytest.raises(BrokenPipeError):
        stream.send(b"CONNECT")
    assert isinstance(stream.fault, BrokenPipeError)
