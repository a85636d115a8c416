"""Series without a message: one point with null fields, once."""

from __future__ import annotations

from pathlib import Path

from daemon.thinning import SeriesMemory
from tests.daemon.thinning.stages import START_US, Stage, words
from tinyflux import Point


def rows(points: list[Point]) -> list[tuple[float, str, dict[str, int | float | None]]]:
    """Seconds since the start, device, fields."""
    found = []
    for point in points:
        assert point.time is not None
        second = round(point.time.timestamp() - START_US / 1e6, 6)
        found.append((second, str(point.tags["id"]), point.fields))
    return found


class TestExpiry:
    """expire_after"""

    def test_a_silent_series_gets_one_point_without_values(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "expire_after: 30m")
        stage.send({"a": 1, "b": 2}, 0)
        assert stage.absent(1799) == []
        [point] = stage.absent(1800)
        assert rows([point]) == [(1800, "1", {"a": None, "b": None})]
        assert point.measurement == "m"
        assert point.tags["host"] == "cabin"
        assert stage.absent(100_000) == []

    def test_every_message_counts_as_a_sign_of_life(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "expire_after: 30m, deadband: 0")
        for minute in range(0, 100, 20):
            stage.send({"a": 1}, minute * 60)
            assert stage.absent(minute * 60) == []
        assert stage.absent((80 + 29) * 60) == []
        assert len(stage.absent((80 + 30) * 60)) == 1

    def test_the_first_value_after_that_is_stored(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "expire_after: 30m, deadband: 5")
        stage.send({"a": 1}, 0)
        stage.absent(1800)
        stage.send({"a": 1}, 2000)
        assert words(stage.outcomes()) == "stored stored"
        assert len(stage.absent(2000 + 1800)) == 1

    def test_each_series_has_its_own_silence(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "expire_after: 30m")
        for device in range(5):
            stage.send({"a": 1}, device * 60, f"t/{device}")
        stage.send({"a": 1}, 600, "t/2")
        found = [row for second in range(1700, 2500, 10) for row in rows(stage.absent(second))]
        assert [(second, device) for second, device, _ in found] == [
            (1800, "0"),
            (1860, "1"),
            (1980, "3"),
            (2040, "4"),
            (2400, "2"),
        ]

    def test_a_step_of_the_clock_is_no_silence(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "expire_after: 30m")
        stage.send({"a": 1}, 0)
        stage.wall_step_s = 86_400
        assert stage.absent(60) == []
        assert rows(stage.absent(1800)) == [(86_400 + 1800, "1", {"a": None})]

    def test_what_waits_comes_before_it(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "expire_after: 30s, throttle: 1h")
        stage.send({"a": 1}, 0)
        assert len(stage.absent(30)) == 1
        stage.wait(30)
        assert stage.rows() == [(0, {"a": 1.0})]

    def test_it_lies_behind_a_reading_of_a_device_that_is_ahead(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "expire_after: 30s, time: $.ts")
        stage.send({"a": 1, "ts": START_US / 1e6 + 100}, 0)
        assert rows(stage.absent(30)) == [(100.000001, "1", {"a": None})]

    def test_a_poll_that_gives_nothing_is_silent_too(self, tmp_path: Path) -> None:
        poll = "polls: [{system: {tags: {id: p}, expire_after: 5m}}]\n"
        stage = Stage(tmp_path, text=poll)
        stage.poll({"load": 1}, 0)
        assert rows(stage.absent(300)) == [(300, "p", {"load": None})]

    def test_after_a_new_start_silence_counts_from_the_start(self, tmp_path: Path) -> None:
        memory = SeriesMemory()
        first = Stage(tmp_path, "expire_after: 30m", memory=memory)
        first.send({"a": 1}, 0)
        again = Stage(tmp_path, "expire_after: 30m", memory=memory)
        again.begin(10_000)
        assert again.absent(11_799) == []
        assert rows(again.absent(11_800)) == [(11_800, "1", {"a": None})]

    def test_what_was_declared_stale_before_a_new_start_is_not_again(self, tmp_path: Path) -> None:
        memory = SeriesMemory()
        first = Stage(tmp_path, "expire_after: 30m", memory=memory)
        first.send({"a": 1}, 0)
        first.absent(1800)
        again = Stage(tmp_path, "expire_after: 30m", memory=memory)
        again.begin(2000)
        assert again.absent(100_000) == []


class TestAvailability:
    """A device that says that it is gone."""

    RULES = """\
sources:
  - topic: z/+id/+part
    measurement: "m_{part}"
    availability: {topic: z/+id/lwt}
"""

    def test_all_series_of_the_device_get_one_point(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, text=self.RULES)
        stage.send({"a": 1}, 0, "z/1/x")
        stage.send({"b": 2}, 1, "z/1/y")
        stage.send({"a": 3}, 2, "z/2/x")
        ticket = stage.send("offline", 10, "z/1/lwt")
        found = rows(list(ticket.mapped.points))
        assert found == [(10, "1", {"a": None}), (10, "1", {"b": None})]
        assert words(stage.outcomes()) == "stored stored stored stored"

    def test_it_is_said_once(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, text=self.RULES)
        stage.send({"a": 1}, 0, "z/1/x")
        for second in (1, 2):
            stage.send("offline", second, "z/1/lwt")
        stage.send("online", 3, "z/1/lwt")
        stage.send({"a": 1}, 4, "z/1/x")
        stage.send("offline", 5, "z/1/lwt")
        assert words(stage.outcomes()) == "stored stored unchanged unchanged stored stored"
        assert len(stage.rows()) == 4

    def test_a_device_of_which_nothing_is_stored_changes_nothing(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, text=self.RULES)
        stage.send("offline", 0, "z/1/lwt")
        assert words(stage.outcomes()) == "unchanged"

    def test_what_waits_of_the_device_is_stored_before(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "throttle: 1h, availability: lwt/+id")
        stage.send({"a": 1}, 0)
        stage.send("offline", 5, "lwt/1")
        assert stage.rows() == [(0, {"a": 1.0}), (5, {"a": None})]
        assert words(stage.outcomes()) == "stored stored"

    def test_a_topic_without_names_is_for_all_series_of_the_rule(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "availability: bridge/state")
        stage.send({"a": 1}, 0, "t/1")
        stage.send({"a": 1}, 0, "t/2")
        stage.send('{"state": "offline"}', 1, "bridge/state")
        assert [second for second, _ in stage.rows()] == [0, 0, 1, 1]

    def test_it_does_not_expire_once_more(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "expire_after: 1m, availability: lwt/+id")
        stage.send({"a": 1}, 0)
        stage.send("offline", 30, "lwt/1")
        assert stage.absent(1000) == []

    def test_after_a_new_start_it_is_known_what_belongs_to_the_device(self, tmp_path: Path) -> None:
        memory = SeriesMemory()
        Stage(tmp_path, "availability: lwt/+id", memory=memory).send({"a": 1}, 0)
        again = Stage(tmp_path, "availability: lwt/+id", memory=memory)
        again.begin(100)
        again.send("offline", 200, "lwt/1")
        assert again.rows() == [(200, {"a": None})]
