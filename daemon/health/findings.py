"""What a look at an installation found: what is so, what it means, what to do about it."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


class Level(enum.StrEnum):
    """How urgent a finding is."""

    ERROR = "error"
    """Something does not work."""
    WARNING = "warning"
    """Data can be lost, or read by others."""
    NOTE = "note"
    """Worth knowing."""
    GOOD = "good"


_ORDER = tuple(Level)
_MARKS = {Level.ERROR: "!!", Level.WARNING: "! ", Level.NOTE: "- ", Level.GOOD: "ok"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found."""

    level: Level
    place: str
    """As `broker home`."""
    text: str
    remedy: str = ""
    """What to do; empty for what is good."""
    lines: tuple[str, ...] = ()
    """To be copied into a configuration, as the remedy says."""

    def as_json(self) -> dict[str, object]:
        """For a program."""
        return {
            "level": self.level.value,
            "place": self.place,
            "text": self.text,
            "remedy": self.remedy,
            "lines": list(self.lines),
        }


def by_urgency(findings: Iterable[Finding]) -> list[Finding]:
    """The most urgent first, otherwise in their order."""
    return sorted(findings, key=lambda finding: _ORDER.index(finding.level))


def finding_lines(findings: Iterable[Finding]) -> Iterator[str]:
    """For a person: one paragraph each."""
    for finding in findings:
        yield f"{_MARKS[finding.level]} {finding.place}: {finding.text}"
        if finding.remedy:
            yield f"   -> {finding.remedy}"
        yield from (f"        {line}" for line in finding.lines)
