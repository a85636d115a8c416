"""Long work says on a terminal how far it is, and nowhere else."""

from __future__ import annotations

import io
import itertools
import sys
import time
from pathlib import Path

import pytest

from tinyflux import TinyFlux
from tinyflux.checking import examine, open_for_check
from tinyflux.progress import Progress


class Terminal(io.StringIO):
    """Takes what is written, and says that a person sees it."""

    def isatty(self) -> bool:
        """It is one."""
        return True


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of some rows."""
    path = tmp_path / "data.csv"
    path.write_bytes(b"2025-01-01T00:00:00,m,_field_n,1\r\n" * 1000)
    return path


def test_it_is_shown_on_a_terminal_and_cleared(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress("reading", path.stat().st_size, quiet_s=0.0), TinyFlux(path) as db:
        assert len(db) == 1000
    assert terminal.getvalue() == "\r\x1b[Kreading: 100%, 0 s left\r\x1b[K"


def test_short_work_shows_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with open_for_check(path) as file:
        assert list(examine(file))
    with TinyFlux(path) as db:
        assert len(db) == 1000
    assert terminal.getvalue() == ""


def test_a_long_read_shows_itself(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a large file without a cache at a prompt sees that something happens."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setattr(time, "monotonic", itertools.count(step=2.0).__next__)
    with TinyFlux(path) as db:
        assert len(db) == 1000
    assert terminal.getvalue() == "\r\x1b[Kreading data.csv: 100%, 0 s left\r\x1b[K"


def test_a_file_shows_nothing(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("reading", path.stat().st_size, quiet_s=0.0), TinyFlux(path) as db:
        assert len(db) == 1000
    assert capsys.readouterr() == ("", "")
