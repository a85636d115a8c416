"""A change of stored rows: one new file, in the place of the old one at once.

The temporary file stands beside the data under a fixed name, and its lock is the rewrite lock: two
rewrites cannot undo each other, and one that was killed leaves nothing that blocks. Readers see the
old file or the new one. Rows that others append meanwhile are carried over.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tinyflux import files
from tinyflux.codec import is_compact_row
from tinyflux.columns import RowArray
from tinyflux.csvfile import CsvFile, storage_error
from tinyflux.errors import StorageError
from tinyflux.marks import new_generation
from tinyflux.point import Point
from tinyflux.records import Chunk, records
from tinyflux.segment import Extent, Segment, segment_of_points
from tinyflux.table import Table


@dataclass(frozen=True, slots=True)
class NewRows:
    """What a rewrite changes. Rows not kept are dropped; `replaced` rows are kept, changed."""

    is_kept: NDArray[np.bool_]
    replaced: Mapping[int, Point]
    added: Sequence[Point] = ()
    is_compact: bool = False
    """How added rows are written; a replaced row keeps its own style."""

    @property
    def is_only_added(self) -> bool:
        """Whether no stored row changes: an append does it."""
        return not self.replaced and bool(self.is_kept.all())


@contextmanager
def rewriting(file: CsvFile) -> Iterator[int]:
    """Hold the rewrite lock; gives the descriptor of the empty temporary file.

    Take it before reading the rows that decide the change.
    """
    path = temporary_path(file.path)
    while True:
        fd = _open_temporary(path)
        try:
            files.lock(fd, path)
            if _has_name(fd, path):
                break
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)  # another rewrite has moved this file into place
    try:
        files.truncate(fd, 0, path)
        yield fd
    finally:
        if _has_name(fd, path):
            os.unlink(path)
        os.close(fd)


def temporary_path(path: Path) -> Path:
    """Where the next version of `path` is made."""
    return path.with_name(f".{path.name}.rewrite")


def _open_temporary(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        try:
            return os.open(path, flags, 0o600)
        except PermissionError:
            # Left by another user who was killed in a rewrite; the directory is ours.
            os.unlink(path)
            return os.open(path, flags, 0o600)
    except OSError as error:
        raise StorageError(
            error.errno,
            f"{path}: a rewrite makes its new file here and could not: {error.strerror}; nothing "
            f"was changed: make {path.parent} writable for user {os.geteuid()}",
        ) from error


def _has_name(fd: int, path: Path) -> bool:
    try:
        named = os.stat(path, follow_symlinks=False)
    except FileNotFoundError:
        return False
    opened = os.fstat(fd)
    return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)


def rewrite(file: CsvFile, temporary: int, table: Table, new: NewRows) -> Table:
    """Replace `file` by one with the rows of `new`, then return the columns of its rows.

    `table` holds every row of the file up to its end offset; what was appended behind that is
    carried over and not part of the result. On disk when this returns. StorageError otherwise,
    with the file as before.
    """
    path = temporary_path(file.path)
    try:
        _require_room(file, table)
        result = _write_rows(file, temporary, path, table, new)
        _keep_rights(file, temporary, path)
        files.sync(temporary, path)
        with file.locked() as identity:
            _carry_over(file, temporary, path, end_of(table, file), identity.size_bytes)
            put_in_place(file, temporary, path)
    except StorageError:
        raise
    except OSError as error:
        raise storage_error(error, f"{file.path}: could not be rewritten") from error
    return result


def empty(file: CsvFile) -> None:
    """Replace `file` by an empty one; on disk when this returns."""
    try:
        with rewriting(file) as temporary, file.locked():
            path = temporary_path(file.path)
            _keep_rights(file, temporary, path)
            put_in_place(file, temporary, path)
    except StorageError:
        raise
    except OSError as error:
        raise storage_error(error, f"{file.path}: could not be emptied") from error


def put_in_place(file: CsvFile, temporary: int, path: Path) -> None:
    """Give the temporary file the name of the data, under both locks.

    They are held until the new name is on disk: an append that was acknowledged before could
    vanish with it.
    """
    files.sync(temporary, path)
    files.rename(path, file.path)
    try:
        files.sync_directory(file.path.parent)
    except OSError as error:
        raise StorageError(
            error.errno,
            f"{file.path}: the changed file is in place, but its name could not be synced to disk: "
            f"{error.strerror}; a power cut now may bring the old file back",
        ) from error
    file.adopt(os.open(file.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC))
    file.leave_mark(new_generation())


def end_of(table: Table, file: CsvFile) -> int:
    """The byte behind the last row of `table`."""
    if not table.segments:
        return file.header_size()
    return _extent(table.segments[-1]).stop


def _extent(segment: Segment) -> Extent:
    if segment.extent is None:
        raise ValueError("these columns are not of a file")
    return segment.extent


def _require_room(file: CsvFile, table: Table) -> None:
    needed = end_of(table, file)
    free = shutil.disk_usage(file.path.parent).free
    if free < needed:
        raise StorageError(
            errno.ENOSPC,
            f"{file.path}: a rewrite needs room for a second copy, up to {needed:,} bytes, and "
            f"{free:,} are free; nothing was changed: free some room first",
        )


def _write_rows(file: CsvFile, temporary: int, path: Path, table: Table, new: NewRows) -> Table:
    copier = files.Copier(file.fd, temporary, path)
    position = file.header_size()
    copier.copy(0, position)
    changed = np.array(sorted(new.replaced), dtype=np.int64)
    extents: list[Extent] = []
    for start, segment in table.numbered():
        stop = start + segment.n_rows
        first, last = np.searchsorted(changed, (start, stop)).tolist()
        local = changed[first:last] - start
        texts = [
            _replaced_text(file, segment, int(row), new.replaced[start + int(row)]) for row in local
        ]
        extent = _write_segment(copier, segment, new.is_kept[start:stop], local, texts, position)
        position = extent.stop
        extents.append(extent)
    result = table.rewritten(new.is_kept, new.replaced, extents.__getitem__)
    rows = [file.codec.encode(point, new.is_compact) for point in new.added]
    if rows:
        copier.write(b"".join(rows))
        extent = Extent.of(position, np.cumsum([0, *map(len, rows)]))
        result.append(segment_of_points(new.added, extent))
    copier.flush()
    return result


def _write_segment(
    copier: files.Copier,
    segment: Segment,
    is_kept: NDArray[np.bool_],
    changed: RowArray,
    texts: Sequence[bytes],
    position: int,
) -> Extent:
    """Write the kept rows of one segment; where they stand in the new file."""
    old = _extent(segment)
    if len(changed) == 0 and bool(is_kept.all()):
        copier.copy(old.start, old.stop)
        return old.at(position)
    sizes = np.diff(old.offsets.astype(np.int64))
    sizes[changed] = [len(text) for text in texts]
    is_copied = is_kept.copy()
    is_copied[changed] = False
    texts_at = dict(zip(changed.tolist(), texts, strict=True))
    for first, last in _merged(_runs(is_copied), changed):
        if first in texts_at:
            copier.write(texts_at[first])
        else:
            copier.copy(old.bounds(first)[0], old.bounds(last - 1)[1])
    return Extent.of(position, np.concatenate(([0], np.cumsum(sizes[is_kept]))))


def _runs(is_copied: NDArray[np.bool_]) -> NDArray[np.int64]:
    """First and past-last row of each run, shape (n, 2)."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], is_copied.view(np.int8), [0]))))
    return edges.reshape(-1, 2)


def _merged(runs: NDArray[np.int64], changed: RowArray) -> Iterable[tuple[int, int]]:
    """Runs and single changed rows in row order."""
    single = np.stack((changed, changed + 1), axis=1)
    pieces = np.concatenate((runs, single))
    return map(tuple, pieces[np.argsort(pieces[:, 0])].tolist())


def _replaced_text(file: CsvFile, segment: Segment, row: int, point: Point) -> bytes:
    """The new text of a stored row, in the style of the old one."""
    start, stop = _extent(segment).bounds(row)
    record = next(records(Chunk(file.read(start, stop), start, str(file.path)), file.codec))
    return file.codec.encode(point, is_compact_row(record.cells))


def _keep_rights(file: CsvFile, temporary: int, path: Path) -> None:
    """The new file has the owner, group and mode of the old one."""
    old = os.fstat(file.fd)
    new = os.fstat(temporary)
    if (new.st_uid, new.st_gid) != (old.st_uid, old.st_gid):
        try:
            os.fchown(temporary, old.st_uid, old.st_gid)
        except PermissionError as error:
            raise StorageError(
                errno.EPERM,
                f"{file.path} belongs to user {old.st_uid}, group {old.st_gid}, which a rewrite by "
                f"user {os.geteuid()} could not keep; nothing was changed: run it as the owner",
            ) from error
    os.fchmod(temporary, stat.S_IMODE(old.st_mode))


def _carry_over(file: CsvFile, temporary: int, path: Path, start: int, stop: int) -> None:
    """Copy whole rows that were appended while the rewrite ran."""
    stop = file.mend_tail(stop)
    if stop > start:
        copier = files.Copier(file.fd, temporary, path)
        copier.copy(start, stop)
        copier.flush()
