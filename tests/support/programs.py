"""Programs of the system that tests need, and what happens where they are missing."""

from __future__ import annotations

import os
import shutil

import pytest

# Debian puts servers into /usr/sbin, which is not on an ordinary user's PATH.
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))


def find_program(name: str) -> str | None:
    """The program's path, or None where it is not installed."""
    return shutil.which(name, path=_PATH)


def require_programs(*names: str, package: str) -> None:
    """Skip the test, saying why, unless all are installed; `package` is Debian's name for them.

    With REQUIRE_PROGRAMS set, as in continuous integration, the test fails instead: a skipped
    test there would hide a missing installation.
    """
    missing = [name for name in names if find_program(name) is None]
    if not missing:
        return
    reason = f"{', '.join(missing)} not installed: apt-get install {package}"
    if os.environ.get("REQUIRE_PROGRAMS"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
