"""What a message leaves is found again, as it was written and nothing else."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.messages import Mapped, Outcome
from daemon.writer import RejectFile
from daemon.writer.duplicates import Sent
from daemon.writer.entry import Entry
from daemon.writer.notes import Note
from daemon.writer.traces import Evidence, note_for
from tests.daemon.writer.items import message, rejected
from tinyflux import FieldQuery, Point, TinyFlux
from tinyflux.point import FieldSet, TagSet

TIME = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def _point(
    fields: FieldSet, tags: TagSet | None = None, *, name: str = "climate", later_s: float = 0
) -> Point:
    time = TIME + timedelta(seconds=later_s)
    return Point(time=time, measurement=name, tags=tags or {}, fields=fields)


def _note_of(*points: Point) -> Note:
    """The note of one message that makes these."""
    mapped = Mapped(Outcome.STORED, points, "sources[0]")
    return note_for([Entry(message(packet_id=1), mapped, sent=Sent(0, 1, 7, bytes(8)))])


def _stored(path: Path, points: list[Point]) -> None:
    with TinyFlux(str(path), auto_index=False) as db:
        db.insert_multiple(points, compact_key_prefixes=True)


def _traces(note: Note) -> tuple[bytes, ...]:
    return note.messages[0].traces


@pytest.mark.parametrize(
    "point",
    [
        pytest.param(_point({"value": 21.5, "a": 1}, {"room": "bad", "b": "x"}), id="plain"),
        pytest.param(_point({"big": 2**60 + 1, "small": -7}), id="integers"),
        pytest.param(_point({"x": 0.1 + 0.2, "y": -0.0, "z": 1e-300, "w": 1e22}), id="floats"),
        pytest.param(_point({"value": None}, {"room": None, "empty": ""}), id="nothing"),
        pytest.param(_point({"v": 1.0}, {"n": 'Küche "oben",\r\n'}, name="a\tb"), id="text"),
        pytest.param(_point({"value": 1.0}, name=""), id="no name"),
        pytest.param(_point({}), id="no field"),
    ],
)
def test_a_row_is_found_as_it_comes_back_from_the_file(tmp_path: Path, point: Point) -> None:
    note = _note_of(point)
    _stored(tmp_path / "data.csv", [point])
    found = Evidence(tmp_path / "data.csv").of([note])
    assert found == Counter(_traces(note))


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(_point({"value": 21.6}, {"room": "bad"}), id="another value"),
        pytest.param(_point({"other": 21.5}, {"room": "bad"}), id="another field"),
        pytest.param(_point({"value": 21.5}, {"room": "flur"}), id="another series"),
        pytest.param(_point({"value": 21.5}, {"room": "bad"}, name="x"), id="another name"),
        pytest.param(_point({"value": 21.5}, {"room": "bad"}, later_s=1e-6), id="another time"),
    ],
)
def test_another_row_is_not_taken_for_it(tmp_path: Path, other: Point) -> None:
    note = _note_of(_point({"value": 21.5}, {"room": "bad"}))
    _stored(tmp_path / "data.csv", [other])
    assert not Evidence(tmp_path / "data.csv").of([note])


def test_rows_are_found_among_many_of_the_same_time(tmp_path: Path) -> None:
    others = [_point({"value": float(number)}, later_s=number / 1000) for number in range(50_000)]
    first = _point({"mine": 1.0}, later_s=0)
    last = _point({"mine": 2.0}, later_s=60)
    _stored(tmp_path / "data.csv", [first, *others, last])
    note = _note_of(first, last)
    assert Evidence(tmp_path / "data.csv").of([note]) == Counter(_traces(note))


def test_a_rewrite_in_between_hides_nothing_but_what_it_removed(tmp_path: Path) -> None:
    kept, removed = _point({"value": 1.0}), _point({"value": 2.0})
    _stored(tmp_path / "data.csv", [kept, removed, _point({"value": 3.0}, later_s=5)])
    with TinyFlux(str(tmp_path / "data.csv")) as db:
        db.remove(FieldQuery().value >= 2.0)
    note = _note_of(kept, removed)
    assert Evidence(tmp_path / "data.csv").of([note]) == Counter(_traces(_note_of(kept)))


def test_a_reject_is_found_in_the_file_or_its_predecessor(tmp_path: Path) -> None:
    rejects = RejectFile(tmp_path / "rejects.jsonl", 800)
    items = [message(payload=f"wet {number}".encode(), packet_id=number) for number in (1, 2, 3, 4)]
    for item in items[:3]:
        rejects.append(item, rejected())
    rejects.close()
    assert rejects.predecessor.exists()
    note = note_for(
        Entry(item, rejected(), sent=Sent(0, number, 7, bytes(8)))
        for number, item in enumerate(items, start=1)
    )
    found = Evidence(tmp_path / "data.csv", rejects).of([note])
    assert [found[one.traces[0]] for one in note.messages] == [1, 1, 1, 0]


def test_a_point_without_a_time_leaves_no_trace() -> None:
    assert _traces(_note_of(Point(measurement="climate", fields={"value": 1.0}))) == ()


def test_a_data_file_that_cannot_be_read_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "data.csv").write_text("no row at all\r\n" * 3, encoding="utf-8")
    assert not Evidence(tmp_path / "data.csv").of([_note_of(_point({"value": 1.0}))])
    assert "may be stored twice" in caplog.text
