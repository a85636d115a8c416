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
    """The topic filters of every session. Any thread. Without a path it lasts as long as we do.

    A session is named `<client id> at <url>`. One broker can be written in several ways (localhost,
    127.0.0.1, another port with TLS), so what the same client had elsewhere since is looked at too.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        # The session that began last is the last one.
        self._filters: dict[str, frozenset[str]] | None = None
        self._others: frozenset[str] = frozenset()
        self._is_saved = True
        self._is_said = False

    def expect(self, sessions: Iterable[str]) -> None:
        """These have a broker of their own in the configuration: none is another's older name."""
        with self._lock:
            self._others = frozenset(sessions)

    def begin(self, session: str, wanted: Iterable[str], *, is_kept: bool) -> frozenset[str]:
        """These will be asked for; what the session has beyond them and must be ended.

        `is_kept`: the broker has kept the session, and its subscriptions with it.
        """
        with self._lock:
            filters = self._loaded()
            before = self._had(filters, session) if is_kept else frozenset()
            names = before | frozenset(wanted)
            is_known = next(reversed(filters), "") == session and filters[session] == names
            filters.pop(session, None)
            filters[session] = names
            if not is_known:
                self._save(filters)
            return before - frozenset(wanted)

    def ended(self, session: str, gone: Iterable[str]) -> None:
        """The broker has ended these subscriptions."""
        with self._lock:
            filters = self._loaded()
            filters[session] = filters.get(session, frozenset()) - frozenset(gone)
            self._save(filters)

    @property
    def is_saved(self) -> bool:
        """Whether the file has all of it, as it must before the next process looks."""
        return self._is_saved

    def save(self) -> None:
        """Try again to write what could not be written."""
        with self._lock:
            if not self._is_saved:
                self._save(self._loaded())

    def _had(self, filters: Mapping[str, frozenset[str]], session: str) -> frozenset[str]:
        """What it had by this name, and what its client has had by other names since then."""
        client_id = _client_of(session)
        names = list(filters)
        since = names.index(session) + 1 if session in filters else 0
        former = [
            name
            for name in names[since:]
            if _client_of(name) == client_id and name not in self._others
        ]
        return filters.get(session, frozenset()).union(*(filters[name] for name in former))

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

    def _save(self, filters: Mapping[str, frozenset[str]]) -> None:
        if self._path is None:
            return
        content: Mapping[str, object] = {
            "version": _VERSION,
            "sessions": {key: sorted(some) for key, some in filters.items() if some},
        }
        try:
            replace_file(self._path, json.dumps(content, indent=1).encode() + b"\n")
        except OSError as error:
            self._is_saved = False
            if not self._is_said:
                self._is_said = True
                _log.warning(
                    "cannot remember the subscriptions in %s: %s. It is tried again",
                    self._path,
                    error,
                )
            return
        self._is_saved = True
        if self._is_said:
            self._is_said = False
            _log.info("the subscriptions are remembered in %s", self._path)


def _client_of(session: str) -> str:
    return session.rsplit(" at ", 1)[0]


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
