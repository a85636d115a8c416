"""From an announcement to the entities that it names: keys in full, topics complete.

What comes in was written by whoever may publish at the broker. It is read with bounds, only known
keys of the expected types are kept, and whatever is wrong has a reason. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from daemon.discovery.keys import (
    DEVICE_KNOWN,
    DEVICE_SHORT,
    KNOWN,
    SHARED,
    SHORT,
    long_keys,
)

MAX_BYTES = 256_000
MAX_OF_DEVICE = 500
MAX_TEXT = 4_000
_MAX_IDS = 20
_MAX_AVAILABILITY = 20


class Unusable(ValueError):  # noqa: N818 - no failure of ours: what was announced cannot be used
    """An announcement, or a part of one, that cannot be used; the text says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """What the topic of an announcement says."""

    component: str
    """`device` for the form that announces a whole device."""
    node: str
    """Empty where there is none."""
    object_id: str


@dataclass(frozen=True, slots=True)
class Entity:
    """One thing that was announced."""

    path: str
    """Unique at a broker: `sensor/0x00158d/temperature`, `device/meter/power` for a part of it."""
    component: str
    node: str
    object_id: str
    config: Mapping[str, Any]
    """Full keys, values of the expected types, topics without `~`."""
    device_ids: tuple[str, ...] = ()
    """What its device is known by; several entities share one device."""
    device_name: str | None = None
    """None where another announcement of this device may say it."""
    problem: str = ""
    """Why it cannot be used; empty where it can."""
    is_removal: bool = field(default=False)
    """Only the platform is given: the device has no such part any more."""


def parse_place(topic: str, prefix: str) -> Place | None:
    """The place of an announcement's topic below the prefix; None for any other topic."""
    if not topic.startswith(prefix + "/") or not topic.endswith("/config"):
        return None
    levels = topic[len(prefix) + 1 :].split("/")[:-1]
    if len(levels) == 2:
        return Place(levels[0], "", levels[1])
    return Place(*levels) if len(levels) == 3 else None


def parse_announcement(place: Place, payload: bytes) -> tuple[Entity, ...]:
    """The entities of a payload that is not empty; none where they move to another announcement.

    Raises:
        Unusable: where nothing of it can be used.
    """
    tree = _decode(payload)
    if place.component == "device":
        return tuple(_parts(place, tree))
    path = "/".join(text for text in (place.component, place.node, place.object_id) if text)
    config = long_keys(tree, SHORT, KNOWN)
    if config.get("migrate_discovery") is True:
        return ()
    ids, name = _device(config)
    return (_entity(path, place.component, place, config, ids, name),)


def written(entities: Sequence[Entity], *, is_device: bool) -> dict[str, Any]:
    """The announcement that `parse_announcement` would make these entities of."""
    first = entities[0]
    device: dict[str, Any] = {"identifiers": list(first.device_ids)}
    if first.device_name is not None:
        device["name"] = first.device_name
    has_device = bool(first.device_ids or first.device_name)
    head = {"device": device} if has_device else {}
    if not is_device:
        return {**head, **first.config}
    parts = {
        entity.object_id: {"platform": entity.component, **entity.config} for entity in entities
    }
    return {**head, "components": parts}


def _decode(payload: bytes) -> Mapping[str, Any]:
    if len(payload) > MAX_BYTES:
        raise Unusable(f"it has {len(payload)} bytes, allowed are {MAX_BYTES}")
    try:
        tree = json.loads(payload.decode("utf-8"))
    except RecursionError:
        raise Unusable("its JSON is nested too deep to be read") from None
    except UnicodeDecodeError as error:
        raise Unusable(f"byte {error.start} of it is no UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise Unusable(f"it is no JSON: {error.msg} at character {error.pos}") from None
    except ValueError:
        raise Unusable("it has a number of thousands of digits") from None
    if not isinstance(tree, dict):
        raise Unusable(f"it is {_kind(tree)}, an object is needed")
    return tree


def _parts(place: Place, tree: Mapping[str, Any]) -> Iterator[Entity]:
    """The parts of a whole device's announcement."""
    whole = long_keys(tree, SHORT, KNOWN)
    components = whole.get("components")
    if not isinstance(components, dict):
        raise Unusable(f"`components` is {_kind(components)}, an object is needed")
    if len(components) > MAX_OF_DEVICE:
        raise Unusable(f"it has {len(components)} components, allowed are {MAX_OF_DEVICE}")
    ids, name = _device(whole)
    shared = {key: whole[key] for key in SHARED if key in whole}
    for key, given in components.items():
        path = f"device/{place.object_id}/{key}"
        if not isinstance(given, dict):
            problem = f"the component {key[:40]!r} is {_kind(given)}, an object is needed"
            yield Entity(path, "", place.node, key, {}, ids, name, problem)
            continue
        own = long_keys(given, SHORT, KNOWN)
        component = own.pop("platform", None)
        if not isinstance(component, str):
            problem = f"the component {key[:40]!r} has no `platform` (`p`), as sensor"
            yield Entity(path, "", place.node, key, {}, ids, name, problem)
        elif not set(given) - {"platform", "p"}:
            yield Entity(path, component, place.node, key, {}, ids, name, is_removal=True)
        else:
            yield _entity(
                path,
                component,
                Place(component, place.object_id, key),
                {**shared, **own},
                ids,
                name,
            )


def _entity(
    path: str,
    component: str,
    place: Place,
    config: Mapping[str, Any],
    ids: tuple[str, ...],
    name: str | None,
) -> Entity:
    try:
        checked = _checked(config)
    except Unusable as error:
        return Entity(path, component, place.node, place.object_id, {}, ids, name, str(error))
    return Entity(path, component, place.node, place.object_id, checked, ids, name)


def _device(config: Mapping[str, Any]) -> tuple[tuple[str, ...], str | None]:
    """Identifiers and name of the device; what has the wrong type is left out."""
    given = config.get("device")
    if not isinstance(given, dict):
        return (), None
    device = long_keys(given, DEVICE_SHORT, DEVICE_KNOWN)
    ids = device.get("identifiers")
    found = [ids] if isinstance(ids, (str, int)) else list(ids) if isinstance(ids, list) else []
    connections = device.get("connections")
    for pair in connections if isinstance(connections, list) else ():
        found += ["=".join(map(str, pair[:2]))] if isinstance(pair, list) and pair else []
    texts = [str(part)[:MAX_TEXT] for part in found if isinstance(part, (str, int))]
    name = device.get("name")
    is_name = isinstance(name, (str, int)) and not isinstance(name, bool) and str(name).strip()
    return tuple(texts[:_MAX_IDS]), str(name)[:MAX_TEXT] if is_name else None


def _checked(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with topics complete and every value of the type that its key has.

    Raises:
        Unusable: for a value of the wrong type.
    """
    base = config.get("~")
    if base is not None and not isinstance(base, str):
        raise Unusable(f"`~` is {_kind(base)}, the beginning of a topic is needed")
    checked: dict[str, Any] = {}
    for key, value in config.items():
        if key in ("~", "device", "components", "platform", "migrate_discovery") or value is None:
            continue
        if key == "availability":
            checked[key] = [_availability(item, base) for item in _as_list(value)]
        elif key == "options":
            # Whether there are any is all that matters; `written` says so by true.
            checked[key] = bool(value)
        else:
            checked[key] = _complete(key, _text(key, value), base)
    return checked


def _as_list(value: Any) -> list[Any]:
    items = value if isinstance(value, list) else [value]
    if len(items) > _MAX_AVAILABILITY:
        raise Unusable(f"`availability` has {len(items)} topics, allowed are {_MAX_AVAILABILITY}")
    return items


def _availability(item: Any, base: str | None) -> dict[str, str]:
    if not isinstance(item, dict):
        raise Unusable(f"`availability` has {_kind(item)} in it, objects with a topic are needed")
    known = frozenset(("topic", "payload_available", "payload_not_available", "value_template"))
    named = long_keys(item, SHORT, known)
    texts = {
        key: _complete(key, _text(key, value), base)
        for key, value in named.items()
        if value is not None
    }
    if not texts.get("topic"):
        raise Unusable("`availability` has an entry without `topic`")
    return texts


def _text(key: str, value: Any) -> str:
    """A value as the text that Home Assistant would make of it: true is True."""
    if not isinstance(value, (str, int, float)):
        raise Unusable(f"`{key}` is {_kind(value)}, text is needed")
    text = str(value)
    if len(text) > MAX_TEXT:
        raise Unusable(f"`{key}` has {len(text)} characters, allowed are {MAX_TEXT}")
    return text


def _complete(key: str, text: str, base: str | None) -> str:
    """A topic with the base in place of a `~` at its beginning or end; other texts as they are."""
    if base is None or not key.endswith("topic"):
        return text
    if text.startswith("~"):
        text = base + text[1:]
    return text[:-1] + base if text.endswith("~") else text


def _kind(value: Any) -> str:
    if value is None:
        return "missing"
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false"}
    return names.get(type(value), "a number")
