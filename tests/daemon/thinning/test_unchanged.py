"""What says nothing new is left out: deadband and max_silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.thinning import SeriesMemory
from tests.daemon.thinning.stages import START_US, Stage, words


def test_a_rule_without_these_options_stores_everything(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    for second in range(3):
        stage.send({"a": 1}, second)
    assert words(stage.outcomes()) == "stored stored stored"


def test_equal_values_are_left_out(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "deadband: 0")
    for second, value in enumerate([1, 1, 2, 2, 1]):
        stage.send({"a": value}, second)
    assert stage.rows() == [(0, {"a": 1.0}), (2, {"a": 2.0}), (4, {"a": 1.0})]
    assert words(stage.outcomes()) == "stored unchanged stored unchanged stored"


@pytest.mark.parametrize(
    ("deadband", "values", "stored"),
    [
        pytest.param("0.1", [20.0, 20.05, 20.1, 20.11, 20.05], [20.0, 20.11], id="number"),
        pytest.param("0.1", [21.4, 21.5, 21.3, 21.6], [21.4, 21.6], id="no rounding error"),
        pytest.param("0.1", [5, 4.95, 4.85], [5, 4.85], id="downwards"),
        pytest.param("0.1", [1, 1.06, 1.12, 1.18], [1, 1.12], id="slow drift"),
        pytest.param("1%", [200, 201, 202, 202.1, 200.5], [200, 202.1], id="share"),
        pytest.param("1%", [-200, -201, -203], [-200, -203], id="share of a negative value"),
        pytest.param("1%", [0, 0.001, 0], [0, 0.001, 0], id="share of zero"),
        pytest.param("0.5%", [1000, 1005, 1006], [1000, 1006], id="part of a per cent"),
    ],
)
def test_a_value_is_stored_if_it_has_moved_further_than_the_deadband(
    tmp_path: Path, deadband: str, values: list[float], stored: list[float]
) -> None:
    stage = Stage(tmp_path, f"fields: {{a: {{deadband: {deadband}}}}}")
    for second, value in enumerate(values):
        stage.send({"a": value}, second)
    assert [fields["a"] for _, fields in stage.rows()] == stored


def test_the_last_stored_value_is_never_further_away_than_the_deadband(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "fields: {a: {deadband: 0.5}}")
    values = [20 + (second * 7919 % 1000) / 400 for second in range(500)]
    stored = None
    worst = 0.0
    for second, value in enumerate(values):
        ticket = stage.send({"a": value}, second)
        for point in ticket.mapped.points:
            stored = point.fields["a"]
        assert stored is not None
        worst = max(worst, abs(stored - value))
    assert 0.4 < worst <= 0.5
    assert len(stage.points()) < len(values)


def test_a_point_is_stored_whole_when_one_field_has_moved(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "fields: {t: {deadband: 0.1}, h: {deadband: 1}}")
    stage.send({"t": 20, "h": 50}, 0)
    stage.send({"t": 20.05, "h": 50.5}, 1)
    stage.send({"t": 20.05, "h": 52}, 2)
    assert stage.rows() == [(0, {"t": 20.0, "h": 50.0}), (2, {"t": 20.05, "h": 52.0})]


def test_what_is_stored_beside_a_change_is_what_later_values_are_held_against(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path, "fields: {t: {deadband: 0.1}, h: {deadband: 1}}")
    stage.send({"t": 20, "h": 50}, 0)
    stage.send({"t": 20.08, "h": 60}, 1)
    stage.send({"t": 20.16, "h": 60}, 2)
    assert len(stage.rows()) == 2


def test_fields_without_a_deadband_are_left_out_while_they_are_equal(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "fields: {t: {deadband: 0.5}, n: {}}")
    stage.send({"t": 20, "n": 1}, 0)
    stage.send({"t": 20.2, "n": 1}, 1)
    stage.send({"t": 20.2, "n": 2}, 2)
    assert words(stage.outcomes()) == "stored unchanged stored"


def test_a_field_goes_before_its_rule(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "deadband: 5, fields: {a: {deadband: 0}, b: {}}")
    stage.send({"a": 1, "b": 1}, 0)
    stage.send({"a": 1, "b": 6}, 1)
    stage.send({"a": 2, "b": 6}, 2)
    assert words(stage.outcomes()) == "stored unchanged stored"


@pytest.mark.parametrize(
    ("topic", "fields", "payloads"),
    [
        pytest.param("t/+id/+what", '"{what}": {deadband: 1}', ["1", "1.5", "3"], id="braces"),
        pytest.param(
            "t/+id/a", '"*": {deadband: 1}', ['{"x": 1}', '{"x": 1.5}', '{"x": 3}'], id="*"
        ),
    ],
)
def test_the_deadband_of_a_key_is_for_every_field_that_it_names(
    tmp_path: Path, topic: str, fields: str, payloads: list[str]
) -> None:
    rule = f"{{topic: '{topic}', measurement: m, fields: {{{fields}}}}}"
    stage = Stage(tmp_path, text=f"sources: [{rule}]\n")
    for second, payload in enumerate(payloads):
        stage.send(payload, second, "t/1/a")
    assert words(stage.outcomes()) == "stored unchanged stored"


def test_a_field_that_was_not_there_before_is_stored(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "deadband: 0")
    stage.send({"a": 1}, 0)
    stage.send({"a": 1, "b": 2}, 1)
    stage.send({"a": 1}, 2)
    stage.send({"b": 2}, 3)
    assert words(stage.outcomes()) == "stored stored unchanged unchanged"


def test_series_do_not_know_of_each_other(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "deadband: 0")
    stage.send({"a": 1}, 0, "t/1")
    stage.send({"a": 1}, 1, "t/2")
    stage.send({"a": 1}, 2, "t/1")
    assert words(stage.outcomes()) == "stored stored unchanged"


def test_after_max_silence_an_unchanged_value_is_stored(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "max_silence: 15m")
    for minute in range(0, 40, 4):
        stage.send({"a": 1}, minute * 60)
    assert [second / 60 for second, _ in stage.rows()] == [0, 16, 32]


def test_max_silence_counts_for_each_field(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "max_silence: 10m")
    for minute in range(13):
        stage.send({"power": minute} if minute % 3 else {"volt": 230}, minute * 60)
    assert [second / 60 for second, fields in stage.rows() if "volt" in fields] == [0, 12]


def test_the_reading_that_fits_is_compared_although_another_is_rejected(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "deadband: 0, fields: {a: {}, b: {max: 5}}")
    stage.send({"a": 1, "b": 1}, 0)
    ticket = stage.send({"a": 1, "b": 99}, 1)
    assert words(stage.outcomes()) == "stored rejected"
    assert ticket.mapped.points == ()
    assert ticket.mapped.kind == "range"


class TestTimes:
    """Clocks that are set, and readings that come late."""

    @pytest.mark.parametrize("step_s", [86_400.0, -86_400.0, 600.0, -600.0])
    def test_a_clock_step_alone_makes_no_news(self, tmp_path: Path, step_s: float) -> None:
        stage = Stage(tmp_path, "deadband: 0")
        stage.send({"a": 1}, 0)
        stage.wall_step_s = step_s
        stage.send({"a": 1}, 1)
        stage.send({"a": 2}, 2)
        stage.send({"a": 2}, 3)
        assert words(stage.outcomes()) == "stored unchanged stored unchanged"

    @pytest.mark.parametrize("step_s", [86_400.0, -86_400.0])
    def test_no_gap_of_the_stored_times_is_longer_than_max_silence(
        self, tmp_path: Path, step_s: float
    ) -> None:
        stage = Stage(tmp_path, "max_silence: 15m")
        stage.send({"a": 1}, 0)
        stage.wall_step_s = step_s
        stage.send({"a": 1}, 60)
        stage.send({"a": 1}, 120)
        assert words(stage.outcomes()) == "stored stored unchanged"

    def test_a_late_reading_is_stored_and_is_not_the_last_value(self, tmp_path: Path) -> None:
        stage = Stage(tmp_path, "time: $.ts, fields: {a: {deadband: 0.5}}")
        now = START_US / 1e6
        stage.send({"a": 5, "ts": now}, 1)
        stage.send({"a": 5, "ts": now - 300}, 2)
        stage.send({"a": 9, "ts": now - 200}, 3)
        stage.send({"a": 5.2, "ts": now + 3}, 4)
        assert words(stage.outcomes()) == "stored stored stored unchanged"

    def test_a_device_that_was_ahead_is_believed_again_when_the_clock_is_set_back(
        self, tmp_path: Path
    ) -> None:
        stage = Stage(tmp_path, "time: $.ts, deadband: 0")
        stage.wall_step_s = 365 * 86_400
        stage.send({"a": 1, "ts": START_US / 1e6 + 365 * 86_400}, 0)
        stage.wall_step_s = 0
        for second in (10, 20, 30):
            stage.send({"a": 1, "ts": START_US / 1e6 + second - 1}, second)
        assert words(stage.outcomes()) == "stored unchanged unchanged unchanged"


def test_the_series_silent_for_longest_are_forgotten_first(tmp_path: Path) -> None:
    memory = SeriesMemory(max_series=2)
    stage = Stage(tmp_path, "deadband: 0", memory=memory)
    for second, device in enumerate(["1", "2", "1", "3", "1", "2"]):
        stage.send({"a": 1}, second, f"t/{device}")
    assert words(stage.outcomes()) == "stored stored unchanged stored unchanged stored"


def test_ten_thousand_series_are_not_all_remembered(tmp_path: Path) -> None:
    memory = SeriesMemory(max_series=2_000)
    stage = Stage(tmp_path, "deadband: 0, expire_after: 1h, throttle: 10s", memory=memory)
    for number in range(0, 10_000, 10):
        stage.turn([(f"t/{number + more}", "1") for more in range(10)], number / 1000)
        stage.tickets.clear()
    assert len(memory) == 2_000
    assert memory.n_forgotten == 8_000
