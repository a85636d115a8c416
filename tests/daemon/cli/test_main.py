"""The command line: what it refuses, with which status, and what it prints."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.errors import EX_CANTCREAT, EX_CONFIG, EX_USAGE

GOOD = """\
collector: {name: test}
brokers:
  home: {url: "mqtt://127.0.0.1:1"}
sources:
  - {topic: sensors/+device, measurement: climate}
polls:
  - command: {every: 100ms, run: [echo, "42"], measurement: answers}
"""


def _config(folder: Path, text: str = GOOD) -> str:
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_check_says_that_all_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "-c", _config(tmp_path)]) == 0
    assert "no problems found (1 broker, 1 source, 0 presets, 1 poll, 0 retention rules" in (
        capsys.readouterr().out
    )
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


@pytest.mark.parametrize("command", ["check", "run"])
def test_every_problem_is_printed_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    path = _config(tmp_path, f"{GOOD}storage: {{commit: {{interval: 5}}}}\nretentoin: {{}}\n")
    assert main([command, "-c", path]) == EX_CONFIG
    first, second, count = capsys.readouterr().err.splitlines()
    assert first.startswith(f"{path}:8: storage.commit.interval: found")
    assert second.startswith(f"{path}:9: retentoin: found")
    assert count == "2 problems found"


def test_a_certificate_that_cannot_be_read_is_a_problem_of_the_configuration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secured = '{url: "mqtts://127.0.0.1:1", tls: {ca: missing.pem}}'
    path = _config(tmp_path, GOOD.replace('{url: "mqtt://127.0.0.1:1"}', secured))
    assert main(["check", "-c", path]) == EX_CONFIG
    said = capsys.readouterr().err
    assert "brokers.home.tls" in said
    assert "missing.pem" in said


def test_check_notes_a_password_that_everybody_on_the_way_can_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    open_to_all = '{url: "mqtt://mqtt.lan", username: u, password: s3cret}'
    path = _config(tmp_path, GOOD.replace('{url: "mqtt://127.0.0.1:1"}', open_to_all))
    assert main(["check", "-c", path]) == 0
    said = capsys.readouterr().out
    assert "note: brokers.home: user name and password go to mqtt.lan in plain text" in said
    assert "s3cret" not in said


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["run"], "--config"),
        (["run", "-c", "x", "--duration", "0"], "allowed: a number of seconds above 0"),
        (["run", "-c", "x", "--duration", "soon"], "found 'soon'"),
        (["retention", "-c", "x"], "--plan --run"),
        (["collect"], "collect"),
    ],
    ids=["no configuration", "no time", "no number", "neither", "unknown"],
)
def test_a_wrong_command_line_is_answered_with_what_is_allowed(
    capsys: pytest.CaptureFixture[str], arguments: list[str], found: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == EX_USAGE
    said = capsys.readouterr().err
    assert said.startswith("tinyflux-collector")
    assert "--help` shows the arguments" in said
    assert found in said


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    version = importlib.metadata.version("tinyflux-collector")
    assert capsys.readouterr().out == f"tinyflux-collector {version}\n"


def test_run_ends_by_itself_after_its_duration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "-c", _config(tmp_path), "--duration", "1s"]) == 0
    said = capsys.readouterr().err
    assert "stopped (the time was up); stored" in said
    assert (tmp_path / "data.csv").stat().st_size > 0


def test_run_says_where_it_cannot_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data.csv").mkdir()
    assert main(["run", "-c", _config(tmp_path), "--duration", "1"]) == EX_CANTCREAT
    assert f"cannot open the data file {tmp_path / 'data.csv'}" in capsys.readouterr().err


def test_run_can_be_called_again_after_it_ended(tmp_path: Path) -> None:
    path = _config(tmp_path)
    assert main(["run", "-c", path, "--duration", "0.3"]) == 0
    assert main(["run", "-c", path, "--duration", "0.3"]) == 0


def test_the_module_is_the_command(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "daemon", "check", "-c", _config(tmp_path)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (answer.returncode, answer.stderr) == (0, "")


def test_a_reader_that_goes_away_is_no_fault(tmp_path: Path) -> None:
    command = f"'{sys.executable}' -m daemon check -c '{_config(tmp_path)}' | true"
    answer = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60
    )
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize("heavy", ["numpy", "pydantic", "paho", "apscheduler", "amqtt", "rich"])
def test_what_needs_no_library_does_not_import_it(heavy: str) -> None:
    program = (
        "import sys; from daemon.cli.main import main\n"
        "try: main(['--version'])\n"
        f"except SystemExit: sys.exit({heavy!r} in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60)
    assert answer.returncode == 0
