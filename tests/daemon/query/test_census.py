"""The count of each series, however the rows are cut into pieces."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from daemon.query import Selection, SeriesCount, census
from tinyflux import MemoryStorage, Point, TinyFlux

START = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("chunk_rows", [1, 3, 1000])
def test_series_are_counted_with_their_spans(chunk_rows: int) -> None:
    db = TinyFlux(storage=MemoryStorage)
    for second, room in ((5, "a"), (3, "b"), (9, "a"), (1, "a"), (2, None), (4, "b")):
        db.insert(
            Point(
                time=START + timedelta(seconds=second),
                measurement="m",
                tags={"room": room},
                fields={"x": 1},
            )
        )
    db.insert(Point(time=START, measurement="k", fields={"y": 1}))
    second_us = 1_000_000
    assert census(db, Selection(), chunk_rows=chunk_rows) == [
        SeriesCount("k", {}, 1, 0, 0),
        SeriesCount("m", {}, 1, 2 * second_us, 2 * second_us),
        SeriesCount("m", {"room": "a"}, 3, 1 * second_us, 9 * second_us),
        SeriesCount("m", {"room": "b"}, 2, 3 * second_us, 4 * second_us),
    ]
