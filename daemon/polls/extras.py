"""Packages that only some sensors need: imported when such a sensor is opened."""

from __future__ import annotations

import importlib
from typing import Any

from daemon.polls.sensor import SensorError


def import_extra(module: str, extra: str) -> Any:
    """A module of an optional package. Raises SensorError naming what to install."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise SensorError(
            "missing-package",
            f"this kind of sensor needs the extra `{extra}`, which is not installed ({error}): "
            f"pip install 'tinyflux-collector[{extra}]'",
        ) from error
