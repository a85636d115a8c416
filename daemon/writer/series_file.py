"""What is known of each series, beside the data: what was stored last, and where it comes from.

One JSON object, replaced as a whole: `position` is the place in the data file up to which it knows
the rows, and `series` has for each one its key, the time of its newest point, the last value of
each field with its time, and, if its absence is to be noticed, its rule and what its points look
like. Rows behind the position were written by a process that was killed; they are read from the
data file. Where that file is another one by now, the values count as unknown: each is stored once
more. It is a memory, never the truth.
"""

from __future__ import annotations

import json
import logging
import math
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from daemon.clock import Clock
from daemon.files import replace_file
from daemon.thinning import Home, Series, SeriesMemory, series_key
from daemon.writer.carried import Position, position_of
from tinyflux import Point, TinyFlux
from tinyflux.errors import TinyFluxError
from tinyflux.times import to_us

_log = logging.getLogger("daemon.writer")

_VERSION = 1
_SAVE_EVERY_S = 600.0
# A series that is new must not be forgotten by the next start: nobody would notice its absence.
_SAVE_NEW_AFTER_S = 60.0
# More rows than a ledger and this file are ever behind: then the file does not belong to the data.
_MAX_TAIL_BYTES = 64 * 2**20


class SeriesFile:
    """Writer thread only, once `recall` has returned."""

    def __init__(self, path: Path, data: Path, memory: SeriesMemory, clock: Clock) -> None:
        self._path = path
        self._data = data
        self._memory = memory
        self._clock = clock
        self._saved_s = clock.monotonic_s()
        self._saved: Position | None = None
        self._n_known = 0
        self._n_watched = 0
        self._is_refused = False

    def recall(self) -> None:
        """Take up what earlier runs knew. Never raises: what cannot be read is not known."""
        try:
            tree = json.loads(self._path.read_bytes())
            if tree["version"] != _VERSION:
                raise ValueError(f"version {tree['version']}")
            position = Position(int(tree["position"][0]), int(tree["position"][1]))
            for key, series in map(_series_of, tree["series"]):
                known = self._memory.touch(key)
                known.values, known.newest_us, known.home = (
                    series.values,
                    series.newest_us,
                    series.home,
                )
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            _log.warning(
                "%s cannot be used (%r): values that have not changed are stored once more",
                self._path,
                error,
            )
            self._memory.clear()
            return
        self._catch_up(position)

    def tick(self) -> None:
        """At a commit, when every decision so far is in the data file: save it if it is time."""
        now_s = self._clock.monotonic_s()
        since_s = now_s - self._saved_s
        is_new = since_s >= _SAVE_NEW_AFTER_S and self._has_new()
        is_other = self._saved is not None and position_of(self._data).inode != self._saved.inode
        if self._memory and (is_new or is_other or since_s >= _SAVE_EVERY_S):
            self.save()

    def _has_new(self) -> bool:
        """Whether there is a series whose absence is to be noticed, and that is in no file yet."""
        if len(self._memory) == self._n_known:
            return False
        self._n_known = len(self._memory)
        return sum(series.home is not None for _, series in self._memory.items()) > self._n_watched

    def save(self) -> None:
        """Keep what is known, as of the end of the data file. Never raises."""
        self._saved_s = self._clock.monotonic_s()
        position = position_of(self._data)
        if position == self._saved or not (self._memory or self._path.exists()):
            return
        head = f'{{"version":{_VERSION},"position":[{position.size_bytes},{position.inode}],'
        records = (_dump(_record(key, series)) for key, series in self._memory.items())
        text = head + '"series":[\n' + ",\n".join(records) + "\n]}\n"
        try:
            replace_file(self._path, text.encode("ascii"))
        except OSError as error:
            if not self._is_refused:
                _log.warning("cannot save %s: %s", self._path, error)
            self._is_refused = True
            return
        self._is_refused = False
        self._saved = position
        self._count()

    def _count(self) -> None:
        self._n_known = len(self._memory)
        self._n_watched = sum(series.home is not None for _, series in self._memory.items())

    def _catch_up(self, position: Position) -> None:
        """Take in what was stored behind the position."""
        now = position_of(self._data)
        behind_bytes = now.size_bytes - position.size_bytes
        self._count()
        if now.inode != position.inode or not 0 <= behind_bytes <= _MAX_TAIL_BYTES:
            self._doubt()
        elif behind_bytes:
            try:
                for point in _rows_behind(self._data, position.size_bytes):
                    self._take(point)
            except (OSError, ValueError, TinyFluxError) as error:
                _log.warning("cannot read what %s has gained last: %s", self._data, error)
                self._doubt()

    def _take(self, point: Point) -> None:
        series = self._memory.find(series_key(point))
        if series is None or point.time is None:
            return
        time_us = to_us(point.time)
        fields = point.fields
        if series.newest_us is not None and time_us < series.newest_us:
            # A late reading, or a clock that was set back: what was stored last nobody can tell.
            fields = dict.fromkeys(fields, math.nan)
            time_us = series.newest_us
        series.remember(fields, time_us)

    def _doubt(self) -> None:
        """The values are not known any more; that there are some is."""
        for _, series in self._memory.items():
            for name, (value, time_us) in series.values.items():
                if value is not None:
                    series.values[name] = (math.nan, time_us)


def _rows_behind(data: Path, offset: int) -> Iterator[Point]:
    """The points of the rows behind a place, in the order of the file."""
    with tempfile.TemporaryDirectory(prefix="tinyflux-") as folder:
        tail = Path(folder) / "tail.csv"
        with data.open("rb") as source, tail.open("wb") as target:
            source.seek(offset)
            while part := source.read(1 << 20):
                target.write(part)
        with TinyFlux(str(tail), access_mode="r") as db:
            yield from db.all(sorted=False)


def _dump(record: list[Any]) -> str:
    return json.dumps(record, separators=(",", ":"))


def _record(key: bytes, series: Series) -> list[Any]:
    home = series.home
    values = {
        name: [None if value != value else value, time_us, value != value]
        for name, (value, time_us) in series.values.items()
    }
    record: list[Any] = [key.hex(), series.newest_us, values]
    if home is not None:
        record.append([home.rule, home.names, home.measurement, home.tags, home.expire_us])
    return record


def _series_of(record: Any) -> tuple[bytes, Series]:
    key, newest_us, values, *home = record
    series = Series(newest_us=None if newest_us is None else int(newest_us))
    for name, (value, time_us, is_unknown) in values.items():
        if value is not None and not isinstance(value, (int, float)):
            raise TypeError(f"the value {value!r}")
        series.values[str(name)] = (math.nan if is_unknown else value, int(time_us))
    if home:
        rule, names, measurement, tags, expire_us = home[0]
        series.home = Home(str(rule), dict(names), str(measurement), dict(tags), int(expire_us))
    return bytes.fromhex(key), series
