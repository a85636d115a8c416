"""A Debian in a folder, made once, with this checkout and the wheels that it needs inside."""

from __future__ import annotations

import platform
import shutil
import sys
import tomllib
from pathlib import Path

from tests.packaging.service.guest import CannotRunError, run_here

_TOP = Path(__file__).parents[3]
_CACHE = Path("/var/tmp/tinyflux-collector-test")
_CHECKOUT = ("pyproject.toml", "README.md", "LICENSE", "tinyflux", "daemon", "systemd")
_PYTHON = {"bookworm": "3.11", "trixie": "3.13"}
_PACKAGES = (
    "systemd,systemd-sysv,systemd-timesyncd,dbus,udev,python3,python3-venv,initramfs-tools,"
    "linux-image-cloud-{architecture}"
)


def made_tree(suite: str, folder: Path) -> Path:
    """A fresh copy of a Debian with `/checkout` and `/wheels`, in this folder."""
    tree = folder / "tree"
    run_here("cp", "-a", str(_debian(suite)), str(tree))
    shutil.copytree(_wheels(suite), tree / "wheels")
    (tree / "checkout").mkdir()
    ignored = shutil.ignore_patterns("__pycache__")
    for name in (*_CHECKOUT, "config.example.yaml"):
        source = _TOP / name
        if source.is_dir():
            shutil.copytree(source, tree / "checkout" / name, ignore=ignored)
        else:
            shutil.copy(source, tree / "checkout" / name)
    # Somebody beside the service who wants to read the data.
    run_here("chroot", str(tree), "useradd", "--create-home", "other")
    return tree


def _debian(suite: str) -> Path:
    base = _CACHE / suite
    if (base / ".complete").exists():
        return base
    print(f"making a Debian {suite} in {base} (a minute or two, 500 MB) ...", flush=True)
    shutil.rmtree(base, ignore_errors=True)
    base.mkdir(parents=True)
    names = _PACKAGES.format(architecture=_architecture())
    run_here("debootstrap", "--variant=minbase", f"--include={names}", suite, str(base))
    (base / "etc/machine-id").write_text("", encoding="ascii")
    (base / ".complete").touch()
    return base


def _wheels(suite: str) -> Path:
    """All that pip needs inside, so that the installation there needs no network."""
    folder = _CACHE / f"wheels-{suite}"
    project = tomllib.loads((_TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["embedded"], *extras["terminal"]]
    command = (sys.executable, "-m", "pip", "download", "--quiet", "--dest", str(folder))
    version = ("--only-binary=:all:", "--python-version", _PYTHON[suite])
    wanted += ["setuptools>=77", "wheel"]
    run_here(*command, *version, *wanted)
    return folder


def _architecture() -> str:
    machine = platform.machine()
    known = {"x86_64": "amd64", "aarch64": "arm64"}
    if machine not in known:
        raise CannotRunError(f"found a {machine}; Debian's cloud kernel is for {', '.join(known)}")
    return known[machine]
