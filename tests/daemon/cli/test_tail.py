"""`tail`: the last points, and what other processes add."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.errors import EX_DATAERR, EX_NOINPUT, EX_USAGE
from tests.daemon.cli.readings import write_readings
from tinyflux import Point, TinyFlux

ROOT = Path(__file__).parents[3]

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(write_readings(tmp_path / "data.csv"))


@pytest.fixture
def start() -> Iterator[Start]:
    """`tail` in a process of its own."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon", "tail", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONUNBUFFERED": ""},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def _insert(data: str, **fields: int) -> None:
    with TinyFlux(data) as db:
        db.insert(Point(measurement="climate", tags={"room": "bath"}, fields=fields))


def test_the_last_points_as_text(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tail", "--data", data, "--tz", "UTC", "-n", "2", "--duration", "0.01"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "2025-06-01 12:00:00 power device=plug total=100 watt=none",
        "2025-06-01 13:00:00 power device=plug total=200 watt=85.25",
    ]


def test_the_last_points_of_a_selection_as_json(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["climate", "--data", data, "--tag", "room=attic", "-n", "1", "--json"]
    assert main(["tail", *arguments, "--duration", "0.01"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "time": "2025-06-01T12:20:00Z",
        "measurement": "climate",
        "tags": {"room": "attic"},
        "fields": {"temperature": 26.0, "humidity": 42},
    }


def test_new_points_are_shown_as_they_arrive(data: str, start: Start) -> None:
    process = start("climate", "--data", data, "-n", "1", "--count", "2", "--format", "line")
    assert process.stdout is not None
    assert "room=attic" in process.stdout.readline()
    _insert(data, temperature=24)
    assert process.stdout.readline().startswith("climate,room=bath temperature=24i ")
    _insert(data, temperature=25)
    assert process.stdout.readline().startswith("climate,room=bath temperature=25i ")
    assert process.wait(timeout=60) == 0


def test_ctrl_c_is_how_it_ends(data: str, start: Start) -> None:
    process = start("--data", data, "-n", "1")
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    assert process.stderr is not None
    assert process.stderr.read() == "\n"


def test_it_ends_when_nobody_reads_although_nothing_comes(data: str, start: Start) -> None:
    process = start("--data", data, "-n", "1")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    process.stdout = None


def test_a_file_that_goes_away_is_said(data: str, start: Start) -> None:
    process = start("--data", data, "-n", "1")
    assert process.stdout is not None
    process.stdout.readline()
    os.unlink(data)
    assert process.wait(timeout=60) == EX_NOINPUT
    assert process.stderr is not None
    assert "there is no data file" in process.stderr.read()


def test_an_unknown_name_is_answered_with_the_nearest(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["tail", "powr", "--data", data]) == EX_DATAERR
    assert "did you mean 'power'?" in capsys.readouterr().err


def test_fewer_than_no_points_are_refused(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["tail", "--data", data, "-n", "-1"])
    assert caught.value.code == EX_USAGE
    assert "allowed: 0 or more" in capsys.readouterr().err
