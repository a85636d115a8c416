"""Copies of a data file: a consistent backup while others write, and an export."""

from __future__ import annotations

import csv
import errno
import io
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from tinyflux import files
from tinyflux.codec import cells_of
from tinyflux.copying import COPY_BYTES, Copier
from tinyflux.csvfile import CsvFile
from tinyflux.errors import StorageError
from tinyflux.file_columns import scan
from tinyflux.materialize import points_of
from tinyflux.point import Point
from tinyflux.progress import Progress
from tinyflux.tails import Source, finished_end

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet take a cell for a formula. Source: OWASP, "CSV Injection"."""
_SYNC_BYTES = 4 << 20


def backup(file: CsvFile, target: Path, *, is_replacing: bool = False) -> int:
    """Copy the complete rows of `file` to `target` while others write; the bytes copied.

    Rows are only ever added behind what is there, and a rewrite makes another file: the open one
    holds still. On disk when this returns. FileExistsError where `target` exists, unless
    `is_replacing`.
    """
    if target.is_dir():
        target = target / file.path.name
    stop = file.state().end
    _require_other(file, target)
    _require_room(target, stop)
    with _new_file(file, target, is_replacing=is_replacing) as (fd, temporary):
        copier = Copier(file.fd, fd, temporary)
        with Progress(f"copying {file.path.name}", stop) as progress:
            for start in range(0, stop, COPY_BYTES):
                copier.copy(start, min(start + COPY_BYTES, stop))
                progress.reached(start)
        copier.flush()

        def read(start: int, stop: int) -> bytes:
            return files.read_at(fd, start, stop - start)

        # Found in the copy: the last rows may have failed and given way to others meanwhile.
        end = finished_end(Source(read, file.codec, str(target)), file.header_size(), stop)
        if end < stop:
            files.truncate(fd, end, temporary)
    return end


def export(file: CsvFile, target: Path, *, is_safe: bool, is_replacing: bool = False) -> int:
    """Write every point as a row of FORMAT.md in UTF-8 to a new file; the number of points.

    `is_safe` puts an apostrophe before text that a spreadsheet would run as a formula: such a file
    is for looking at, since its texts differ from the stored ones. On disk when this returns.
    FileExistsError where `target` exists, unless `is_replacing`.
    """
    _require_other(file, target)
    cells: Callable[[Point], list[str]] = _safe_cells if is_safe else _plain_cells
    n_points = n_unsynced = 0
    with (
        _new_file(file, target, is_replacing=is_replacing) as (fd, temporary),
        Progress(f"exporting {file.path.name}", file.state().end) as progress,
    ):
        for segment in scan(file):
            text = io.StringIO(newline="")
            points = points_of(segment, np.arange(segment.n_rows))
            csv.writer(text).writerows(map(cells, points))
            data = text.getvalue().encode()
            files.write_all(fd, data, temporary)
            n_points += len(points)
            n_unsynced += len(data)
            if n_unsynced >= _SYNC_BYTES:
                files.sync(fd, temporary)
                n_unsynced = 0
            if segment.extent is not None:
                progress.reached(segment.extent.stop)
    return n_points


def _require_other(file: CsvFile, target: Path) -> None:
    if target.exists() and target.samefile(file.path):
        raise ValueError(f"{target} is the data file itself; choose another name")


def _require_room(target: Path, needed_bytes: int) -> None:
    free_bytes = shutil.disk_usage(target.parent).free
    if free_bytes < needed_bytes:
        raise StorageError(
            errno.ENOSPC,
            f"{target}: the copy needs {needed_bytes:,} bytes, and {free_bytes:,} are free; "
            f"nothing was written: free some room, or choose another disk",
        )


@contextmanager
def _new_file(file: CsvFile, target: Path, *, is_replacing: bool) -> Iterator[tuple[int, Path]]:
    """A new file that has the name `target`, on disk, once all is written into it.

    No more users may read it than may read the data.
    """
    if not is_replacing and target.exists():
        raise FileExistsError(
            errno.EEXIST, f"{target} exists; choose another name, or pass --force"
        )
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.new")
    fd = files.create(temporary, os.fstat(file.fd).st_mode & 0o666)
    try:
        yield fd, temporary
        files.sync(fd, temporary)
        files.rename(temporary, target)
    except BaseException:
        with suppress(OSError):
            files.unlink(temporary)
        raise
    finally:
        os.close(fd)
    files.sync_directory(target.parent)


def _plain_cells(point: Point) -> list[str]:
    return cells_of(point, is_compact=False)


def _safe_cells(point: Point) -> list[str]:
    """The cells of a row, of which measurement, keys and tag values may hold anything.

    Keys have a prefix, and times and numbers are no text.
    """
    cells = cells_of(point, is_compact=False)
    for place in (1, *range(3, 2 + 2 * len(point.tags), 2)):
        if cells[place].startswith(_FORMULA_STARTS):
            cells[place] = "'" + cells[place]
    return cells
