"""The planner over a plain list of points: what each rule selects, in which order, how many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import RetentionRule
from daemon.retention import Plan, plan_retention
from tinyflux import MemoryStorage, Point, TinyFlux
from tinyflux.predicates import Query

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOW_US = round(NOW.timestamp()) * 1_000_000


def point(measurement: str, days_old: float = 0.0, **tags: str) -> Point:
    time = NOW - timedelta(days=days_old)
    return Point(time=time, measurement=measurement, tags=tags, fields={"v": 1.0})


def rule(name: str, **options: Any) -> RetentionRule:
    return RetentionRule.model_validate({"name": name, **options})


class ListInventory:
    """What exists, as a list."""

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = points

    def count(self, query: Query) -> int:
        return sum(1 for found in self.points if query(found))


POINTS = (
    point("climate", 1, room="kitchen"),
    point("climate", 8, room="kitchen"),
    point("climate", 9, room="livng"),
    point("power", 8, device="test1"),
    point("power", 3, device="test2"),
    point("power", 3, device="washer"),
    point("board", 400),
)


def planned(*rules: RetentionRule, points: Sequence[Point] = POINTS) -> Plan:
    return plan_retention(rules, NOW_US, ListInventory(points))


def after(plan: Plan, points: Sequence[Point] = POINTS) -> list[Point]:
    """The points that are left when the engine has carried out the plan."""
    db = TinyFlux(storage=MemoryStorage)
    db.insert_multiple(
        [
            Point(time=p.time, measurement=p.measurement, tags=p.tags, fields=p.fields)
            for p in points
        ]
    )
    db.apply([step.change for step in plan.steps])
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
    assert len(after(plan)) == len(POINTS) - removed


def test_points_that_two_rules_remove_are_counted_once() -> None:
    plan = planned(
        rule("climate", match={"measurement": "climate"}, max_age="7d"),
        rule("all", match={"measurement": "*"}, max_age="5d"),
    )
    assert [step.points for step in plan.steps] == [2, 2]
    assert len(after(plan)) == len(POINTS) - plan.points


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
    plan = planned(rule("fix", match={"tags": {"room": "livng"}}, update=update))
    assert plan.points == changed


def test_update_sets_unsets_and_renames_at_once() -> None:
    update = {"measurement": "air", "tags": {"floor": "1"}, "unset_tags": ["room"]}
    plan = planned(rule("fix", match={"tags": {"room": "livng"}}, update=update))
    [changed] = [found for found in after(plan) if found.measurement == "air"]
    assert changed.tags == {"floor": "1"}
    assert changed.time == POINTS[2].time
    assert plan.steps[0].told == "rename to air, set tag floor to 1, unset tag room"


def test_rules_act_in_order() -> None:
    rename = rule("rename", match={"measurement": "climate"}, update={"measurement": "air"})
    remove = rule("remove", match={"measurement": "air"}, max_age="7d")
    assert len(after(planned(rename, remove))) == len(POINTS) - 2
    assert len(after(planned(remove, rename))) == len(POINTS)


def test_what_is_done_once_is_left_out_whatever_its_name() -> None:
    options = {"match": {"measurement": "climate"}, "update": {"tags": {"floor": "1"}}}
    first = rule("fix", **options, once=True)
    [step] = planned(first).steps
    again = plan_retention([rule("other", **options, once=True)], NOW_US, ListInventory(POINTS),
                           {step.once})  # fmt: skip
    assert (again.steps, again.done_before) == ((), ("other",))


def test_changed_once_rule_is_another_rule() -> None:
    match = {"measurement": "climate"}
    [step] = planned(rule("fix", match=match, update={"tags": {"floor": "1"}}, once=True)).steps
    changed = rule("fix", match=match, update={"tags": {"floor": "2"}}, once=True)
    plan = plan_retention([changed], NOW_US, ListInventory(POINTS), {step.once})
    assert plan.points == 3


def test_no_rules_and_no_points_make_empty_plans() -> None:
    assert planned().steps == ()
    assert planned(rule("r", match={"measurement": "*"}, max_age="1d"), points=()).points == 0


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
    assert len(after(plan, points)) == sum(found.time >= oldest for found in points)  # type: ignore[operator]
    assert plan.points == len(points) - len(after(plan, points))
