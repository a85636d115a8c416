"""Options of retention: which points go when, and which stored points are changed."""

from __future__ import annotations

from pydantic import Field, model_validator

from daemon.config.cron import CronText
from daemon.config.section import Items, Name, Seconds, Section, Tags


class Match(Section):
    """Which points: all that is given must fit. Values may have * and ? ("test*")."""

    measurement: Name | None = None
    """Measurement of the points."""
    tags: Tags = Field(default_factory=dict)
    """Tags the points must have."""

    @model_validator(mode="after")
    def _check(self) -> Match:
        if self.measurement is None and not self.tags:
            raise ValueError('give `measurement` or `tags`; `measurement: "*"` means every point')
        return self


class Update(Section):
    """What to change in the points that match."""

    measurement: Name | None = None
    """New measurement."""
    tags: Tags = Field(default_factory=dict)
    """Tags to set."""
    unset_tags: Items[Name] = ()
    """Tags to remove."""

    @model_validator(mode="after")
    def _check(self) -> Update:
        if self.measurement is None and not self.tags and not self.unset_tags:
            raise ValueError("give at least one of `measurement`, `tags` and `unset_tags`")
        if both := sorted(set(self.tags) & set(self.unset_tags)):
            raise ValueError(f"`tags` and `unset_tags` both name {', '.join(both)}")
        return self


class RetentionRule(Section):
    """Points that match are removed after `max_age`, or changed by `update`."""

    name: Name
    """Unique; used in logs."""
    match: Match
    """Which points."""
    max_age_s: Seconds | None = Field(default=None, validation_alias="max_age", gt=0)
    """Older points are removed."""
    update: Update | None = None
    """Change of the points."""
    once: bool = False
    """With `update`: only the points that exist at the next run, not at each run."""

    @model_validator(mode="after")
    def _check(self) -> RetentionRule:
        if (self.max_age_s is None) == (self.update is None):
            raise ValueError("give either `max_age` or `update`")
        if self.once and self.update is None:
            raise ValueError("`once` needs `update`")
        return self


class RetentionConfig(Section):
    """When the rules run, in order."""

    every_s: Seconds | None = Field(default=None, validation_alias="every", ge=60)
    """Interval; default 1d where there is no `cron`."""
    cron: CronText | None = None
    """Five fields as in crontab, in collector.timezone; instead of `every`."""
    rules: Items[RetentionRule] = ()
    """What to do."""

    @model_validator(mode="after")
    def _check(self) -> RetentionConfig:
        if self.every_s is not None and self.cron is not None:
            raise ValueError("`every` and `cron` exclude each other: give one of them")
        return self

    @property
    def interval_s(self) -> float | None:
        """The interval, or None where `cron` decides."""
        return self.every_s or (86400.0 if self.cron is None else None)
