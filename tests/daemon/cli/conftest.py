"""Collectors in processes of their own for the tests of commands beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.cli import main
from tests.daemon.app.conftest import StartCollector, start_collector
from tests.daemon.app.processes import CollectorProcess

__all__ = ["Ask", "StartCollector", "start_collector"]

Ask = Callable[[CollectorProcess], tuple[int, dict[str, Any]]]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """What `status --json` says, and its exit status.

    Collectors that the test starts find a folder in memory, as in a user's session.
    """
    memory = tmp_path / "run"
    memory.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(memory))

    def ask(collector: CollectorProcess) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = main(["status", "--json", "-c", str(collector.config_path)])
        answer = capsys.readouterr()
        assert answer.err == ""
        return code, json.loads(answer.out)

    return ask
