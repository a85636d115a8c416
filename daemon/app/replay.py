"""Rejected messages tried again under the rules of now; what fits is stored, the rest kept.

Works beside a running collector: the engine's locks order the appends, the reject file's lock the
taking away. Lines leave the working files only when their points are on disk. A point that is in
the data already (the same time, measurement, tags and value) is not stored again, so a replay that
was killed is simply repeated, and a message of which a part was stored gets the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from daemon.app.discovery_file import recall_discovery
from daemon.app.field_memory import recall_fields
from daemon.config import Config
from daemon.discovery import compile_discovering
from daemon.errors import EX_IOERR, EX_NOINPUT, EX_NOPERM, StartError
from daemon.messages import Mapped, Message, Outcome
from daemon.writer import (
    QUALITY_TAG,
    RejectTray,
    add_replayed,
    decode_reject,
    marked,
    replayed_path,
    working_lines,
)
from tinyflux import MeasurementQuery, Point, TimeQuery, TinyFlux

_CHUNK_LINES = 500


@dataclass(slots=True)
class ReplayReport:
    """What became of the rejects."""

    tried: int = 0
    stored: int = 0
    points: int = 0
    known: int = 0
    """Messages whose points were in the data already."""
    empty: int = 0
    """Messages that say that there is no value."""
    unreadable: int = 0
    """Lines that were cut when they were written, or that nobody can read."""
    dropped: int = 0
    """Old lines for which the reject file had no room any more."""
    unfit: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Messages that still do not fit, by topic, rule and reason."""

    def lines(self) -> list[str]:
        """For a person."""
        if not self.tried:
            return ["nothing to replay"]
        left = self.unfit.total() + self.unreadable
        found = [
            f"tried {self.tried} rejects again: {self.stored} stored ({self.points} points), "
            f"{self.known} stored already, {self.empty} without a value, {left} still kept"
        ]
        found += [
            f"  {count} of {topic}: {reason} ({rule or 'no rule'})"
            for (topic, rule, reason), count in self.unfit.most_common(20)
        ]
        if len(self.unfit) > 20:
            found.append(f"  and {len(self.unfit) - 20} other reasons")
        if self.unreadable:
            found.append(f"  {self.unreadable} lines are cut or no rejects, and stay as they are")
        if self.dropped:
            found.append(f"  the {self.dropped} oldest found no room in the reject file any more")
        return found


class Replay:
    """One replay of one configuration's rejects."""

    def __init__(self, config: Config) -> None:
        storage = config.storage
        self._data = storage.path
        self._counted = replayed_path(storage.path)
        self._compact_keys = storage.compact_keys
        self._tray = RejectTray(storage.rejects_path, storage.rejects.max_size_bytes)
        self._mapper = compile_discovering(
            config,
            recall_fields(storage.path),
            remembered=recall_discovery(storage.path),
        )

    def preview(self) -> ReplayReport:
        """What `run` would do; changes nothing. Raises StartError."""
        report = ReplayReport()
        if self._tray.is_empty():
            return report
        self._check_data()
        try:
            with TinyFlux(str(self._data), access_mode="r") as db:
                lines = self._tray.peek()
                while chunk := list(islice(lines, _CHUNK_LINES)):
                    self._sort(chunk, report, db)
        except OSError as error:
            raise _explain(self._data, error) from error
        return report

    def run(self) -> ReplayReport:
        """Store what fits now, keep the rest. Raises StartError; nothing is lost then."""
        report = ReplayReport()
        if self._tray.is_empty():
            return report
        self._check_data()
        try:
            with self._tray.alone():
                # Working files of a replay that was killed first, then what there is by now.
                for _ in range(2 if self._tray.is_unfinished() else 1):
                    report = ReplayReport()
                    self._replay(report)
        except OSError as error:
            raise _explain(self._data, error) from error
        return report

    def _replay(self, report: ReplayReport) -> None:
        try:
            for path in self._tray.take():
                self._work_on(path, report)
        finally:
            report.dropped = self._tray.put_back()

    def _work_on(self, path: Path, report: ReplayReport) -> None:
        kept: list[bytes] = []
        lines = working_lines(path)
        with TinyFlux(str(self._data)) as db:
            while chunk := list(islice(lines, _CHUNK_LINES)):
                before = report.stored
                rest, points = self._sort(chunk, report, db)
                if points:
                    db.insert_multiple(points, compact_key_prefixes=self._compact_keys)
                    add_replayed(self._counted, report.stored - before, len(points))
                kept += rest
        self._tray.keep(path, kept)

    def _sort(
        self, chunk: Iterable[bytes], report: ReplayReport, db: TinyFlux
    ) -> tuple[list[bytes], list[Point]]:
        """The lines to keep and the points to store."""
        kept: list[bytes] = []
        points: list[Point] = []
        fresh: set[object] = set()
        for line in chunk:
            report.tried += 1
            reject = decode_reject(line)
            if reject is None:
                report.unreadable += 1
                kept.append(line)
                continue
            # What came while the clock could not be believed is marked now as it was then.
            mapped = marked(self._mapper.map(reject.item), reject.item)
            if mapped.outcome not in (Outcome.STORED, Outcome.NO_VALUE):
                topic = reject.item.topic if isinstance(reject.item, Message) else reject.item.poll
                reason = mapped.reason or "no rule is for it"
                report.unfit[topic, mapped.rule, reason] += 1
                kept.append(line)
                continue
            new = list(_new_points(mapped, db, fresh))
            points += new
            report.points += len(new)
            report.stored += bool(new)
            report.empty += mapped.outcome is Outcome.NO_VALUE
            report.known += mapped.outcome is Outcome.STORED and not new
        return kept, points

    def _check_data(self) -> None:
        if not self._data.exists():
            # Made by root here, it could not be written by the collector's user.
            raise StartError(
                f"there is no data file {self._data} to replay into: start the collector once",
                EX_NOINPUT,
            )


def _new_points(mapped: Mapped, db: TinyFlux, fresh: set[object]) -> Iterator[Point]:
    """Its points without what is in the data, or in `fresh`, already; adds them to `fresh`."""
    for point in mapped.points:
        assert point.time is not None
        place = (point.time, point.measurement, tuple(sorted(_identity(point).items(), key=str)))
        stored = _stored_fields(point, db)
        fields = {
            key: value
            for key, value in point.fields.items()
            if (key, value) not in stored and (place, key, value) not in fresh
        }
        fresh.update((place, key, value) for key, value in fields.items())
        if fields:
            yield Point.of_parts(point.time, point.measurement, point.tags, fields)


def _stored_fields(point: Point, db: TinyFlux) -> set[tuple[str, object]]:
    """Names and values that are stored of this series at this moment."""
    same = (TimeQuery() == point.time) & (MeasurementQuery() == point.measurement)
    found = db.search(same, sorted=False)
    return {
        pair
        for other in found
        if _identity(other) == _identity(point)
        for pair in other.fields.items()
    }


def _identity(point: Point) -> dict[str, str | None]:
    """The tags that tell its series from others."""
    return {key: value for key, value in point.tags.items() if key != QUALITY_TAG}


def _explain(data: Path, error: OSError) -> StartError:
    hint = (
        "run it as the collector's user or as root"
        if isinstance(error, PermissionError)
        else ("the rejects are kept; try again when the cause is gone")
    )
    return StartError(
        f"cannot replay into {data}: {error}; {hint}",
        EX_NOPERM if isinstance(error, PermissionError) else EX_IOERR,
    )
