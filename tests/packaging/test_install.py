"""systemd/install and systemd/uninstall: what they refuse, and how they say it.

What they do is tried on a booted system: tests/packaging/service/.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.packaging.machine import Machine
from tests.support.programs import find_program

_TOP = Path(__file__).parents[2]
_INSTALL = _TOP / "systemd" / "install"
_UNINSTALL = _TOP / "systemd" / "uninstall"
_NOT_DEBIAN_12 = "3.9.2"


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Without root, Python that is new enough but lacks venv, and no systemd in the end."""
    return Machine(tmp_path)


def _refused(machine: Machine, script: Path, *arguments: str) -> str:
    done = machine.run_script(script, *arguments)
    assert done.returncode == 1
    return done.stderr


@pytest.mark.parametrize("script", [_INSTALL, _UNINSTALL], ids=["install", "uninstall"])
def test_nothing_is_done_without_root(machine: Machine, script: Path) -> None:
    assert f"sudo {script}" in _refused(machine, script)


def test_an_unknown_option_is_answered_with_the_usage(machine: Machine) -> None:
    assert "usage: systemd/install [--no-start]" in _refused(machine, _INSTALL, "--upgrade")


def test_a_python_that_is_too_old_is_named(machine: Machine) -> None:
    machine.turn_on("root")
    machine.set_python_version(_NOT_DEBIAN_12)
    message = _refused(machine, _INSTALL)
    assert f"python3 is Python {_NOT_DEBIAN_12}" in message
    assert "apt-get install -y python3 python3-venv" in message


def test_a_python_that_is_not_there_is_named(machine: Machine) -> None:
    machine.turn_on("root")
    done = machine.run_script(_INSTALL, PYTHON="python9")
    assert "found: no python9" in done.stderr


def test_a_missing_venv_module_is_answered_with_the_line_to_type(machine: Machine) -> None:
    machine.turn_on("root")
    message = _refused(machine, _INSTALL)
    assert "apt-get update && apt-get install -y python3.11-venv" in message


def test_a_python_in_a_home_folder_is_refused(machine: Machine) -> None:
    machine.turn_on("root")
    machine.set_python_path("/home/pi/.pyenv/bin/python3.11")
    assert "which the service cannot see" in _refused(machine, _INSTALL)


@pytest.mark.skipif(Path("/run/systemd/system").exists(), reason="systemd runs this machine")
def test_a_machine_without_systemd_is_told_what_works_there(machine: Machine) -> None:
    machine.turn_on("root")
    machine.turn_on("ensurepip")
    message = _refused(machine, _INSTALL)
    assert "systemd does not run this machine" in message
    assert "README.md" in message


@pytest.mark.skipif(find_program("shellcheck") is None, reason="shellcheck is not installed")
def test_scripts_have_no_fault_that_shellcheck_knows() -> None:
    checked = subprocess.run(
        ["shellcheck", "-x", "-S", "warning", "-s", "sh", str(_INSTALL), str(_UNINSTALL)],
        cwd=_TOP,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert checked.stdout == ""
