"""Every error the collector raises on purpose.

CollectorError
├── ConfigError      the configuration cannot be used; carries every problem found
├── RequestError     what a command was asked for cannot be given: a name, a time, a file
├── StartError       something the collector needs to run is missing or taken
└── SourceError      a source cannot deliver now; the collector keeps running
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

EX_USAGE = 64
EX_DATAERR = 65
EX_NOINPUT = 66
EX_UNAVAILABLE = 69
EX_SOFTWARE = 70
EX_CANTCREAT = 73
EX_IOERR = 74
EX_NOPERM = 77
EX_CONFIG = 78


class CollectorError(Exception):
    """What went wrong and what to do; `exit_status` is the process's status if it ends for it."""

    exit_status = EX_SOFTWARE


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in a configuration: where it is, what was found, what is allowed."""

    file: str
    line: int
    """1-based; 0 where no line can be named."""
    key_path: str
    """As `sources[2].fields.temperature.unit`."""
    found: str
    allowed: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key_path}: found {self.found}; {self.allowed}"


class ConfigError(CollectorError):
    """Every problem of a configuration at once, one line each."""

    exit_status = EX_CONFIG

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class RequestError(CollectorError):
    """What a command was asked for cannot be given; the text says what can."""

    def __init__(self, message: str, exit_status: int = EX_DATAERR) -> None:
        super().__init__(message)
        self.exit_status = exit_status


class StartError(CollectorError):
    """The collector cannot start; the text names the remedy."""

    def __init__(self, message: str, exit_status: int = EX_UNAVAILABLE) -> None:
        super().__init__(message)
        self.exit_status = exit_status


class SourceError(CollectorError):
    """A broker or a poll cannot deliver now; it is counted, logged and tried again."""

    exit_status = EX_UNAVAILABLE
