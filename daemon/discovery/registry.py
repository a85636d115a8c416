"""Everything that was announced at one broker, and the rules that it amounts to.

Pure but for its own memory; never raises for what was announced. Writer thread only, but for what
says otherwise.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from daemon.config import DiscoveryConfig, PlacedRule, Tier
from daemon.discovery.announcement import (
    Entity,
    Place,
    Unusable,
    parse_announcement,
    parse_place,
    written,
)
from daemon.discovery.availability import Presence, presences_of
from daemon.discovery.choice import Choice
from daemon.discovery.compiling import (
    Options,
    Ready,
    compile_entity,
    compile_presences,
    unit_of,
)
from daemon.discovery.naming import Labels, entity_id, labels
from daemon.discovery.sharing import Sharing

MAX_TOTAL_BYTES = 16_000_000
"""Of all announcements of a broker together."""
_MAX_REASON = 600


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one announcement."""

    reason: str
    """For a person; never empty."""
    is_refused: bool = False
    """Whether nothing of it can be used although it should."""
    changes: tuple[tuple[str, tuple[PlacedRule, ...]], ...] = ()
    """Keys (entities' paths) with the rules that they have from now on; () is none."""


@dataclass(slots=True)
class _Known:
    """One entity and what it is at the moment."""

    entity: Entity
    reason: str = ""
    is_refused: bool = False
    options: tuple[Options, ...] = ()
    rules: tuple[PlacedRule, ...] = ()


class Registry:
    """The announcements of one broker."""

    def __init__(self, config: DiscoveryConfig) -> None:
        self._config = config
        self._choice = Choice(config)
        self._known: dict[str, _Known] = {}
        self._topics: dict[str, tuple[str, ...]] = {}
        self._seen: dict[str, tuple[bytes, int, Taken]] = {}
        """Digest, size and outcome of what each topic of `_topics` said last."""
        self._n_bytes = 0
        self._sharing = Sharing()

    @property
    def config(self) -> DiscoveryConfig:
        """What is taken, and how."""
        return self._config

    @property
    def filters(self) -> tuple[str, ...]:
        """Where devices announce themselves: topic filters."""
        prefix = self._config.prefix
        return (f"{prefix}/+/+/config", f"{prefix}/+/+/+/config")

    def takes(self, topic: str) -> bool:
        """Whether this is the topic of an announcement."""
        return topic.endswith("/config") and parse_place(topic, self._config.prefix) is not None

    def take(self, topic: str, payload: bytes) -> Taken:
        """Read an announcement; an empty one takes the earlier one away."""
        digest = hashlib.blake2b(payload, digest_size=16).digest()
        if topic in self._seen and self._seen[topic][0] == digest:
            taken = self._seen[topic][2]
            return Taken(taken.reason, taken.is_refused)
        place = parse_place(topic, self._config.prefix)
        if place is None:
            return Taken(f"the topic {topic[:80]!r} is no announcement's", is_refused=True)
        taken = self._take(topic, place, payload)
        if topic in self._topics:
            self._seen[topic] = (digest, len(payload), taken)
            self._n_bytes += len(payload)
        return taken

    def rules(self) -> tuple[PlacedRule, ...]:
        """The rules of everything that is announced now. Any thread."""
        return tuple(rule for known in tuple(self._known.values()) for rule in known.rules)

    def counts(self) -> tuple[int, int]:
        """How many entities are announced, and how many of them have rules. Any thread."""
        known = tuple(self._known.values())
        return len(known), sum(bool(one.rules) for one in known)

    def keyed_rules(self) -> tuple[tuple[str, tuple[PlacedRule, ...]], ...]:
        """The same by key, as in `Taken.changes`."""
        return tuple((path, known.rules) for path, known in self._known.items() if known.rules)

    def entities(self) -> Iterator[tuple[str, tuple[Options, ...], str]]:
        """Name, rules as `sources` would have them, and the reason where there are none."""
        for known in tuple(self._known.values()):
            name = entity_id(known.entity, self._device(known.entity))
            yield name, known.options, known.reason

    def remembered(self) -> dict[str, Any]:
        """What `recall` needs after a restart, as JSON would have it: the announcements that gave
        rules, and the names of devices. Any thread."""
        known = dict(self._known)
        announcements: dict[str, Any] = {}
        for topic, paths in dict(self._topics).items():
            used = [known[path].entity for path in paths if path in known and known[path].rules]
            if used:
                announcements[topic] = written(used, is_device="device/" in paths[0][:7])
        return {"devices": dict(self._sharing.device_names), "announcements": announcements}

    def recall(self, tree: Any) -> None:
        """Take up what `remembered` gave an earlier run; what has another shape is passed over."""
        tree = tree if isinstance(tree, dict) else {}
        devices, announcements = tree.get("devices"), tree.get("announcements")
        if isinstance(devices, dict):
            self._sharing.recall_names({key: str(name) for key, name in devices.items()})
        for topic, told in announcements.items() if isinstance(announcements, dict) else ():
            self.take(topic, json.dumps(told, ensure_ascii=False).encode("utf-8", "replace"))

    def _take(self, topic: str, place: Place, payload: bytes) -> Taken:
        dirty: set[str] = set()
        if not payload.strip():
            was_there = bool(self._topics.get(topic))
            self._forget(topic, (), dirty)
            reason = "the announcement is removed" if was_there else "nothing was announced here"
            return Taken(reason, changes=self._settle(dirty))
        try:
            entities = parse_announcement(place, payload)
            self._check_room(topic, len(payload), entities)
        except Unusable as error:
            self._forget(topic, (), dirty)
            return Taken(f"the announcement is not used: {error}", True, self._settle(dirty))
        kept = [entity for entity in entities if not entity.is_removal]
        self._forget(topic, [entity.path for entity in kept], dirty)
        if kept:
            self._topics[topic] = tuple(entity.path for entity in kept)
        for entity in kept:
            dirty |= self._keep(entity)
        changes = self._settle(dirty)
        return self._outcome(entities, changes)

    def _keep(self, entity: Entity) -> set[str]:
        """The paths that this entity may change."""
        known = self._known.get(entity.path)
        if known is None:
            self._known[entity.path] = _Known(entity)
            return {entity.path} | self._sharing.add(entity)
        if known.entity == entity:
            return set()
        others = self._sharing.replace(known.entity, entity)
        known.entity = entity
        return {entity.path} | others

    def _check_room(self, topic: str, n_bytes: int, entities: tuple[Entity, ...]) -> None:
        before = self._seen[topic][1] if topic in self._seen else 0
        if self._n_bytes - before + n_bytes > MAX_TOTAL_BYTES:
            raise Unusable(
                f"all announcements together would have more than {MAX_TOTAL_BYTES} bytes"
            )
        room = self._config.max_entities - len(self._known) + len(self._topics.get(topic, ()))
        if len(entities) > room:
            raise Unusable(
                f"{len(self._known)} entities are announced already, "
                f"discovery.max_entities is {self._config.max_entities}"
            )

    def _forget(self, topic: str, but: Iterable[str], dirty: set[str]) -> None:
        """Drop the entities of a topic, except these paths."""
        kept = set(but)
        for path in self._topics.pop(topic, ()):
            if path not in kept and (known := self._known.pop(path, None)) is not None:
                dirty |= self._sharing.remove(known.entity)
                if known.rules:
                    dirty.add(path)
        if topic in self._seen:
            self._n_bytes -= self._seen.pop(topic)[1]

    def _settle(self, dirty: set[str]) -> tuple[tuple[str, tuple[PlacedRule, ...]], ...]:
        """Bring entities up to date; the changes."""
        changes: list[tuple[str, tuple[PlacedRule, ...]]] = []
        waiting, seen = sorted(dirty), set(dirty)
        while waiting:
            path = waiting.pop(0)
            known = self._known.get(path)
            if known is None:
                changes.append((path, ()))
                continue
            before = known.rules
            others = self._compile(known) - seen
            seen |= others
            waiting += sorted(others)
            if known.rules != before:
                changes.append((path, known.rules))
        return tuple(changes)

    def _device(self, entity: Entity) -> str | None:
        if entity.device_name is not None:
            return entity.device_name
        return self._sharing.device_name(entity) or (
            entity.device_ids[0] if entity.device_ids else entity.node or None
        )

    def _compile(self, known: _Known) -> set[str]:
        """Make its rules anew; the paths of others that this may change."""
        entity, device = known.entity, self._device(known.entity)
        ready, others = self._rules_of(known, device)
        options = tuple(one.options for one in ready)
        if options != known.options:
            # By place: names may be the same, and they change.
            name = f"discovery.{entity.path}"
            known.rules = tuple(_placed(name, number, one) for number, one in enumerate(ready))
        known.options = options
        return others

    def _rules_of(self, known: _Known, device: str | None) -> tuple[tuple[Ready, ...], set[str]]:
        """Its rules, and others that this may change; the reason for what there is not stands in
        `known`."""
        entity, templates = known.entity, self._config.templates
        known.is_refused = bool(entity.problem)
        known.reason = entity.problem or self._choice.objection(entity, device)
        if known.reason:
            return (), self._sharing.own_only(entity.path, frozenset())
        names = labels(entity, device, unit_of(entity), is_apart=False)
        presences, reasons = self._presences(entity)
        compiled = compile_entity(entity, names, templates, presences)
        known.reason = "; ".join((*compiled.reasons, *reasons))
        known.is_refused = not compiled.rules
        if known.is_refused:
            # It keeps no good one with the same id from being used.
            return (), self._sharing.own_only(entity.path, frozenset())
        key = ("id", entity.component, entity.config.get("unique_id") or f"/{entity.path}")
        if (owner := self._sharing.own(entity.path, key)) != entity.path:
            known.reason = f"it is announced as {owner} already"
            return (), self._sharing.own_only(entity.path, frozenset((key,)))
        if self._sharing.claim(entity.path, names) != entity.path:
            names = labels(entity, device, unit_of(entity), is_apart=True)
            compiled = compile_entity(entity, names, templates, presences)
        rules, owned = self._presence_rules(entity, names, presences)
        others = self._sharing.own_only(entity.path, owned | {key})
        return (*compiled.rules, *rules), others

    def _presences(self, entity: Entity) -> tuple[list[Presence], list[str]]:
        """What says whether its device is there; and why something announced cannot say it."""
        reasons: list[str] = []
        if not self._config.availability:
            return [], reasons
        return list(presences_of(entity.config, self._config.templates, reasons)), reasons

    def _presence_rules(
        self, entity: Entity, names: Labels, presences: list[Presence]
    ) -> tuple[list[Ready], frozenset[tuple[str, ...]]]:
        """The rules of points that say whether its device is there, as far as no other entity of
        the device has them; and what is owned for that."""
        who = dict(names.tags).get("device", entity.path)
        rules, owned = [], set()
        of_device = [presence for presence in presences if not presence.is_of_value]
        for topic, rule in compile_presences(names, of_device).items():
            key = ("availability", who, topic)
            owned.add(key)
            if self._sharing.own(entity.path, key) == entity.path:
                rules.append(rule)
        return rules, frozenset(owned)

    def _outcome(
        self, entities: tuple[Entity, ...], changes: tuple[tuple[str, tuple[PlacedRule, ...]], ...]
    ) -> Taken:
        known = [self._known[entity.path] for entity in entities if not entity.is_removal]
        used = [one for one in known if one.rules]
        names = ", ".join(entity_id(one.entity, self._device(one.entity)) for one in used[:5])
        more = f" and {len(used) - 5} more" if len(used) > 5 else ""
        said = [f"announced: {names}{more}"] if used else []
        for one in known:
            if one.reason:
                name = entity_id(one.entity, self._device(one.entity))
                said.append(f"{name}: {one.reason}")
        reason = "; ".join(said) or "it announces no component any more"
        if len(reason) > _MAX_REASON:
            reason = reason[:_MAX_REASON] + "..."
        is_refused = not used and any(one.is_refused for one in known)
        return Taken(reason, is_refused, changes)


def _placed(name: str, number: int, ready: Ready) -> PlacedRule:
    return PlacedRule(f"{name}[{number}]" if number else name, ready.rule, Tier.DISCOVERY)
