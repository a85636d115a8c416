"""Announcements given to a mapper, and what their states become."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.config import load_config
from daemon.discovery import DiscoveringMapper, Registry, compile_discovering
from daemon.mapping import FieldMemory
from daemon.messages import Mapped, Message

NOW_US = 1_732_435_200_123_456
HEAD = "collector: {name: cabin, timezone: Europe/Oslo}\n"


def discovering(
    folder: Path, options: str = "true", *, more: str = "", memory: FieldMemory | None = None
) -> DiscoveringMapper:
    """The mapper of one broker called home; `options` is its `discovery`, `more` other keys of it,
    inside of a flow mapping."""
    text = f"{HEAD}brokers: {{home: {{url: mqtt://127.0.0.1, discovery: {options}{more}}}}}\n"
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    return compile_discovering(load_config(path), memory)


def send(
    mapper: DiscoveringMapper,
    topic: str,
    payload: str | bytes | Mapping[str, Any],
    *,
    is_seen: bool = False,
) -> Mapped:
    """What becomes of one message."""
    if isinstance(payload, str):
        content = payload.encode("utf-8", "surrogatepass")
    elif isinstance(payload, bytes):
        content = payload
    else:
        content = json.dumps(payload, ensure_ascii=False).encode()
    return mapper.map(Message("home", topic, content, NOW_US, is_retained=is_seen, is_seen=is_seen))


def points_of(mapped: Mapped) -> list[dict[str, Any]]:
    """Measurement, tags without the collector's own, and fields of each point, by measurement and
    entity."""
    found = [
        {
            "measurement": point.measurement,
            "tags": {key: text for key, text in point.tags.items() if key != "host"},
            "fields": point.fields,
        }
        for point in mapped.points
    ]
    return sorted(found, key=lambda point: (point["measurement"], point["tags"].get("entity")))


def registry_of(mapper: DiscoveringMapper) -> Registry:
    """What was announced at the broker."""
    return mapper.registries["home"]
