"""The two files beside the data that make the mapping's memory last.

`points.texts.json` says which number stands for which text, for a person to read; each new text is
on disk before a row with its number is written. `points.counters.json` says what each counter had
reached; it is written when one begins anew, every ten minutes, and at the stop, so that a crash may
cost a counter what it counted in the last minutes before it, and only if the device began anew
just then.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from daemon.clock import Clock
from daemon.errors import EX_IOERR, EX_NOPERM, StartError
from daemon.files import replace_file
from daemon.mapping import Count, FieldMemory

_log = logging.getLogger("daemon.writer")

_COUNTERS_EVERY_S = 600.0


def texts_path(data: Path) -> Path:
    """The file of the numbered texts beside a data file."""
    return data.with_suffix(".texts.json")


def counters_path(data: Path) -> Path:
    """The file of the counters beside a data file."""
    return data.with_suffix(".counters.json")


class FieldMemoryFiles:
    """Loads the memory and keeps it. Writer thread, but for `open` and `close`."""

    def __init__(self, data: Path, clock: Clock) -> None:
        self._texts = texts_path(data)
        self._counters = counters_path(data)
        self._clock = clock
        self._counted_s = clock.monotonic_s()
        self._has_news = False
        self._is_refused = False
        self.memory = FieldMemory(keep_texts=self._keep_texts, keep_counts=self._keep_counts)
        """What to compile the rules with."""

    def open(self) -> None:
        """Recall what earlier runs have kept. Raises StartError."""
        self.memory.texts.update(_read(self._texts, _texts_of))
        try:
            self.memory.counts.update(_read(self._counters, _counts_of))
        except StartError as error:
            if error.exit_status == EX_NOPERM:
                raise
            _log.warning("%s; counters go on from what their devices say next", error)

    def close(self) -> None:
        """Keep the counters as they are. Safe twice and before `open`."""
        if self._has_news:
            self._save_counts()

    def _keep_texts(self) -> bool:
        tree = {"texts": self.memory.texts}
        return self._replace(self._texts, json.dumps(tree, ensure_ascii=False, indent=2) + "\n")

    def _keep_counts(self, *, is_urgent: bool) -> None:
        self._has_news = True
        if is_urgent or self._clock.monotonic_s() - self._counted_s >= _COUNTERS_EVERY_S:
            self._save_counts()

    def _save_counts(self) -> None:
        self._counted_s = self._clock.monotonic_s()
        counts = {
            series: [count.base, count.last, count.time_us, count.before]
            for series, count in self.memory.counts.items()
        }
        if self._replace(self._counters, json.dumps({"counters": counts}, indent=0) + "\n"):
            self._has_news = False

    def _replace(self, path: Path, text: str) -> bool:
        try:
            replace_file(path, text.encode("utf-8", "replace"))
        except OSError as error:
            if not self._is_refused:
                _log.error("cannot write %s: %s; make room or give the right", path, error.strerror)
            self._is_refused = True
            return False
        self._is_refused = False
        return True


def recall_fields(data: Path) -> FieldMemory:
    """The memory for a look at what messages become, beside a collector that may run: it knows the
    numbers that there are, and gives no new ones. Raises StartError."""
    memory = FieldMemory(keep_texts=lambda: False)
    memory.texts.update(_read(texts_path(data), _texts_of))
    memory.counts.update(_read(counters_path(data), _counts_of))
    return memory


def _read(path: Path, convert: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    try:
        return convert(json.loads(path.read_bytes()))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StartError(
            f"cannot read {path}: {error.strerror}; give the collector's user the right to it",
            EX_NOPERM if isinstance(error, PermissionError) else EX_IOERR,
        ) from error
    except (ValueError, TypeError, AttributeError, KeyError, RecursionError) as error:
        raise StartError(
            f"{path} is damaged ({error}): put a copy back, or move it away; texts then get new "
            "numbers, and points that are stored keep the old ones",
            EX_IOERR,
        ) from error


def _texts_of(tree: Any) -> dict[str, dict[str, dict[str, int]]]:
    texts = {
        str(measurement): {
            str(name): {str(text): int(number) for text, number in numbers.items()}
            for name, numbers in fields.items()
        }
        for measurement, fields in tree["texts"].items()
    }
    for measurement, fields in texts.items():
        for name, numbers in fields.items():
            if len(set(numbers.values())) < len(numbers):
                raise ValueError(f"two texts of {measurement}.{name} have the same number")
    return texts


def _counts_of(tree: Any) -> dict[str, Count]:
    return {
        str(series): Count(
            base, last, int(time_us), None if before is None else (before[0], before[1])
        )
        for series, (base, last, time_us, before) in tree["counters"].items()
        if base + last - base - last == 0
    }
