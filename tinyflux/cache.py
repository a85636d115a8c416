"""The index cache on disk: a manifest and the segment files it names, beside the data file.

Never the truth: whatever is wrong with it, the columns are read from the data file instead. It is
not synced either; a block that a power cut lost fails its checksum.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import secrets
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyflux import files
from tinyflux.errors import CacheDamageError
from tinyflux.segment import Segment
from tinyflux.segment_file import SegmentFile, header_checksum, segment_bytes
from tinyflux.sidecar import is_trusted, make_sidecar, sidecar
from tinyflux.stored_segment import StoredSegment, Told

logger = logging.getLogger(__name__)

VERSION = 2
PUBLISH_ROWS = 1 << 15
"""A cache is published when at least so many rows stand behind it."""
_TRIES = 3
_LARGEST_MANIFEST_BYTES = 64 << 20
_ODD = (
    CacheDamageError,
    OSError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    RecursionError,
    OverflowError,
)
"""What reading raises where the manifest says something that cannot be."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """CRC-32 of a run of bytes of the data file; runs follow each other without a gap."""

    size_bytes: int
    crc: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a cache says of its data file."""

    generation: bytes
    """Of the mark when it was published."""
    start: int
    """Where the first row begins."""
    checksums: tuple[Checksum, ...]
    """Of the bytes from `start` on that the cache covers; empty where they are not known."""


@dataclass(frozen=True, slots=True)
class Cached:
    """A cache as it was found: columns that are read when they are touched."""

    coverage: Coverage
    segments: tuple[StoredSegment, ...]
    end: int
    """Behind the last row that it covers."""


def load(path: Path, codec_key: str) -> Cached | None:
    """The cache of the data file `path`, or None where there is none that can be used.

    `codec_key` tells encoding and dialect: columns read by another are not these rows.
    """
    try:
        return opened(path, codec_key)
    except CacheDamageError as error:
        logger.warning("%s: the index cache is not used: %s", path, error)
        return None


def opened(path: Path, codec_key: str) -> Cached | None:
    """As `load`; raises CacheDamageError for a cache that is not what was written."""
    directory = sidecar(path)
    if not is_trusted(path):
        return None
    for _ in range(_TRIES):
        try:
            text = _manifest_text(directory / "manifest")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CacheDamageError(f"its manifest cannot be read: {error}") from error
        try:
            return _opened(directory, _checked(text), codec_key)
        except FileNotFoundError:
            continue  # replaced between reading the manifest and opening its segments
        except CacheDamageError:
            raise
        except _ODD as error:
            raise CacheDamageError(f"its manifest says {error!r:.200}") from error
    raise CacheDamageError("segments that its manifest names are missing")


def _manifest_text(path: Path) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        size_bytes = os.fstat(fd).st_size
        if size_bytes > _LARGEST_MANIFEST_BYTES:
            raise CacheDamageError(f"its manifest of {size_bytes:,} bytes is none")
        return files.read_at(fd, 0, size_bytes)
    finally:
        os.close(fd)


def _checked(text: bytes) -> dict[str, Any]:
    head, _, body = text.partition(b"\n")
    if head != b"TFXMANIFEST %d %08x" % (VERSION, zlib.crc32(body)):
        raise CacheDamageError("its manifest is damaged or of another version")
    manifest: dict[str, Any] = json.loads(body)
    return manifest


def _opened(directory: Path, manifest: dict[str, Any], codec_key: str) -> Cached | None:
    if manifest["codec"] != codec_key:
        return None
    coverage = Coverage(
        bytes.fromhex(manifest["generation"]),
        _whole(manifest["start"]),
        tuple(Checksum(_whole(size), _whole(crc)) for size, crc in manifest["checksums"]),
    )
    end = _whole(manifest["end"])
    segments = []
    place = coverage.start
    for name, checksum, start, n_rows, first_us, last_us, counts in manifest["segments"]:
        if "/" in name or not name.endswith(".segment"):
            raise CacheDamageError(f"its manifest names {name!r}")
        if not place <= start < end or not 0 < _whole(n_rows) <= end - start:
            raise CacheDamageError(f"its manifest sets {name} where it cannot be")
        told = Told(n_rows, (_number(first_us), _number(last_us)), _counts(counts, n_rows))
        file = SegmentFile(directory / name, _whole(checksum))
        segments.append(StoredSegment(file, start, told))
        place = start + n_rows
    return Cached(coverage, tuple(segments), end)


def _counts(value: Any, n_rows: int) -> dict[str, int] | None:
    if value is None:
        return None
    counts = {str(name): _whole(n) for name, n in value.items()}
    if sum(counts.values()) != n_rows:
        raise CacheDamageError("its manifest counts other rows than there are")
    return counts


def _number(value: Any) -> int:
    if type(value) is not int:
        raise CacheDamageError(f"its manifest has {value!r:.20} for a number")
    return value


def _whole(value: Any) -> int:
    if _number(value) < 0:
        raise CacheDamageError(f"its manifest has {value!r:.20} for a size")
    return int(value)


def publish(
    path: Path, segments: Sequence[Segment], end: int, coverage: Coverage, codec_key: str
) -> list[Segment]:
    """Write what is not yet in the cache, then the manifest; the segments as stored.

    Where the cache cannot be written, or another process is writing it, the segments as given.
    """
    try:
        directory = make_sidecar(path)
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        logger.debug("%s: no index cache: %s", path, error)
        return list(segments)
    try:
        files.step("lock", directory)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return _published(path, directory, segments, end, coverage, codec_key)
    except BlockingIOError:
        return list(segments)
    except OSError as error:
        logger.info("%s: the index cache could not be written: %s", path, error)
        return list(segments)
    finally:
        os.close(lock)


def _published(
    path: Path,
    directory: Path,
    segments: Sequence[Segment],
    end: int,
    coverage: Coverage,
    codec_key: str,
) -> list[Segment]:
    stored = [_stored(path, directory, segment) for segment in segments]
    manifest = {
        "codec": codec_key,
        "generation": coverage.generation.hex(),
        "start": coverage.start,
        "end": end,
        "checksums": [[part.size_bytes, part.crc] for part in coverage.checksums],
        "segments": [
            [
                segment.file.path.name,
                segment.file.checksum,
                segment.start,
                segment.n_rows,
                *segment.span_us,
                segment.told.counts,
            ]
            for segment in stored
        ],
    }
    body = json.dumps(manifest, separators=(",", ":")).encode()
    head = b"TFXMANIFEST %d %08x\n" % (VERSION, zlib.crc32(body))
    fresh = directory / "manifest.new"
    files.unlink(fresh)
    _write(path, fresh, head + body)
    files.rename(fresh, directory / "manifest")
    _remove_others(directory, {segment.file.path.name for segment in stored})
    return list(stored)


def _stored(path: Path, directory: Path, segment: Segment) -> StoredSegment:
    if isinstance(segment, StoredSegment) and segment.file.path.exists():
        return segment
    name = directory / f"{secrets.token_hex(8)}.segment"
    data = segment_bytes(segment)
    _write(path, name, data)
    start = segment.extent.start if segment.extent is not None else 0
    file = SegmentFile(name, header_checksum(data))
    return StoredSegment(file, start, Told.of(segment))


def _write(path: Path, name: Path, data: bytes) -> None:
    """A new file of the cache, as private as the data at `path`. Not synced."""
    fd = files.create(name, 0o600, os.O_WRONLY)
    try:
        files.make_as_private(fd, name, os.stat(path))
        files.write_all(fd, data, name)
    except BaseException:
        with suppress(OSError):
            files.unlink(name)
        raise
    finally:
        os.close(fd)


def _remove_others(directory: Path, names: set[str]) -> None:
    """Remove segments that the manifest does not name. Only under the directory's lock."""
    for entry in directory.glob("*.segment"):
        if entry.name not in names:
            files.unlink(entry)


def discard(path: Path) -> None:
    """Remove the manifest, so that nobody uses the cache; where that is not allowed, leave it."""
    try:
        files.unlink(sidecar(path) / "manifest")
    except OSError as error:
        logger.debug("%s: the index cache stays: %s", path, error)


def matches(coverage: Coverage, end: int, read: Callable[[int, int], bytes]) -> bool:
    """Whether the bytes of the data file still are those that the checksums were made of."""
    offset = coverage.start
    for part in coverage.checksums:
        data = read(offset, offset + part.size_bytes)
        if len(data) != part.size_bytes or zlib.crc32(data) != part.crc:
            return False
        offset += part.size_bytes
    return offset == end
