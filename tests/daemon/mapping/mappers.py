"""Mappers of a few lines of YAML, and messages for them."""

from __future__ import annotations

from pathlib import Path

from daemon.config import load_config
from daemon.mapping import RuleMapper, compile_mapper
from daemon.messages import JsonValue, Mapped, Message, Reading

NOW_US = 1_732_435_200_123_456
"""2024-11-24 08:00:00.123456 UTC, when every message here arrives."""

HEAD = """\
collector: {name: cabin, timezone: Europe/Oslo, clock: {accept_past: 30y}}
brokers: {home: {url: mqtt://127.0.0.1}}
"""


def mapper(folder: Path, text: str, *, head: str = HEAD) -> RuleMapper:
    """The mapper of sources and polls written in YAML, behind a broker called home."""
    path = folder / "config.yaml"
    path.write_text(head + text, encoding="utf-8")
    return compile_mapper(load_config(path))


def rule_mapper(folder: Path, options: str = "", topic: str = "t") -> RuleMapper:
    """The mapper of one rule for one topic, with these options (inside of a flow mapping)."""
    return mapper(folder, f"sources: [{{topic: '{topic}', measurement: m, {options}}}]\n")


def message(payload: str | bytes, topic: str = "t", *, is_retained: bool = False) -> Message:
    """A message of the broker home."""
    content = payload if isinstance(payload, bytes) else payload.encode()
    return Message("home", topic, content, NOW_US, is_retained=is_retained)


def reading(value: JsonValue, poll: str = "system") -> Reading:
    """A poll's result."""
    return Reading(poll, value, NOW_US)


def fields_of(mapped: Mapped) -> dict[str, int | float | None]:
    """The fields of the only point."""
    [point] = mapped.points
    return point.fields


def tags_of(mapped: Mapped) -> dict[str, str | None]:
    """The tags of the only point, without the collector's own."""
    [point] = mapped.points
    return {key: text for key, text in point.tags.items() if key != "host"}
