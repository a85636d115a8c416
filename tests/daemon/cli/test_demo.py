"""The demo is the real run: devices publish, rows are stored, and the printed query works."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.daemon.waiting import wait_until

pytest.importorskip("amqtt")
DEMO = (sys.executable, "-m", "daemon", "demo")
DEVICES = ("climate", "door", "heating", "plug", "relay")


def _finished(folder: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*DEMO, "--directory", str(folder), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_it_ends_by_itself_with_points_of_every_device(tmp_path: Path) -> None:
    ended = _finished(tmp_path, ["--duration", "5"])
    assert ended.returncode == 0, ended.stderr
    counted = dict(re.findall(r"^  (\w+) +(\d+)$", ended.stdout, re.MULTILINE))
    assert set(DEVICES) <= set(counted)
    assert str(tmp_path / "points.csv") in ended.stdout
    assert "ERROR" not in ended.stderr


def test_the_printed_query_works_when_pasted(tmp_path: Path) -> None:
    ended = _finished(tmp_path, ["--duration", "2"])
    query = ended.stdout.partition("\n\n")[2]
    pasted = subprocess.run(
        [sys.executable, "-i"], input=query, capture_output=True, text=True, timeout=60
    )
    assert len(query.strip().splitlines()) == 3
    assert pasted.stdout.startswith("Point(time=")
    assert "Error" not in pasted.stderr


def test_a_second_run_goes_on_in_the_same_file(tmp_path: Path) -> None:
    _finished(tmp_path, ["--duration", "2"])
    before = (tmp_path / "points.csv").read_bytes()
    ended = _finished(tmp_path, ["--duration", "2"])
    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "points.csv").read_bytes().startswith(before)


def test_ctrl_c_on_a_terminal_leaves_the_table_and_ends_cleanly(tmp_path: Path) -> None:
    shown = b""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    process = subprocess.Popen(
        [*DEMO, "--directory", str(tmp_path)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "24"},
    )
    os.close(theirs)

    def read() -> str:
        nonlocal shown
        try:
            shown += os.read(ours, 1_000_000)
        except OSError:
            # Nothing new, or the other side is gone.
            return shown.decode(errors="replace")
        return shown.decode(errors="replace")

    try:
        wait_until(lambda: "climate Kitchen climate" in read(), "the table")
        os.killpg(process.pid, signal.SIGINT)
        wait_until(lambda: "points were stored" in read(), "the end")
        assert process.wait(timeout=20) == 0
    finally:
        process.kill()
        os.close(ours)
    assert "last values" in shown.decode(errors="replace")
    assert "Traceback" not in shown.decode(errors="replace")
