"""The file beside the data that remembers what devices have announced: `points.discovery.json`.

A broker keeps most announcements and sends them again at each start; what was announced without
being kept is known from here, and so is everything from the first moment on. It is written once a
minute where something has changed, and at the stop. It may be deleted while nothing runs.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from daemon.discovery import Registry
from daemon.files import replace_file
from daemon.scheduling import Every, Schedule

_log = logging.getLogger(__name__)

_EVERY_S = 60.0
_VERSION = 1
_MAX_BYTES = 64_000_000


def discovery_path(data: Path) -> Path:
    """The file of the announcements beside a data file."""
    return data.with_suffix(".discovery.json")


def recall_discovery(data: Path) -> dict[str, Any]:
    """What each broker's registry had remembered; nothing, and one warning, where the file cannot
    be used."""
    path = discovery_path(data)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError("it has more than 64 MB")
        tree = json.loads(path.read_bytes())
        if not isinstance(tree, dict) or tree.get("version") != _VERSION:
            raise ValueError(f"it is no version {_VERSION}")
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        _log.warning(
            "cannot use %s (%s): devices are known as soon as they announce themselves again; the "
            "file is written anew",
            path,
            error,
        )
        return {}
    brokers = tree.get("brokers")
    return brokers if isinstance(brokers, dict) else {}


class DiscoveryFile:
    """Keeps what the registries remember. `changed` from any thread, `save` from one at a time."""

    timeout_s = 60.0

    def __init__(self, data: Path, registries: Callable[[], Mapping[str, Registry]]) -> None:
        self._path = discovery_path(data)
        self._registries = registries
        self._has_news = False
        self._is_refused = False

    def schedule(self) -> Schedule:
        """When to look whether there is something to write."""
        return Every(_EVERY_S)

    def changed(self) -> None:
        """Something was announced or removed."""
        self._has_news = True

    def save(self) -> None:
        """Write the file if something has changed since the last time."""
        if not self._has_news:
            return
        self._has_news = False
        brokers = {name: registry.remembered() for name, registry in self._registries().items()}
        tree = {"version": _VERSION, "brokers": brokers}
        text = json.dumps(tree, ensure_ascii=False, indent=1) + "\n"
        try:
            replace_file(self._path, text.encode("utf-8", "replace"))
        except OSError as error:
            self._has_news = True
            if not self._is_refused:
                _log.error(
                    "cannot write %s: %s; make room or give the right",
                    self._path,
                    error.strerror,
                )
            self._is_refused = True
            return
        self._is_refused = False
        for name, registry in self._registries().items():
            known, used = registry.counts()
            _log.info(
                "discovery at %s: %d of %d announced entities give readings", name, used, known
            )
