"""What was stored last is known again after a restart, a kill, and a rewrite of the data."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.thinning import Home, Policy, SeriesMemory, series_key
from daemon.thinning.series import Series
from daemon.writer import SeriesFile
from tests.daemon.clocks import SetClock
from tinyflux import Point, TinyFlux
from tinyflux.times import to_us

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def point(second: float, value: float | None, device: str = "1") -> Point:
    return Point(
        time=START + timedelta(seconds=second),
        measurement="m",
        tags={"device": device},
        fields={"a": value},
    )


class Place:
    """A data file with what is known of its series."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data.csv"
        self.path = folder / "data.series.json"
        self.clock = SetClock()
        self.memory = SeriesMemory()
        self.file = SeriesFile(self.path, self.data, self.memory, self.clock)

    def store(self, *points: Point, is_known: bool = True) -> None:
        with TinyFlux(str(self.data)) as db:
            db.insert_multiple(points)
        for one in points if is_known else ():
            assert one.time is not None
            series = self.memory.touch(series_key(one))
            series.remember(one.fields, to_us(one.time))
            series.home = Home("sources[0]", {"device": "1"}, "m", dict(one.tags), 5)

    def recall(self) -> SeriesMemory:
        """What the next process knows."""
        memory = SeriesMemory()
        SeriesFile(self.path, self.data, memory, self.clock).recall()
        return memory


def series_of(memory: SeriesMemory, device: str = "1") -> Series:
    found = memory.find(series_key(point(0, 0, device)))
    assert found is not None
    return found


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_without_a_file_nothing_is_known(place: Place) -> None:
    place.store(point(0, 1))
    assert len(place.recall()) == 0


@pytest.mark.parametrize("value", [1.5, -0.1, 3, 2**60 + 1, None], ids=str)
def test_values_come_back_as_they_were(place: Place, value: float | None) -> None:
    place.store(point(0, value))
    place.file.save()
    series = series_of(place.recall())
    assert series.values == {"a": (value, to_us(START))}
    assert series.newest_us == to_us(START)
    assert series.home == Home("sources[0]", {"device": "1"}, "m", {"device": "1"}, 5)


def test_rows_that_were_stored_after_it_was_saved_are_read(place: Place) -> None:
    place.store(point(0, 1), point(0, 5, "2"))
    place.file.save()
    place.store(point(1, 2), point(2, 3))
    assert series_of(place.recall()).values["a"] == (3, to_us(START) + 2_000_000)
    assert series_of(place.recall(), "2").values["a"][0] == 5


def test_a_row_that_is_torn_is_left_out(place: Place) -> None:
    place.store(point(0, 1))
    place.file.save()
    place.store(point(1, 2))
    with place.data.open("ab") as file:
        file.write(b"2026-03-01T12:00:02,m,_tag_dev")
    assert series_of(place.recall()).values["a"][0] == 2


def test_a_row_of_an_earlier_time_makes_the_value_unknown(place: Place) -> None:
    """It may be a late reading, or the clock was set back: the next value must be stored."""
    place.store(point(0, 1))
    place.file.save()
    place.store(point(-60, 1))
    series = series_of(place.recall())
    assert not series.is_void
    assert Policy(leaves_out=True).is_news({"a": 1}, to_us(START), series.values)


def test_after_a_rewrite_of_the_data_values_are_unknown_and_series_are_known(place: Place) -> None:
    place.store(point(0, 1), point(0, None, "2"))
    place.file.save()
    with TinyFlux(str(place.data)) as db:
        db.insert(point(9, 9, "3"))
        assert db.drop_measurement("other") == 0
        db.update_all(tags={"site": "x"})
    memory = place.recall()
    assert math.isnan(series_of(memory).values["a"][0] or 0)
    assert series_of(memory, "2").is_void


def test_a_rewrite_while_it_runs_is_noticed_at_the_next_commit(place: Place) -> None:
    place.store(point(0, 1))
    place.file.save()
    with TinyFlux(str(place.data)) as db:
        db.update_all(tags={"site": "x"})
    place.file.tick()
    assert series_of(place.recall()).values["a"][0] == 1


def test_it_is_saved_every_ten_minutes_and_soon_for_a_new_series(place: Place) -> None:
    place.store(point(0, 1))
    place.file.tick()
    assert not place.path.exists()
    place.clock.pass_time(61)
    place.file.tick()
    assert len(place.recall()) == 1
    before = place.path.read_bytes()
    place.store(point(1, 2))
    place.clock.pass_time(300)
    place.file.tick()
    assert place.path.read_bytes() == before
    place.clock.pass_time(301)
    place.file.tick()
    assert place.path.read_bytes() != before


def test_what_is_unknown_stays_unknown(place: Place) -> None:
    place.store(point(0, 1))
    series_of(place.memory).values["a"] = (math.nan, to_us(START))
    place.file.save()
    json.loads(place.path.read_text(encoding="utf-8"))
    assert "NaN" not in place.path.read_text(encoding="utf-8")
    assert math.isnan(series_of(place.recall()).values["a"][0] or 0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff\xfe",
        b'{"version":1}',
        b'{"version":9,"position":[0,0],"series":[]}',
        b'{"version":1,"position":[0,0],"series":[["zz",1,{}]]}',
        b'{"version":1,"position":[0,0],"series":[["00",1,{"a":["x",1,false]}]]}',
        b'{"version":1,"position":[0,0],"series":[["00",1,{"a":[1]}]]}',
        b'{"version":1,"position":[0,0],"series":[["00",1,{},["r"]]]}',
        b"[" * 5_000,
    ],
)
def test_a_file_that_cannot_be_read_is_no_obstacle(
    place: Place, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    place.store(point(0, 1))
    place.path.write_bytes(content)
    assert len(place.recall()) == 0
    assert "cannot be used" in caplog.text
