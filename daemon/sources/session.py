"""What each session of ours at a broker is subscribed to, remembered in a file beside the data.

A broker keeps the subscriptions of a persistent session: topics that left the configuration would
be delivered for ever. What is asked for is remembered before it is asked for, and forgotten once
the broker has confirmed its end, so that a crash in between leaves nothing behind.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path

from daemon.files import replace_file

_log = logging.getLogger("daemon.sources.mqtt")

_VERSION = 1


class SessionMemory:
    """The topic filters of every session. Any thread. Without a path it lasts as long as we do."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._filters: dict[str, frozenset[str]] | None = None

    def begin(self, session: str, wanted: Iterable[str], *, is_kept: bool) -> frozenset[str]:
        """These will be asked for; what the session has beyond them and must be ended.

        `is_kept`: the broker has kept the session, and its subscriptions with it.
        """
        with self._lock:
            filters = self._loaded()
            before = filters.get(session, frozenset()) if is_kept else frozenset()
            self._put(filters, session, before | frozenset(wanted))
            return before - frozenset(wanted)

    def ended(self, session: str, gone: Iterable[str]) -> None:
        """The broker has ended these subscriptions."""
        with self._lock:
            filters = self._loaded()
            self._put(filters, session, filters.get(session, frozenset()) - frozenset(gone))

    def _loaded(self) -> dict[str, frozenset[str]]:
        if self._filters is None:
            self._filters = {}
            if self._path is not None:
                try:
                    self._filters = _load(self._path)
                except FileNotFoundError:
                    pass
                except (OSError, ValueError, TypeError, KeyError) as error:
                    _log.warning(
                        "%s cannot be used (%r): topics that have left the configuration may go on "
                        "arriving, and are counted as without a rule",
                        self._path,
                        error,
                    )
        return self._filters

    def _put(self, filters: dict[str, frozenset[str]], session: str, names: frozenset[str]) -> None:
        if filters.get(session, frozenset()) == names:
            return
        filters[session] = names
        if self._path is None:
            return
        content: Mapping[str, object] = {
            "version": _VERSION,
            "sessions": {key: sorted(some) for key, some in sorted(filters.items()) if some},
        }
        try:
            replace_file(self._path, json.dumps(content, indent=1).encode() + b"\n")
        except OSError as error:
            _log.warning("cannot remember the subscriptions in %s: %s", self._path, error)


def _load(path: Path) -> dict[str, frozenset[str]]:
    content = json.loads(path.read_text(encoding="ascii"))
    if content["version"] != _VERSION:
        raise ValueError(f"it is not of version {_VERSION}")
    sessions = content["sessions"]
    if not isinstance(sessions, dict):
        raise ValueError("`sessions` is no object")
    return {
        session: frozenset(name for name in names if isinstance(name, str))
        for session, names in sessions.items()
    }
