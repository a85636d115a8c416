"""What a disk may hold after a power cut, worked out from the steps that a call went through.

A disk keeps what was synced. What was not may be there or not, by halves, or as NUL bytes; a name
that was changed may be the old one or the new one until its directory was synced, each for itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from tinyflux.files import intercepted
from tinyflux.marks import Identity, read_mark, write_mark

Content = dict[Path, bytes]
"""The files of a directory tree, by their place in it."""
_ANOTHER_BOOT = b"\x01" * 16


def _common(durable: bytes, now: bytes) -> bytes:
    pairs = zip(durable, now, strict=False)
    return now[: next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(durable), len(now)))]


def _nothing(durable: bytes, now: bytes) -> bytes:
    return durable


def _all(durable: bytes, now: bytes) -> bytes:
    return now


def _nuls(durable: bytes, now: bytes) -> bytes:
    """The new size, and nothing of the new bytes."""
    kept = _common(durable, now)
    return kept + b"\0" * (len(now) - len(kept))


def _first_half(durable: bytes, now: bytes) -> bytes:
    kept = len(_common(durable, now))
    return now[: kept + (len(now) - kept) // 2]


def _last_half(durable: bytes, now: bytes) -> bytes:
    kept = len(_common(durable, now))
    half = (len(now) - kept) // 2
    return now[:kept] + b"\0" * half + now[kept + half :]


def _no_cut(durable: bytes, now: bytes) -> bytes:
    """The new bytes, and the old size where that was larger."""
    return now + durable[len(now) :]


FATES: dict[str, Callable[[bytes, bytes], bytes]] = {
    "nothing": _nothing,
    "all": _all,
    "NULs": _nuls,
    "first half": _first_half,
    "last half": _last_half,
    "no cut": _no_cut,
}
"""What may have become of bytes that were written and not synced."""


@dataclass
class Disk:
    """Watches a directory: which of its bytes and names have reached the disk."""

    folder: Path
    images: list[Content] = field(default_factory=list)
    """What the disk may hold, were the power cut at one of the steps so far."""
    _durable_bytes: dict[int, bytes] = field(default_factory=dict)
    _durable_names: dict[Path, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._durable_names, self._durable_bytes = self._now()

    def _now(self) -> tuple[dict[Path, int], dict[int, bytes]]:
        names, contents = {}, {}
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                inode = path.stat().st_ino
                names[path.relative_to(self.folder)] = inode
                contents[inode] = path.read_bytes()
        return names, contents

    def watch(self, run: Callable[[], object]) -> None:
        """Run it, and note the images at each step and at its end."""
        with intercepted(self._step):
            run()
        self.images = [*self.images, *self.at_end()]

    def at_end(self) -> list[Content]:
        """What the disk may hold now."""
        return list(self._possible())

    def _step(self, step: str, path: str) -> None:
        self.images.extend(self._possible())
        names, contents = self._now()
        if step == "fsync":
            inode = os.stat(path).st_ino
            self._durable_bytes[inode] = contents[inode]
        if step == "fsync directory":
            parent = Path(path).relative_to(self.folder)
            others = {n: i for n, i in self._durable_names.items() if n.parent != parent}
            self._durable_names = others | {n: i for n, i in names.items() if n.parent == parent}

    def _possible(self) -> Iterator[Content]:
        names, contents = self._now()
        known = {**contents, **{i: b for i, b in self._durable_bytes.items() if i not in contents}}
        for these, fate, beside in product(
            self._possible_names(names), FATES.values(), (_nothing, _all, _nuls)
        ):
            # What stands beside the data has a fate of its own.
            yield {
                name: (fate if name.name == "data.csv" else beside)(
                    self._durable_bytes.get(inode, b""), known.get(inode, b"")
                )
                for name, inode in these.items()
            }

    def _possible_names(self, now: dict[Path, int]) -> Iterator[dict[Path, int]]:
        """None of the changes since the directory was synced, all of them, or one alone."""
        yield self._durable_names
        yield now
        for name in now.keys() | self._durable_names.keys():
            if now.get(name) != self._durable_names.get(name):
                others = {n: i for n, i in self._durable_names.items() if n != name}
                yield others | {n: i for n, i in now.items() if n == name}


def materialized(image: Content, folder: Path) -> Path:
    """The image as files, as the next start of the system finds them; the data file's path."""
    for name, content in image.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    path = folder / "data.csv"
    if path.exists():
        _let_the_mark_fit(path)
    return path


def forget_the_boot(path: Path) -> None:
    """Let the mark be from before the system was started."""
    mark = read_mark(path)
    assert mark is not None
    write_mark(path, mark._replace(boot=_ANOTHER_BOOT))


def _let_the_mark_fit(path: Path) -> None:
    """Files have other inodes and times here; on a disk the mark may fit to the byte."""
    mark = read_mark(path)
    if mark is not None:
        identity = Identity.of(path.stat())._replace(size_bytes=mark.identity.size_bytes)
        write_mark(path, mark._replace(identity=identity, boot=_ANOTHER_BOOT))
