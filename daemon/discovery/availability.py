"""What an announcement says of when its entity can be reached. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def availability_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The `availability` of a rule; nothing where none is announced."""
    return {}
