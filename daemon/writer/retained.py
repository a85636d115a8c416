"""Which payload each topic had last, and which one last came as a retained message: a retained
message that brings one of them again is no new reading.

A broker sends retained messages after a SUBSCRIBE, so each reconnect and each start would invent
history. The memory is a file of hashes beside the data, written after the rows and before their
messages are acknowledged: a process that is killed has stored nothing that it will not recognise.
It is synced when it names a retained message, and when the collector stops; a power cut may
therefore let a value of its last moments be stored a second time, and never lose one.

A message that comes live may have replaced what the broker retains, or not: it does not say, and
the one that came as retained before may come again.

The file: `TFRETAIN`, a version byte, then records of 21 bytes: kind, a hash of broker and topic, a
hash of the payload (BLAKE2b, 8 bytes each), the CRC-32 of all that. A later record of a topic
replaces an earlier one. A record counts once a later one says that a commit followed it, or as long
as the machine has not restarted: what the page cache had of the rows is then still there. What
follows a record with a wrong checksum is not read.
"""

from __future__ import annotations

import enum
import logging
import os
import random
import struct
import zlib
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import IO

from daemon.errors import EX_IOERR, EX_NOPERM, StartError
from daemon.files import replace_file
from daemon.messages import Message
from tinyflux import files

_log = logging.getLogger("daemon.writer")

_HEAD = b"TFRETAIN\x01"
_RECORD = struct.Struct("<B8s8sI")
# Written anew when it has so many times the records that count, and not below this size.
_SLACK = 3
_SMALL_BYTES = 64 * 1024
_CACHED_NAMES = 2000


class _Kind(enum.IntEnum):
    WRITTEN = 1
    COMMITTED = 2
    BOOT = 3
    """From here on this boot of the machine has written; its hash stands in the key."""
    RETAINED = 4
    """As WRITTEN, of what came as a retained message."""


class RetainedMemory:
    """The last payload of at most `max_topics` topics; of more, any one is forgotten.

    A broker sends its retained messages in the same order each time. With the least recent
    forgotten first, a few topics too many would push each of the others out just before it comes;
    to take no new ones would lose least, until topics that have died fill the memory. Chosen at
    random, about twice as many are missed as are too many, and what has died goes by itself.

    Writer thread only, but for `len` and `n_forgotten`. Without a path it lasts as long as the
    process.
    """

    def __init__(
        self, path: Path | None = None, max_topics: int = 20_000, boot_id: str = ""
    ) -> None:
        self._path = path
        # Where the kernel does not say which boot this is, each process is one of its own.
        self._boot = _digest(boot_id.encode() or os.urandom(8))
        self._max_topics = max_topics
        self._last: dict[bytes, bytes] = {}
        self._retained: dict[bytes, bytes] = {}
        # The same keys, to choose one of them. The same choice in every run: it can be repeated.
        self._order: list[bytes] = []
        self._choice = random.Random(0)
        self._n_forgotten = 0
        self._keys: dict[tuple[str, str], bytes] = {}
        self._unwritten: dict[tuple[_Kind, bytes], bytes] = {}
        self._is_precious = False
        self._is_committed = True
        self._has_boot = False
        self._is_dirty = False
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        return len(self._last)

    @property
    def n_forgotten(self) -> int:
        """How many topics have been forgotten in this run because there were too many."""
        return self._n_forgotten

    def open(self) -> None:
        """Recall what earlier runs have seen. Raises StartError."""
        if self._path is None:
            return
        try:
            self._recall(self._path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StartError(
                f"cannot use {self._path}, the memory of retained messages: {error.strerror}; give "
                "the collector's user the right to read and write it, or remove it: retained "
                "values are then stored once more",
                EX_NOPERM if isinstance(error, PermissionError) else EX_IOERR,
            ) from error

    def is_known(self, message: Message) -> bool:
        """Whether this is the payload that its topic had last, or last as a retained message."""
        key, digest = self._key(message), _digest(message.payload)
        return digest in (self._last.get(key), self._retained.get(key))

    def remember(self, message: Message) -> None:
        """This is now the payload that its topic had last."""
        key, digest = self._key(message), _digest(message.payload)
        kind = _Kind.RETAINED if message.is_retained else _Kind.WRITTEN
        if self._last.get(key) == digest and (
            kind is _Kind.WRITTEN or self._retained.get(key) == digest
        ):
            return
        # The latest of a topic stands last.
        self._unwritten.pop((kind, key), None)
        self._unwritten[kind, key] = digest
        self._is_precious = self._is_precious or message.is_retained
        self._remember(kind, key, digest)

    def write(self) -> None:
        """What was remembered has been written; a killed process knows it from now on.

        May raise OSError; the next call tries again.
        """
        if self._path is not None and self._unwritten:
            self._append(
                self._path,
                b"".join(_record(*name, digest) for name, digest in self._unwritten.items()),
            )
            self._is_committed = False
        self._unwritten.clear()

    def commit(self) -> None:
        """What was written is on disk: a power cut does not let its hash lie. May raise OSError."""
        if self._path is None or self._is_committed:
            return
        size_bytes = self._append(self._path, _record(_Kind.COMMITTED, self._boot, self._boot))
        if self._is_precious and self._file is not None:
            self._sync(self._file, self._path)
        self._is_committed = True
        self._is_precious = False
        if size_bytes > max(_SMALL_BYTES, _SLACK * _RECORD.size * self._n_records()):
            self._rewrite(self._path)

    def close(self) -> None:
        """Make it durable and release the file; safe twice. Logs what the disk refuses."""
        if self._file is None or self._path is None:
            return
        try:
            if self._is_dirty:
                self._sync(self._file, self._path)
        except OSError as error:
            _log.warning("%s is not safe from a power cut: %s", self._path, error)
        self._file.close()
        self._file = None

    def _key(self, message: Message) -> bytes:
        name = (message.source, message.topic)
        key = self._keys.get(name)
        if key is None:
            if len(self._keys) >= _CACHED_NAMES:
                self._keys.clear()
            text = f"{message.source}\0{message.topic}"
            key = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
            self._keys[name] = key
        return key

    def _recall(self, path: Path) -> None:
        content = path.read_bytes()
        n_records = 0
        boot = b""
        doubtful: list[tuple[int, bytes, bytes]] = []
        for kind, key, digest in _records(content):
            n_records += 1
            if kind in (_Kind.WRITTEN, _Kind.RETAINED):
                doubtful.append((kind, key, digest))
            elif kind == _Kind.COMMITTED:
                self._remember_all(doubtful)
            elif key != boot:
                # The boot before has not said that its last rows are on disk.
                doubtful.clear()
                boot = key
        if boot == self._boot and doubtful:
            self._remember_all(doubtful)
            # The next commit speaks for them too.
            self._is_committed = False
        whole = len(_HEAD) + _RECORD.size * n_records
        if whole != len(content):
            _log.warning(
                "%s: %d bytes behind the last whole record are not read, as a power cut leaves "
                "them; retained values of its last moments may be stored a second time",
                path,
                len(content) - whole,
            )
            self._rewrite(path)

    def _remember_all(self, records: list[tuple[int, bytes, bytes]]) -> None:
        for record in records:
            self._remember(*record)
        records.clear()

    def _remember(self, kind: int, key: bytes, digest: bytes) -> None:
        if key in self._last:
            pass
        elif len(self._last) < self._max_topics:
            self._order.append(key)
        else:
            self._forget_for(key)
        self._last[key] = digest
        if kind == _Kind.RETAINED:
            self._retained[key] = digest

    def _n_records(self) -> int:
        return len(self._last) + len(self._retained)

    def _forget_for(self, key: bytes) -> None:
        place = self._choice.randrange(self._max_topics)
        forgotten = self._order[place]
        del self._last[forgotten]
        self._retained.pop(forgotten, None)
        self._order[place] = key
        self._n_forgotten += 1
        if self._n_forgotten == 1:
            _log.warning(
                "%s remembers the last payloads of %d topics, and there are more: retained values "
                "of some are stored once more at each start. Where a source has so many, give it a "
                "narrower topic filter, or `retained: skip` (nothing is lost of what comes while "
                "the collector runs)",
                self._path or "the memory of retained messages",
                self._max_topics,
            )

    def _append(self, path: Path, records: bytes) -> int:
        """Add records to the file; its size before. A failed write leaves no half record."""
        if self._file is None:
            is_new = not path.exists()
            self._file = path.open("ab", buffering=0)
            self._has_boot = False
            if is_new:
                files.sync_directory(path.parent)
        file = self._file
        size_bytes = file.seek(0, os.SEEK_END)
        head = b"" if size_bytes else _HEAD
        boot = b"" if self._has_boot else _record(_Kind.BOOT, self._boot, self._boot)
        try:
            files.write_all(file.fileno(), head + boot + records, path)
        except OSError:
            files.truncate(file.fileno(), size_bytes, path)
            raise
        self._has_boot = True
        self._is_dirty = True
        return size_bytes

    def _rewrite(self, path: Path) -> None:
        """The file has what is remembered and no more; all of it is committed."""
        if self._file is not None:
            self._file.close()
            self._file = None
        # A retained one counts as the last too, so it stands first.
        records = b"".join(
            [_record(_Kind.RETAINED, *pair) for pair in self._retained.items()]
            + [_record(_Kind.WRITTEN, *pair) for pair in self._last.items()]
        )
        committed = _record(_Kind.COMMITTED, self._boot, self._boot)
        replace_file(path, _HEAD + records + committed)
        self._is_dirty = False

    def _sync(self, file: IO[bytes], path: Path) -> None:
        files.sync(file.fileno(), path)
        self._is_dirty = False


def _digest(payload: bytes) -> bytes:
    return blake2b(payload, digest_size=8).digest()


def _record(kind: _Kind, key: bytes, digest: bytes) -> bytes:
    body = bytes((kind,)) + key + digest
    return body + zlib.crc32(body).to_bytes(4, "little")


def _records(content: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    if not content.startswith(_HEAD):
        return
    body = content[len(_HEAD) :]
    whole = len(body) - len(body) % _RECORD.size
    rows: Iterable[tuple[int, bytes, bytes, int]] = _RECORD.iter_unpack(body[:whole])
    for number, (kind, key, digest, checksum) in enumerate(rows):
        begin = number * _RECORD.size
        if zlib.crc32(body[begin : begin + _RECORD.size - 4]) != checksum:
            return
        yield kind, key, digest
