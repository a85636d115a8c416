"""The unit is one that systemd takes without a word, and its statuses are the collector's own."""

from __future__ import annotations

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest

from daemon.errors import EX_CONFIG, EX_NOINPUT, EX_NOPERM, EX_USAGE
from tests.support.programs import require_programs

_UNIT = Path(__file__).parents[2] / "systemd" / "tinyflux-collector.service"
_INSTALLED = "/opt/tinyflux-collector/current/bin/tinyflux-collector"


def _verify(text: str, directory: Path) -> str:
    """What `systemd-analyze verify` says of a unit; empty when it has nothing to say.

    Its status is no verdict: it prints that it ignores a directive and ends with 0.
    """
    require_programs("systemd-analyze", package="systemd")
    # verify looks for ExecStart's program, which is installed nowhere on this machine.
    program = directory / "tinyflux-collector"
    shutil.copy("/bin/true", program)
    unit = directory / _UNIT.name
    unit.write_text(text.replace(_INSTALLED, str(program)), encoding="utf-8")
    verdict = subprocess.run(
        ["systemd-analyze", "--man=no", "verify", str(unit)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
    )
    return verdict.stdout


@pytest.fixture
def unit_text() -> str:
    return _UNIT.read_text(encoding="utf-8")


def test_systemd_accepts_the_unit_without_a_word(unit_text: str, tmp_path: Path) -> None:
    assert _verify(unit_text, tmp_path) == ""


@pytest.mark.parametrize(
    ("written", "broken", "complaint"),
    [
        ("RestartSec=10s", "RestartSec=10s\nRestartTwice=3", "RestartTwice"),
        ("Type=notify\n", "Type=notify-twice\n", "notify-twice"),
        (_INSTALLED, "/opt/tinyflux-collector/current/bin/no-such", "is not executable"),
        ("StateDirectoryMode=0755", "StateDirectoryMode=u=rwx", "u=rwx"),
    ],
    ids=["unknown-directive", "unknown-type", "missing-program", "bad-value"],
)
def test_systemd_complains_of_a_broken_unit(
    unit_text: str, tmp_path: Path, written: str, broken: str, complaint: str
) -> None:
    assert written in unit_text
    assert complaint in _verify(unit_text.replace(written, broken, 1), tmp_path)


def test_restart_is_prevented_for_what_it_cannot_mend() -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(_UNIT, encoding="utf-8")
    prevented = {int(status) for status in unit["Service"]["RestartPreventExitStatus"].split()}
    assert prevented == {EX_USAGE, EX_NOINPUT, EX_NOPERM, EX_CONFIG}
