"""A rejected item as a line of JSON that holds all that is needed to try it again; and back."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.messages import Mapped, Message, Reading
from daemon.writer.clock_hold import QUALITY_TAG, UNSYNCED
from daemon.writer.inbox import Item

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Reject:
    """What a line of the reject file says."""

    item: Item
    """As it came; acknowledged long ago."""
    rule: str
    kind: str
    reason: str


def encode_reject(item: Item, mapped: Mapped, limit_bytes: int) -> bytes:
    """One item as a line of at most `limit_bytes`: what is longer is cut, and marked as cut."""
    is_whole = not (isinstance(item, Message) and item.cut_bytes)
    line = _dump(_record(item, mapped) | ({} if is_whole else {"is_cut": True}))
    if len(line) <= limit_bytes:
        return line
    # Text grows sixfold at worst (control characters become \\u00xx), base64 by a third.
    return _dump({**_record(item, mapped, limit_bytes // 12), "is_cut": True})


def decode_reject(line: bytes) -> Reject | None:
    """What a line says; None for one that was cut, torn, or written by somebody else."""
    try:
        record = json.loads(line)
        if not isinstance(record, dict) or record.get("is_cut"):
            return None
        item = _item(record)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None
    return Reject(
        item,
        str(record.get("rule", "")),
        str(record.get("kind", "")),
        str(record.get("reason", "")),
    )


def _item(record: dict[str, Any]) -> Item:
    received_us = _microseconds(record["time"])
    is_doubtful = record.get(QUALITY_TAG) == UNSYNCED
    if "poll" in record:
        poll, value = str(record["poll"]), record["value"]
        return Reading(poll, value, received_us, is_clock_doubtful=is_doubtful)
    return Message(
        source=str(record["source"]),
        topic=str(record["topic"]),
        payload=_bytes(record),
        received_us=received_us,
        qos=int(record["qos"]),
        is_clock_doubtful=is_doubtful,
    )


def _bytes(record: dict[str, Any]) -> bytes:
    if "payload" in record:
        text: str = record["payload"]
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(record["payload_base64"], validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from error


def _microseconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _record(item: Item, mapped: Mapped, longest: int | None = None) -> dict[str, object]:
    moment = _EPOCH + timedelta(microseconds=item.received_us)
    record: dict[str, object] = {"time": moment.isoformat(timespec="microseconds")}
    if item.is_clock_doubtful:
        # What a replay makes of it must say so too.
        record[QUALITY_TAG] = UNSYNCED
    if isinstance(item, Message):
        record |= {"source": item.source, "topic": item.topic[:longest], "qos": item.qos}
        record |= _payload(item.payload[:longest])
    elif longest is None:
        record |= {"poll": item.poll, "value": item.value}
    else:
        record |= {"poll": item.poll, "value": str(item.value)[:longest]}
    reason = mapped.reason if longest is None else mapped.reason[:200]
    return record | {"rule": mapped.rule, "kind": mapped.kind, "reason": reason}


def _payload(payload: bytes) -> dict[str, object]:
    try:
        return {"payload": payload.decode("utf-8")}
    except UnicodeDecodeError:
        return {"payload_base64": base64.b64encode(payload).decode("ascii")}


def _dump(record: dict[str, object]) -> bytes:
    # A lone surrogate, which a JSON text may bring, becomes the escape that it was.
    text = json.dumps(record, ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace") + b"\n"
