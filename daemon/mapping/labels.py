"""The measurement and the tags of a point: fixed, from the topic, or from the payload."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.config import Template, is_clean, is_path, parse_path, parse_template
from daemon.mapping.reach import MISSING, Steps, reach
from daemon.mapping.troubles import Kind, Unfit, show
from daemon.messages import JsonValue

_NEEDED = "needed are 1 to 256 characters, no control characters, not _none"


class Labels:
    """What a rule says of measurement and tags, compiled."""

    def __init__(
        self, measurement: str, tags: Mapping[str, str], common: Mapping[str, str]
    ) -> None:
        self._measurement = parse_template(measurement)
        self._common = dict(common)
        self._templates: dict[str, Template] = {}
        self._paths: list[tuple[str, Steps, str]] = []
        for key, text in tags.items():
            if is_path(text):
                self._paths.append((key, parse_path(text), text))
            else:
                self._templates[key] = parse_template(text)

    @property
    def has_paths(self) -> bool:
        """Whether `read` has anything to add."""
        return bool(self._paths)

    def fixed(self, wildcards: Mapping[str, str]) -> tuple[str, dict[str, str | None]]:
        """Measurement and tags as far as the topic alone decides them.

        Raises:
            Unfit: for a measurement or tag that is empty, too long or has control characters.
        """
        tags: dict[str, str | None] = {**self._common}
        tags |= {name: text for name, text in wildcards.items() if text}
        tags |= {key: template.fill(wildcards) for key, template in self._templates.items()}
        for key in [key for key, text in tags.items() if not text]:
            del tags[key]
        measurement = self._measurement.fill(wildcards)
        for what, text in (("measurement", measurement), *tags.items()):
            if not is_clean(text or ""):
                raise Unfit(Kind.TAG, f"{what} would be {show(text)}: {_NEEDED}")
        return measurement, tags

    def read(self, value: JsonValue, tags: dict[str, str | None]) -> None:
        """Add the tags that stand in the payload; what is missing or null gives no tag.

        Raises:
            Unfit: for an object, a list, or text that cannot be a tag.
        """
        for key, steps, path in self._paths:
            found = reach(value, steps)
            if found is MISSING or found is None or found == "":
                continue
            if isinstance(found, bool):
                text = "true" if found else "false"
            elif isinstance(found, (str, int, float)):
                text = str(found)
            else:
                raise Unfit(Kind.TAG, f"tag {key} at {path}: found {show(found)}, text is needed")
            if not is_clean(text):
                raise Unfit(Kind.TAG, f"tag {key} at {path}: found {show(found)}; {_NEEDED}")
            tags[key] = text
