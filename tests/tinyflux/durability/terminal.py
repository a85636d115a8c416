"""The command line, as a test types it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tinyflux.cli import main


@dataclass
class Terminal:
    """Runs the command and keeps what it says."""

    capture: pytest.CaptureFixture[str]
    status: int = 0
    out: str = ""
    err: str = ""

    def __call__(self, *arguments: object) -> int:
        """The exit status."""
        self.status = main([str(part) for part in arguments])
        self.out, self.err = self.capture.readouterr()
        return self.status
