"""Options of retention: which points go when, what stays of them, which are changed."""

from __future__ import annotations

import re
from datetime import datetime, time
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from daemon.config.cron import CronText, parse_cron
from daemon.config.downsample import Age, RollupTier, longest_s, nests_in
from daemon.config.quantities import parse_number
from daemon.config.section import DataPath, Items, Name, Number, Seconds, Section, SizeBytes, Tags

_CONDITION = re.compile(r"(>=|<=|==|!=|>|<)\s*(-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)")
_SHARE = re.compile(r"(\d{1,3}(?:\.\d+)?)\s*%")
_QUIET = re.compile(r"(\d{1,2}:\d{2})\s*-\s*(\d{1,2}:\d{2})")
_DAY_S = 86_400.0


def parse_condition(text: str) -> tuple[str, float | None]:
    """Comparison and number of a text as `> 80`; `exists` and None for `exists`.

    Raises:
        ValueError: for anything else.
    """
    if text.strip() == "exists":
        return "exists", None
    match = _CONDITION.fullmatch(text.strip())
    if match is None:
        raise ValueError('a condition is a comparison such as "> 80" or "== 0", or `exists`')
    return match[1], float(match[2])


def _as_condition(value: object) -> object:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"== {parse_number(value)}"
    if not isinstance(value, str):
        raise ValueError('a condition is a text such as "> 80", "== 0" or `exists`, or a number')
    parse_condition(value)
    return value


Condition = Annotated[str, BeforeValidator(_as_condition)]
"""A condition as it was written; `parse_condition` reads it."""


def _as_share(value: object) -> object:
    match = _SHARE.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or float(match[1]) > 100:
        raise ValueError("a share is text such as 50%, from 0% to 100%")
    return float(match[1]) / 100


Share = Annotated[float, BeforeValidator(_as_share)]
"""A text in per cent; 0 to 1 in the model."""


def parse_hours(text: str) -> tuple[time, time]:
    """Begin and end of a text as `03:00-05:00`; the end may lie on the next day.

    Raises:
        ValueError: for anything else.
    """
    match = _QUIET.fullmatch(text.strip())
    try:
        if match is None:
            raise ValueError
        begin, end = (datetime.strptime(part, "%H:%M").time() for part in match.groups())
    except ValueError:
        raise ValueError('hours are written as "03:00-05:00", each from 00:00 to 23:59') from None
    if begin == end:
        raise ValueError("the hours end when they begin; leave them out for all day")
    return begin, end


def is_within(hours: str, moment: time) -> bool:
    """Whether a time of day lies in hours such as `03:00-05:00`."""
    begin, end = parse_hours(hours)
    if begin < end:
        return begin <= moment < end
    return moment >= begin or moment < end


def _check_hours(text: str) -> str:
    parse_hours(text)
    return text


class Match(Section):
    """Which points: all that is given must fit. Texts may have * and ? ("test*")."""

    measurement: Name | None = None
    """Measurement of the points. Roll-ups are meant only by their own name without * and ?."""
    tags: Tags = Field(default_factory=dict)
    """Tags the points must have."""
    fields: dict[Name, Condition] = Field(default_factory=dict)
    """Conditions on fields: {temperature: "> 80"}; comparisons are >, >=, <, <=, == and !=;
    `exists` is for any value."""

    @model_validator(mode="after")
    def _check(self) -> Match:
        if self.measurement is None and not self.tags and not self.fields:
            raise ValueError(
                'give `measurement`, `tags` or `fields`; `measurement: "*"` means every point'
            )
        return self


class Update(Section):
    """What to change in the points that match."""

    measurement: Name | None = None
    """New measurement."""
    tags: Tags = Field(default_factory=dict)
    """Tags to set."""
    unset_tags: Items[Name] = ()
    """Tags to remove."""
    fields: dict[Name, Number] = Field(default_factory=dict)
    """Fields to set."""
    unset_fields: Items[Name] = ()
    """Fields to remove."""
    scale: dict[Name, Number] = Field(default_factory=dict)
    """Fields to multiply by a number; needs `once: true`."""

    @model_validator(mode="after")
    def _check(self) -> Update:
        if not any(getattr(self, name) for name in type(self).model_fields):
            raise ValueError(
                "give at least one of `measurement`, `tags`, `unset_tags`, `fields`, "
                "`unset_fields` and `scale`"
            )
        for one, other in (
            ("tags", "unset_tags"),
            ("fields", "unset_fields"),
            ("scale", "unset_fields"),
            ("scale", "fields"),
        ):
            if both := sorted(set(getattr(self, one)) & set(getattr(self, other))):
                raise ValueError(f"`{one}` and `{other}` both name {', '.join(both)}")
        return self


class RetentionRule(Section):
    """What becomes of the points that match: they are removed, rolled up, or changed."""

    name: Name
    """Unique; used in logs."""
    match: Match
    """Which points."""
    max_age_s: Age = Field(default=None, validation_alias="max_age", gt=0)
    """Older points are removed; with `downsample` whole windows of them, once rolled up."""
    max_points: int | None = Field(default=None, ge=1)
    """Of all that match only so many stay, the newest."""
    keep_last: int = Field(default=0, ge=0, le=1000)
    """The newest points of each series (measurement and tags) stay, however old they are."""
    downsample: Items[RollupTier] = ()
    """Tiers of roll-ups, from fine to coarse; each is made from the one before."""
    late_s: Seconds | None = Field(default=None, validation_alias="late")
    """A window is rolled up when it has been over for so long; default 1d, less where the age
    of the points leaves no room for that. A point that comes later still corrects its window."""
    hold_s: Seconds | None = Field(default=None, validation_alias="hold", gt=0)
    """How long a value holds without a next one, for time_weighted_mean; default: the greatest
    max_silence or expire_after of the rules that write this measurement, 1d without one."""
    archive: DataPath | None = None
    """Folder: what is removed is written there first, a gzip CSV file a month. A relative path
    starts at the data's folder."""
    update: Update | None = None
    """Change of the points."""
    once: bool = False
    """With `update`: only the points that exist at the next run, not at each run."""

    @model_validator(mode="after")
    def _check(self) -> RetentionRule:
        removes = self.max_age_s is not None or self.max_points is not None
        if (self.update is None) != (removes or bool(self.downsample)):
            raise ValueError(
                "give either `max_age`, `max_points` or `downsample`, or else `update`"
            )
        if self.once and self.update is None:
            raise ValueError("`once` needs `update`")
        if self.update is not None and self.update.scale and not self.once:
            raise ValueError("`scale` needs `once: true`: each run would multiply again")
        for key, is_given in (("keep_last", self.keep_last), ("archive", self.archive)):
            if is_given and not removes:
                raise ValueError(f"`{key}` needs `max_age` or `max_points`: nothing is removed")
        for key, value in (("late", self.late_s), ("hold", self.hold_s)):
            if value is not None and not self.downsample:
                raise ValueError(f"`{key}` needs `downsample`")
        if self.downsample:
            self._check_tiers()
        return self

    def _check_tiers(self) -> None:
        name = self.match.measurement
        if name is None:
            raise ValueError('`downsample` needs `match.measurement`; "*" means any')
        for place, (fine, coarse) in enumerate(pairwise(self.downsample), 1):
            if not nests_in(fine.every, coarse.every):
                raise ValueError(
                    f"downsample[{place}].every: windows of {coarse.every} are not made of whole "
                    f"windows of {fine.every}; order the tiers from fine to coarse, each a "
                    "multiple of the one before"
                )
        self._check_targets(name)
        self._check_ages()

    def _check_targets(self, name: str) -> None:
        is_pattern = "*" in name or "?" in name
        known = {} if is_pattern else {name: "the points themselves"}
        for place, tier in enumerate(self.downsample):
            if is_pattern and tier.into is not None and "{measurement}" not in tier.into:
                raise ValueError(
                    f"downsample[{place}].into: {name!r} may be many measurements, whose roll-ups "
                    'would mix; write "{measurement}" into the name'
                )
            target = tier.target_of(name)
            if is_pattern and target == name:
                target = "the points themselves"
                known[target] = target
            if target in known:
                raise ValueError(
                    f"downsample[{place}].into: {target!r} is where {known[target]} are: a chain "
                    "into itself; give each tier a measurement of its own"
                )
            known[target] = f"the roll-ups of downsample[{place}]"

    def _check_ages(self) -> None:
        age_s, what = self.max_age_s, "max_age"
        for place, tier in enumerate(self.downsample):
            need_s = longest_s(tier.every) + (self.late_s or 0.0)
            if age_s is not None and age_s < need_s:
                raise ValueError(
                    f"{what} is shorter than one window of downsample[{place}] ({tier.every}) and "
                    "`late`: points would go before they can be rolled up; give them more time"
                )
            if age_s is None and tier.max_age_s is not None and place:
                raise ValueError(
                    f"downsample[{place}].max_age: coarser windows cannot go before finer ones, "
                    f"which stay forever ({what})"
                )
            if age_s is not None and tier.max_age_s is not None and tier.max_age_s <= age_s:
                raise ValueError(
                    f"downsample[{place}].max_age is not longer than {what}: roll-ups would go "
                    "before what they are made of"
                )
            age_s, what = tier.max_age_s, f"downsample[{place}].max_age"

    @property
    def late_or_default_s(self) -> float:
        """How long after its end a window is rolled up."""
        if self.late_s is not None or not self.downsample:
            return self.late_s or 0.0
        ages = (self.max_age_s, *(tier.max_age_s for tier in self.downsample[:-1]))
        room = [
            age_s - longest_s(tier.every)
            for age_s, tier in zip(ages, self.downsample, strict=True)
            if age_s is not None
        ]
        return max(0.0, min(_DAY_S, *room)) if room else _DAY_S


class RetentionConfig(Section):
    """When the rules run, in order."""

    every_s: Seconds | None = Field(default=None, validation_alias="every", ge=60)
    """Interval; default 1d where there is no `cron`."""
    cron: CronText | None = None
    """Five fields as in crontab, in collector.timezone; instead of `every`."""
    quiet_hours: Annotated[str, AfterValidator(_check_hours)] | None = None
    """Hours of collector.timezone such as "03:00-05:00": the file is only rewritten then, unless
    it is over max_size or room is short. Roll-ups are added at any time."""
    rewrite_threshold: Share = 0.5
    """A file of more than 10 MB is rewritten when so much of it can go."""
    undo_s: Seconds = Field(default=0.0, validation_alias="undo", ge=0)
    """How long `retention --undo` can bring back what a run changed; 0d: not at all."""
    max_size_bytes: SizeBytes | None = Field(
        default=None, validation_alias="max_size", ge=1_000_000
    )
    """Of the data file: beyond it the oldest points of the last rule go, then those of the rule
    before it, until a fifth is free again."""
    on_low_disk: Literal["pause", "drop_archives", "drop_oldest"] = "pause"
    """When a rewrite would soon not fit on the disk any more: say so and leave it to a person,
    delete the oldest archives (copies for undo first), or remove the oldest points too."""
    rules: Items[RetentionRule] = ()
    """What to do."""

    @model_validator(mode="after")
    def _check(self) -> RetentionConfig:
        if self.every_s is not None and self.cron is not None:
            raise ValueError("`every` and `cron` exclude each other: give one of them")
        if self.quiet_hours is not None and (self.every_s or 0.0) > _DAY_S:
            raise ValueError("with `quiet_hours`, `every` is 1d at most; `cron` can say more")
        if self.quiet_hours is not None and self.cron is not None:
            cron = parse_cron(self.cron)
            moments = (time(hour, minute) for hour in cron.hours for minute in cron.minutes)
            if not any(is_within(self.quiet_hours, moment) for moment in moments):
                raise ValueError(
                    "`cron` never comes in the `quiet_hours`, so the file would never be rewritten"
                )
        return self

    @property
    def interval_s(self) -> float | None:
        """The interval, or None where `cron` decides."""
        return self.every_s or (_DAY_S if self.cron is None else None)
