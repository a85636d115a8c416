"""Durable steps that fail, stop short or kill the process, one after the other."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from tinyflux.files import intercepted

Kind = Literal["fail", "kill", "short and fail", "short and kill"]


@dataclass
class Fault:
    """Lets the step `number` (from 0) go wrong. A short write takes some bytes; then it ends."""

    number: int
    kind: Kind
    errno: int = 0
    taken_bytes: int = 7
    steps: list[str] = field(default_factory=list)

    def __call__(self, name: str, path: str) -> int | None:
        """The hook of `intercepted`."""
        place = len(self.steps)
        self.steps.append(name)
        is_short = self.kind.startswith("short")
        if is_short and place == self.number and name == "write":
            return self.taken_bytes
        if place == self.number + is_short:
            if self.kind.endswith("kill"):
                os.kill(os.getpid(), signal.SIGKILL)
            raise OSError(self.errno, os.strerror(self.errno))
        return None

    @property
    def has_happened(self) -> bool:
        """Whether the operation came so far."""
        return len(self.steps) > self.number + self.kind.startswith("short")


def steps_of(run: Callable[[], object]) -> list[str]:
    """The names of the durable steps of a call, in order."""
    steps: list[str] = []
    with intercepted(lambda name, path: steps.append(name)):
        run()
    return steps


def in_child(run: Callable[[], object]) -> tuple[int, bool]:
    """Run it in a forked process: how that ended (0, or minus the signal), and whether it was done.

    The fork keeps what the test prepared and costs a few ms.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reader)
            sys.stderr = sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - until its end
            run()
            os.write(writer, b"done")
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writer)
    _, status = os.waitpid(child, 0)
    done = os.read(reader, 10)
    os.close(reader)
    return os.waitstatus_to_exitcode(status), done == b"done"


def numbers() -> Iterator[int]:
    """Step after step."""
    number = 0
    while True:
        yield number
        number += 1
