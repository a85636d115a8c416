"""What tiers hold: statistics by field, groups of tags, days of a zone, late points, old rules."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from daemon.config import Config
from daemon.retention import run
from tests.daemon.clocks import SetClock
from tests.daemon.retention.households import (
    START,
    Sample,
    configured,
    expected,
    held,
    rolled,
    store,
    stored,
)
from tinyflux import Point, TinyFlux

OSLO = ZoneInfo("Europe/Oslo")


def at(hours: float) -> SetClock:
    return SetClock(START + timedelta(hours=hours))


def rule(tiers: str, **more: object) -> str:
    options = {"name": "c", "match": "{measurement: climate}", "max_age": "12h", "late": "1h"}
    text = ", ".join(f"{key}: {value}" for key, value in {**options, **more}.items())
    return f"{{{text}, downsample: [{tiers}]}}"


def insert(config: Config, *points: Point) -> None:
    with TinyFlux(str(config.storage.path)) as db:
        db.insert_multiple(points)


def point(hours: float, room: str = "attic", measurement: str = "climate", **f: float) -> Point:
    time = START + timedelta(hours=hours)
    return Point(time=time, measurement=measurement, tags={"room": room}, fields=f)


def test_points_stay_until_their_age_and_roll_ups_come_when_windows_are_complete(
    tmp_path: Path,
) -> None:
    config = configured(tmp_path, rule("{every: 1h}"))
    store(config, [Sample(600.0 * n, "attic", 1.0) for n in range(24)])
    run(config, at(3.5))
    assert len(rolled(config, "climate_1h")) == 2
    assert len(stored(config, "climate")) == 24
    run(config, at(5.5))
    assert [f["t_count"] for f in rolled(config, "climate_1h").values()] == [6, 6, 6, 6]
    assert len(stored(config, "climate")) == 24
    run(config, at(14.5))
    assert len(stored(config, "climate")) == 12


def test_days_follow_the_calendar_of_the_zone_over_a_clock_change(tmp_path: Path) -> None:
    config = configured(tmp_path, rule("{every: 1h}, {every: 1d}"), more="")
    text = config.origin.read_text() + "collector: {timezone: Europe/Oslo}\n"
    config.origin.write_text(text)
    from daemon.config import load_config

    config = load_config(config.origin)
    spring = datetime(2026, 3, 27, tzinfo=OSLO)
    offset_s = (spring - START).total_seconds()
    samples = [Sample(offset_s + 1800.0 * n, "attic", float(n)) for n in range(48 * 5)]
    store(config, samples)
    run(config, SetClock(spring + timedelta(days=10)))
    days = rolled(config, "climate_1d")
    wanted = expected(samples, 86_400, OSLO)
    assert {cell: f["t_count"] for cell, f in days.items()} == {
        cell: f["t_count"] for cell, f in wanted.items()
    }
    assert 46 in {f["t_count"] for f in days.values()}  # the day of 23 hours
    assert {f["t_sum"] for f in days.values()} == {f["t_sum"] for f in wanted.values()}


def test_statistics_are_those_of_each_field(tmp_path: Path) -> None:
    how = '{t: [mean, std], h: last, note: null, "*": max}'
    config = configured(tmp_path, rule(f"{{every: 1h, how: {how}}}"))
    insert(
        config,
        point(0.1, t=1.0, h=40.0, note=1.0, x=5.0),
        point(0.2, t=4.0, h=50.0, note=2.0, x=3.0),
    )
    run(config, at(40))
    [fields] = rolled(config, "climate_1h").values()
    assert fields == {
        "t_count": 2, "t_sum": 5.0, "t_mean": 2.5, "t_std": pytest.approx(2.1213203),
        "t_squares": 4.5, "h_count": 2, "h_sum": 90.0, "h_last": 50.0,
        "h_last_us": round((START + timedelta(hours=0.2)).timestamp() * 1e6),
        "x_count": 2, "x_sum": 8.0, "x_max": 5.0,
    }  # fmt: skip
    assert type(fields["t_count"]) is int


def test_coarse_tier_has_statistics_that_the_fine_one_only_keeps_the_parts_of(
    tmp_path: Path,
) -> None:
    tiers = "{every: 15m, max_age: 3d, how: mean}, {every: 1h, how: [std, max]}"
    config = configured(tmp_path, rule(tiers))
    chance = random.Random(1)
    samples = [Sample(60.0 * n, "attic", chance.gauss(1e6, 1e-2)) for n in range(600)]
    store(config, samples)
    run(config, at(200))
    for cell, fields in expected(samples, 3600).items():
        found = rolled(config, "climate_1h")[cell]
        assert found["t_max"] == fields["t_max"]
        assert found["t_std"] == pytest.approx(fields["t_std"], rel=1e-4)
    assert rolled(config, "climate_15m") == {}


def test_tags_that_stay_make_the_groups_and_counters_grow_series_by_series(tmp_path: Path) -> None:
    config = configured(tmp_path, rule("{every: 1h, how: {e: increase}, by: [room]}"))
    for hours in range(30):
        insert(
            config,
            *(
                Point(time=START + timedelta(hours=hours, minutes=minute), measurement="climate",
                      tags={"room": "attic", "meter": name}, fields={"e": hours * step})
                for name, step, minute in (("a", 1.0, 5), ("b", 10.0, 10))
            ),
        )  # fmt: skip
        run(config, at(hours + 0.5))
    run(config, at(60))
    grown = [f.get("e_increase") for f in rolled(config, "climate_1h").values()]
    assert grown == [None, *[11.0] * 29]


def test_series_are_told_apart_by_all_tags_but_the_mark_of_a_doubtful_clock(tmp_path: Path) -> None:
    config = configured(tmp_path, rule("{every: 1h}"))
    marked = point(0.2, t=3.0)
    marked.tags = {"room": "attic", "time_quality": "unsynced"}
    insert(config, point(0.1, t=1.0), marked, point(0.3, "loft", t=9.0))
    run(config, at(40))
    found = stored(config, "climate_1h")
    assert [(p.tags, p.fields["t_sum"]) for p in found] == [
        ({"room": "attic"}, 4.0),
        ({"room": "loft"}, 9.0),
    ]


def test_thinned_points_are_weighted_by_time_without_being_asked(tmp_path: Path) -> None:
    config = configured(tmp_path, rule("{every: 15m, max_age: 9d}, {every: 1h}"))
    config.origin.write_text(
        config.origin.read_text()
        + "brokers: {home: {url: embedded}}\n"
        + "sources: [{topic: a/+room, measurement: climate, deadband: 1, max_silence: 40m, "
        + "fields: {t: {}}}]\n"
    )
    from daemon.config import load_config

    config = load_config(config.origin)
    samples = [Sample(60.0 * m, "attic", v) for m, v in ((5, 20.0), (40, 30.0), (70, None))]
    store(config, samples)
    run(config, at(40))
    for target, every_s in (("climate_15m", 900), ("climate_1h", 3600)):
        found = rolled(config, target)
        known = held(samples, every_s, 2400, START + timedelta(days=9))
        assert found.keys() == known.keys()
        for cell, (seconds, integral) in known.items():
            assert found[cell]["t_held_s"] == pytest.approx(seconds)
            assert found[cell]["t_time_weighted_mean"] == pytest.approx(integral / seconds)
            assert "t_mean" not in found[cell]
    bare = rolled(config, "climate_15m")[START + timedelta(minutes=15), "attic"]
    assert (bare["t_count"], bare["t_sum"]) == (0, 0.0)


def test_keep_last_keeps_the_last_point_and_counts_it_when_it_goes(tmp_path: Path) -> None:
    config = configured(tmp_path, rule("{every: 1h}", keep_last=1))
    store(config, [Sample(600.0 * n, "attic", 1.0) for n in range(8)])
    run(config, at(100))
    assert [p.time for p in stored(config, "climate")] == [START + timedelta(minutes=70)]
    assert [f["t_count"] for f in rolled(config, "climate_1h").values()] == [6, 1]
    store(config, [Sample(200 * 3600.0, "attic", 1.0)])
    run(config, at(201))
    assert [p.time for p in stored(config, "climate")] == [START + timedelta(hours=200)]
    assert [f["t_count"] for f in rolled(config, "climate_1h").values()] == [6, 2]


def test_tier_that_is_added_later_is_made_of_what_is_there(tmp_path: Path) -> None:
    config = configured(tmp_path, rule("{every: 1h}"))
    samples = [Sample(600.0 * n, "attic", float(n)) for n in range(6 * 50)]
    store(config, samples)
    run(config, at(100))
    assert stored(config, "climate") == []
    config = configured(tmp_path, rule("{every: 1h}, {every: 1d}"))
    run(config, at(101))
    found = {cell: f["t_sum"] for cell, f in rolled(config, "climate_1d").items()}
    assert found == {cell: f["t_sum"] for cell, f in expected(samples, 86_400).items()}


def test_age_that_is_changed_doubles_nothing(tmp_path: Path) -> None:
    samples = [Sample(600.0 * n, "attic", float(n)) for n in range(6 * 72)]
    store(configured(tmp_path, rule("{every: 1h}")), samples)
    for hours, age in ((74, "12h"), (75, "48h"), (76, "6h"), (90, "30h"), (200, "12h")):
        config = configured(tmp_path, rule("{every: 1h}", max_age=age))
        store(config, [Sample(3600.0 * 20, "attic", 1.0)])  # late for each of them
        samples.append(Sample(3600.0 * 20, "attic", 1.0))
        run(config, at(hours))
    found = {cell: f["t_sum"] for cell, f in rolled(config, "climate_1h").items()}
    assert found == {cell: f["t_sum"] for cell, f in expected(samples, 3600).items()}


def test_every_measurement_has_tiers_of_its_own_and_tiers_have_none(tmp_path: Path) -> None:
    config = configured(tmp_path, rule("{every: 1h}", match='{measurement: "*"}'))
    insert(config, point(1, t=1.0), point(1, measurement="power", w=2.0))
    for hours in (40, 41, 1000):
        run(config, at(hours))
    with TinyFlux(str(config.storage.path)) as db:
        names = [name for name in db.get_measurements() if not name.startswith("_retention")]
    assert names == ["climate_1h", "power_1h"]


def test_tiers_age_when_all_their_points_are_gone(tmp_path: Path) -> None:
    config = configured(tmp_path, rule("{every: 1h, max_age: 3d}", match='{measurement: "*"}'))
    insert(config, point(1, t=1.0))
    run(config, at(40))
    assert len(stored(config, "climate_1h")) == 1
    run(config, at(100))
    assert stored(config, "climate_1h") == []


def test_points_that_carry_no_number_go_too(tmp_path: Path) -> None:
    config = configured(tmp_path, rule("{every: 1h}"))
    store(config, [Sample(60.0, "attic", None)])
    run(config, at(40))
    assert stored(config, "climate") == []
    assert stored(config, "climate_1h") == []


def test_large_file_is_rewritten_when_enough_of_it_can_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.retention.plan.SMALL_BYTES", 0)
    config = configured(tmp_path, rule("{every: 1h}"))
    store(config, [Sample(600.0 * n, "attic", 1.0) for n in range(6 * 20)])
    report = run(config, at(20))
    assert any("rewrite_threshold" in line for line in report.lines())
    assert len(stored(config, "climate")) == 120
    assert len(rolled(config, "climate_1h")) == 19
    run(config, at(30))
    assert len(stored(config, "climate")) < 120


def test_roll_up_to_which_late_points_came_waits_for_a_rewrite_a_week_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.retention.plan.SMALL_BYTES", 0)
    config = configured(tmp_path, rule("{every: 1h}", max_age="forever"))
    store(config, [Sample(600.0 * n, "attic", 1.0) for n in range(12)])
    run(config, at(20))
    store(config, [Sample(60.0, "attic", 1.0)])
    counts = []
    for days in range(1, 10):
        report = run(config, at(20 + 24 * days))
        counts.append(rolled(config, "climate_1h")[START, "attic"]["t_count"])
        assert any("late points came" in line for line in report.lines()) is (counts[-1] == 6)
        assert days < 9 or report.points == 0
    assert counts == [6] * 7 + [7] * 2


@pytest.mark.parametrize(
    ("hours", "left"), [(99.5, 120), (101.5, 0)], ids=["before-them", "in-them"]
)
def test_quiet_hours_are_when_the_file_is_rewritten(
    tmp_path: Path, hours: float, left: int
) -> None:
    config = configured(tmp_path, rule("{every: 1h}"), more='quiet_hours: "05:00-07:00"')
    text = config.origin.read_text() + "collector: {timezone: UTC}\n"
    config.origin.write_text(text)
    store(config, [Sample(600.0 * n, "attic", 1.0) for n in range(6 * 20)])
    report = run(config, at(hours))
    assert len(stored(config, "climate")) == left
    assert any("quiet hours" in line for line in report.lines()) is (left > 0)
    assert run(config, at(hours), is_urgent=True).points == left
    assert START.astimezone(UTC).hour == 0


def test_file_over_its_size_loses_the_oldest_of_the_last_rule_first(tmp_path: Path) -> None:
    rules = (
        "{name: a, match: {measurement: a}, max_age: 900d}\n"
        "{name: b, match: {measurement: b}, max_age: 900d}"
    )
    config = configured(tmp_path, rules, more="max_size: 1MB")
    samples = [Sample(60.0 * n, "attic", 1.0) for n in range(12_000)]
    for name in ("a", "b"):
        store(config, samples, name)
    assert config.storage.path.stat().st_size > 1_000_000
    run(config, at(300))
    assert 700_000 < config.storage.path.stat().st_size <= 800_000
    assert len(stored(config, "a")) == 12_000
    left = stored(config, "b")
    assert left[-1].time == samples[-1].time
    run(config, at(301))
    assert len(stored(config, "b")) == len(left)
