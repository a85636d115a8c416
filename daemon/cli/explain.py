"""`explain`: what messages would become, and why; nothing is stored."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from daemon.app import (
    Fate,
    Trial,
    check_topic,
    explain_message,
    explain_poll,
    outcome,
    read_line,
)
from daemon.clock import SystemClock
from daemon.config import load_config
from daemon.errors import EX_DATAERR, EX_NOINPUT, EX_USAGE, StartError
from daemon.messages import Message

_MAX_WAITING = 20_000
"""Messages that wait for others of their series; beyond that they wait no more."""


def explain_batch(config: Path, file: str, *, broker: str | None) -> int:
    """Print a line for each message of a file, `-` for stdin; 0, or EX_DATAERR if one of the lines
    was none. Raises ConfigError and StartError."""
    trial = _trial(config, broker)
    clock = SystemClock()
    n_bad = 0
    # Each is printed in its turn, once it is known what became of it.
    fates: deque[Fate] = deque()
    for number, line in _lines(file):
        if not line.strip():
            continue
        try:
            message = read_line(line, trial, clock.now_us, broker)
        except ValueError as error:
            n_bad += 1
            # In the order of what was printed, also where both go to one file.
            sys.stdout.flush()
            name = "<stdin>" if file == "-" else file
            print(f"{name}:{number}: {error}; the line is left out", file=sys.stderr)
            continue
        fates.append(trial.take(message))
        if len(fates) > _MAX_WAITING:
            trial.finish()
        _print_known(fates, is_live=file == "-")
    trial.finish()
    _print_known(fates, is_live=file == "-")
    return EX_DATAERR if n_bad else 0


def _print_known(fates: deque[Fate], *, is_live: bool) -> None:
    while fates and fates[0].is_final:
        print(json.dumps(outcome(fates.popleft().mapped)))
    if is_live:
        # Who writes to our stdin may wait for each answer.
        sys.stdout.flush()


def _trial(config: Path, broker: str | None) -> Trial:
    trial = Trial(load_config(config))
    if broker is not None:
        try:
            trial.check_broker(broker)
        except ValueError as error:
            raise StartError(f"--broker: {error}", EX_USAGE) from None
    return trial


def _lines(file: str) -> Iterator[tuple[int, bytes]]:
    if file == "-":
        yield from enumerate(sys.stdin.buffer, start=1)
        return
    try:
        with Path(file).open("rb") as stream:
            yield from enumerate(stream, start=1)
    except OSError as error:
        raise StartError(f"cannot read {file}: {error.strerror}", EX_NOINPUT) from error


def explain(
    config: Path,
    topic: str,
    payload: str,
    *,
    broker: str | None,
    is_retained: bool,
    is_base64: bool,
) -> int:
    """Print which rules a message meets, each step, and what it would become; 0. Raises ConfigError
    and StartError."""
    trial = _trial(config, broker)
    try:
        topic = check_topic(topic)
        # Bytes of the command line that are no text come as half surrogates.
        content = base64.b64decode(payload, validate=True) if is_base64 else os.fsencode(payload)
    except ValueError as error:
        raise StartError(f"no message: {error}", EX_USAGE) from None
    message = Message(
        trial.broker_of(topic) if broker is None else broker,
        topic,
        content,
        SystemClock().now_us(),
        is_retained=is_retained,
    )
    for line in explain_message(trial.config, message):
        print(line)
    return 0


def explain_one_poll(config: Path, name: str) -> int:
    """Read a poll once and print each step, and what the reading would become; 0. Raises
    ConfigError, and StartError where it cannot be read."""
    for line in explain_poll(load_config(config), name, SystemClock()):
        # Each at once: a reading may take its time.
        print(line, flush=True)
    return 0
