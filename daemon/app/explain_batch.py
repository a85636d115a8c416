"""Messages as JSON lines, and what they would become as JSON lines."""

from __future__ import annotations

import base64
import binascii
import difflib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from daemon.app.explain_trial import Trial
from daemon.messages import Mapped, Message

_KEYS = ("topic", "payload", "payload_base64", "retained", "broker", "qos", "received")
_EXAMPLE = '{"topic": "a/b", "payload": "21.5"}'
_MAX_TOPIC_BYTES = 65_535


def read_line(
    line: bytes, trial: Trial, now_us: Callable[[], int], broker: str | None = None
) -> Message:
    """The message of a JSON line; `broker` is the one of lines that name none, `now_us` says when
    those arrived that do not say it.

    Raises:
        ValueError: for a line that is no message; the text says what was found and is allowed.
    """
    try:
        tree = json.loads(line)
    except RecursionError:
        raise ValueError("found JSON nested too deep to be read") from None
    except ValueError as error:
        raise ValueError(f"found no JSON ({error}); a line is as {_EXAMPLE}") from None
    if not isinstance(tree, dict):
        raise ValueError(f"found {_show(tree)}; a line is an object, as {_EXAMPLE}")
    for key in tree:
        # A line may say more than we ask, but a slip of the pen must not change what it means.
        if key not in _KEYS and (meant := difflib.get_close_matches(key, _KEYS, 1, 0.8)):
            raise ValueError(f"found the key {key!r}; did you mean `{meant[0]}`?")
    topic = check_topic(tree.get("topic"))
    named = tree.get("broker", broker)
    if named is not None and not isinstance(named, str):
        raise ValueError(f"`broker`: found {_show(named)}; needed is a name")
    retained = tree.get("retained", False)
    if not isinstance(retained, bool):
        raise ValueError(f"`retained`: found {_show(retained)}; allowed: true or false")
    qos = tree.get("qos", 0)
    if isinstance(qos, bool) or qos not in (0, 1, 2):
        raise ValueError(f"`qos`: found {_show(qos)}; allowed: 0, 1 or 2")
    return Message(
        source=trial.broker_of(topic) if named is None else trial.check_broker(named),
        topic=topic,
        payload=_payload(tree),
        received_us=_received_us(tree["received"]) if "received" in tree else now_us(),
        qos=min(qos, 1),
        is_retained=retained,
    )


def check_topic(topic: object) -> str:
    """A topic as a device may publish on.

    Raises:
        ValueError: for anything else.
    """
    if not isinstance(topic, str) or not topic:
        raise ValueError(f"`topic`: found {_show(topic)}; needed is a text")
    try:
        size = len(topic.encode())
    except UnicodeEncodeError:
        raise ValueError("`topic`: found half of a surrogate pair, which is no text") from None
    if "+" in topic or "#" in topic or "\0" in topic or size > _MAX_TOPIC_BYTES:
        raise ValueError(
            f"`topic`: found {topic[:60]!r}; a message's topic has neither + nor # nor NUL, and at "
            f"most {_MAX_TOPIC_BYTES} bytes"
        )
    return topic


def _payload(tree: Mapping[str, Any]) -> bytes:
    if ("payload" in tree) == ("payload_base64" in tree):
        raise ValueError("needed is one of `payload` and `payload_base64`")
    if "payload_base64" in tree:
        encoded = tree["payload_base64"]
        try:
            return base64.b64decode(encoded, validate=True)
        except (TypeError, ValueError, binascii.Error) as error:
            raise ValueError(f"`payload_base64`: found no base64 ({error})") from None
    payload = tree["payload"]
    if payload is None:
        return b""
    text = payload if isinstance(payload, str) else json.dumps(payload, ensure_ascii=False)
    # Half a surrogate pair becomes bytes that are no UTF-8, as a device would send them.
    return text.encode("utf-8", "surrogatepass")


def _received_us(value: object) -> int:
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
            return round(moment.timestamp() * 1e6)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            datetime.fromtimestamp(value, UTC)
            return round(value * 1e6)
    except (ValueError, OverflowError, OSError):
        pass
    raise ValueError(
        f"`received`: found {_show(value)}; needed are unix seconds, or a time as "
        "2024-11-24T08:00:00Z"
    )


def _show(value: object) -> str:
    text = json.dumps(value)
    return "nothing" if value is None else text if len(text) <= 60 else text[:57] + "..."


def outcome(mapped: Mapped) -> dict[str, Any]:
    """What became of a message, as JSON would have it."""
    return {
        "outcome": str(mapped.outcome),
        "points": [
            {
                "time": None if point.time is None else point.time.isoformat(),
                "measurement": point.measurement,
                "tags": point.tags,
                "fields": point.fields,
            }
            for point in mapped.points
        ],
        "rule": mapped.rule,
        "reason": mapped.reason,
        "kind": mapped.kind,
    }
