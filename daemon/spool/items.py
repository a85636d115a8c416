"""Messages and readings as the spool keeps them: JSON values, and back."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass

from daemon.messages import JsonValue, Message, Reading


@dataclass(frozen=True, slots=True)
class HeldItem:
    """One item that waits for its time, without its receipt: it has been acknowledged."""

    item: Message | Reading
    boot_id: str
    """The boot in which it was received."""
    monotonic_us: int
    """When, by that boot's monotonic clock."""


def pack_item(held: HeldItem) -> dict[str, JsonValue]:
    """The item as a JSON object; `unpack_item` gives it back."""
    item = held.item
    common: dict[str, JsonValue] = {
        "boot": held.boot_id,
        "monotonic_us": held.monotonic_us,
        "received_us": item.received_us,
    }
    if isinstance(item, Reading):
        return common | {"poll": item.poll, "value": item.value}
    return common | {
        "source": item.source,
        "topic": item.topic,
        **_payload(item.payload),
        "qos": item.qos,
        "retained": item.is_retained,
        "seen": item.is_seen,
        "cut_bytes": item.cut_bytes,
    }


def unpack_item(body: Mapping[str, JsonValue]) -> HeldItem:
    """The item of such an object. Raises KeyError, TypeError or ValueError for anything else."""
    received_us = _number(body["received_us"])
    item: Message | Reading
    if "poll" in body:
        item = Reading(str(body["poll"]), body["value"], received_us)
    else:
        encoded = body.get("base64")
        item = Message(
            source=str(body["source"]),
            topic=str(body["topic"]),
            payload=(
                str(body["text"]).encode() if encoded is None else base64.b64decode(str(encoded))
            ),
            received_us=received_us,
            qos=_number(body["qos"]),
            is_retained=body["retained"] is True,
            is_seen=body["seen"] is True,
            # An earlier version has not written it.
            cut_bytes=_number(body.get("cut_bytes", 0)),
        )
    return HeldItem(item, str(body["boot"]), _number(body["monotonic_us"]))


def _payload(payload: bytes) -> dict[str, JsonValue]:
    try:
        return {"text": payload.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(payload).decode("ascii")}


def _number(value: JsonValue) -> int:
    if not isinstance(value, int):
        raise TypeError(f"found {value!r}, needed is a whole number")
    return value
