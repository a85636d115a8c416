"""A package of somebody else that brings a kind of sensor, installed by pip into a folder."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

WELL = '''
from daemon.polls import Place, PollOptions, Seconds, Sensor, SensorError, SensorKind
from pydantic import Field


class WellOptions(PollOptions):
    """How deep the water stands."""

    depth_m: float = Field(validation_alias="depth", gt=0)
    """Depth of the well, in metres."""
    settle_s: Seconds = Field(default=0.0, validation_alias="settle")
    """Wait so long before a reading."""


class WellSensor(Sensor):
    def __init__(self, depth_m):
        self._depth_m = depth_m
        self._readings = 0

    def read(self, timeout_s):
        self._readings += 1
        if self._readings == 2:
            raise SensorError("dry", "the well is dry")
        return {"level": self._depth_m / 2, "readings": self._readings}


KIND = SensorKind(WellOptions, lambda options, place: WellSensor(options.depth_m))
'''


def install(folder: Path, kind: str, code: str = WELL, name: str = "wells") -> Path:
    """A distribution `name` with one module of this code, which is called like it and brings this
    kind, installed by pip below `folder`; the folder that is to be on PYTHONPATH."""
    source, target = folder / f"{name}-source", folder / f"{name}-installed"
    source.mkdir()
    (source / f"{name}.py").write_text(code)
    (source / "pyproject.toml").write_text(
        textwrap.dedent(f"""\
            [build-system]
            requires = ["setuptools"]
            build-backend = "setuptools.build_meta"
            [project]
            name = "{name}"
            version = "1.0"
            [tool.setuptools]
            py-modules = ["{name}"]
            [project.entry-points."tinyflux_collector.sensors"]
            {kind} = "{name}:KIND"
            """)
    )
    subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps",
            "--no-build-isolation", "--disable-pip-version-check", "--target", target, source,
        ],
        env={**os.environ, "PIP_USER": "0"},
        check=True,
        capture_output=True,
        timeout=110,
    )  # fmt: skip
    return target


def unpack(folder: Path, kind: str, code: str, name: str) -> Path:
    """The same without pip: what it would have left in the folder."""
    target = folder / f"{name}-installed"
    known = target / f"{name}-1.0.dist-info"
    known.mkdir(parents=True)
    (target / f"{name}.py").write_text(code)
    (known / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (known / "entry_points.txt").write_text(f"[tinyflux_collector.sensors]\n{kind} = {name}:KIND\n")
    return target


def collector(*arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    """The command, with one more folder where packages are installed."""
    return subprocess.run(
        [sys.executable, "-m", "daemon", *arguments],
        env={**os.environ, "PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
