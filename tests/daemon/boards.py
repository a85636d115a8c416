"""A board whose clock tests set, and whose system says what they want."""

from __future__ import annotations

from datetime import UTC, datetime

from tests.daemon.clocks import SetClock


class SetBoard(SetClock):
    """A `BoardClock`; not synchronised, and about to be, unless told otherwise."""

    def __init__(
        self,
        wall: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC),
        *,
        boot_id: str = "boot-1",
        is_synchronised: bool = False,
        awaits: bool = True,
    ) -> None:
        super().__init__(wall)
        self.boot_id = boot_id
        self.synchronised = is_synchronised
        self.awaits = awaits

    def is_synchronised(self) -> bool:
        return self.synchronised

    def awaits_synchronisation(self) -> bool:
        return self.awaits and not self.synchronised

    def synchronise(self, wall: datetime) -> None:
        """The time service sets the clock."""
        self.set_wall(wall)
        self.synchronised = True
