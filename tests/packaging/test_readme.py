"""What README.md shows works as it is written."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.mosquitto import Mosquitto

_TOP = Path(__file__).parents[2]
_README = (_TOP / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    """The text of every fenced block of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", _README, re.DOTALL | re.MULTILINE)


def _run(*arguments: str, directory: Path) -> str:
    """The standard output of Python with these arguments; the test fails if it failed."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=directory, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def _running(*arguments: str, folder: Path) -> Iterator[None]:
    """The collector runs meanwhile, and Ctrl-C ends it with status 0."""
    collector = subprocess.Popen(
        [sys.executable, "-m", "daemon", *arguments],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
        collector.send_signal(signal.SIGINT)
        assert collector.wait(timeout=20) == 0
    finally:
        collector.kill()
        collector.wait()


def _wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + 60
    while not is_so():
        assert time.monotonic() < deadline_s, f"waited in vain for {what}"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `make run` was ended by Ctrl-C, once every measurement shown was there."""
    folder = tmp_path_factory.mktemp("readme")
    (line,) = re.findall(r"^measurements: (.*)$", _README, re.MULTILINE)
    shown = set(line.split(", "))
    data = folder / ".run" / "points.csv"
    with _running("demo", folder=folder):
        _wait_until(lambda: shown <= _measurements(data), "a row of every measurement")
    return folder


def _measurements(data: Path) -> set[str]:
    text = data.read_text(encoding="utf-8") if data.exists() else ""
    return {line.split(",")[1] for line in text.splitlines() if line.count(",") > 1}


def test_query_of_the_data_prints_what_is_shown(run_folder: Path) -> None:
    (code,) = _blocks("python")
    shown = _blocks("text")[1]
    printed = _run("-c", code, directory=run_folder)
    assert _shape(printed) == _shape(shown)


def _shape(output: str) -> set[str]:
    """The lines with every number replaced: which values come is for the weather to say."""
    return {re.sub(r"[\d.]+", "#", line) for line in output.splitlines()}


def test_row_shown_is_one_that_the_demo_stores(run_folder: Path) -> None:
    (shown,) = _blocks("text")[2].splitlines()
    stored = (run_folder / ".run" / "points.csv").read_text(encoding="utf-8")
    keys = re.sub(r"[\d.:T-]+", "#", shown)
    assert keys in re.sub(r"[\d.:T-]+", "#", stored)


def _write_configuration(folder: Path, text: str, password: str) -> None:
    (folder / "config.yaml").write_text(text, encoding="utf-8")
    (folder / "secrets.yaml").write_text(f"mqtt_password: {password}\n", encoding="utf-8")


def test_configuration_shown_has_no_problems(tmp_path: Path) -> None:
    (text,) = _blocks("yaml")
    _write_configuration(tmp_path, text, "s3cret")
    verdict = _run("-m", "daemon", "check", "-c", "config.yaml", directory=tmp_path)
    assert "no problems found" in verdict


def test_message_shown_becomes_a_row_by_the_configuration_shown(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    (text,) = _blocks("yaml")
    (message,) = re.findall(r'`(\{"t".*?\})`', _README)
    assert "mqtt://mqtt.lan:1883" in text
    _write_configuration(
        tmp_path, text.replace("mqtt://mqtt.lan:1883", mosquitto.url), mosquitto.password
    )
    # Retained, so that it does not matter which of the two is there first.
    mosquitto.publish("sensors/attic/thermometer", message, retain=True)
    data = tmp_path / "data.csv"
    with _running("run", "-c", "config.yaml", folder=tmp_path):
        _wait_until(lambda: "climate" in _measurements(data), "a row of the message")
    (row,) = [line for line in data.read_text(encoding="utf-8").splitlines() if "climate" in line]
    assert row.endswith("t_room,attic,t_device,thermometer,f_temperature,21.5,f_humidity,48.0")


def test_commands_shown_are_targets_of_the_makefile() -> None:
    shown = re.findall(r"^make (\w+)", "".join(_blocks("sh")), re.MULTILINE)
    makefile = (_TOP / "Makefile").read_text(encoding="utf-8")
    assert shown == ["run", "test"]
    assert set(shown) <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))


def test_links_lead_to_files() -> None:
    targets = re.findall(r"\]\(([^)]+)\)", _README)
    assert targets
    assert [target for target in targets if not (_TOP / target).exists()] == []
