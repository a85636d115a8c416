"""Programs in processes of their own: other users, writers and readers beside the test."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

HEAD = """
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tinyflux import FieldQuery, Point, TagQuery, TinyFlux

TIME = datetime(2025, 1, 1, tzinfo=UTC)
if len(sys.argv) > 2:
    # Only now: the interpreter may stand where that user cannot read.
    os.setgroups([])
    os.setgid(int(sys.argv[2]))
    os.setuid(int(sys.argv[2]))
EVERY = TagQuery().noop()
path = Path(sys.argv[1])


def point(n, **tags):
    return Point(time=TIME + timedelta(hours=n), tags=tags, fields={"n": n})


def error(call):
    try:
        call()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "no error"
"""


def start(code: str, path: Path, *, user: int | None = None) -> subprocess.Popen[str]:
    """A Python process that runs `code` behind `HEAD`; only root can make it another `user`'s."""
    root = Path(__file__).resolve().parents[2]
    return subprocess.Popen(
        [
            *(sys.executable, "-c", HEAD + textwrap.dedent(code), str(path)),
            *([] if user is None else [str(user)]),
        ],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def output(code: str, path: Path, *, user: int | None = None) -> str:
    """What `code` prints; it must end well."""
    with start(code, path, user=user) as process:
        text, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return text
