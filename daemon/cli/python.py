"""`python`: the interpreter of this installation, where `import tinyflux` works."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn


def python(arguments: Sequence[str]) -> NoReturn:
    """Become that interpreter, with these arguments. Does not return."""
    # -P: a folder called tinyflux or daemon where somebody stands is not ours.
    os.execv(sys.executable, [sys.executable, "-P", *arguments])
