"""What entities have in common: unique ids, devices and their topics, and series.

Each question is answered from an index, so that two thousand announcements at a connect cost what
they should. Of those that share, the first one counts.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TypeVar

from daemon.discovery.announcement import Entity
from daemon.discovery.naming import Labels

Key = TypeVar("Key", bound=Hashable)
Owned = tuple[str, ...]
"""What only one may have: `("id", component, unique id)`, `("availability", device, topic)`."""
Paths = dict[str, None]
"""An ordered set."""

_MAX_DEVICES = 10_000


class Sharing:
    """The indexes of one broker's entities."""

    def __init__(self) -> None:
        self._owners: dict[Owned, Paths] = {}
        self._owned: dict[str, set[Owned]] = {}
        self._by_device: dict[str, Paths] = {}
        self._by_series: dict[Labels, Paths] = {}
        self._claims: dict[str, Labels] = {}
        self._names: dict[str, str] = {}

    @property
    def device_names(self) -> Mapping[str, str]:
        """The name of each device by each of its ids, as announced last."""
        return self._names

    def recall_names(self, names: Mapping[str, str]) -> None:
        """Take up names that an earlier run had learned."""
        self._names.update(names)

    def add(self, entity: Entity) -> set[str]:
        """Take an entity in; the paths of others that this may change."""
        others: set[str] = set()
        for device_id in entity.device_ids:
            _append(self._by_device, device_id, entity.path)
            name = entity.device_name
            if name is not None and self._names.get(device_id) != name:
                if len(self._names) >= _MAX_DEVICES:
                    del self._names[next(iter(self._names))]
                self._names[device_id] = name
                others |= self._by_device[device_id].keys()
        return others

    def replace(self, old: Entity, new: Entity) -> set[str]:
        """The same entity, announced otherwise: it keeps its place among those that share."""
        for device_id in old.device_ids:
            _drop(self._by_device, device_id, old.path)
        return self.add(new)

    def remove(self, entity: Entity) -> set[str]:
        """Let an entity go; the paths of others that this may change."""
        labels = self._claims.pop(entity.path, None)
        if labels is not None:
            # Who had to take another name because of this one keeps it: a series has one name.
            _drop(self._by_series, labels, entity.path)
        for device_id in entity.device_ids:
            _drop(self._by_device, device_id, entity.path)
        return self.own_only(entity.path, frozenset())

    def own(self, path: str, key: Owned) -> str:
        """The path that was first to have this."""
        _append(self._owners, key, path)
        self._owned.setdefault(path, set()).add(key)
        return next(iter(self._owners[key]))

    def own_only(self, path: str, keys: frozenset[Owned]) -> set[str]:
        """Let everything go but these; the paths of others that may have it now."""
        others: set[str] = set()
        for key in self._owned.pop(path, set()) - keys:
            others |= _drop(self._owners, key, path)
        if keys:
            self._owned[path] = set(keys)
        return others

    def device_name(self, entity: Entity) -> str | None:
        """The name that any announcement gave its device."""
        return next((self._names[part] for part in entity.device_ids if part in self._names), None)

    def claim(self, path: str, labels: Labels) -> str:
        """The path that was first to have these measurement and tags."""
        before = self._claims.get(path)
        if before != labels:
            if before is not None:
                _drop(self._by_series, before, path)
            self._claims[path] = labels
            _append(self._by_series, labels, path)
        return next(iter(self._by_series[labels]))


def _append(index: dict[Key, Paths], key: Key, path: str) -> None:
    index.setdefault(key, {})[path] = None


def _drop(index: dict[Key, Paths], key: Key, path: str) -> set[str]:
    """Take a path out; those that are left if it was the first."""
    paths = index.get(key, {})
    was_first = next(iter(paths), None) == path
    paths.pop(path, None)
    if not paths:
        index.pop(key, None)
    return set(paths) if was_first else set()
