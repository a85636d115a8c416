"""Copies of a data file: a consistent backup while others write, and an export."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tinyflux import files
from tinyflux.codec import cells_of
from tinyflux.copying import COPY_BYTES, Copier
from tinyflux.csvfile import CsvFile
from tinyflux.file_columns import scan
from tinyflux.materialize import points_of
from tinyflux.point import Point
from tinyflux.progress import Progress
from tinyflux.tails import Source, finished_end
from tinyflux.targets import new_file, place_of, require_room

_FORMULA_STARTS = "=+\\-@\uff1d\uff0b\uff0d\uff20"
_CELL_STARTS = re.compile(
    rf"^(?=[\t\r\n{_FORMULA_STARTS}])"
    rf"|(?:^|[,;|\t\r\n])[\"'\s]*(?=[{_FORMULA_STARTS}])"
    rf"|\s[\"']*(?=[{_FORMULA_STARTS}]\S)"
)
"""Up to where a spreadsheet may find a formula: at the start of a text, and behind whatever it may
take for the end of a cell, since it may split at other characters than the comma and does not
know our quotes then. Source: OWASP, "CSV Injection"."""
_SYNC_BYTES = 4 << 20


def backup(file: CsvFile, target: Path, *, is_replacing: bool = False) -> int:
    """Copy the complete rows of `file` to `target` while others write; the bytes copied.

    Rows are only ever added behind what is there, and a rewrite makes another file: the open one
    holds still. On disk when this returns. FileExistsError where `target` exists, unless
    `is_replacing`; a symbolic link is followed.
    """
    if target.is_dir():
        target = target / file.path.name
    stop = file.state().end
    place = place_of(target, file.path, is_replacing=is_replacing)
    require_room(target, place, stop)
    with new_file(place, f"{target}: the backup of {file.path.name}", like=file.fd) as (
        fd,
        temporary,
    ):
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

    `is_safe` puts an apostrophe before text that a spreadsheet would run as a formula, whatever
    it splits cells at: such a file is for looking at, since its texts differ from the stored ones.
    On disk when this returns. FileExistsError where `target` exists, unless `is_replacing`; a
    symbolic link is followed.
    """
    place = place_of(target, file.path, is_replacing=is_replacing)
    cells: Callable[[Point], list[str]] = _safe_cells if is_safe else _plain_cells
    n_points = n_unsynced = 0
    with (
        new_file(place, f"{target}: the export of {file.path.name}", like=file.fd) as (
            fd,
            temporary,
        ),
        Progress(f"exporting {file.path.name}", file.state().end) as progress,
    ):
        for segment in scan(file):
            text = io.StringIO(newline="")
            points = points_of(segment, np.arange(segment.n_rows))
            writer = csv.writer(text, quoting=csv.QUOTE_ALL if is_safe else csv.QUOTE_MINIMAL)
            writer.writerows(map(cells, points))
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


def _plain_cells(point: Point) -> list[str]:
    return cells_of(point, is_compact=False)


def _safe_cells(point: Point) -> list[str]:
    """The cells of a row, of which measurement, keys and tag values may hold anything.

    Times and numbers are no text.
    """
    cells = cells_of(point, is_compact=False)
    n_tags = len(point.tags)
    keys = range(2, len(cells), 2)
    for place in (1, *keys, *range(3, 3 + 2 * n_tags, 2)):
        cells[place] = _CELL_STARTS.sub(_with_apostrophe, cells[place])
    return cells


def _with_apostrophe(start: re.Match[str]) -> str:
    return start[0] + "'"
