"""`reload`: the running collector goes on by the changed configuration, or says why it does not."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from daemon.config import load_config
from daemon.errors import EX_CONFIG, EX_NOPERM, EX_UNAVAILABLE, StartError
from daemon.health import ask_service, ask_status

_PATIENCE_S = 60.0
_LOOK_S = 0.2


def reload(path: Path) -> int:
    """Check the file, tell the collector, and print what came of it; 0, or EX_CONFIG if it goes on
    by the configuration of before.

    Raises ConfigError, and StartError where nobody answers or the signal is not allowed.
    """
    data, before = _find(path, load_config(path).storage.path)
    process = before.get("process")
    if not isinstance(process, int):
        raise StartError(f"the collector of {data} does not say which process it is")
    try:
        os.kill(process, signal.SIGHUP)
    except PermissionError as error:
        raise StartError(
            f"the collector of {data} (process {process}) is another user's: as root, type "
            "systemctl reload tinyflux-collector",
            EX_NOPERM,
        ) from error
    return _report(_await_answer(data, _number(before)))


def _find(path: Path, data: Path) -> tuple[Path, dict[str, Any]]:
    """The collector of this configuration: its data file, and how it is. StartError."""
    for found in ask_service():
        # By the file's name: it may be the place of the data that has changed.
        if found.get("config") == str(path.absolute()) and isinstance(found.get("data"), str):
            return Path(str(found["data"])), found
    return data, _ask(data)


def _await_answer(data: Path, number: int) -> dict[str, Any]:
    deadline_s = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline_s:
        time.sleep(_LOOK_S)
        found = _ask(data)
        if _number(found) > number:
            answer: dict[str, Any] = found["reload"]
            return answer
    raise StartError(
        f"the collector of {data} has not reloaded within {_PATIENCE_S:.0f} s; its log says more",
        EX_UNAVAILABLE,
    )


def _report(answer: dict[str, Any]) -> int:
    stream = sys.stdout if answer["applied"] else sys.stderr
    for line in answer["lines"]:
        print(line, file=stream)
    return 0 if answer["applied"] else EX_CONFIG


def _ask(data: Path) -> dict[str, Any]:
    try:
        found = ask_status(data)
    except TimeoutError:
        raise StartError(f"the collector of {data} runs but does not answer: it hangs") from None
    if found is None:
        raise StartError(
            f"no collector answers for {data}: start it, or restart it if storage.path is what "
            "has changed"
        )
    return found


def _number(found: dict[str, Any]) -> int:
    """Of the last reload; 0 where there was none."""
    reload = found.get("reload")
    return int(reload["number"]) if isinstance(reload, dict) else 0
