"""What entities are called: in points, in outcomes, and by the patterns of a configuration. Pure.

Texts from the network become tags here, so they must mean nothing else: a tag of a rule may be a
template or a path, an announced name may not.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from daemon.config import is_path
from daemon.discovery.announcement import Entity

_MAX_TAG = 128
_NO_NAME = re.compile(r"[^a-z0-9]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_CLASS = re.compile(r"[a-z][a-z0-9_]{0,60}").fullmatch
_BRACES = str.maketrans("{}", "()")


@dataclass(frozen=True, slots=True)
class Labels:
    """Measurement and tags of an entity's points."""

    measurement: str
    tags: tuple[tuple[str, str], ...]


def plain(text: str) -> str:
    """A text that is only itself as a tag of a rule: no braces, no path, one line, not too long."""
    text = _CONTROL.sub(" ", text).translate(_BRACES).strip()[:_MAX_TAG].strip()
    if text == "_none":
        return "none"
    return text.lstrip("$@") if is_path(text) else text


def device_class(entity: Entity) -> str:
    """The announced device class; empty where there is none, or none that could be one."""
    text = entity.config.get("device_class", "")
    return text if _CLASS(text) else ""


def entity_id(entity: Entity, device: str | None) -> str:
    """The name that Home Assistant would give it: `sensor.kitchen_temperature`."""
    config = entity.config
    given = config.get("default_entity_id", "").partition(".")[2] or config.get("object_id", "")
    if given:
        return f"{entity.component}.{_slug(given)}"
    has_device = bool(entity.device_ids) or entity.device_name is not None
    # An entity without a name is its device itself, if it has one.
    own = config.get("name", "") or ("" if has_device else entity.object_id)
    if device and own.casefold().startswith(device.casefold()):
        own = own[len(device) :]
    name = " ".join(text for text in (device, own) if text)
    return f"{entity.component}.{_slug(name) or _slug(entity.path)}"


def names(entity: Entity, device: str | None) -> tuple[str, ...]:
    """Everything that a pattern may mean it by, in lower case."""
    spelled = (entity_id(entity, device), f"{entity.component}.{entity.object_id}", entity.path)
    return tuple(name.casefold() for name in spelled)


def labels(entity: Entity, device: str | None, unit: str, *, is_apart: bool) -> Labels:
    """What its points are called; `is_apart`: another entity would be called the same."""
    kind = device_class(entity)
    name = entity.object_id
    if is_apart:
        name = entity.config.get("unique_id", "") or entity.path
    tags = {
        "device": plain(device or ""),
        "entity": plain(name) or _slug(entity.path),
        "unit": plain(unit),
        "device_class": kind,
    }
    return Labels(
        kind or entity.component, tuple((key, text) for key, text in tags.items() if text)
    )


def _slug(text: str) -> str:
    ascii_only = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return _NO_NAME.sub("_", ascii_only.lower()).strip("_")[:_MAX_TAG]
