"""How long a start takes until the collector says READY, and the memory that it then has.

python -m benchmarks.start [--times 5]

With config.example.yaml, in a folder of its own. Beside it the import of numpy, pydantic, paho and
apscheduler alone, in the same run: what is above that is ours.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

_TOP = Path(__file__).parents[1]
_LIBRARIES = "import numpy, pydantic, paho.mqtt.client, apscheduler.schedulers.background, yaml"
_SETTLES_S = 5.0


def main() -> None:
    """Print the medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start")
    parser.add_argument("--times", type=int, default=5)
    times: int = parser.parse_args().times
    with tempfile.TemporaryDirectory(prefix="tinyflux-start-") as name:
        started = [_start(Path(name)) for _ in range(times)]
    libraries = [_import_libraries() for _ in range(times)]
    ready_s = median(one[0] for one in started)
    libraries_s = median(libraries)
    print(f"start to READY      {ready_s:.2f} s")
    print(f"libraries alone     {libraries_s:.2f} s")
    print(f"ratio               {ready_s / libraries_s:.1f}")
    print(f"resident after {_SETTLES_S:.0f} s  {median(one[1] for one in started):.0f} MB")


def _start(folder: Path) -> tuple[float, float]:
    """Seconds to READY, and resident megabytes a little later."""
    shutil.copy(_TOP / "config.example.yaml", folder / "config.yaml")
    address = folder / "notify"
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(120)
        began_s = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon", "run", "-c", str(folder / "config.yaml")],
            cwd=_TOP,
            env={**os.environ, "NOTIFY_SOCKET": str(address)},
            stderr=subprocess.DEVNULL,
        )
        while not manager.recv(4096).startswith(b"READY=1"):
            pass
        ready_s = time.monotonic() - began_s
    time.sleep(_SETTLES_S)
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    resident_kb = int(status.partition("VmRSS:")[2].split()[0])
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    return ready_s, resident_kb / 1024


def _import_libraries() -> float:
    began_s = time.monotonic()
    subprocess.run([sys.executable, "-c", _LIBRARIES], check=True)
    return time.monotonic() - began_s


if __name__ == "__main__":
    main()
