"""A booted Debian that runs commands as root, whatever it runs in."""

from __future__ import annotations

import subprocess
import time
from dataclasses import dataclass
from typing import Protocol


class CannotRunError(Exception):
    """This machine cannot do the test; the text says why, and what to do about it."""


@dataclass(frozen=True)
class Said:
    """What a command has answered."""

    status: int
    text: str
    """stdout and stderr."""


class Guest(Protocol):
    """One booted system."""

    host: str
    """The address under which it reaches brokers on this machine's loopback."""

    def boot(self) -> None:
        """Start it; it takes commands when this returns."""

    def run(self, command: str, timeout_s: float = 300) -> Said:
        """Run a line of shell as root."""

    def cut_power(self) -> None:
        """End it as a power cut would: what was not flushed to its disk is gone."""


def must(guest: Guest, command: str, timeout_s: float = 300) -> str:
    """What a command says; AssertionError when it fails."""
    said = guest.run(command, timeout_s)
    assert said.status == 0, f"{command!r} ended with {said.status}:\n{said.text}"
    return said.text.strip()


def wait_for(guest: Guest, command: str, what: str, patience_s: float = 60) -> str:
    """What a command says once it succeeds."""
    deadline_s = time.monotonic() + patience_s
    while (said := guest.run(command)).status:
        assert time.monotonic() < deadline_s, f"waited in vain for {what}:\n{said.text}"
        time.sleep(0.5)
    return said.text.strip()


def run_here(*command: str) -> None:
    """A program of this machine. CannotRunError with what it said if it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise CannotRunError(f"{command[0]} is not installed") from error
    if done.returncode:
        said = (done.stdout + done.stderr)[-3000:]
        raise CannotRunError(f"{' '.join(command)} ended with {done.returncode}:\n{said}")
