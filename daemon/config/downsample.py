"""Options of one tier of roll-ups: which windows, which statistics, where they go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from daemon.config.habits import suggest
from daemon.config.quantities import parse_duration
from daemon.config.section import Items, Name, Section, as_tuple

Statistic = Literal[
    "mean", "min", "max", "count", "sum", "first", "last", "std", "time_weighted_mean", "increase"
]

_EVERY = re.compile(r"([1-9][0-9]{0,5})\s*(s|m|h|d|w|mo|y)")
_UNIT_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400, "mo": 31 * 86_400,
           "y": 366 * 86_400}  # fmt: skip
_DAY_S = 86_400


def longest_s(every: str) -> float:
    """Seconds of the longest window of a length as `5m`, `1h`, `1d` or `1mo`.

    A day that a clock change makes longer has two hours more at most.

    Raises:
        ValueError: for what is no such length.
    """
    match = _EVERY.fullmatch(every.strip())
    if match is None:
        raise ValueError(
            "a window is a whole number and one unit, such as 5m, 1h, 1d, 1w, 1mo or 1y; units: s, "
            "m (minutes), h, d, w, mo (months), y"
        )
    length_s = int(match[1]) * _UNIT_S[match[2]]
    return length_s if length_s < _DAY_S else length_s + 2 * 3600


def _check_every(text: str) -> str:
    length_s = longest_s(text)
    if length_s < _DAY_S and _DAY_S % length_s:
        raise ValueError("a window shorter than a day divides the day, such as 5m, 15m, 1h or 6h")
    return text.strip().replace(" ", "")


EveryText = Annotated[str, AfterValidator(_check_every)]
"""The length of a window, as the engine's `aggregate` takes it."""


def nests_in(fine: str, coarse: str) -> bool:
    """Whether windows of one length are cut by no border of longer ones."""
    (n, unit), (m, wide) = _parts(fine), _parts(coarse)
    if wide in ("mo", "y"):
        months = m * (12 if wide == "y" else 1)
        if unit in ("mo", "y"):
            return months % (n * (12 if unit == "y" else 1)) == 0 and fine != coarse
        return n * _UNIT_S[unit] <= _DAY_S
    if unit in ("mo", "y"):
        return False
    length_s, wide_s = n * _UNIT_S[unit], m * _UNIT_S[wide]
    if (wide_s % _UNIT_S["w"] == 0) and length_s > _DAY_S and length_s % _UNIT_S["w"]:
        return False  # weeks are counted from a Monday, days from 1970-01-01
    return wide_s % length_s == 0 and wide_s > length_s


def _parts(every: str) -> tuple[int, str]:
    match = _EVERY.fullmatch(every)
    assert match is not None
    return int(match[1]), match[2]


def as_age(value: object) -> object:
    """`forever` as None; else a duration."""
    return None if value is None or value == "forever" else parse_duration(value)


Age = Annotated[float | None, BeforeValidator(as_age)]
"""A duration with a unit in the text, or `forever`; seconds or None in the model."""


def _as_statistics(value: object) -> object:
    return (value,) if isinstance(value, str) else as_tuple(value)


Statistics = Annotated[tuple[Statistic, ...], BeforeValidator(_as_statistics)]
"""One statistic, or a list of them."""

FieldStatistics: TypeAlias = dict[Name, Statistics | None]


def _as_how(value: object) -> object:
    """Checked as a whole, so that one slip is one problem."""
    parts = value.values() if isinstance(value, dict) else [value]
    for part in parts:
        names = [part] if isinstance(part, str) else part
        for name in names if isinstance(names, list) else ():
            if name not in get_args(Statistic):
                meant = suggest(str(name), get_args(Statistic))
                hint = f"did you mean `{meant}`? " if meant else ""
                raise ValueError(f"{hint}{name!r} is none of {', '.join(get_args(Statistic))}")
    return value


class RollupTier(Section):
    """Points of windows of one length. `sum` and `count` of each field are always kept."""

    every: EveryText
    """The length of a window: 5m, 15m, 1h, 1d, 1w, 1mo, 1y. Windows of a day or more follow the
    calendar of collector.timezone."""
    max_age_s: Age = Field(default=None, validation_alias="max_age", gt=0)
    """Older windows go; forever is the default."""
    how: Annotated[Statistics | FieldStatistics | None, BeforeValidator(_as_how)] = None
    """Statistics for all fields ([mean, min, max]), or by field ({watt: mean, "*": [min, max],
    note: null}): "*" is for the fields that are not named, null leaves a field out for good.
    Without it mean, min and max; time_weighted_mean, min and max where the points are thinned
    (deadband, throttle); increase for counters."""
    by: Items[Name] | None = None
    """Tags that stay; points that differ only in others become one. Default: all tags."""
    into: Name | None = None
    """Measurement of the roll-ups; {measurement} in it is that of the points. Default:
    "{measurement}_5m" for windows of 5m."""

    @model_validator(mode="after")
    def _check(self) -> RollupTier:
        if isinstance(self.how, tuple) and not self.how:
            raise ValueError("`how` is empty; leave it out, or name statistics")
        return self

    def statistics_of(self, field: str) -> tuple[Statistic, ...] | None:
        """What was asked of a field: None where nothing was said, () where it is left out."""
        if self.how is None or isinstance(self.how, tuple):
            return self.how
        how: Mapping[str, tuple[Statistic, ...] | None] = self.how
        if field in how:
            return how[field] or ()
        return how.get("*") if "*" in how else None

    def target_of(self, measurement: str) -> str:
        """The measurement of the roll-ups of a measurement."""
        return (self.into or "{measurement}_" + self.every).replace("{measurement}", measurement)
