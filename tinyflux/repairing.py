"""Mends and copies data files: bad rows set aside, a consistent backup, a safe export."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from tinyflux import files
from tinyflux.checking import Damage, Good, examine
from tinyflux.codec import cells_of
from tinyflux.csvfile import CsvFile
from tinyflux.errors import DamageError
from tinyflux.file_columns import scan
from tinyflux.materialize import points_of
from tinyflux.parsing import parse
from tinyflux.point import Point
from tinyflux.progress import Progress
from tinyflux.records import Chunk
from tinyflux.rewrite import put_in_place, rewriting, temporary_path

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula. Source: OWASP, "CSV Injection"."""


@dataclass
class Repair:
    """What a repair does, or would do."""

    n_rows_kept: int = 0
    damages: list[Damage] = field(default_factory=list)
    accepted_tail: Damage | None = None
    aside: Path | None = None
    """Where the bytes that are no row were kept."""


def repair(file: CsvFile, *, accept_tail: bool, is_dry: bool) -> Repair:
    """Keep every row that can be read, and set the rest aside in `NAME.bad`.

    `accept_tail` keeps a last row that only lacks its end, as a person leaves it. Unless `is_dry`
    the file is replaced at once; nobody appends meanwhile. On disk when this returns.
    """
    if is_dry:
        return _examined(file, accept_tail=accept_tail)[0]
    with rewriting(file) as temporary, file.locked():
        report, pieces = _examined(file, accept_tail=accept_tail)
        if not report.damages and report.accepted_tail is None:
            return report
        path = temporary_path(file.path)
        report.aside = _set_aside(file, report.damages)
        copier = files.Copier(file.fd, temporary, path)
        copier.copy(0, file.header_size())
        for start, stop in pieces:
            copier.copy(start, stop)
        if report.accepted_tail is not None:
            copier.write(file.codec.line_end)
        copier.flush()
        put_in_place(file, temporary, path)
    return report


def _examined(file: CsvFile, *, accept_tail: bool) -> tuple[Repair, list[tuple[int, int]]]:
    report = Repair()
    pieces: list[tuple[int, int]] = []
    for piece in examine(file):
        if isinstance(piece, Good):
            report.n_rows_kept += piece.segment.n_rows
            pieces.append((piece.start, piece.stop))
        elif accept_tail and piece.is_tail and _is_row(file, piece):
            report.accepted_tail = piece
            report.n_rows_kept += 1
            pieces.append((piece.start, piece.stop))
        else:
            report.damages.append(piece)
    return report, pieces


def _is_row(file: CsvFile, tail: Damage) -> bool:
    data = file.read(tail.start, tail.stop) + file.codec.line_end
    try:
        parsed = parse(Chunk(data, tail.start, str(file.path)), file.codec)
    except DamageError:
        return False
    return parsed.segment.n_rows == 1 and parsed.n_bytes == len(data)


def _set_aside(file: CsvFile, damages: Sequence[Damage]) -> Path | None:
    kept = [damage for damage in damages if file.read(damage.start, damage.stop).strip(b"\0\r\n")]
    if not kept:
        return None
    path = file.path.with_name(file.path.name + ".bad")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o666)
    try:
        for damage in kept:
            data = file.read(damage.start, damage.stop)
            files.write_all(fd, data if data.endswith(b"\n") else data + b"\n", path)
        files.sync(fd, path)
    finally:
        os.close(fd)
    return path


def backup(file: CsvFile, target: Path, *, is_replacing: bool = False) -> int:
    """Copy the complete rows of `file` to `target` while others write; the bytes copied.

    Rows are only ever added behind what is there, and a rewrite makes another file: the open one
    holds still. On disk when this returns. FileExistsError where `target` exists, unless
    `is_replacing`.
    """
    if target.is_dir():
        target = target / file.path.name
    if target.exists() and not is_replacing:
        raise FileExistsError(f"{target} exists; choose another name, or pass --force")
    stop = max(
        (piece.stop for piece in examine(file) if isinstance(piece, Good)),
        default=file.header_size(),
    )
    temporary = target.with_name(f".{target.name}.backup")
    temporary.unlink(missing_ok=True)
    fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o666)
    try:
        copier = files.Copier(file.fd, fd, temporary)
        with Progress(f"copying {file.path.name}", stop) as progress:
            for start in range(0, stop, files.COPY_BYTES):
                copier.copy(start, min(start + files.COPY_BYTES, stop))
                progress.reached(start)
        copier.flush()
        files.sync(fd, temporary)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)
    files.rename(temporary, target)
    files.sync_directory(target.parent)
    return stop


def export(file: CsvFile, target: Path, *, is_safe: bool) -> int:
    """Write every point as a row of FORMAT.md in UTF-8 to a new file; the number of points.

    `is_safe` puts an apostrophe before text that a spreadsheet would run as a formula: such a file
    is for looking at, since its texts differ from the stored ones.
    """
    temporary = target.with_name(f".{target.name}.export")
    n_points = 0
    try:
        with open(temporary, "x", newline="", encoding="utf-8") as stream:
            writer = csv.writer(stream)
            for segment in scan(file):
                for point in points_of(segment, np.arange(segment.n_rows)):
                    writer.writerow(
                        _safe_cells(point) if is_safe else cells_of(point, is_compact=False)
                    )
                    n_points += 1
        os.rename(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return n_points


def _safe_cells(point: Point) -> list[str]:
    """The cells of a row, of which measurement and tag values may hold anything."""
    cells = cells_of(point, is_compact=False)
    for place in (1, *range(3, 2 + 2 * len(point.tags), 2)):
        if cells[place].startswith(_FORMULA_STARTS):
            cells[place] = "'" + cells[place]
    return cells
