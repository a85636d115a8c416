"""Cron expressions: five fields as crontab(5) has them. Pure.

Weekdays are 0 and 7 for Sunday here, as in crontab; other libraries count from Monday.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_ITEM = re.compile(r"(?:(\*)|([0-9a-z]+)(?:-([0-9a-z]+))?)(?:/([0-9]{1,4}))?")
_LONGEST_MONTH = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}


@dataclass(frozen=True, slots=True)
class Cron:
    """The moments of a cron expression: every value of each field that fits."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    """Days of the month, 1 to 31."""
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday, 6 is Saturday."""
    either_day: bool
    """Both day fields are restricted: a day fits when one of them does (crontab(5))."""


def parse_cron(text: str) -> Cron:
    """The moments of a text as `*/15 * * * *`, `0 6 * * mon-fri`, `@daily`.

    Raises:
        ValueError: where it is no cron expression, or one that never comes (30 February).
    """
    fields = _MACROS.get(text.strip().lower(), text).lower().split()
    if len(fields) != 5:
        raise ValueError(
            f"a cron expression has five fields (minute hour day month weekday), here are "
            f'{len(fields)}; examples: "*/15 * * * *", "0 6 * * mon-fri"'
        )
    minutes = _parse_field(fields[0], "minute", 0, 59, [])
    hours = _parse_field(fields[1], "hour", 0, 23, [])
    days = _parse_field(fields[2], "day", 1, 31, [])
    months = _parse_field(fields[3], "month", 1, 12, _MONTHS)
    weekdays = frozenset(day % 7 for day in _parse_field(fields[4], "weekday", 0, 7, _WEEKDAYS))
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    if not either and all(min(days) > _LONGEST_MONTH.get(month, 31) for month in months):
        raise ValueError(f"the day {min(days)} never comes in the months given")
    return Cron(minutes, hours, days, months, weekdays, either)


def _parse_field(text: str, what: str, low: int, high: int, names: list[str]) -> frozenset[int]:
    values: set[int] = set()
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if match is None:
            raise ValueError(f"the {what} {item!r} is none of *, 5, 1-5, */15, 1-30/2")
        star, first, last, step = match.groups()
        start = low if star else _number(first, what, low, high, names)
        if star or (step and not last):
            end = high
        else:
            end = _number(last, what, low, high, names) if last else start
        if what == "weekday" and star:
            end = 6
        if what == "weekday" and last == "sun":
            end = 7
        if end < start:
            raise ValueError(f"the {what} range {item!r} runs backwards")
        if step is not None and not 0 < int(step) <= high:
            raise ValueError(f"the step in the {what} {item!r} is between 1 and {high}")
        values.update(range(start, end + 1, int(step or 1)))
    return frozenset(values)


def _number(text: str, what: str, low: int, high: int, names: list[str]) -> int:
    if text in names:
        return names.index(text) + low
    if not text.isdigit() or not low <= int(text[:9]) <= high:
        listed = f" or {', '.join(names)}" if names else ""
        raise ValueError(f"the {what} {text!r} is not between {low} and {high}{listed}")
    return int(text)


def _check_cron(text: str) -> str:
    parse_cron(text)
    return text


CronText = Annotated[str, AfterValidator(_check_cron)]
"""A cron expression in the configuration."""
