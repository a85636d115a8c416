"""What a storage must do: append, read, reset."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from tinyflux.point import Point


class Storage(ABC):
    """Base of every storage. A subclass with only `append`, `read` and `reset` is a database.

    A change of stored points is read, reset, append. `temporary` is never passed by this engine.
    """

    @property
    def can_append(self) -> bool:
        """Whether points can be appended."""
        return True

    @property
    def can_read(self) -> bool:
        """Whether points can be read."""
        return True

    @property
    def can_write(self) -> bool:
        """Whether stored points can be changed or removed."""
        return True

    @property
    def can_reset(self) -> bool:
        """Whether everything can be removed."""
        return self.can_write

    def refusal(self, what: str) -> str:
        """Why the storage may not be used to `what`, and what would allow it."""
        return f"{type(self).__name__} does not allow to {what}"

    @abstractmethod
    def append(self, points: Sequence[Point], temporary: bool = False) -> None:
        """Add `points` behind the others."""

    @abstractmethod
    def read(self) -> list[Point]:
        """Every point, in insertion order."""

    @abstractmethod
    def reset(self) -> None:
        """Remove everything."""

    def sync(self) -> None:  # noqa: B027 - nothing to wait for is a valid storage
        """Return when what was appended is as durable as it can be here."""

    def close(self) -> None:  # noqa: B027 - nothing to release is a valid storage
        """Release what the storage holds; twice is fine.

        A storage that holds nothing open goes on as before; another refuses what is asked of it
        afterwards.
        """
