"""Whether a rewrite fits on the disk, and what makes room for it."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.app.disk_diagnosis import of_room
from daemon.config import Config
from daemon.health import Level
from daemon.retention import Room, advice, days_left, growth_bytes, run
from tests.daemon.clocks import SetClock
from tests.daemon.retention.households import START, Sample, configured, store, stored

RULE = "{name: c, match: {measurement: climate}, max_age: 1d, archive: old/}"
MB = 1_000_000


def at(hours: float) -> SetClock:
    return SetClock(START + timedelta(hours=hours))


@pytest.mark.parametrize(
    ("size", "free", "is_short"),
    [
        pytest.param(100 * MB, 200 * MB, False, id="fits"),
        pytest.param(100 * MB, 140 * MB, True, id="fits-now-but-not-for-long"),
        pytest.param(1 * MB, 2 * MB, False, id="small-file"),
    ],
)
def test_room_is_short_while_a_rewrite_still_fits(size: int, free: int, is_short: bool) -> None:
    assert Room(Path("data.csv"), size, free).is_short is is_short


def test_days_until_it_is_short_count_the_rewrite_too() -> None:
    room = Room(Path("data.csv"), 100 * MB, 591 * MB)
    assert days_left(room, 10 * MB) == pytest.approx(20.0)
    assert days_left(room, 0) is None


def short(monkeypatch: pytest.MonkeyPatch, missing_bytes: int) -> list[Room]:
    """Every file is large, and the disk is short of so much."""
    rooms: list[Room] = []

    def room_of(data: Path) -> Room:
        kept = sum(path.stat().st_size for path in data.parent.glob("old/*"))
        bare = Room(data, 100 * MB, 0).wanted_bytes
        rooms.append(Room(data, 100 * MB, bare - missing_bytes - kept))
        return rooms[-1]

    for module in ("room", "run"):
        # By name, daemon.retention.run is the function.
        monkeypatch.setattr(sys.modules[f"daemon.retention.{module}"], "room_of", room_of)
    return rooms


def lived(folder: Path, how: str) -> Config:
    config = configured(folder, RULE, more=f"on_low_disk: {how}")
    store(config, [Sample(600.0 * n, "attic", float(n)) for n in range(6 * 48)])
    run(config, at(48))
    assert len(list(folder.glob("old/*"))) == 1
    return config


def test_pause_says_so_and_deletes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = lived(tmp_path, "pause")
    short(monkeypatch, MB)
    lines = run(config, at(49)).lines()
    assert any(line.startswith("waits: room is short") for line in lines)
    assert any("room is short" in text for text in advice(config, at(49).now_us()))
    assert len(list(tmp_path.glob("old/*"))) >= 1


def test_drop_archives_deletes_the_oldest_until_a_rewrite_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = lived(tmp_path, "drop_archives")
    short(monkeypatch, 0)  # as much as the archives take
    before = len(stored(config, "climate"))
    lines = run(config, at(48)).lines()
    assert any("deleted the archive" in line for line in lines)
    assert list(tmp_path.glob("old/*")) == []
    assert len(stored(config, "climate")) == before


def test_drop_oldest_removes_points_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = lived(tmp_path, "drop_oldest")
    short(monkeypatch, 3000)
    before = stored(config, "climate")
    run(config, at(48))
    after = stored(config, "climate")
    assert 0 < len(after) < len(before)
    assert after[-1].time == before[-1].time


def test_doctor_says_whether_there_is_room(tmp_path: Path) -> None:
    config = lived(tmp_path, "pause")
    [finding] = of_room(config, at(48).now_us())
    assert finding.level in (Level.GOOD, Level.NOTE)
    assert growth_bytes(config.storage.path, at(48).now_us()) > 0
