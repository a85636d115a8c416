"""The collector with a clock that a file sets: `python -m … CONFIG CONTROL`, killed at will.

CONTROL holds `<offset of the wall clock, s> <boot id> <1 if synchronised>` and is read anew at
every look, so that a test sets the clock of a process that runs.
"""

from __future__ import annotations

import sys
from pathlib import Path

from daemon.cli.run import collect, configure
from daemon.clock import SystemClock


class ControlledClock:
    """A `BoardClock` whose wall time is off by what the control file says."""

    def __init__(self, control: Path) -> None:
        self._control = control
        self._clock = SystemClock()

    def now_us(self) -> int:
        return self._clock.now_us() + round(float(self._read()[0]) * 1e6)

    def monotonic_s(self) -> float:
        return self._clock.monotonic_s()

    @property
    def boot_id(self) -> str:
        return self._read()[1]

    def is_synchronised(self) -> bool:
        return self._read()[2] == "1"

    def awaits_synchronisation(self) -> bool:
        return not self.is_synchronised()

    def _read(self) -> list[str]:
        return self._control.read_text(encoding="ascii").split()


if __name__ == "__main__":
    sys.exit(collect(configure(Path(sys.argv[1])), None, clock=ControlledClock(Path(sys.argv[2]))))
