"""In which encoding the bytes of a file are text: by the name the user gives and the file's mark.

Rows are encoded one by one, so each must stand by itself: the byte order is known beforehand.
"""

from __future__ import annotations

import codecs
import os
import stat
from dataclasses import dataclass
from pathlib import Path

_HEAD_BYTES = 4
_MARKS = {
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-8": codecs.BOM_UTF8,
}
"""The mark of UTF-32 begins as that of UTF-16 in the same order: it is looked for first."""
_MARKED = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}
"""Encodings that begin a file with a mark, and the order in which a new file is written."""
_STATEFUL = ("iso2022", "hz", "utf-7", "idna", "punycode", "unicode-escape", "raw-unicode-escape")


@dataclass(frozen=True, slots=True)
class TextEncoding:
    """An encoding whose rows stand by themselves."""

    name: str
    """As Python's codecs know it; the byte order is part of it."""
    mark: bytes
    """What a new file begins with."""

    @classmethod
    def of(cls, given: str, head: bytes = b"") -> TextEncoding:
        """The encoding `given` by the user, for a file that begins with `head`.

        A mark in the file decides the byte order of `utf-16` and `utf-32`. Raises LookupError for
        an unknown encoding, ValueError for one whose rows do not stand by themselves.
        """
        name = codecs.lookup(given).name
        if name in _MARKED:
            found = mark_of(head)
            is_order = found is not None and found.startswith(name)
            chosen = found if found is not None and is_order else _MARKED[name]
            return cls(chosen, _MARKS[chosen])
        sample = "a,\r\n"
        is_stateful = (sample * 2).encode(name) != sample.encode(name) * 2
        if is_stateful or name.replace("_", "-").startswith(_STATEFUL):
            raise ValueError(
                f"encoding {given!r} cannot be used: its bytes depend on what stands before them, "
                f"or do not keep every text; use utf-8"
            )
        return cls(name, b"")

    def mark_size(self, head: bytes) -> int:
        """The bytes of the mark that a file begins with; `head` are its first bytes.

        Raises ValueError for the mark of another encoding: its rows would be taken for garbage, and
        cut off as such.
        """
        found = mark_of(head)
        if found is None or (head != self.mark and self.mark.startswith(head)):
            return 0  # or a torn mark
        if found != self.name:
            usual = found.rsplit("-", 1)[0] if found != "utf-8" else found
            raise ValueError(
                f"the file begins with the byte order mark of {found}, and is read as {self.name}: "
                f"open it with encoding={usual!r}"
            )
        return len(_MARKS[found])


def mark_of(head: bytes) -> str | None:
    """The encoding whose mark `head` begins with, or None."""
    return next((name for name, mark in _MARKS.items() if head.startswith(mark)), None)


def first_bytes(path: Path) -> bytes:
    """What decides about the encoding of a file; nothing where there is none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:  # whoever opens it to use it says what is wrong
        return b""
    try:
        return os.read(fd, _HEAD_BYTES) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
    finally:
        os.close(fd)
