"""Users, rights and owners, as tests look at them."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

NOBODY, SOMEBODY = 65534, 65533
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="files of other users need root")


@contextmanager
def umask(mask: int) -> Iterator[None]:
    old = os.umask(mask)
    yield
    os.umask(old)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def owner(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_uid, state.st_gid
