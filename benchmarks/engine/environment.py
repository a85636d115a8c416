"""Where the measured processes run: our interpreter, and a second environment for the others."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from .engines import IN_SECOND_VENV

CHECKOUT = Path(__file__).resolve().parents[2]
BUILD = CHECKOUT / "build" / "bench"
_VENV = BUILD / "venv"
_PACKAGES = ("tinyflux==1.2.0", "duckdb", "numpy", "matplotlib")
_BOOT = (
    "import sys; sys.path.append(sys.argv[1]); from engine.worker import main; main(sys.argv[2])"
)


def second_python() -> Path:
    """The interpreter of the second environment, which is made where it is missing."""
    python = _VENV / "bin" / "python"
    stamp = _VENV / ".installed"
    wanted = "\n".join((sys.version, *_PACKAGES))
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"Making {_VENV} with {', '.join(_PACKAGES)} ...", flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(_VENV)], check=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, *_PACKAGES], check=True, env={**os.environ, "PIP_USER": "0"})
        stamp.write_text(wanted)
    return python


def worker_command(engine: str, order: str) -> list[str]:
    """The command of a measured process.

    `-I` keeps the checkout, whose tinyflux would hide the other, off its module search path; the
    worker is found in the folder above this package.
    """
    python = second_python() if engine in IN_SECOND_VENV else Path(sys.executable)
    return [str(python), "-I", "-c", _BOOT, str(CHECKOUT / "benchmarks"), order]


def described(engines: list[str]) -> dict[str, str]:
    """The machine and the versions that a table must name."""
    facts = {
        "processor": _processor(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB",
        "file system": _file_system(),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "numpy": version("numpy"),
        "load when it began": f"{os.getloadavg()[0]:.1f}",
    }
    if "sqlite" in engines:
        import sqlite3

        facts["SQLite"] = sqlite3.sqlite_version
    if "duckdb" in engines:
        ask = "import importlib.metadata as m; print(m.version('duckdb'))"
        python = str(second_python())
        found = subprocess.run([python, "-I", "-c", ask], check=True, capture_output=True)
        facts["DuckDB"] = found.stdout.decode().strip()
    return facts


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("model name", "Model")):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _file_system() -> str:
    """The type of the file system of `BUILD`: that of its longest mount point."""
    place = str(BUILD)
    mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    fitting = [(len(point), kind) for point, kind in mounts if place.startswith(point)]
    return max(fitting)[1]
