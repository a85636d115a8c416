"""Points that wait for others of their series: throttle and merge_within."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.messages import Outcome
from tests.daemon.thinning.stages import START_US, Stage, words

TOPICS = """\
sources:
  - {{topic: esp/+device/temperature, measurement: climate, fields: {{t: {{}}}}, {options}}}
  - {{topic: esp/+device/humidity, measurement: climate, fields: {{h: {{}}}}, {options}}}
  - {{topic: esp/+device/state, measurement: climate, {options}}}
"""


class TestThrottle:
    """At most one point of a series in a window."""

    def test_only_the_last_of_a_window_is_stored_at_its_end(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "throttle: 10s")
        for second in (0, 3, 6, 9):
            stage.send({"a": second}, second)
        assert stage.rows() == []
        assert words(stage.outcomes()) == "throttled throttled throttled waiting"
        stage.wait(10)
        assert stage.rows() == [(9, {"a": 9.0})]
        assert words(stage.outcomes()) == "throttled throttled throttled stored"

    def test_the_window_begins_with_the_first_message(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "throttle: 10s")
        stage.send({"a": 1}, 7)
        assert stage.wait(16.9) == []
        [resolved] = stage.wait(17)
        assert resolved.mapped.outcome is Outcome.STORED
        assert resolved.is_message

    def test_there_is_one_point_a_window_of_an_even_stream(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "throttle: 10s")
        for tenth in range(1000):
            stage.send({"a": tenth}, tenth / 10)
        stage.wait(200)
        assert [second for second, _ in stage.rows()] == [9.9 + 10 * n for n in range(10)]
        assert words(stage.outcomes()).count("throttled") == 990
        assert words(stage.outcomes()).count("stored") == 10

    def test_series_have_windows_of_their_own(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "throttle: 10s")
        stage.send({"a": 1}, 0, "t/1")
        stage.send({"a": 2}, 1, "t/2")
        stage.wait(20)
        assert len(stage.rows()) == 2

    def test_the_last_value_of_each_field_is_stored(self, tmp_path: Path) -> None:
        """Or a device that sends one quantity at a time would lose all but one."""
        stage = Stage(tmp_path, "throttle: 10s")
        stage.send({"volt": 230}, 0)
        stage.send({"watt": 11}, 1)
        stage.send({"watt": 12}, 2)
        stage.wait(10)
        assert stage.rows() == [(2, {"volt": 230.0, "watt": 12.0})]
        assert words(stage.outcomes()) == "merged throttled stored"

    def test_what_comes_in_one_turn_is_decided_without_the_spool(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "throttle: 10s")
        tickets = stage.turn([("t/1", {"a": 1}), ("t/1", {"a": 2})], 0)
        assert [ticket.mapped.outcome for ticket in tickets] == [
            Outcome.THROTTLED,
            Outcome.WAITING,
        ]
        assert [share.ticket for share in stage.waiting()] == [tickets[1]]

    def test_a_value_that_returns_within_the_window_is_unchanged(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "throttle: 10s, deadband: 0")
        stage.send({"a": 1}, 0)
        stage.wait(10)
        stage.send({"a": 5}, 20)
        stage.send({"a": 1}, 21)
        stage.wait(30)
        assert stage.rows() == [(0, {"a": 1.0})]
        assert words(stage.outcomes()) == "stored throttled unchanged"

    def test_an_unchanged_value_opens_no_window(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "throttle: 10s, deadband: 0")
        stage.send({"a": 1}, 0)
        stage.wait(10)
        stage.send({"a": 1}, 20)
        assert stage.waiting() == []
        assert words(stage.outcomes()) == "stored unchanged"

    def test_readings_with_times_of_their_own_are_throttled_by_these(self, tmp_path: Path) -> None:
        """A device that sends what it has gathered keeps its history."""
        stage = Stage(tmp_path, "throttle: 10s, time: $.ts")
        began = START_US / 1e6 - 100
        stage.turn([("t/1", {"a": n, "ts": began + 4 * n}) for n in range(20)], 0)
        stage.wait(10)
        assert [second + 100 for second, _ in stage.rows()] == [8, 20, 32, 44, 56, 68, 76]

    def test_an_older_reading_does_not_replace_a_newer_one(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "throttle: 10s, time: $.ts")
        now = START_US / 1e6
        stage.send({"a": 2, "ts": now + 2}, 3)
        stage.send({"a": 1, "b": 7, "ts": now + 1}, 4)
        stage.send({"a": 0, "ts": now}, 5)
        stage.wait(20)
        assert stage.rows() == [(2, {"a": 2.0, "b": 7.0})]
        assert words(stage.outcomes()) == "stored merged throttled"

    def test_a_step_of_the_clock_ends_a_window(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "throttle: 10s")
        stage.send({"a": 1}, 0)
        stage.wall_step_s = -3600
        stage.send({"a": 2}, 1)
        stage.wait(11)
        assert stage.rows() == [(-3599, {"a": 2.0}), (0, {"a": 1.0})]

    def test_beyond_the_bound_nothing_waits(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "throttle: 10s", max_windows=2)
        stage.turn([(f"t/{number}", {"a": 1}) for number in range(5)], 0)
        assert words(stage.outcomes()) == "waiting waiting stored stored stored"

    def test_at_the_end_nothing_waits_on(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "throttle: 1h")
        stage.send({"a": 1}, 0)
        stage.wait(1, is_all=True)
        assert stage.waiting() == []
        assert words(stage.outcomes()) == "stored"


class TestMerge:
    """Several topics become one point."""

    def test_topics_of_one_series_become_one_point(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, text=TOPICS.format(options="merge_within: 2s"))
        stage.send("21.5", 0, "esp/attic/temperature")
        stage.send("48", 0.3, "esp/attic/humidity")
        assert words(stage.outcomes()) == "waiting waiting"
        stage.wait(2)
        assert stage.rows() == [(0.3, {"t": 21.5, "h": 48.0})]
        assert words(stage.outcomes()) == "merged stored"

    def test_the_same_field_again_is_another_point(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, text=TOPICS.format(options="merge_within: 2s"))
        stage.send("21", 0, "esp/attic/temperature")
        stage.send("48", 0.1, "esp/attic/humidity")
        stage.send("22", 0.2, "esp/attic/temperature")
        stage.wait(3)
        assert stage.rows() == [(0.1, {"t": 21.0, "h": 48.0}), (0.2, {"t": 22.0})]
        assert words(stage.outcomes()) == "merged stored stored"

    def test_nothing_waits_longer_than_the_first_message_may(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, text=TOPICS.format(options="merge_within: 2s"))
        stage.send("21", 0, "esp/attic/temperature")
        stage.send("48", 1.9, "esp/attic/humidity")
        assert len(stage.wait(2)) == 2

    def test_other_devices_are_other_points(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, text=TOPICS.format(options="merge_within: 2s"))
        stage.send("21", 0, "esp/attic/temperature")
        stage.send("48", 0, "esp/cellar/humidity")
        stage.wait(2)
        assert [fields for _, fields in stage.rows()] == [{"t": 21.0}, {"h": 48.0}]

    def test_a_merged_point_is_compared_as_one(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, text=TOPICS.format(options="merge_within: 2s, deadband: 1"))
        for second in (0, 60):
            stage.send("21", second, "esp/attic/temperature")
            stage.send("48", second, "esp/attic/humidity")
            stage.wait(second + 2)
        assert len(stage.rows()) == 1
        assert words(stage.outcomes()) == "merged stored unchanged unchanged"

    def test_messages_of_other_times_are_not_merged(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, text=TOPICS.format(options="merge_within: 2s, time: $.ts"))
        now = START_US / 1e6
        stage.send({"a": 1, "ts": now - 50}, 0, "esp/attic/state")
        stage.send({"b": 2, "ts": now - 40}, 0.1, "esp/attic/state")
        stage.wait(5)
        assert stage.rows() == [(-50, {"a": 1.0}), (-40, {"b": 2.0})]

    def test_beside_throttle_the_fields_are_joined_in_its_window(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, text=TOPICS.format(options="merge_within: 2s, throttle: 10s"))
        stage.send("21", 0, "esp/attic/temperature")
        stage.send("48", 5, "esp/attic/humidity")
        stage.send("22", 6, "esp/attic/temperature")
        stage.wait(10)
        assert stage.rows() == [(6, {"t": 22.0, "h": 48.0})]

    def test_no_value_is_lost(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, text=TOPICS.format(options="merge_within: 2s"))
        for n in range(300):
            topic = ("temperature", "humidity")[n * 7919 % 5 < 2]
            stage.send(str(n), n * 0.37, f"esp/attic/{topic}")
        stage.wait(500)
        values = sorted(value for _, fields in stage.rows() for value in fields.values() if value)
        assert values == list(range(1, 300))
        assert len(stage.rows()) == stage.outcomes().count(Outcome.STORED) < 200


class TestSeveralPoints:
    """One message, several points: it has one outcome all the same."""

    RULES = """\
sources:
  - {topic: "h/+hub", measurement: m, each: "$[*]", tags: {part: "{key}"}, throttle: 10s}
"""

    def test_a_message_waits_until_its_last_point_has_its_fate(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, text=self.RULES)
        stage.send({"x": {"a": 1}, "y": {"a": 1}}, 0, "h/1")
        stage.send({"x": {"a": 2}}, 5, "h/1")
        assert words(stage.outcomes()) == "waiting waiting"
        first, second = stage.wait(10)
        assert words(stage.outcomes()) == "stored stored"
        assert stage.rows() == [(0, {"a": 1.0}), (5, {"a": 2.0})]
        assert [first.is_message, second.is_message] == [True, True]

    def test_it_is_throttled_when_nothing_of_it_is_stored(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, text=self.RULES)
        stage.send({"x": {"a": 1}, "y": {"a": 1}}, 0, "h/1")
        stage.send({"x": {"a": 2}}, 5, "h/1")
        stage.send({"y": {"a": 3}}, 6, "h/1")
        assert words(stage.outcomes()) == "throttled waiting waiting"
        assert [one.is_message for one in stage.resolved] == [False, True]

    def test_a_rule_that_stores_at_once_stores_at_once(self, tmp_path: Path) -> None:
        rules = """\
sources:
  - {topic: "a/+id", measurement: slow, throttle: 10s, also: true}
  - {topic: "a/+id", measurement: all}
"""
        stage = Stage(tmp_path, text=rules)
        first = stage.send({"v": 1}, 0, "a/1")
        stage.send({"v": 2}, 1, "a/1")
        assert [point.measurement for point in first.mapped.points] == ["all"]
        assert words(stage.outcomes()) == "stored waiting"
        stage.wait(10)
        assert words(stage.outcomes()) == "stored stored"
        assert [point.measurement for point in stage.points()] == ["all", "all", "slow"]

    def test_a_rejected_message_has_its_outcome_although_a_part_waits(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "throttle: 10s, fields: {a: {}, b: {max: 5}}")
        stage.send({"a": 1, "b": 9}, 0)
        assert words(stage.outcomes()) == "rejected"
        [resolved] = stage.wait(10)
        assert not resolved.is_message
        assert stage.rows() == [(0, {"a": 1.0})]


class TestRepeats:
    """The same transmission, several times."""

    RULE = "repeats_within: 2s, exclude: [rssi]"

    def test_the_same_within_the_time_is_a_duplicate(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, self.RULE)
        for tenth, rssi in enumerate((-60, -61, -60, -59)):
            stage.send({"t": 20.5, "rssi": rssi}, tenth / 10)
        assert words(stage.outcomes()) == "stored duplicate duplicate duplicate"
        assert {ticket.mapped.kind for ticket in stage.tickets[1:]} == {"repeat"}

    def test_the_same_after_the_time_is_a_reading(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, self.RULE)
        for second in (0, 1, 2, 2.5, 4):
            stage.send({"t": 20.5}, second)
        assert words(stage.outcomes()) == "stored duplicate duplicate stored duplicate"

    def test_another_value_is_a_reading(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, self.RULE)
        for tenth, value in enumerate((20.5, 20.6, 20.5)):
            stage.send({"t": value}, tenth / 10)
        assert words(stage.outcomes()) == "stored stored stored"

    def test_the_payloads_own_time_may_differ_by_as_much(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, f"{self.RULE}, time: {{path: $.time, timezone: UTC}}")
        stage.send({"t": 20.5, "time": "2026-03-01 11:59:58"}, 0)
        stage.send({"t": 20.5, "time": "2026-03-01 11:59:59"}, 0.1)
        stage.send({"t": 20.5, "time": "2026-03-01 11:59:30"}, 0.2)
        assert words(stage.outcomes()) == "stored duplicate stored"

    def test_a_repeat_does_not_count_for_the_throttle(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "repeats_within: 2s, throttle: 10s")
        stage.send({"t": 1}, 0)
        stage.send({"t": 1}, 1)
        stage.wait(10)
        assert words(stage.outcomes()) == "stored duplicate"


@pytest.mark.parametrize(
    "options",
    [
        "throttle: 5s",
        "merge_within: 1s",
        "deadband: 1",
        "deadband: 1, throttle: 3s, repeats_within: 1s",
        "merge_within: 2s, max_silence: 20s",
        "max_silence: 20s, throttle: 7s, expire_after: 9s",
    ],
)
def test_every_message_has_one_outcome_and_every_number_is_answered_once(
    tmp_path: Path, options: str
) -> None:
    stage = Stage(tmp_path, options)
    numbers: list[int] = []
    for n in range(400):
        name = "abc"[n * 31 % 3]
        stage.send({name: n * 7919 % 4}, n * 0.41, f"t/{n % 3}")
        numbers += [share.number for share in stage.tickets[-1].shares]
    stage.wait(1000)
    outcomes = stage.outcomes()
    assert Outcome.WAITING not in outcomes
    assert len(outcomes) == 400
    assert sorted(one.number for one in stage.resolved) == numbers
    assert outcomes.count(Outcome.STORED) == len(stage.rows())
