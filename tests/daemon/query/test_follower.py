"""New points of a file that others append to, rewrite and replace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.query import Follower, Selection, parse_tag_condition
from tinyflux import FieldQuery, Point, TimeQuery, TinyFlux

START = datetime(2025, 6, 1, tzinfo=UTC)


def _points(*numbers: int, room: str = "attic") -> list[Point]:
    return [
        Point(
            time=START + timedelta(seconds=n), measurement="m", tags={"room": room}, fields={"n": n}
        )
        for n in numbers
    ]


def _numbers(points: list[Point]) -> list[object]:
    return [point.fields["n"] for point in points]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple(_points(*range(100)))
    return path


def test_the_last_points_and_then_what_is_added(path: Path) -> None:
    with TinyFlux(path, access_mode="r") as db, Follower(db, path, Selection()) as follower:
        assert _numbers(follower.last(3)) == [97, 98, 99]
        assert follower.new() == []
        with TinyFlux(path) as writer:
            writer.insert_multiple(_points(100, 101))
            assert _numbers(follower.new()) == [100, 101]
            writer.insert_multiple(_points(50))  # a late one is new all the same
            assert _numbers(follower.new()) == [50]
        assert follower.new() == []


def test_only_what_is_selected(path: Path) -> None:
    selection = Selection("m", tags=(parse_tag_condition("room=bath"),))
    with TinyFlux(path, access_mode="r") as db, Follower(db, path, selection) as follower:
        assert follower.last(3) == []
        with TinyFlux(path) as writer:
            writer.insert_multiple(_points(1) + _points(2, room="bath"))
            writer.insert(Point(measurement="other", tags={"room": "bath"}, fields={"n": 3}))
        assert _numbers(follower.new()) == [2]


def test_a_rewrite_gives_nothing_twice_and_leaves_nothing_out(path: Path) -> None:
    with TinyFlux(path, access_mode="r") as db, Follower(db, path, Selection()) as follower:
        follower.last(0)
        with TinyFlux(path) as writer:
            writer.insert_multiple(_points(100))
            writer.remove(TimeQuery() < START + timedelta(seconds=60))
            writer.insert_multiple(_points(101))
            assert _numbers(follower.new()) == [100, 101]
            writer.remove(FieldQuery().n == 101)  # the very last one that was seen
            writer.insert_multiple(_points(102))
            assert _numbers(follower.new()) == [102]
            writer.remove(TimeQuery() < START + timedelta(seconds=70))
            assert follower.new() == []
        assert follower.n_lost == 0


def test_another_file_in_its_place_is_followed_from_its_end(path: Path) -> None:
    with TinyFlux(path, access_mode="r") as db, Follower(db, path, Selection()) as follower:
        follower.last(1)
        other = path.with_name("other.csv")
        with TinyFlux(other) as writer:
            writer.insert_multiple(_points(7, 8))
        other.replace(path)
        assert follower.new() == []
        assert follower.n_lost == 1
        with TinyFlux(path) as writer:
            writer.insert_multiple(_points(9))
        assert _numbers(follower.new()) == [9]


def test_a_file_that_has_gone_is_an_error(path: Path) -> None:
    with TinyFlux(path, access_mode="r") as db, Follower(db, path, Selection()) as follower:
        follower.last(1)
        path.unlink()
        with pytest.raises(FileNotFoundError):
            follower.new()
