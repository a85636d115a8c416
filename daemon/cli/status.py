"""`status`: how the collector of a configuration or a data file is, running or not."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from daemon.app import holder_of, ledger_path, lock_path
from daemon.config import load_config
from daemon.errors import EX_NOINPUT, EX_NOPERM, EX_USAGE, StartError
from daemon.health import (
    ask_service,
    ask_status,
    notes,
    problems,
    read_problems,
    read_status,
    status_lines,
    status_path,
)
from daemon.writer import (
    RejectTray,
    bring_up_to_date,
    counts_path,
    read_replayed,
    replayed_path,
)

NOT_WELL = 1
NOT_RUNNING = 3
"""As service managers have it (Linux Standard Base, init script actions)."""

_SERVICE_CONFIG = Path("/etc/tinyflux-collector/config.yaml")
# A status that is so old although the process runs says that it hangs.
_STALE_S = 90.0


def status(config: Path | None, data: Path | None, *, as_json: bool) -> int:
    """Print it; 0 running and well, 1 running with something to look at, 3 not running.

    Raises ConfigError, and StartError where nothing was ever collected.
    """
    if data is None:
        data = _of_service() if config is None else load_config(config).storage.path
    found = look(data.absolute())
    found["problems"] = [*_staleness(found), *problems(found)]
    found["notes"] = notes(found)
    if as_json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        for line in status_lines(found):
            print(line)
    if not found["running"]:
        return NOT_RUNNING
    return NOT_WELL if found["problems"] else 0


def _of_service() -> Path:
    """The data of the collector that runs as a service, or would. StartError where it is none, or
    one of several."""
    answers = [found for found in ask_service() if isinstance(found.get("data"), str)]
    if len(answers) == 1:
        return Path(str(answers[0]["data"]))
    if not answers and os.access(_SERVICE_CONFIG, os.R_OK):
        return load_config(_SERVICE_CONFIG).storage.path
    many = ", ".join(str(found["data"]) for found in answers)
    found = f"several services run ({many})" if answers else "no service runs"
    raise StartError(f"{found}: say which with -c CONFIG or --data FILE", EX_USAGE)


def look(data: Path) -> dict[str, Any]:
    """What the collector of a data file says, or said last; StartError where it has said nothing.

    `running` is what the system says, not what the collector said; `answers` is whether it answered
    now, None where it was not asked or is about to start.
    """
    holder = holder_of(lock_path(data))
    answers = None
    try:
        found = ask_status(data) if holder is not None else None
        if found is not None:
            answers = True
    except TimeoutError:
        found, answers = None, False
    try:
        found = found or read_status(data) or _from_ledger(data)
    except PermissionError as error:
        raise StartError(
            f"cannot read {error.filename or status_path(data)}: {error.strerror}; ask as the "
            "collector's user or as root",
            EX_NOPERM,
        ) from error
    if found is None:
        if not data.exists() and holder is None:
            raise StartError(
                f"no collector has written {data} yet; start one with `tinyflux-collector run`",
                EX_NOINPUT,
            )
        found = {}
    found.setdefault("data", str(data))
    written_us = found.get("written_us")
    if isinstance(written_us, int):
        found["age_s"] = round(max(0.0, time.time() - written_us / 1e6), 1)
    found["running"], found["answers"] = holder is not None, answers
    found["recent"] = read_problems(data)
    _count_rejects(found)
    ledger = found.get("ledger")
    if isinstance(ledger, dict) and answers is not True:
        bring_up_to_date(ledger, counts_path(ledger_path(data)))
    total = ledger.get("total") if isinstance(ledger, dict) else None
    if isinstance(total, dict):
        # A replay may have run since the collector has said something.
        total["replayed"] = read_replayed(replayed_path(data)).points
    return found


def _count_rejects(found: dict[str, Any]) -> None:
    """How many rejects wait for a replay; the collector itself does not count them."""
    rejects = found.get("rejects")
    if not isinstance(rejects, dict) or not isinstance(rejects.get("path"), str):
        return
    path = Path(rejects["path"])
    try:
        rejects["lines"] = sum(1 for _ in RejectTray(path, 0).peek())
    except OSError:
        return


def _from_ledger(data: Path) -> dict[str, Any] | None:
    """The counts that the last run saved; what it knew of brokers went with it."""
    try:
        ledger = json.loads(ledger_path(data).read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return {"ledger": ledger, "jobs": ledger.get("jobs", {})}


def _staleness(found: dict[str, Any]) -> list[str]:
    age_s = found.get("age_s")
    if found["answers"] is False:
        said = f"; what is shown here is {age_s:.0f} s old" if isinstance(age_s, float) else ""
        return [f"the collector runs but does not answer: it hangs, or is stopped{said}"]
    is_stale = found["answers"] is None and isinstance(age_s, float) and age_s > _STALE_S
    if found["running"] and is_stale:
        return [
            f"the collector runs but has said nothing for {age_s:.0f} s: it hangs, or is stopped"
        ]
    return []
