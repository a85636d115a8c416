"""Faults that a tester found, one test each."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tinyflux import MemoryStorage, Point, TinyFlux

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_file_that_was_read_while_it_was_empty_is_read_after_an_insert(
    tmp_path: Path, encoding: str
) -> None:
    with TinyFlux(tmp_path / "data.csv", encoding=encoding) as db:
        assert db.all() == []
        db.insert(Point(time=NOON))
        assert [point.time for point in db.all()] == [NOON]
        db.remove_all()
        assert len(db) == 0
        db.insert(Point(time=NOON))
        assert len(db) == 1


def test_a_failed_insert_of_several_leaves_stored_points_and_the_callers_alone() -> None:
    db = TinyFlux(storage=MemoryStorage)
    stored, fresh = Point(time=NOON, fields={"x": 1}), Point(fields={"x": 2})
    db.insert(stored, "m")
    with pytest.raises(TypeError, match="a Point is needed"):
        db.insert_multiple([stored, fresh, 5], measurement="q")  # type: ignore[list-item]
    assert (stored.measurement, fresh.measurement, fresh.time) == ("m", "_default", None)
    assert db.get_measurements() == ["m"]


def test_what_is_no_iterable_is_named() -> None:
    with pytest.raises(TypeError, match="iterable of Points, found Point"):
        TinyFlux(storage=MemoryStorage).insert_multiple(Point())  # type: ignore[arg-type]


def test_a_tag_called_time_does_not_hide_the_windows() -> None:
    db = TinyFlux(storage=MemoryStorage)
    db.insert(Point(time=NOON, tags={"time": "x"}, fields={"v": 1}))
    assert list(db.aggregate(None, "v", every="1h", by="time")) == ["time", "tags.time", "v_mean"]
