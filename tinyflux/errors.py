"""Every error the engine raises on purpose. Each is also the built-in that the API documents.

TinyFluxError
├── QueryError       RuntimeError, TypeError   a query that cannot be evaluated
├── ArgumentError    TypeError, ValueError     an argument that is of no type that is taken
├── NestedChangeError RuntimeError             a change begun by a function of another change
├── AccessError      OSError                   the access mode or the file's rights forbid it
├── LockTimeoutError OSError                   another process holds the file too long
├── MissingError     FileNotFoundError         the file was deleted or renamed while open
├── StorageError     OSError                   the disk refused; the file is as it was
├── DamageError      ValueError                bytes of the file that are no row
└── CacheDamageError                           the index cache is not what was written; inside only
"""

from __future__ import annotations

import shlex


class TinyFluxError(Exception):
    """Base of every error of this package."""


class QueryError(TinyFluxError, RuntimeError, TypeError):
    """A query without a key, an empty query, or a test that its attribute does not have."""


class ArgumentError(TinyFluxError, TypeError, ValueError):
    """An argument of the wrong type; the text names it, what was found and what is allowed.

    A TypeError by what it is, and the ValueError that this API documents for measurements and keys.
    """


class NestedChangeError(TinyFluxError, RuntimeError):
    """A function that a change calls tried to change the same database; that did nothing."""


class AccessError(TinyFluxError, OSError):
    """The storage may not be read, appended to or written; the text names what would allow it."""


class LockTimeoutError(TinyFluxError, OSError):
    """Another process kept the file locked for longer than the timeout; nothing was done."""


class MissingError(TinyFluxError, FileNotFoundError):
    """The data file was deleted or renamed while it was open."""


class StorageError(TinyFluxError, OSError):
    """The operating system refused a write; the file holds what it held before."""


class CacheDamageError(TinyFluxError):
    """A part of the index cache is not what was written; caught within, the cache is made anew."""


class DamageError(TinyFluxError, ValueError):
    """A row of the file cannot be read.

    `path` is the file, `offset` the row's first byte from the file's start, `reason` what was
    found there.
    """

    def __init__(self, path: str, offset: int, reason: str) -> None:
        self.path = path
        self.offset = offset
        self.reason = reason
        super().__init__(
            f"{path}: the row at byte {offset} cannot be read: {reason}; correct it by hand, or "
            f"set bad rows aside with: python -m tinyflux repair {shlex.quote(path)}"
        )
