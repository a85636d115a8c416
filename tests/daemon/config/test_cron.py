"""Cron expressions mean what crontab(5) says."""

from __future__ import annotations

import pytest

from daemon.config import parse_cron

EVERY_MONTH = frozenset(range(1, 13))


@pytest.mark.parametrize(
    ("text", "minutes", "hours"),
    [
        pytest.param("*/15 * * * *", {0, 15, 30, 45}, set(range(24)), id="steps"),
        pytest.param("5 6 * * *", {5}, {6}, id="moment"),
        pytest.param("0,30 6-8 * * *", {0, 30}, {6, 7, 8}, id="list-and-range"),
        pytest.param("10-20/5 0-23/12 * * *", {10, 15, 20}, {0, 12}, id="range-with-steps"),
        pytest.param("50/5 0 * * *", {50, 55}, {0}, id="steps-from-a-start"),
        pytest.param("@hourly", {0}, set(range(24)), id="hourly"),
        pytest.param("@daily", {0}, {0}, id="daily"),
        pytest.param("  7  8 * * * ", {7}, {8}, id="blanks"),
    ],
)
def test_minutes_and_hours(text: str, minutes: set[int], hours: set[int]) -> None:
    cron = parse_cron(text)
    assert (cron.minutes, cron.hours) == (minutes, hours)
    assert (cron.months, cron.either_day) == (EVERY_MONTH, False)


@pytest.mark.parametrize(
    ("field", "weekdays"),
    [
        pytest.param("*", {0, 1, 2, 3, 4, 5, 6}, id="any"),
        pytest.param("0", {0}, id="sunday-is-0"),
        pytest.param("7", {0}, id="sunday-is-7-too"),
        pytest.param("mon", {1}, id="name"),
        pytest.param("MON-FRI", {1, 2, 3, 4, 5}, id="range-of-names"),
        pytest.param("5-7", {5, 6, 0}, id="range-to-sunday"),
        pytest.param("fri-sun", {5, 6, 0}, id="range-of-names-to-sunday"),
        pytest.param("*/2", {0, 2, 4, 6}, id="steps"),
    ],
)
def test_weekdays_count_from_sunday(field: str, weekdays: set[int]) -> None:
    assert parse_cron(f"0 0 * * {field}").weekdays == weekdays


@pytest.mark.parametrize(
    ("text", "either"),
    [
        pytest.param("0 0 13 * fri", True, id="both-restricted"),
        pytest.param("0 0 13 * *", False, id="day-only"),
        pytest.param("0 0 * * fri", False, id="weekday-only"),
        pytest.param("0 0 */2 * fri", False, id="steps-count-as-star"),
    ],
)
def test_either_day_is_enough_where_both_are_restricted(text: str, either: bool) -> None:
    assert parse_cron(text).either_day is either


def test_months_have_names() -> None:
    assert parse_cron("0 0 1 jan,JUL-sep *").months == {1, 7, 8, 9}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("* * * *", "here are 4", id="four-fields"),
        pytest.param("* * * * * *", "here are 6", id="six-fields"),
        pytest.param("", "here are 0", id="empty"),
        pytest.param("60 * * * *", "minute '60' is not between 0 and 59", id="minute"),
        pytest.param("* 24 * * *", "hour '24' is not between 0 and 23", id="hour"),
        pytest.param("* * 0 * *", "day '0' is not between 1 and 31", id="day"),
        pytest.param("* * * 13 *", "month '13' is not between 1 and 12 or jan", id="month"),
        pytest.param("* * * * 8", "weekday '8' is not between 0 and 7 or sun", id="weekday"),
        pytest.param("a * * * *", "minute 'a' is not", id="word"),
        pytest.param("*/0 * * * *", "step", id="step-of-none"),
        pytest.param("*/99 * * * *", "step", id="step-too-wide"),
        pytest.param("9-3 * * * *", "runs backwards", id="backwards"),
        pytest.param("1,,2 * * * *", "minute '' is none of", id="empty-item"),
        pytest.param("-5 * * * *", "minute '-5' is none of", id="negative"),
        pytest.param("0 0 30 feb *", "30 never comes", id="30-february"),
        pytest.param("0 0 31 4,6,9,11 *", "31 never comes", id="31-of-short-months"),
        pytest.param("@reboot", "here are 1", id="reboot"),
    ],
)
def test_what_cron_would_not_take_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        parse_cron(text)
