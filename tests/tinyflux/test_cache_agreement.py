"""The checker compares the index cache with the file: values to the bit, keys in any order."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from pathlib import Path

from tests.tinyflux.backends import require_sound
from tinyflux import MeasurementQuery, Point, TinyFlux

TIME = datetime(2025, 1, 1, tzinfo=UTC)


def test_a_cache_of_rows_with_keys_in_another_order_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple(
            [
                Point(time=TIME, measurement="old", tags={"room": "x"}, fields={"b": 1}),
                Point(
                    time=TIME,
                    measurement="new",
                    tags={"a": "y", "room": None},
                    fields={"a": math.nan, "c": -0.0, "d": None, "e": 10**5000, "b": 2**60},
                ),
            ]
        )
        assert db.remove(MeasurementQuery() == "old") == 1
        db.publish_index()
    require_sound(path)
