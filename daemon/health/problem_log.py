"""The last warnings and errors, in a small file beside the data.

The journal of a Raspberry Pi is in memory and gone after a power cut; this file is what remains.
It is written by a thread of its own, so that a disk that hangs holds up nobody who logs.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from daemon import logs
from daemon.files import replace_file

_MAX_BYTES = 128_000
_KEPT_LINES = 100
_MAX_TEXT = 2_000
_WAITING = 200
# What comes in a moment is one write: a card is worn by writes, not by bytes.
_GATHER_S = 1.0
_JOIN_S = 2.0


def problems_path(data: Path) -> Path:
    """The file of the last warnings and errors beside a data file."""
    return data.with_suffix(".problems.jsonl")


class ProblemLog(logging.Handler):
    """While entered, every warning and error goes into the file too. Any thread."""

    def __init__(self, data: Path) -> None:
        super().__init__(logging.WARNING)
        self._path = problems_path(data)
        self._waiting: deque[bytes] = deque(maxlen=_WAITING)
        self._has_news = threading.Event()
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="problems", daemon=True)

    def __enter__(self) -> Self:
        logging.getLogger().addHandler(self)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        logging.getLogger().removeHandler(self)
        self._is_stopping.set()
        self._has_news.set()
        self._thread.join(_JOIN_S)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line; it is on disk about a second later."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat("T", "seconds"),
            "level": record.levelname.lower(),
            "part": logs.part_of(record),
            "text": logs.text_of(record)[:_MAX_TEXT],
        }
        self._waiting.append(json.dumps(line, ensure_ascii=True).encode() + b"\n")
        self._has_news.set()

    def _run(self) -> None:
        is_last = False
        while not is_last:
            self._has_news.wait()
            is_last = self._is_stopping.wait(_GATHER_S)
            self._has_news.clear()
            lines = [self._waiting.popleft() for _ in range(len(self._waiting))]
            # Whoever cannot write here has said so in the log, which this is only a copy of.
            with contextlib.suppress(OSError):
                if lines:
                    self._write(b"".join(lines))

    def _write(self, lines: bytes) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o644)
        try:
            os.write(descriptor, lines)
            os.fdatasync(descriptor)
            size = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        if size > _MAX_BYTES:
            kept = self._path.read_bytes().splitlines(keepends=True)[-_KEPT_LINES:]
            replace_file(self._path, b"".join(kept))


def read_problems(data: Path, limit: int = 20) -> list[dict[str, Any]]:
    """The last warnings and errors of a data file's collectors, oldest first; a line that a power
    cut has cut is left out. Reads the whole file, which is small. Empty where it cannot be read."""
    found: list[dict[str, Any]] = []
    with contextlib.suppress(OSError):
        for line in problems_path(data).read_bytes().splitlines():
            with contextlib.suppress(ValueError):
                entry = json.loads(line)
                if isinstance(entry, dict) and isinstance(entry.get("text"), str):
                    found.append(entry)
    return found[-limit:]
