"""A small file system of its own, where root may mount one."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


class MountError(Exception):
    """This user or this machine cannot mount; the text says why."""


@contextmanager
def mounted_tmpfs(folder: Path, *, size_kb: int) -> Iterator[None]:
    """`folder` is a file system of so many kB. Raises MountError."""
    if os.geteuid() != 0:
        raise MountError("mounting a tmpfs needs root")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise MountError(f"this machine lets nobody mount a tmpfs: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full_disk(folder: Path) -> Iterator[None]:
    """The small file system of this folder is full."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(b"x" * 4096):
            pass
    try:
        yield
    finally:
        filler.unlink()
