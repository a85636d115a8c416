"""What is installed is what the source tree holds: no file of a package is left behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

_TOP = Path(__file__).parents[2]
_PACKAGES = ("tinyflux", "daemon")
_BUILD_FILES = ("pyproject.toml", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The distribution, built offline from a copy, so that no build/ is left in the checkout."""
    directory = tmp_path_factory.mktemp("wheel")
    source = directory / "source"
    source.mkdir()
    for name in _PACKAGES:
        shutil.copytree(_TOP / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in _BUILD_FILES:
        shutil.copy(_TOP / name, source / name)
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--quiet")
    built = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "wheel",
            *offline,
            "--wheel-dir",
            str(directory),
            str(source),
        ],
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert built.returncode == 0, built.stderr
    return zipfile.ZipFile(next(directory.glob("*.whl")))


def test_wheel_holds_every_file_of_the_packages(wheel: zipfile.ZipFile) -> None:
    in_tree = {
        path.relative_to(_TOP).as_posix()
        for package in _PACKAGES
        for path in (_TOP / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    in_wheel = {name for name in wheel.namelist() if not name.split("/")[0].endswith(".dist-info")}
    assert in_wheel == in_tree


def test_wheel_brings_the_command(wheel: zipfile.ZipFile) -> None:
    entry_points = next(name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    assert b"tinyflux-collector = daemon.cli:main" in wheel.read(entry_points)
