"""Which announced entities are readings, as far as the announcement says. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Sequence

from daemon.config import DiscoveryConfig
from daemon.discovery.announcement import Entity
from daemon.discovery.aspects import CHATTER, KEPT_DIAGNOSTICS, TIMES, WITHOUT_READINGS
from daemon.discovery.naming import device_class, names

_LINK = re.compile(r"(?i).*(?:link_?quality|(?:^|[_-])(?:rssi|lqi)$)").match
_NO = ("false", "0", "no", "off")


class Choice:
    """What a broker's `discovery` asks for."""

    def __init__(self, config: DiscoveryConfig) -> None:
        self._includes = _patterns(config.include)
        self._excludes = _patterns(config.exclude)

    def objection(self, entity: Entity, device: str | None) -> str:
        """Why an entity gives no readings here; empty where it does."""
        if entity.component in WITHOUT_READINGS:
            return f"a {entity.component} has no readings"
        if entity.component == "sensor" and device_class(entity) in TIMES:
            return "its state is a point in time, not a number"
        spelled = names(entity, device)
        if self._excludes is not None and any(map(self._excludes, spelled)):
            return "`discovery.exclude` names it"
        if self._includes is not None:
            if any(map(self._includes, spelled)):
                return ""
            return "`discovery.include` does not name it"
        return _default_objection(entity)


def _default_objection(entity: Entity) -> str:
    config, kind = entity.config, device_class(entity)
    category = config.get("entity_category", "")
    hint = "; `discovery.include` takes it"
    if config.get("enabled_by_default", "").casefold() in _NO:
        return f"it is not enabled by default{hint}"
    if category == "config":
        return f"it is a setting (entity_category config){hint}"
    if category == "diagnostic" and kind not in KEPT_DIAGNOSTICS:
        return f"it is diagnostic (entity_category){hint}"
    if kind in CHATTER:
        return f"{kind} is no reading{hint}"
    if config.get("unit_of_measurement", "").casefold() == "lqi" or _LINK(entity.object_id):
        return f"link quality is no reading{hint}"
    return ""


def _patterns(patterns: Sequence[str]) -> Callable[[str], object] | None:
    if not patterns:
        return None
    return re.compile("|".join(fnmatch.translate(text.casefold()) for text in patterns)).match
