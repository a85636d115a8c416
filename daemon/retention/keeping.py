"""What a run lays aside before rows go: archives, and what `retention --undo` needs.

Every file is written as `….part` and synced before the rows go; it gets its name when they are
gone. A mark that comes with the change (its time is the run's) tells afterwards whether a `.part`
that a crash left belongs to a change that was carried out.
"""

from __future__ import annotations

import gzip
import io
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from daemon.retention.plan import Step
from daemon.retention.queries import BOOK, moment
from tinyflux import Point, TinyFlux, files
from tinyflux.changes import Change
from tinyflux.columns import RowArray
from tinyflux.view import View

MARK = f"{BOOK}:run"
CHANGES = 1000
"""The changes of one run are told apart by the last digits of its time."""
_PART = ".part"
_NAMED = re.compile(r"(?P<name>.+)\.(?P<run>\d+)\.part")
_UNDO = re.compile(r"(?P<run>\d+)\.(?P<what>removed|added)\.csv\.gz")


def undo_folder(data: Path) -> Path:
    """Where what `retention --undo` needs of a data file is."""
    return data.with_suffix(".undo")


def last_run_us(view: View) -> int | None:
    """When the last run began that laid something aside and was carried out."""
    if MARK not in view.measurement_counts:
        return None
    return int(view.times_us(view.rows(None, MARK)).max())


@dataclass(slots=True)
class Keeping:
    """The files of one change; `run_us` is when its run began, and a number. Raises OSError."""

    data: Path
    run_us: int
    keeps_undo: bool

    def settle(self, folders: Iterable[Path], last_us: int | None) -> None:
        """Finish or delete what a crash left."""
        for folder in {undo_folder(self.data), *folders}:
            for path in sorted(folder.glob(f"*{_PART}")):
                match = _NAMED.fullmatch(path.name)
                if match is None:
                    continue
                if last_us is not None and int(match["run"]) == last_us:
                    _named(path, match["name"])
                else:
                    path.unlink()

    def expire(self, older_than_us: int) -> None:
        """Delete what `retention --undo` could bring back of runs before that time."""
        for record in records(self.data):
            if record.run_us < older_than_us:
                record.delete()

    def archive(self, view: View, steps: Iterable[Step]) -> list[Path]:
        """Write what is to be archived, a file a month; on disk when this returns."""
        written: list[Path] = []
        for step in steps:
            if step.archive is None or step.archive_folder is None or not len(step.archive):
                continue
            folder = step.archive_folder
            folder.mkdir(parents=True, exist_ok=True)
            for month, rows in _by_month(view, step.archive):
                stem = re.sub(r"[^\w.-]+", "-", step.rule)
                path = folder / f"{stem}-{month}.csv.gz.{self.run_us}{_PART}"
                _write(path, view.texts(rows))
                written.append(path)
        return written

    def lay_aside(self, view: View, removed: RowArray, added: Sequence[Point]) -> list[Path]:
        """Write what an undo needs: the rows that go and those that come; on disk then."""
        return self._undo(view, removed, lambda db: db.insert_multiple(list(added)))

    def lay_aside_changed(
        self, view: View, rows: RowArray, changes: Sequence[Change]
    ) -> list[Path]:
        """Write what an undo of updates needs: rows as they are, and as the changes make them."""
        texts = b"".join(view.texts(rows)) if self.keeps_undo else b""
        return self._undo(view, rows, lambda db: db.apply(changes), texts)

    def _undo(
        self,
        view: View,
        rows: RowArray,
        make: Callable[[TinyFlux], object],
        texts: bytes = b"",
    ) -> list[Path]:
        if not self.keeps_undo:
            return []
        folder = undo_folder(self.data)
        folder.mkdir(exist_ok=True)
        removed, added = (
            folder / f"{self.run_us}.{what}.csv.gz.{self.run_us}{_PART}"
            for what in ("removed", "added")
        )
        _write(removed, view.texts(rows))
        _write(added, [_made(folder, texts, make)])
        return [removed, added]

    def mark(self, view: View) -> tuple[Point, RowArray]:
        """What comes with the change, and the marks of earlier ones, which go."""
        point = Point(time=moment(self.run_us), measurement=MARK, fields={"done": 1})
        rows = view.rows(None, MARK) if MARK in view.measurement_counts else np.empty(0, np.int64)
        return point, rows

    def finish(self, paths: Iterable[Path]) -> None:
        """Give files their names: the rows are gone."""
        for path in paths:
            match = _NAMED.fullmatch(path.name)
            assert match is not None
            _named(path, match["name"])


@dataclass(frozen=True, slots=True)
class Record:
    """What can be undone of one run."""

    folder: Path
    run_us: int
    """When the run began, and which of its changes it was."""

    @property
    def run(self) -> int:
        """The same for all changes of one run."""
        return self.run_us // CHANGES

    @property
    def removed(self) -> Path:
        """The rows that went."""
        return self.folder / f"{self.run_us}.removed.csv.gz"

    @property
    def added(self) -> Path:
        """The rows that came."""
        return self.folder / f"{self.run_us}.added.csv.gz"

    def delete(self) -> None:
        """Forget it."""
        for path in (self.removed, self.added):
            path.unlink(missing_ok=True)


def records(data: Path) -> list[Record]:
    """What can be undone of a data file, the last run first."""
    folder = undo_folder(data)
    runs = {int(m["run"]) for p in folder.glob("*.gz") if (m := _UNDO.fullmatch(p.name))}
    return [Record(folder, run_us) for run_us in sorted(runs, reverse=True)]


def _made(folder: Path, texts: bytes, make: Callable[[TinyFlux], object]) -> bytes:
    """The rows of a file that begins with `texts`, once `make` has been at it."""
    scratch = folder / "scratch.csv"
    _remove_scratch(scratch)
    try:
        scratch.write_bytes(texts)
        with TinyFlux(str(scratch), flush_on_insert=False) as db:
            make(db)
        return scratch.read_bytes()
    finally:
        _remove_scratch(scratch)


def _remove_scratch(scratch: Path) -> None:
    scratch.unlink(missing_ok=True)
    index = scratch.with_name(f".{scratch.name}.index")
    for path in index.glob("*") if index.is_dir() else ():
        path.unlink()
    if index.is_dir():
        index.rmdir()


def points_in(path: Path) -> Iterator[Point]:
    """The points of a file of rows that was written here, one by one."""
    scratch = path.with_name("scratch.csv")
    _remove_scratch(scratch)
    try:
        with gzip.open(path) as packed, scratch.open("wb") as plain:
            while piece := packed.read(1 << 20):
                plain.write(piece)
        with TinyFlux(str(scratch), access_mode="r", auto_index=False) as db:
            yield from db
    finally:
        _remove_scratch(scratch)


def _by_month(view: View, rows: RowArray) -> Iterator[tuple[str, RowArray]]:
    months = view.times_us(rows).astype("datetime64[us]").astype("datetime64[M]")
    for month in np.unique(months):
        yield str(month), rows[months == month]


def _write(path: Path, pieces: Iterable[bytes]) -> None:
    path.unlink(missing_ok=True)
    fd = files.create(path, 0o640)
    try:
        for piece in _packed(pieces):
            files.write_all(fd, piece, path)
        files.sync(fd, path)
    finally:
        os.close(fd)
    files.sync_directory(path.parent)


def _packed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    buffer = io.BytesIO()
    with gzip.GzipFile(fileobj=buffer, mode="wb", mtime=0) as packer:
        for piece in pieces:
            packer.write(piece)
            if buffer.tell() > 1 << 20:
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
    yield buffer.getvalue()


def _named(path: Path, name: str) -> None:
    """The name that a file is to have, or the next one that is free."""
    target, number = path.with_name(name), 1
    while target.exists():
        number += 1
        target = path.with_name(name.replace(".csv.gz", f".{number}.csv.gz"))
    files.rename(path, target)
    files.sync_directory(path.parent)
