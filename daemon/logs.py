"""Where the collector's log lines go and how they look; and repeats that are summed.

Set up once by the command. Four looks: for a terminal, for systemd's journal (its priority in
front of each line, sd-daemon(3)), plain with a full date for a file or a pipe, and JSON. Knows no
configuration model: it is handed names and words.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TextIO, TypeAlias

from daemon.clock import Clock

Look: TypeAlias = Literal["auto", "terminal", "journald", "plain", "json"]

PARTS: Mapping[str, tuple[str, ...]] = {
    "broker": ("amqtt", "daemon.sources.embedded"),
    "config": ("daemon.config",),
    "engine": ("tinyflux",),
    "health": ("daemon.health",),
    "mapping": ("daemon.mapping",),
    "mqtt": ("daemon.sources", "paho"),
    "polls": ("daemon.polls",),
    "retention": ("daemon.retention",),
    "scheduling": ("daemon.scheduling", "apscheduler"),
    "writer": ("daemon.writer",),
}
"""What `logging.levels` may name, and the loggers behind each name."""

_TRACEBACKS = logging.Formatter()
_LIBRARIES = ("amqtt", "apscheduler", "asyncio", "paho", "transitions")
_PRIORITIES = ((logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (logging.DEBUG, 7))
_COLOURS = ((logging.ERROR, "\x1b[31m"), (logging.WARNING, "\x1b[33m"))
# A password inside a URL, which a library's error text may repeat although nobody logs it here.
_URL_PASSWORD = re.compile(r"(://[^\s/:@]*):[^\s/@]+@")


def set_up(
    level: str = "info", look: Look = "auto", levels: Mapping[str, str] | None = None
) -> None:
    """Log lines go to stderr in this look from now on; a second call replaces the first.

    `levels` gives single `PARTS` a level of their own. Raises ValueError for an unknown level or
    part, before anything is changed.
    """
    chosen = {name: _level(word) for part, word in (levels or {}).items() for name in _names(part)}
    general = _level(level)
    handler = _StderrHandler()
    handler.setFormatter(_formatter(_resolved(look)))
    root = logging.getLogger()
    for old in [kept for kept in root.handlers if isinstance(kept, _StderrHandler)]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(general)
    for name in {name for names in PARTS.values() for name in names}:
        logging.getLogger(name).setLevel(chosen.get(name, logging.NOTSET))
    for name in _LIBRARIES:
        # A library tells each of its steps at INFO; that is our DEBUG.
        logging.getLogger(name).setLevel(chosen.get(name, max(general, logging.WARNING)))


def part_of(record: logging.LogRecord) -> str:
    """Which part of the collector says it, as it stands in front of its lines."""
    return record.name.removeprefix("daemon.")


def text_of(record: logging.LogRecord) -> str:
    """What it says, with an error's traceback, and without the passwords of URLs."""
    text = record.getMessage()
    if record.exc_info:
        text += "\n" + _TRACEBACKS.formatException(record.exc_info)
    return _without_passwords(text)


def under_journald() -> bool:
    """True when stderr itself is the journal's stream, and not merely one of our parents'."""
    try:
        status = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError, AttributeError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"


@dataclass(slots=True)
class _Seen:
    logged_at_s: float
    since: int = 0


class Repeats:
    """Logs the first of each key at once, and of those that follow one sum per `every_s`.

    Safe from any thread. At most `limit` keys are remembered; what comes beyond shares one.
    """

    def __init__(
        self, logger: logging.Logger, clock: Clock, *, every_s: float = 3600.0, limit: int = 500
    ) -> None:
        self._logger = logger
        self._clock = clock
        self._every_s = every_s
        self._limit = limit
        self._seen: dict[str, _Seen] = {}
        self._lock = threading.Lock()

    def log(self, level: int, key: str, message: str) -> bool:
        """Say `message` unless `key` was said within `every_s`; whether it was said."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            if key not in self._seen and len(self._seen) >= self._limit:
                key = "(others)"
            seen = self._seen.get(key)
            if seen is not None and now_s - seen.logged_at_s < self._every_s:
                seen.since += 1
                return False
            repeats = seen.since if seen is not None else 0
            self._seen[key] = _Seen(now_s)
        self._logger.log(level, "%s%s", message, _sum_text(repeats))
        return True

    def flush(self, level: int = logging.WARNING) -> None:
        """Say what was counted and not said yet, one line a key; for the end of a run."""
        with self._lock:
            waiting = [(key, seen.since) for key, seen in self._seen.items() if seen.since]
            for _, seen in self._seen.items():
                seen.since = 0
        for key, since in waiting:
            self._logger.log(level, "%s: %d more since it was last logged", key, since)


def _sum_text(repeats: int) -> str:
    return f" ({repeats} more like it since it was last logged)" if repeats else ""


def _level(word: str) -> int:
    known = {"debug": 10, "info": 20, "warning": 30, "error": 40}
    if word.lower() not in known:
        raise ValueError(f"found log level {word!r}; allowed: {', '.join(known)}")
    return known[word.lower()]


def _names(part: str) -> tuple[str, ...]:
    if part not in PARTS:
        raise ValueError(f"found log part {part!r}; allowed: {', '.join(PARTS)}")
    return PARTS[part]


def _resolved(look: Look) -> Look:
    if look != "auto":
        return look
    if under_journald():
        return "journald"
    return "terminal" if sys.stderr.isatty() else "plain"


def _formatter(look: Look) -> logging.Formatter:
    if look == "journald":
        return _JournalFormatter("%(part)s: %(message)s")
    if look == "json":
        return _JsonFormatter()
    if look == "terminal":
        is_coloured = "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        kind = _ColourFormatter if is_coloured else _Formatter
        return kind("%(asctime)s %(levelname)-7s %(part)s: %(message)s", datefmt="%H:%M:%S")
    return _Formatter("%(asctime)s %(levelname)-7s %(part)s: %(message)s", datefmt="%FT%T%z")


class _StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to what sys.stderr is now: the live table puts its own stream there meanwhile."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def _without_passwords(text: str) -> str:
    return _URL_PASSWORD.sub(r"\1:***@", text)


class _Formatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        record.part = part_of(record)
        return _without_passwords(super().format(record))


class _JsonFormatter(logging.Formatter):
    """A line of JSON each, for a program that collects logs."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "part": part_of(record),
            "text": text_of(record),
        }
        return json.dumps(line, ensure_ascii=False)


class _ColourFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        colour = next((code for level, code in _COLOURS if record.levelno >= level), "")
        return f"{colour}{text}\x1b[0m" if colour else text


class _JournalFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), 7)
        # The journal takes each line as an entry of its own, so each needs its priority.
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())
