"""`watch`: live messages with what they become; the service is not disturbed."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from daemon.app import Remark, Sighting, Watch, outcome, point_line
from daemon.cli.endpoints import running_endpoints
from daemon.cli.terminal import is_stdout_read
from daemon.clock import SystemClock
from daemon.config import load_config, parse_topic_filter
from daemon.errors import EX_USAGE, StartError
from daemon.messages import Message

_MAX_SHOWN = 200


def watch(
    path: Path,
    topic: str | None,
    *,
    duration_s: float | None,
    count: int | None,
    as_json: bool,
) -> int:
    """Print messages until Ctrl-C, or as long as said; 0. Raises ConfigError and StartError."""
    config = load_config(path)
    try:
        wanted = None if topic is None else parse_topic_filter(topic)
    except ValueError as error:
        raise StartError(f"found the topic filter {topic!r}: {error}", EX_USAGE) from None
    seen = Watch(config, SystemClock(), wanted=wanted, endpoints=running_endpoints(config))
    shown = 0
    try:
        for one in seen.sightings(duration_s, is_stdout_read):
            if isinstance(one, Remark):
                print(f"# {one.text}", file=sys.stderr, flush=True)
                continue
            lines = [_as_json(one)] if as_json else _as_text(one)
            print("\n".join(lines), flush=True)
            shown += 1
            if shown == count:
                break
    except KeyboardInterrupt:
        print(file=sys.stderr)
    return 0


def _as_text(one: Sighting) -> Iterator[str]:
    message, mapped = one.message, one.mapped
    at = datetime.fromtimestamp(message.received_us / 1e6).strftime("%H:%M:%S")
    retained = " (retained)" if message.is_retained else ""
    yield f"{at} {_plain(message.topic)} {_payload(message)}{retained}"
    by = f" by {mapped.rule}" if mapped.rule else ""
    yield f"         {mapped.outcome}{by}" + (f": {_plain(mapped.reason)}" if mapped.reason else "")
    for point in mapped.points:
        yield f"         {_plain(point_line(point))}"


def _payload(message: Message) -> str:
    try:
        text = message.payload.decode("utf-8")
    except UnicodeDecodeError:
        size = len(message.payload) + message.cut_bytes
        return f"{message.payload[:40].hex(' ')} ({size} bytes)"
    shown = _plain(text[:_MAX_SHOWN])
    return shown if len(text) <= _MAX_SHOWN else f"{shown}... ({len(message.payload)} bytes)"


def _plain(text: str) -> str:
    """On one line, and without what could steer a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _as_json(one: Sighting) -> str:
    """As `explain --batch` takes it, with what it became beside it."""
    message = one.message
    said: dict[str, Any] = {
        "broker": message.source,
        "topic": message.topic,
        "retained": message.is_retained,
        "received": message.received_us / 1e6,
    }
    try:
        said["payload"] = message.payload.decode("utf-8")
    except UnicodeDecodeError:
        said["payload_base64"] = base64.b64encode(message.payload).decode("ascii")
    return json.dumps(said | outcome(one.mapped))
