"""`reload` from the command line, beside a running collector."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.cli import main
from daemon.errors import EX_CONFIG, EX_UNAVAILABLE
from tests.daemon.cli.conftest import StartCollector

_ONE = "polls:\n  - command: {name: one, every: 1h, run: [echo, '1']}\n"
_TWO = _ONE.replace("one", "two")


def test_what_was_taken_up_is_printed(
    start_collector: StartCollector, capsys: pytest.CaptureFixture[str]
) -> None:
    collector = start_collector(_ONE)
    collector.config_path.write_text(_TWO, encoding="utf-8")
    assert main(["reload", "-c", str(collector.config_path)]) == 0
    assert capsys.readouterr().out == "goes on by the changed configuration: polls\n"
    assert main(["reload", "-c", str(collector.config_path)]) == 0
    assert capsys.readouterr().out == "nothing has changed\n"


def test_errors_are_printed_and_the_collector_is_not_told(
    start_collector: StartCollector, capsys: pytest.CaptureFixture[str]
) -> None:
    collector = start_collector(_ONE)
    collector.config_path.write_text(_ONE.replace("every", "evry"), encoding="utf-8")
    assert main(["reload", "-c", str(collector.config_path)]) == EX_CONFIG
    assert "config.yaml:2: polls[0].command.evry" in capsys.readouterr().err
    assert "reloaded" not in collector.log_text()


def test_what_needs_a_restart_is_an_error(
    start_collector: StartCollector, capsys: pytest.CaptureFixture[str]
) -> None:
    collector = start_collector(_ONE)
    collector.config_path.write_text(_TWO + "storage: {sync: always}\n", encoding="utf-8")
    assert main(["reload", "-c", str(collector.config_path)]) == EX_CONFIG
    said = capsys.readouterr().err
    assert "only a restart takes up storage.sync" in said
    assert "stays in force" in said


def test_a_changed_place_of_the_data_is_named_where_the_service_has_its_folder(
    start_collector: StartCollector,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setenv("RUNTIME_DIRECTORY", str(folder))
    collector = start_collector(_ONE)
    collector.config_path.write_text(_ONE + "storage: {path: moved.csv}\n", encoding="utf-8")
    assert main(["reload", "-c", str(collector.config_path)]) == EX_CONFIG
    assert "only a restart takes up storage.path" in capsys.readouterr().err


def test_without_a_collector_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(_ONE, encoding="utf-8")
    assert main(["reload", "-c", str(path)]) == EX_UNAVAILABLE
    assert "no collector answers" in capsys.readouterr().err
