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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tinyflux.marks import give_to_owner, make_sidecar, sidecar
from tinyflux.segment import Segment
from tinyflux.segment_file import CacheDamageError, SegmentFile, StoredSegment, segment_bytes

logger = logging.getLogger(__name__)

VERSION = 1
PUBLISH_ROWS = 1 << 15
"""A cache is published when at least so many rows stand behind it."""
_TRIES = 3


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
    directory = sidecar(path)
    for _ in range(_TRIES):
        try:
            text = (directory / "manifest").read_bytes()
        except OSError:
            return None
        try:
            return _opened(directory, _checked(text), codec_key)
        except FileNotFoundError:
            continue  # replaced between reading the manifest and opening its segments
        except (CacheDamageError, OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("%s: the index cache is not used: %s", path, error)
            return None
    return None


def _checked(text: bytes) -> dict[str, Any]:
    head, _, body = text.partition(b"\n")
    if head != b"TFXMANIFEST %d %08x" % (VERSION, zlib.crc32(body)):
        raise CacheDamageError("its manifest is damaged or of another version")
    manifest: dict[str, Any] = json.loads(body)
    return manifest


def _opened(directory: Path, manifest: dict[str, Any], codec_key: str) -> Cached | None:
    if manifest["codec"] != codec_key:
        return None
    segments = []
    for name, start, n_rows, first_us, last_us in manifest["segments"]:
        if "/" in name:
            raise CacheDamageError(f"its manifest names {name!r}")
        file = SegmentFile(directory / name)
        segments.append(StoredSegment(file, start, n_rows, (first_us, last_us)))
    coverage = Coverage(
        bytes.fromhex(manifest["generation"]),
        manifest["start"],
        tuple(Checksum(*pair) for pair in manifest["checksums"]),
    )
    return Cached(coverage, tuple(segments), manifest["end"])


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
            [segment.file.path.name, segment.start, segment.n_rows, *segment.span_us]
            for segment in stored
        ],
    }
    body = json.dumps(manifest, separators=(",", ":")).encode()
    head = b"TFXMANIFEST %d %08x\n" % (VERSION, zlib.crc32(body))
    _write(path, directory / "manifest.new", head + body)
    os.rename(directory / "manifest.new", directory / "manifest")
    _remove_others(directory, {segment.file.path.name for segment in stored})
    return list(stored)


def _stored(path: Path, directory: Path, segment: Segment) -> StoredSegment:
    if isinstance(segment, StoredSegment) and segment.file.path.exists():
        return segment
    name = directory / f"{secrets.token_hex(8)}.segment"
    _write(path, name, segment_bytes(segment))
    start = segment.extent.start if segment.extent is not None else 0
    return StoredSegment(SegmentFile(name), start, segment.n_rows, segment.span_us)


def _write(path: Path, name: Path, data: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    fd = os.open(name, flags, 0o666)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        give_to_owner(fd, path)
    except OSError:
        os.unlink(name)
        raise
    finally:
        os.close(fd)


def _remove_others(directory: Path, names: set[str]) -> None:
    for entry in directory.glob("*.segment"):
        if entry.name not in names:
            entry.unlink(missing_ok=True)


def discard(path: Path) -> None:
    """Remove the manifest, so that nobody uses the cache; where that is not allowed, leave it."""
    try:
        (sidecar(path) / "manifest").unlink(missing_ok=True)
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
