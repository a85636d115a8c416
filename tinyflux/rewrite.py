"""A change of stored rows: kept byte ranges copied, changed and new rows written, in one new file.

Rows that others append meanwhile are carried over: most of them before the append lock is taken,
the rest under it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tinyflux import files
from tinyflux.columns import RowArray
from tinyflux.copying import Copier
from tinyflux.csvfile import CsvFile
from tinyflux.errors import CacheDamageError, LockTimeoutError, MissingError, StorageError
from tinyflux.marks import Identity
from tinyflux.point import Point
from tinyflux.records import Chunk, records
from tinyflux.replacement import Replacement, replacing
from tinyflux.segment import Extent, Segment, segment_of_points
from tinyflux.table import Table

_ROUNDS = 8
_LAST_BYTES = 64 << 10
"""So much is left to be copied under the append lock."""


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


class Rewrite:
    """One change of the stored rows of a file, while its rewrite lock is held.

    `table` holds every row of the file; `is_continued` tells whether it still does, of the file's
    identity and generation, but for rows that were appended.
    """

    def __init__(
        self,
        replacement: Replacement,
        file: CsvFile,
        table: Table,
        is_continued: Callable[[Identity, bytes | None], bool],
    ) -> None:
        self._replacement = replacement
        self._file = file
        self._table = table
        self._is_continued = is_continued

    def carry_out(self, new: NewRows) -> tuple[Table, bytes]:
        """Replace the file by one with the rows of `new`; its columns, and its generation.

        What was appended meanwhile is carried over and not part of the columns. On disk when this
        returns. StorageError otherwise, with the file as before.
        """
        file, replacement = self._file, self._replacement
        try:
            _require_whole(file, self._table)
            file.settle()
            added = [file.codec.encode(point, new.is_compact) for point in new.added]
            replacement.require_room(_needed_bytes(file, self._table, new, added))
            result = self._write_rows(new, added)
            files.sync(replacement.fd, replacement.path)
            carried = self._carry_over_most(end_of(self._table, file))
            with file.locked() as identity:
                taken_to = self._carry_over(identity, carried)
                generation = replacement.put_in_place(taken_to)
        except (StorageError, LockTimeoutError, MissingError):
            raise
        except OSError as error:
            raise files.storage_error(error, f"{file.path}: could not be rewritten") from error
        return result, generation

    def _carry_over_most(self, position: int) -> _Carried:
        """Copy what was appended meanwhile while others may append, so that they wait less."""
        replacement, file = self._replacement, self._file
        carried = _Carried(position, position, os.fstat(replacement.fd).st_size)
        for _ in range(_ROUNDS):
            state = file.state()
            is_same = state.generation is not None and carried.generation in (
                None,
                state.generation,
            )
            if not is_same or state.end - carried.stop < _LAST_BYTES:
                break
            copier = Copier(file.fd, replacement.fd, replacement.path)
            copier.copy(carried.stop, state.end)
            copier.flush()
            files.sync(replacement.fd, replacement.path)
            carried = replace(carried, stop=state.end, generation=state.generation)
        return carried

    def _carry_over(self, identity: Identity, carried: _Carried) -> int:
        """Copy the rest of what was appended, under the append lock; how far the file was taken."""
        replacement, file = self._replacement, self._file
        generation = file.generation_of(identity)
        if not self._is_continued(identity, generation):
            raise StorageError(
                errno.EBUSY,
                f"{file.path} was changed by another program during a rewrite; nothing was "
                f"changed: call again",
            )
        start = carried.stop
        if generation is None or generation != carried.generation:
            # What was appended may have been cut back and replaced by other rows.
            files.truncate(replacement.fd, carried.size_before, replacement.path)
            os.lseek(replacement.fd, carried.size_before, os.SEEK_SET)
            start = carried.start
        file.mend(identity)
        stop = os.fstat(file.fd).st_size
        copier = Copier(file.fd, replacement.fd, replacement.path)
        copier.copy(start, stop)
        copier.flush()
        return stop

    def _write_rows(self, new: NewRows, added: Sequence[bytes]) -> Table:
        file, replacement = self._file, self._replacement
        copier = Copier(file.fd, replacement.fd, replacement.path)
        position = file.header_size()
        copier.copy(0, position)
        changed = np.array(sorted(new.replaced), dtype=np.int64)
        extents: list[Extent] = []
        for start, segment in self._table.numbered():
            stop = start + segment.n_rows
            first, last = np.searchsorted(changed, (start, stop)).tolist()
            local = changed[first:last] - start
            texts = [
                _replaced_text(file, segment, int(row), new.replaced[start + int(row)])
                for row in local
            ]
            is_kept = new.is_kept[start:stop]
            extent = _write_segment(copier, segment, is_kept, local, texts, position)
            position = extent.stop
            extents.append(extent)
        result = self._table.rewritten(new.is_kept, new.replaced, extents.__getitem__)
        if added:
            copier.write(b"".join(added))
            extent = Extent.of(position, np.cumsum([0, *map(len, added)]))
            result.append(segment_of_points(new.added, extent))
        copier.flush()
        return result


@dataclass(frozen=True, slots=True)
class _Carried:
    """Which appended rows a rewrite has copied already."""

    start: int
    """Where they begin in the old file."""
    stop: int
    size_before: int
    """Of the new file without them."""
    generation: bytes | None = None
    """Of the old file when they were copied."""


def empty(file: CsvFile) -> None:
    """Replace `file` by an empty one; on disk when this returns."""
    try:
        with replacing(file) as replacement:
            assert replacement.fd >= 0
            with file.locked() as identity:
                replacement.put_in_place(identity.size_bytes)
    except (StorageError, LockTimeoutError, MissingError):
        raise
    except OSError as error:
        raise files.storage_error(error, f"{file.path}: could not be emptied") from error


def end_of(table: Table, file: CsvFile) -> int:
    """The byte behind the last row of `table`."""
    if not table.segments:
        return file.header_size()
    return _extent(table.segments[-1]).stop


def _extent(segment: Segment) -> Extent:
    if segment.extent is None:
        raise ValueError("these columns are not of a file")
    return segment.extent


def _require_whole(file: CsvFile, table: Table) -> None:
    """Raise CacheDamageError unless the parts of `table` follow each other and end with a row.

    They come from the cache as a rule: a wrong place would copy parts of rows.
    """
    ends = tuple(mark.encode(file.codec.encoding) for mark in "\n\r")
    place = file.header_size()
    for segment in table.segments:
        extent = _extent(segment)
        is_whole = extent.start == place
        place = extent.stop
        if not is_whole or file.read(place - len(ends[0]), place) not in ends:
            raise CacheDamageError(f"its rows do not stand where it says, near byte {place}")


def _needed_bytes(file: CsvFile, table: Table, new: NewRows, added: Sequence[bytes]) -> int:
    """The size of the new file, where changed rows count as long as they are."""
    needed = file.header_size() + sum(map(len, added))
    for start, segment in table.numbered():
        is_kept = new.is_kept[start : start + segment.n_rows]
        extent = _extent(segment)
        if bool(is_kept.all()):
            needed += extent.stop - extent.start
        else:
            needed += int(np.diff(extent.offsets.astype(np.int64))[is_kept].sum())
    return needed


def _write_segment(
    copier: Copier,
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
    """The new text of a stored row, in the style and the order of the old one."""
    start, stop = _extent(segment).bounds(row)
    data, codec = file.read(start, stop), file.codec
    if codec.quotes_singly and b'"' not in data:
        cells = data.decode("utf-8").strip("\r\n").split(",")
    else:
        cells = next(records(Chunk(data, start, str(file.path)), codec)).cells
    return codec.encode_like(point, cells)
