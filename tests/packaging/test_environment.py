"""tools/environment.sh: what is installed, when, and what a person is told where it may not be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.packaging.machine import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.fixture
def ready_machine(machine: Machine) -> Machine:
    """One that needs nothing from apt and reaches the package index."""
    machine.turn_on("ensurepip")
    machine.turn_on("network")
    return machine


def _pip_calls(machine: Machine) -> list[str]:
    return [call for call in machine.take_calls("python") if "-m pip install" in call]


def test_venv_for_tests_installs_the_test_tools(ready_machine: Machine) -> None:
    assert ready_machine.run("venv", "test").returncode == 0
    assert _pip_calls(ready_machine)[-1].endswith("--editable .[embedded,terminal,test]")


def test_second_time_installs_nothing(ready_machine: Machine) -> None:
    ready_machine.run("venv", "run")
    ready_machine.take_calls("python")
    ready_machine.turn_off("network")
    assert ready_machine.run("venv", "run").returncode == 0
    assert _pip_calls(ready_machine) == []


def test_fresh_time_stamp_of_pyproject_installs_nothing(ready_machine: Machine) -> None:
    ready_machine.run("venv", "run")
    ready_machine.take_calls("python")
    (ready_machine.checkout / "pyproject.toml").touch()
    ready_machine.run("venv", "run")
    assert _pip_calls(ready_machine) == []


def test_changed_pyproject_installs_again_without_a_download_for_the_build(
    ready_machine: Machine,
) -> None:
    ready_machine.run("venv", "run")
    ready_machine.take_calls("python")
    (ready_machine.checkout / "pyproject.toml").write_text("[project]\n# x\n", encoding="utf-8")
    ready_machine.run("venv", "run")
    calls = ready_machine.take_calls("python")
    assert "--no-build-isolation" in calls[-2]
    assert not any("-m venv" in call for call in calls)


@pytest.mark.parametrize("reason", ["moved", "upgraded"])
def test_venv_that_no_longer_fits_is_made_anew(ready_machine: Machine, reason: str) -> None:
    ready_machine.run("venv", "run")
    ready_machine.take_calls("python")
    if reason == "moved":
        ready_machine.move_checkout()
    else:
        ready_machine.set_python_version("3.11.9")
    assert ready_machine.run("venv", "run").returncode == 0
    assert "python -m venv --clear .venv" in ready_machine.take_calls("python")


def test_failed_installation_is_tried_again(ready_machine: Machine) -> None:
    ready_machine.turn_off("network")
    failed = ready_machine.run("venv", "run")
    assert failed.returncode == 1
    assert "needs a package index" in failed.stderr
    ready_machine.turn_on("network")
    assert ready_machine.run("venv", "run").returncode == 0


def test_root_gets_the_missing_venv_module_from_apt(machine: Machine) -> None:
    machine.turn_on("network")
    machine.turn_on("root")
    assert machine.run("venv", "run").returncode == 0
    assert machine.take_calls("apt-get")[-1].endswith(" python3.11-venv")


def test_sudo_without_a_password_gets_the_missing_venv_module_from_apt(machine: Machine) -> None:
    machine.turn_on("network")
    machine.add_passwordless_sudo()
    assert machine.run("venv", "run").returncode == 0
    assert machine.take_calls("sudo")[-1].endswith(" python3.11-venv")


@pytest.mark.parametrize(
    ("sudo", "line"),
    [
        (None, "    su -c 'apt-get update && apt-get install -y python3.11-venv'"),
        ("exit 1", "    sudo apt-get update && sudo apt-get install -y python3.11-venv"),
    ],
    ids=["no-sudo", "sudo-wants-a-password"],
)
def test_other_users_are_told_the_one_line_to_type(
    machine: Machine, sudo: str | None, line: str
) -> None:
    machine.turn_on("network")
    if sudo is not None:
        machine.add_program("sudo", sudo)
    told = machine.run("venv", "run")
    assert told.returncode == 1
    assert line in told.stderr.splitlines()
    assert machine.take_calls("apt-get") == []


def test_apt_that_cannot_install_the_venv_module_ends_with_its_name(machine: Machine) -> None:
    machine.turn_on("root")
    failed = machine.run("venv", "run")
    assert failed.returncode == 1
    assert "apt could not install python3.11-venv" in failed.stderr


def test_old_python_is_refused_with_what_was_found(machine: Machine) -> None:
    machine.set_python_version("3.9.2")
    refused = machine.run("venv", "run")
    assert refused.returncode == 1
    assert "needs Python 3.11 or newer; found: python3 is Python 3.9.2" in refused.stderr


def test_named_python_is_the_only_one_tried(ready_machine: Machine) -> None:
    refused = ready_machine.run("venv", "run", PYTHON="/no such/python")
    assert refused.returncode == 1
    assert "found: no /no such/python" in refused.stderr


def test_root_gets_the_programs_of_the_tests_in_one_go(machine: Machine) -> None:
    machine.turn_on("root")
    machine.turn_on("network")
    assert machine.run("programs").returncode == 0
    assert machine.take_calls("apt-get")[-1].endswith(" mosquitto mosquitto-clients systemd")


def test_apt_never_removes_a_package_for_the_tests(machine: Machine) -> None:
    machine.turn_on("root")
    machine.turn_on("network")
    machine.run("programs")
    installs = [call for call in machine.take_calls("apt-get") if " install " in call]
    assert installs
    assert all("--no-remove" in call for call in installs)


def test_programs_that_are_there_are_not_installed(machine: Machine) -> None:
    machine.turn_on("root")
    for name in ("mosquitto_passwd", "mosquitto_pub", "systemd-analyze"):
        machine.add_program(name)
    assert machine.run("programs").stdout == ""
    assert machine.take_calls("apt-get") == []


def test_programs_that_may_not_be_installed_are_named_and_do_not_stop_the_tests(
    machine: Machine,
) -> None:
    machine.add_program("systemd-analyze")
    told = machine.run("programs")
    assert told.returncode == 0
    assert "mosquitto mosquitto-clients. The tests that need them will be skipped" in told.stdout


def test_programs_that_apt_does_not_get_do_not_stop_the_tests(machine: Machine) -> None:
    machine.turn_on("root")
    told = machine.run("programs")
    assert told.returncode == 0
    assert "apt could not install mosquitto" in told.stdout


def test_unknown_command_is_refused_with_the_known_ones(machine: Machine) -> None:
    refused = machine.run("venv", "everything")
    assert refused.returncode == 1
    assert "usage: tools/environment.sh venv run|test" in refused.stderr
