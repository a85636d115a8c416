"""A crontab line as crontab(5) means it, in the words of APScheduler 3.

APScheduler counts weekdays from Monday = 0 where cron counts from Sunday = 0, and wants both the
day of month and the day of week to fit where cron wants either. Pure text work.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_LONGEST_MONTH = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_PART = re.compile(r"(\*|(\w+)(?:-(\w+))?)(?:/(\d+))?")


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    title: str
    low: int
    high: int
    words: tuple[str, ...] = ()
    word_offset: int = 0


_FIELDS = (
    _Field("minute", "minute", 0, 59),
    _Field("hour", "hour", 0, 23),
    _Field("day", "day of month", 1, 31),
    _Field("month", "month", 1, 12, _MONTHS, 1),
    _Field("day_of_week", "day of week", 0, 7, _WEEKDAYS, 0),
)


def crontab_fields(line: str) -> Sequence[Mapping[str, str]]:
    """The arguments of one or two CronTriggers; the line means the union of their times.

    Raises ValueError, in words for a person, for a line that cron would not take or that names a
    day which no month has.
    """
    texts = _MACROS.get(line.strip().lower(), line).split()
    if len(texts) != len(_FIELDS):
        raise ValueError(
            f"cron line {line!r}: found {len(texts)} fields; allowed: five (minute, hour, day of "
            f"month, month, day of week) such as '*/15 * * * *', or one of {', '.join(_MACROS)}"
        )
    numbers = {
        field.name: _numbers(field, text, line) for field, text in zip(_FIELDS, texts, strict=True)
    }
    is_any_day, is_any_weekday = texts[2].startswith("*"), texts[4].startswith("*")
    weekdays = sorted({number % 7 for number in numbers["day_of_week"]})
    fields = {name: ",".join(map(str, found)) for name, found in numbers.items()}
    fields["day_of_week"] = ",".join(_WEEKDAYS[number] for number in weekdays)
    if is_any_day or is_any_weekday:
        if max(_LONGEST_MONTH[month - 1] for month in numbers["month"]) < min(numbers["day"]):
            raise ValueError(f"cron line {line!r}: no such day in that month, it would never run")
        return (fields,)
    # crontab(5): where both days are restricted, the line runs when either fits.
    return ({**fields, "day_of_week": "*"}, {**fields, "day": "*"})


def _numbers(field: _Field, text: str, line: str) -> list[int]:
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        if match is None:
            raise _refusal(field, part, line)
        first, last, step = match[2], match[3], int(match[4] or 1)
        if match[1] == "*":
            low, high = field.low, 6 if field.name == "day_of_week" else field.high
        else:
            low = _number(field, first, part, line)
            # `5/10` is from 5 to the end in steps, `5` alone only 5.
            high = field.high if match[4] else low
            if last is not None:
                high = _number(field, last, part, line)
        if step < 1 or low > high:
            raise _refusal(field, part, line)
        found.update(range(low, high + 1, step))
    return sorted(found)


def _number(field: _Field, text: str, part: str, line: str) -> int:
    if text.lower() in field.words:
        return field.words.index(text.lower()) + field.word_offset
    if not text.isdecimal() or not field.low <= int(text) <= field.high:
        raise _refusal(field, part, line)
    return int(text)


def _refusal(field: _Field, part: str, line: str) -> ValueError:
    words = f" or {field.words[0]} to {field.words[-1]}" if field.words else ""
    return ValueError(
        f"cron line {line!r}: found {part!r} as {field.title}; allowed: {field.low} to "
        f"{field.high}{words}, with * , - and / as in crontab"
    )
