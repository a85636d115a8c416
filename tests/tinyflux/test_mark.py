"""The mark beside the file says how it ends, though no append reads it again."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tinyflux import FieldQuery, Point, TinyFlux
from tinyflux.marks import TAIL_BYTES, read_mark, tail_checksum

START = datetime(2026, 1, 1, tzinfo=UTC)


def point(number: int, text: str = "x") -> Point:
    """A point whose row is as long as its text."""
    return Point(
        time=START + timedelta(seconds=number), tags={"text": text}, fields={"v": number + 0.5}
    )


def require_true_end(path: Path) -> None:
    """The mark is of the file as it is, and names its last bytes."""
    content = path.read_bytes()
    mark = read_mark(path)
    assert mark is not None
    assert mark.identity.size_bytes == len(content)
    assert mark.tail == tail_checksum(len(content), lambda start, stop: content[start:stop])


@pytest.mark.parametrize("length", [1, 20, 200, TAIL_BYTES, 1000])
def test_mark_names_the_end_after_each_insert(tmp_path: Path, length: int) -> None:
    with TinyFlux(tmp_path / "a.csv") as db:
        for number in range(12):
            db.insert(point(number, "é" * length))
            require_true_end(tmp_path / "a.csv")


def test_mark_names_the_end_after_batches_and_changes(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with TinyFlux(path) as db:
        for number in range(0, 30, 3):
            db.insert_multiple([point(number), point(number + 1), point(number + 2)])
            require_true_end(path)
        db.remove(FieldQuery().v.test(lambda value: int(value) % 2 == 0))
        require_true_end(path)
        db.insert(point(99))
        require_true_end(path)


def test_mark_names_the_end_beside_other_writers(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with TinyFlux(path) as one, TinyFlux(path) as other:
        for number in range(8):
            (one if number % 3 else other).insert(point(number))
            require_true_end(path)
        with path.open("ab") as file:
            file.write(b"2026-01-01T00:00:00,by_hand,_field_v,1.0\r\n")
        one.insert(point(50))
        require_true_end(path)
        assert len(other) == 10
