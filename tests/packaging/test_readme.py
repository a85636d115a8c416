"""What README.md shows works as it is written."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which `make run` was ended by Ctrl-C, once every measurement shown was there."""
    folder = tmp_path_factory.mktemp("readme")
    data = folder / ".run" / "points.csv"
    (line,) = re.findall(r"^measurements: (.*)$", _README, re.MULTILINE)
    shown = set(line.split(", "))
    demo = subprocess.Popen(
        [sys.executable, "-m", "daemon", "demo"],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline_s = time.monotonic() + 90
        while time.monotonic() < deadline_s and not shown <= _measurements(data):
            assert demo.poll() is None, "the demo ended by itself"
            time.sleep(0.2)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(timeout=20) == 0
    finally:
        demo.kill()
        demo.wait()
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


def test_configuration_shown_has_no_problems(tmp_path: Path) -> None:
    (text,) = _blocks("yaml")
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "secrets.yaml").write_text("mqtt_password: s3cret\n", encoding="utf-8")
    verdict = _run("-m", "daemon", "check", "-c", "config.yaml", directory=tmp_path)
    assert "no problems found" in verdict


def test_commands_shown_are_targets_of_the_makefile() -> None:
    shown = re.findall(r"^make (\w+)", "".join(_blocks("sh")), re.MULTILINE)
    makefile = (_TOP / "Makefile").read_text(encoding="utf-8")
    assert shown == ["run", "test"]
    assert set(shown) <= set(re.findall(r"^(\w+):", makefile, re.MULTILINE))


def test_links_lead_to_files() -> None:
    targets = re.findall(r"\]\(([^)]+)\)", _README)
    assert targets
    assert [target for target in targets if not (_TOP / target).exists()] == []
