"""What a message leaves where its fate is kept, as digests; and which of them are there.

A row, a line of the reject file or a place in the spool is recognised by 8 bytes (BLAKE2b) of what
it says. Looked for only at a start, when a process was killed between its note and its batch.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Protocol

from daemon.messages import Message, Outcome
from daemon.writer.entry import Entry, is_for_clock
from daemon.writer.inbox import Item
from daemon.writer.notes import Mark, Note, Noted
from daemon.writer.reject_lines import decode_reject
from tinyflux import Point, TimeQuery, TinyFlux
from tinyflux.errors import TinyFluxError
from tinyflux.times import from_us, to_us

_log = logging.getLogger("daemon.writer")

# So many points are looked at together; more are looked at in parts of their time.
_AT_ONCE = 20_000


_REJECT, _SPOOL, _TAKEN = int(Mark.REJECT), int(Mark.SPOOL), int(Mark.TAKEN)
_LEANS = int(Mark.LEANS)


class Waiting(Protocol):
    """What keeps items that wait."""

    def items(self) -> Iterator[Item]:
        """All of them, as they came. May raise OSError."""


class RejectLines(Protocol):
    """What keeps rejected items."""

    def lines(self) -> Iterator[bytes]:
        """All of them, oldest first. May raise OSError."""


def point_trace(point: Point, time_us: int) -> bytes:
    """Of the row that a point makes, the same whatever order its keys are in."""
    tags, fields = sorted(point.tags.items()), sorted(point.fields.items())
    return _hash(f"{time_us} {point.measurement!r} {tags!r} {fields!r}".encode())


def item_trace(item: Item) -> bytes:
    """Of the line that keeps an item in the reject file or in the spool."""
    if isinstance(item, Message):
        name = f"{item.received_us}\0{item.source}\0{item.topic}\0"
        return _hash(name.encode("utf-8", "surrogatepass") + item.payload)
    return _hash(f"{item.received_us}\0{item.poll}\0{item.value!r}".encode())


def note_for(entries: Iterable[Entry]) -> Note:
    """What these will leave: of messages that may come again, and of items that have waited."""
    messages: list[Noted] = []
    times_us: list[int] = []
    deciding: dict[bytes, tuple[int, tuple[bytes, ...]]] = {}
    for entry in reversed(tuple(entries)):
        if entry.sent is None and not entry.spooled and not entry.series:
            continue
        marks, traces = _traces(entry, times_us)
        if entry.series:
            marks, traces = _leaning(entry.series, marks, traces, deciding)
        if entry.sent is not None:
            marks |= entry.sent.marks
            _, packet_id, broker, digest = entry.sent
            messages.append(Noted(marks, packet_id, broker, digest, traces))
        elif traces:
            number = entry.spooled.to_bytes(8, "little")
            messages.append(Noted(marks | _TAKEN, 0, 0, number, traces))
    messages.reverse()
    if not times_us:
        return Note(tuple(messages))
    return Note(tuple(messages), min(times_us), max(times_us))


def _traces(entry: Entry, times_us: list[int]) -> tuple[int, tuple[bytes, ...]]:
    """What one will leave, and where beside the data file; adds the times of its points."""
    traces = []
    for point in entry.mapped.points:
        if point.time is None:
            # The engine gives it the time at which it is stored: nobody knows its row.
            return 0, ()
        time_us = to_us(point.time)
        times_us.append(time_us)
        traces.append(point_trace(point, time_us))
    marks = 0
    if entry.mapped.outcome is Outcome.REJECTED:
        marks |= _REJECT
        traces.append(item_trace(entry.item))
    if is_for_clock(entry):
        marks |= _SPOOL
        traces.append(item_trace(entry.item))
    elif entry.ticket is not None and entry.ticket.shares:
        marks |= _SPOOL
        traces += [item_trace(entry.item)] * len(entry.ticket.shares)
    return marks, tuple(traces)


def _leaning(
    series: Sequence[bytes],
    marks: int,
    traces: tuple[bytes, ...],
    deciding: dict[bytes, tuple[int, tuple[bytes, ...]]],
) -> tuple[int, tuple[bytes, ...]]:
    """The marks and traces of one whose points were thinned, of a batch that is gone through from
    its end. One that was left out for a later one of its series leaves nothing: it has been
    decided about if the later one has. Come again alone, it would be taken for the newest."""
    if traces:
        for key in series:
            deciding[key] = (marks, traces)
        return marks, traces
    for key in series:
        if key in deciding:
            other_marks, traces = deciding[key]
            return marks | other_marks | _LEANS, traces
    return marks, traces


class Evidence:
    """Where to look for traces."""

    def __init__(
        self, data: Path, rejects: RejectLines | None = None, waiting: Waiting | None = None
    ) -> None:
        self._data = data
        self._rejects = rejects
        self._waiting = waiting

    def of(self, notes: Sequence[Note]) -> Counter[bytes]:
        """How often each trace of these notes is there. Never raises: says what it cannot read."""
        wanted = {trace for note in notes for one in note.messages for trace in one.traces}
        if not wanted:
            return Counter()
        marks = 0
        for note in notes:
            for one in note.messages:
                marks |= one.marks
        found: Counter[bytes] = Counter()
        try:
            found.update(trace for trace in self._rows(notes) if trace in wanted)
            if marks & _REJECT and self._rejects is not None:
                found.update(_rejected(self._rejects.lines()))
            if marks & _SPOOL and self._waiting is not None:
                found.update(item_trace(item) for item in self._waiting.items())
        except (OSError, ValueError, TinyFluxError) as error:
            _log.warning(
                "cannot look for what was written last before the collector was ended: %s; "
                "messages that come again may be stored twice",
                error,
            )
        return found

    def _rows(self, notes: Sequence[Note]) -> Iterator[bytes]:
        spans = [(note.earliest_us, note.latest_us) for note in notes]
        spans = [span for span in spans if span[0] <= span[1]]
        if not spans or not self._data.exists():
            return
        earliest_us = min(earliest for earliest, _ in spans)
        latest_us = max(latest for _, latest in spans)
        with TinyFlux(str(self._data), access_mode="r") as db:
            for point in _between(db, earliest_us, latest_us):
                assert point.time is not None
                yield point_trace(point, to_us(point.time))


def _between(db: TinyFlux, earliest_us: int, latest_us: int) -> Iterator[Point]:
    """The points of a span of time, a bounded number in memory."""
    query = (TimeQuery() >= from_us(earliest_us)) & (TimeQuery() <= from_us(latest_us))
    if earliest_us == latest_us or db.count(query) <= _AT_ONCE:
        yield from db.search(query, sorted=False)
        return
    middle_us = (earliest_us + latest_us) // 2
    yield from _between(db, earliest_us, middle_us)
    yield from _between(db, middle_us + 1, latest_us)


def _rejected(lines: Iterable[bytes]) -> Iterator[bytes]:
    for line in lines:
        reject = decode_reject(line)
        if reject is not None:
            yield item_trace(reject.item)


def _hash(content: bytes) -> bytes:
    return blake2b(content, digest_size=8).digest()
