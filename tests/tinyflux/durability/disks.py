"""Disks that refuse, by the name of the step."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tinyflux.files import intercepted


@dataclass
class Disk:
    """Notes the steps done to files whose path ends with `name`; the broken ones fail."""

    name: str = "data.csv"
    broken: dict[str, int] = field(default_factory=dict)
    """Step to errno."""
    steps: list[str] = field(default_factory=list)

    def __call__(self, step: str, path: str) -> None:
        """The hook of `intercepted`."""
        if path.endswith(self.name):
            self.steps.append(step)
            if step in self.broken:
                raise OSError(self.broken[step], os.strerror(self.broken[step]))

    @contextmanager
    def failing(self, *steps: str, errno: int) -> Iterator[None]:
        """Within it these steps fail."""
        self.broken = dict.fromkeys(steps, errno)
        try:
            yield
        finally:
            self.broken = {}


@contextmanager
def watched(name: str = "data.csv") -> Iterator[Disk]:
    """A disk that is well until it is told to fail."""
    disk = Disk(name)
    with intercepted(disk):
        yield disk
