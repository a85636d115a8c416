"""Archives, and runs that are undone."""

from __future__ import annotations

import gzip
from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.config import Config
from daemon.retention import RetentionError, run, undo
from tests.daemon.clocks import SetClock
from tests.daemon.retention.households import START, Sample, configured, store, stored
from tinyflux import TinyFlux

RULE = "{name: c, match: {measurement: climate}, max_age: 12h, late: 1h, downsample: [{every: 1h}]}"


def at(hours: float) -> SetClock:
    return SetClock(START + timedelta(hours=hours))


def samples(hours: int) -> list[Sample]:
    return [Sample(at * 600.0, "attic", float(at)) for at in range(hours * 6)]


def contents(config: Config) -> Counter[str]:
    with TinyFlux(str(config.storage.path)) as db:
        return Counter(repr(point) for point in db if not point.measurement.startswith("_ret"))


def test_what_goes_is_archived_by_month_as_it_stood(tmp_path: Path) -> None:
    rule = "{name: old rain, match: {measurement: climate}, max_age: 1d, archive: kept/}"
    config = configured(tmp_path, rule)
    store(config, [Sample(-86_400.0, "attic", 1.5), *samples(48)])
    lines = config.storage.path.read_bytes().splitlines(keepends=True)
    run(config, at(48))
    names = sorted(path.name for path in (tmp_path / "kept").iterdir())
    assert names == ["old-rain-2026-02.csv.gz", "old-rain-2026-03.csv.gz"]
    kept = [gzip.decompress((tmp_path / "kept" / name).read_bytes()) for name in names]
    assert kept == [lines[0], b"".join(lines[1 : 1 + 24 * 6])]


def test_second_archive_of_a_month_leaves_the_first_alone(tmp_path: Path) -> None:
    rule = "{name: c, match: {measurement: climate}, max_age: 1d, archive: kept/}"
    config = configured(tmp_path, rule)
    store(config, samples(72))
    for hours in (48, 72):
        run(config, at(hours))
    files = sorted((tmp_path / "kept").iterdir())
    assert [path.name for path in files] == ["c-2026-03.2.csv.gz", "c-2026-03.csv.gz"]
    assert sum(len(gzip.decompress(path.read_bytes()).splitlines()) for path in files) == 48 * 6


def test_archive_that_cannot_be_written_keeps_the_points(tmp_path: Path) -> None:
    rule = "{name: c, match: {measurement: climate}, max_age: 1d, archive: kept/}"
    config = configured(tmp_path, rule)
    store(config, samples(48))
    (tmp_path / "kept").write_text("a file, where a folder should be")
    before = config.storage.path.read_bytes()
    with pytest.raises(RetentionError, match="kept"):
        run(config, at(48))
    assert config.storage.path.read_bytes() == before


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(RULE, id="downsample"),
        pytest.param("{name: c, match: {measurement: climate}, max_age: 1d}", id="max_age"),
        pytest.param(
            "{name: c, match: {measurement: climate}, update: {tags: {room: loft}}}", id="update"
        ),
        pytest.param(
            "{name: c, match: {measurement: climate}, update: {scale: {t: 2}}, once: true}",
            id="scale",
        ),
    ],
)
def test_undo_brings_back_what_the_run_removed_and_changed(tmp_path: Path, rule: str) -> None:
    config = configured(tmp_path, rule, more="undo: 2d")
    store(config, samples(40))
    before = Counter(repr(point) for point in stored(config, "climate"))
    run(config, at(40))
    assert Counter(repr(point) for point in stored(config, "climate")) != before
    store(config, [Sample(40 * 3600.0, "attic", 5.0)])
    undo(config, at(41))
    points = stored(config, "climate")
    assert points[-1].fields == {"t": 5.0}
    assert Counter(map(repr, points[:-1])) == before


def test_run_behind_an_undo_comes_to_what_the_first_came_to(tmp_path: Path) -> None:
    config = configured(tmp_path, RULE, more="undo: 2d")
    store(config, samples(40))
    run(config, at(40))
    first = contents(config)
    undo(config, at(40))
    run(config, at(40))
    assert contents(config) == first


def test_undo_is_done_once_and_says_when_there_is_nothing(tmp_path: Path) -> None:
    config = configured(tmp_path, RULE, more="undo: 2d")
    store(config, samples(40))
    run(config, at(40))
    undo(config, at(40))
    with pytest.raises(RetentionError, match="nothing to undo"):
        undo(config, at(40))


def test_what_is_kept_for_undo_goes_after_its_time(tmp_path: Path) -> None:
    config = configured(tmp_path, RULE, more="undo: 1d")
    store(config, samples(40))
    run(config, at(40))
    assert len(list((tmp_path / "data.undo").iterdir())) == 2
    run(config, at(40 + 60))  # removes the rest, and keeps that
    run(config, at(40 + 90))
    with pytest.raises(RetentionError, match="nothing to undo"):
        undo(config, at(40 + 90))
