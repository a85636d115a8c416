"""`retention` from the command line, and as the collector's own job."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.clock import SystemClock
from tinyflux import Point, TinyFlux

CONFIG = """\
polls:
  - command: {every: 1h, run: [echo, "42"], measurement: answers}
retention:
  rules:
    - {name: old climate, match: {measurement: climate}, max_age: 7d}
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A configuration, and a data file with a point of now and two that are too old."""
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG, encoding="utf-8")
    now = datetime.now(UTC)
    with TinyFlux(str(tmp_path / "data.csv")) as db:
        for days in (30, 8, 0):
            point = Point(
                time=now - timedelta(days=days), measurement="climate", fields={"t": float(days)}
            )
            db.insert(point)
    return str(path)


def _ages(config: str) -> list[float]:
    with TinyFlux(str(Path(config).with_name("data.csv"))) as db:
        return [point.fields["t"] or 0.0 for point in db.all() if point.measurement == "climate"]


def test_the_plan_says_what_would_go_and_changes_nothing(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = Path(config).with_name("data.csv").read_bytes()
    assert main(["retention", "--plan", "-c", config]) == 0
    assert "old climate" in capsys.readouterr().out
    assert Path(config).with_name("data.csv").read_bytes() == before


def test_the_run_removes_what_is_too_old(config: str) -> None:
    assert _run_in_child(config) == 0
    assert _ages(config) == [0.0]


def test_the_running_collector_carries_the_rules_out(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "-c", config, "--duration", "4"]) == 0
    assert _ages(config) == [0.0]
    assert "retention" in capsys.readouterr().err


def _run_in_child(config: str) -> int:
    """In a process of its own: the command lowers its priority for good."""
    command = [sys.executable, "-m", "daemon", "retention", "--run", "-c", config]
    return subprocess.run(command, timeout=60, check=False).returncode


def test_an_unsynchronised_clock_removes_nothing(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if SystemClock().is_synchronised():
        pytest.skip("the clock of this machine is synchronised")
    with Path(config).open("a", encoding="utf-8") as file:
        file.write("collector: {clock: {wait_for_sync: 10m}}\n")
    before = _ages(config)
    assert main(["retention", "--run", "-c", config]) != 0
    assert "the clock of this machine is not synchronised" in capsys.readouterr().err
    assert _ages(config) == before


def test_the_plan_of_one_rule_as_json(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    with Path(config).open("a", encoding="utf-8") as file:
        file.write("    - {name: other, match: {measurement: other}, max_age: 7d}\n")
    assert main(["retention", "--plan", "-c", config, "--rule", "other", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert [(each["rule"], each["points"]) for each in plan["rules"]] == [("other", 0)]


def test_a_rule_that_there_is_not_is_an_error(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["retention", "--plan", "-c", config, "--rule", "old"]) != 0
    assert "no retention rule is called 'old'; rules: old climate" in capsys.readouterr().err


def test_undo_brings_back_what_a_run_removed(config: str) -> None:
    with Path(config).open("a", encoding="utf-8") as file:
        file.write("  undo: 1d\n")
    assert _run_in_child(config) == 0
    command = [sys.executable, "-m", "daemon", "retention", "--undo", "-c", config]
    assert subprocess.run(command, timeout=60, check=False).returncode == 0
    assert sorted(_ages(config)) == [0.0, 8.0, 30.0]


@pytest.mark.parametrize(
    "options", [["--plan", "--now"], ["--undo", "--rule", "x"]], ids=["plan-now", "undo-rule"]
)
def test_options_that_do_not_go_together_are_refused(config: str, options: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(["retention", *options, "-c", config])
