"""`tinyflux-collector` alone, and what completes its commands."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.cli.next_step import next_step


def test_without_a_configuration_it_names_what_needs_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert next_step(tmp_path / "none.yaml") == 0
    said = capsys.readouterr().out
    assert "There is no configuration yet" in said
    assert " demo " in said


def test_with_a_configuration_it_names_check_and_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("storage: {path: d.csv}\n")
    assert next_step(tmp_path / "none.yaml") == 0
    said = capsys.readouterr().out
    assert "It has collected nothing yet" in said
    assert "check -c config.yaml" in said


def test_with_data_it_names_what_looks_at_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text("storage: {path: d.csv}\n")
    (tmp_path / "d.csv").touch()
    assert next_step(tmp_path / "none.yaml") == 0
    said = capsys.readouterr().out
    assert f"the data {tmp_path / 'd.csv'}." in said
    assert "tail -c config.yaml" in said


def test_no_command_is_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "lists every command" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("(tinyflux-collector quer)", "query"),
        ("(tinyflux-collector query --mea)", ""),
        ("(tinyflux-collector query --sin)", "--since"),
        ("(tinyflux-collector export --forc)", "--force"),
    ],
)
def test_bash_completes_commands_and_options(
    capsys: pytest.CaptureFixture[str], words: str, completed: str
) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    script += f"COMP_WORDS={words}; COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); "
    script += '_tinyflux_collector; echo "${COMPREPLY[*]}"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == completed


@pytest.mark.parametrize(
    ("shell", "line"),
    [
        ("zsh", "#compdef tinyflux-collector"),
        ("fish", "-n '__fish_seen_subcommand_from query' -l since"),
    ],
)
def test_other_shells(capsys: pytest.CaptureFixture[str], shell: str, line: str) -> None:
    assert main(["completion", shell]) == 0
    assert line in capsys.readouterr().out
