"""What the running collector tells systemd."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

CONFIG = """\
polls:
  - command: {every: 1h, run: [echo, "42"], measurement: answers}
"""


def test_it_says_ready_when_it_collects_and_stopping_before_it_ends(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(30)
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon", "run", "-c", str(config)],
            env={
                **os.environ,
                "NOTIFY_SOCKET": str(tmp_path / "notify"),
                "WATCHDOG_USEC": "600000",
            },
        )
        heard = [manager.recv(4096).decode()]
        assert heard[0].startswith("READY=1\nSTATUS=")
        assert (tmp_path / "data.csv").exists()
        heard += [manager.recv(4096).decode() for _ in range(4)]
        assert "WATCHDOG=1" in heard
        process.send_signal(signal.SIGTERM)
        while not heard[-1].startswith("STOPPING=1"):
            heard.append(manager.recv(4096).decode())
    assert process.wait(timeout=30) == 0
