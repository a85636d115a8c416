"""Options of the store: which file, how often it is made durable, what happens to rejects."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from daemon.config.section import DataPath, Seconds, Section, SizeBytes


class CommitRules(Section):
    """When written points are made durable, and their messages acknowledged."""

    interval_s: Seconds = Field(default=5.0, validation_alias="interval", gt=0, le=3600)
    """At the latest after this time; a longer one spares an SD card."""
    points: int = Field(default=500, ge=1, le=1_000_000)
    """At the latest when so many points wait."""


class RejectsConfig(Section):
    """The file that keeps what could not be mapped."""

    path: str = Field(default="rejects.jsonl", min_length=1)
    """Relative to the data file's folder."""
    max_size_bytes: SizeBytes = Field(default=10_000_000, validation_alias="max_size", ge=10_000)
    """The file and its predecessor together stay below this."""


class StorageConfig(Section):
    """Where the points go."""

    path: DataPath = Field(default=Path("data.csv"), validate_default=True)
    """The CSV file. A relative path starts at the configuration file's folder; for a configuration
    under /etc, where a service does not write, at /var/lib/tinyflux-collector."""
    compact_keys: bool = True
    """Short prefixes (t_, f_) in new rows instead of the long ones (_tag_, _field_)."""
    commit: CommitRules = Field(default_factory=CommitRules)
    """When points are made durable."""
    sync: Literal["commit", "always", "never"] = "commit"
    """fsync at each commit, after every write, or never (the system decides: points that
    were acknowledged can be lost in a power cut)."""
    rejects: RejectsConfig = Field(default_factory=RejectsConfig)
    """What could not be mapped."""

    @field_validator("path")
    @classmethod
    def _check_path(cls, path: Path) -> Path:
        if path.suffix.lower() != ".csv":
            raise ValueError("the data file's name ends in .csv")
        return path

    @property
    def rejects_path(self) -> Path:
        """The reject file, absolute where the data file is."""
        return self.path.parent / self.rejects.path
