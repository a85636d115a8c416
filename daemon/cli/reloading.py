"""A reload inside the running collector: the changed configuration, or the reasons against it."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from daemon import logs
from daemon.app import Changes, Collector
from daemon.config import Config, load_config
from daemon.errors import ConfigError, StartError

_log = logging.getLogger("daemon.collector")


class Reloader:
    """Reads the configuration's file again when it is told to. Main thread only."""

    def __init__(self, collector: Collector, config: Config) -> None:
        self._collector = collector
        self._config = config

    def reload(self) -> None:
        """Go on by what the file says now, whole, or by what it said before, whole; the log and the
        status say which. Never raises for what is in the file."""
        try:
            config = load_config(self._config.origin)
            found = self._collector.reload(config)
        except ConfigError as error:
            self._refuse([str(problem) for problem in error.problems])
        except StartError as error:
            self._refuse([str(error)])
        else:
            if found.at_start:
                self._refuse(_restart_lines(found))
            else:
                self._go_on(config, found)

    def _refuse(self, reasons: Sequence[str]) -> None:
        for reason in reasons:
            _log.error("%s", reason)
        last = "the configuration is not reloaded: the one of before stays in force, whole"
        _log.error("%s", last)
        self._collector.note_reload(is_applied=False, lines=[*reasons, last])

    def _go_on(self, config: Config, found: Changes) -> None:
        before, self._config = self._config, config
        if found.touches("logging"):
            logs.set_up(config.logging.level, config.logging.format, config.logging.levels)
        for notice in config.notices:
            if notice not in before.notices:
                _log.warning("%s", notice)
        names = ", ".join(".".join(key) for key in found.keys)
        line = f"goes on by the changed configuration: {names}" if names else "nothing has changed"
        _log.info("reloaded: %s", line)
        self._collector.note_reload(is_applied=True, lines=[line])


def _restart_lines(found: Changes) -> list[str]:
    names = ", ".join(".".join(key) for key in found.at_start)
    return [f"only a restart takes up {names}: systemctl restart tinyflux-collector"]
