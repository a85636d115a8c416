"""The demo's configuration: a file that anybody may copy and change."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from daemon.errors import EX_CANTCREAT, StartError

CONFIG_NAME = "demo.yaml"


def demo_config_text() -> str:
    """The configuration as it is shipped."""
    return resources.files("daemon.demo").joinpath(CONFIG_NAME).read_text(encoding="utf-8")


def put_config(directory: Path) -> Path:
    """The demo's configuration file in this directory, which is made if it is missing.

    A file that is there already is kept: it may have been changed on purpose. Raises StartError.
    """
    path = directory / CONFIG_NAME
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_text(demo_config_text(), encoding="utf-8")
    except OSError as error:
        raise StartError(
            f"cannot write the demo's configuration {path}: {error.strerror}; "
            "choose another place with --directory",
            EX_CANTCREAT,
        ) from error
    return path
