"""The planner over points in memory: what each rule selects, how many, and what is left then."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import RetentionRule
from daemon.retention import Circumstances, Removal, Step, fingerprint, plan_removal, plan_updates
from tinyflux import MemoryStorage, Point, TinyFlux
from tinyflux.changes import Change

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_US = round(NOW.timestamp()) * 1_000_000


def point(measurement: str, days_old: float = 0.0, **tags: str) -> Point:
    time = NOW - timedelta(days=days_old)
    return Point(time=time, measurement=measurement, tags=tags, fields={"v": 1.0})


def rule(name: str, **options: Any) -> RetentionRule:
    return RetentionRule.model_validate({"name": name, **options})


POINTS = (
    point("climate", 1, room="kitchen"),
    point("climate", 8, room="kitchen"),
    point("climate", 9, room="livng"),
    point("power", 8, device="test1"),
    point("power", 3, device="test2"),
    point("power", 3, device="washer"),
    point("board", 400),
)


def holding(points: Sequence[Point]) -> TinyFlux:
    """A database with copies of these points."""
    db = TinyFlux(storage=MemoryStorage)
    db.insert_multiple(
        [
            Point(time=p.time, measurement=p.measurement, tags=p.tags, fields=p.fields)
            for p in points
        ]
    )
    return db


NOW_IS = Circumstances(NOW_US)


def planned(*rules: RetentionRule, points: Sequence[Point] = POINTS) -> Removal:
    return plan_removal(rules, range(len(rules)), holding(points).view(), NOW_IS)


def updates(
    *rules: RetentionRule, now: Circumstances = NOW_IS, points: Sequence[Point] = POINTS
) -> tuple[list[Step], list[Change]]:
    return plan_updates(rules, holding(points).view(), now)


def after(changes: Sequence[Change], points: Sequence[Point] = POINTS) -> list[Point]:
    """The points that are left when the engine has carried out the changes."""
    db = holding(points)
    db.apply(changes)
    return db.all(sorted=False)


@pytest.mark.parametrize(
    ("match", "max_age", "removed"),
    [
        pytest.param({"measurement": "climate"}, "7d", 2, id="measurement"),
        pytest.param({"measurement": "climate", "tags": {"room": "livng"}}, "7d", 1, id="both"),
        pytest.param({"tags": {"device": "test*"}}, "2d", 2, id="tag-with-star"),
        pytest.param({"tags": {"device": "test?"}}, "4d", 1, id="tag-with-question-mark"),
        pytest.param({"measurement": "*"}, "7d", 4, id="every-measurement"),
        pytest.param({"measurement": "clim*te"}, "1h", 3, id="measurement-with-star"),
        pytest.param({"measurement": "c.*"}, "1h", 0, id="a-dot-is-a-dot"),
        pytest.param({"measurement": "climate"}, "1000y", 0, id="older-than-any-date"),
        pytest.param({"measurement": "climate"}, "9d", 0, id="exactly-as-old-stays"),
        pytest.param({"measurement": "wind"}, "1h", 0, id="nothing-there"),
    ],
)
def test_max_age_removes_what_matches_and_is_older(
    match: Mapping[str, Any], max_age: str, removed: int
) -> None:
    plan = planned(rule("r", match=match, max_age=max_age))
    assert [step.points for step in plan.steps] == [removed]
    assert len(after(plan.changes())) == len(POINTS) - removed


def test_points_that_two_rules_remove_are_removed_once() -> None:
    plan = planned(
        rule("climate", match={"measurement": "climate"}, max_age="7d"),
        rule("all", match={"measurement": "*"}, max_age="5d"),
    )
    assert [step.points for step in plan.steps] == [2, 4]
    assert len(plan.removed) == 4
    assert len(after(plan.changes())) == len(POINTS) - 4


@pytest.mark.parametrize(
    ("update", "changed"),
    [
        pytest.param({"tags": {"room": "living"}}, 1, id="set-tag"),
        pytest.param({"tags": {"room": "livng"}}, 0, id="tag-is-so-already"),
        pytest.param({"unset_tags": ["room"]}, 1, id="unset-tag"),
        pytest.param({"unset_tags": ["floor"]}, 0, id="tag-is-not-there"),
        pytest.param({"measurement": "air"}, 1, id="rename"),
        pytest.param(
            {"measurement": "climate", "tags": {"floor": "1"}}, 1, id="one-of-two-differs"
        ),
    ],
)
def test_update_counts_the_points_that_become_different(
    update: Mapping[str, Any], changed: int
) -> None:
    [step], _ = updates(rule("fix", match={"tags": {"room": "livng"}}, update=update))
    assert step.points == changed


def test_update_sets_unsets_and_renames_at_once() -> None:
    update = {"measurement": "air", "tags": {"floor": "1"}, "unset_tags": ["room"]}
    [step], changes = updates(rule("fix", match={"tags": {"room": "livng"}}, update=update))
    [changed] = [found for found in after(changes) if found.measurement == "air"]
    assert changed.tags == {"floor": "1"}
    assert changed.time == POINTS[2].time
    assert step.told == "rename to air, set tag floor to 1, unset tag room"


def once(name: str, **update: Any) -> RetentionRule:
    return rule(name, match={"measurement": "climate"}, update=update, once=True)


def test_what_is_done_once_is_left_out_whatever_its_name() -> None:
    done = Circumstances(NOW_US, done=[fingerprint(once("fix", tags={"floor": "1"}))])
    assert updates(once("other", tags={"floor": "1"}), now=done) == ([], [])


def test_changed_once_rule_is_another_rule() -> None:
    done = Circumstances(NOW_US, done=[fingerprint(once("fix", tags={"floor": "1"}))])
    [step], _ = updates(once("fix", tags={"floor": "2"}), now=done)
    assert step.points == 3


def test_scale_multiplies_and_marks_that_it_did() -> None:
    _, changes = updates(once("fix", scale={"v": 0.001}))
    found = after(changes)
    assert [p.fields["v"] for p in found if p.measurement == "climate"] == [0.001] * 3
    assert [p.fields["v"] for p in found if p.measurement == "power"] == [1.0] * 3
    assert [p.measurement for p in found if p not in POINTS][-1] == "_retention::once"


def test_fields_are_set_and_unset() -> None:
    _, changes = updates(once("fix", fields={"w": 2.0}, unset_fields=["v"]))
    assert [p.fields for p in after(changes) if p.measurement == "climate"] == [{"w": 2.0}] * 3


def test_no_rules_and_no_points_make_empty_plans() -> None:
    assert planned().is_empty
    assert planned(rule("r", match={"measurement": "*"}, max_age="1d"), points=()).is_empty


def test_field_condition_chooses_points() -> None:
    points = [
        Point(time=NOW - timedelta(days=2), measurement="m", fields={"v": v}) for v in (1, 5, 9)
    ]
    plan = planned(rule("r", match={"fields": {"v": "> 4"}}, max_age="1d"), points=points)
    assert [p.fields["v"] for p in after(plan.changes(), points)] == [1]


def test_max_points_keeps_the_newest() -> None:
    plan = planned(rule("r", match={"measurement": "climate"}, max_points=1))
    left = [p.time for p in after(plan.changes()) if p.measurement == "climate"]
    assert left == [NOW - timedelta(days=1)]


def test_keep_last_keeps_the_newest_of_each_series_however_old() -> None:
    plan = planned(rule("r", match={"measurement": "*"}, max_age="1h", keep_last=1))
    left = after(plan.changes())
    assert len(left) == 6
    assert len({(p.measurement, *p.tags.values()) for p in left}) == 6
    twice = [*POINTS, *POINTS]
    plan = planned(rule("r", match={"measurement": "*"}, max_age="1h", keep_last=1), points=twice)
    assert len(after(plan.changes(), twice)) == 6


def test_points_that_an_earlier_rule_rolls_up_are_left_to_it() -> None:
    tiers = [{"every": "1h"}]
    first = rule("c", match={"measurement": "climate"}, max_age="400d", downsample=tiers)
    every = rule("all", match={"measurement": "*"}, max_age="2d")
    left = [p.measurement for p in after(planned(first, every).changes())]
    assert [name for name in left if name != "climate_1h"] == ["climate", "climate", "climate"]


def test_roll_ups_are_not_meant_by_a_star() -> None:
    tiers = [{"every": "1h"}]
    points = [point("climate_1h", 100), point("climate", 1), point("other", 100)]
    rules = [
        rule("c", match={"measurement": "climate"}, max_age="400d", downsample=tiers),
        rule("all", match={"measurement": "*"}, max_age="2d"),
    ]
    left = after(planned(*rules, points=points).changes(), points)
    assert [p.measurement for p in left] == ["climate_1h", "climate"]


@given(
    ages_h=st.lists(st.floats(0, 100), max_size=20),
    max_ages_h=st.lists(st.integers(1, 100), min_size=1, max_size=4),
)
def test_plan_of_removals_leaves_exactly_what_is_young_enough_for_every_rule(
    ages_h: list[float], max_ages_h: list[int]
) -> None:
    points = [point("m", age_h / 24) for age_h in ages_h]
    rules = [
        rule(f"r{number}", match={"measurement": "m"}, max_age=f"{age_h}h")
        for number, age_h in enumerate(max_ages_h)
    ]
    plan = planned(*rules, points=points)
    oldest = NOW - timedelta(hours=min(max_ages_h))
    left = after(plan.changes(), points)
    assert len(left) == sum(found.time >= oldest for found in points)  # type: ignore[operator]
    assert len(plan.removed) == len(points) - len(left)
