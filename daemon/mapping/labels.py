"""The measurement and the tags of a point: fixed, from the topic, or from the payload."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.config import is_clean
from daemon.mapping.reach import Context
from daemon.mapping.texts import Text
from daemon.mapping.troubles import Kind, Unfit, show

_NEEDED = "needed are 1 to 256 characters, no control characters, not _none"


class Labels:
    """What a rule says of measurement and tags, compiled."""

    def __init__(
        self,
        measurement: str,
        tags: Mapping[str, str | None],
        common: Mapping[str, str],
        *,
        wildcards: tuple[str, ...] = (),
        spent: frozenset[str] = frozenset(),
    ) -> None:
        """`wildcards` are the names of the topic; those in `spent` are names of fields already and
        become no tags."""
        self._wildcards = wildcards
        self._measurement = Text(measurement, wildcards)
        self._removed = frozenset(key for key, text in tags.items() if text is None)
        self._common = {key: text for key, text in common.items() if key not in self._removed}
        self._untagged = spent | self._removed
        self._fixed: dict[str, Text] = {}
        self._from_payload: list[tuple[str, Text]] = []
        for key, source in tags.items():
            if source is not None:
                text = Text(source, wildcards)
                if text.needs_payload:
                    self._from_payload.append((key, text))
                else:
                    self._fixed[key] = text

    @property
    def needs_payload(self) -> bool:
        """Whether `read` has anything to add."""
        return bool(self._from_payload) or self._measurement.needs_payload

    def fixed(self, wildcards: Mapping[str, str]) -> tuple[str, dict[str, str | None]]:
        """Measurement and tags as far as the topic alone decides them; "" for a measurement that
        the payload decides.

        Raises:
            Unfit: for a measurement or tag that is empty, too long or has control characters.
        """
        tags: dict[str, str | None] = {**self._common}
        tags |= {
            name: text for name, text in wildcards.items() if text and name not in self._untagged
        }
        tags |= {key: text.fill(wildcards) for key, text in self._fixed.items()}
        for key in [key for key, text in tags.items() if not text]:
            del tags[key]
        for what, text in tags.items():
            _check(what, text or "")
        measurement = ""
        if not self._measurement.needs_payload:
            measurement = self._measurement.fill(wildcards)
            _check("measurement", measurement)
        return measurement, tags

    def read(self, context: Context) -> None:
        """Set the measurement, and add the tags, that stand in the payload; what is missing or null
        gives no tag.

        Raises:
            Unfit: for an object, a list, text that cannot be a tag, or no measurement.
        """
        for key in self._removed:
            context.tags.pop(key, None)
        for key, source in self._from_payload:
            text = self._text(f"tag {key}", source, context)
            if text is not None:
                context.tags[key] = text
        if self._measurement.needs_payload:
            text = self._text("measurement", self._measurement, context)
            if text is None:
                raise Unfit(
                    Kind.TAG, f"measurement at {self._measurement.source}: the payload has none"
                )
            context.measurement = text

    def _text(self, what: str, source: Text, context: Context) -> str | None:
        try:
            text = source.read(context)
        except Unfit as trouble:
            raise Unfit(trouble.kind, f"{what} at {source.source}: {trouble.reason}") from None
        if text:
            _check(f"{what} at {source.source}", text)
        return text or None


def _check(what: str, text: str) -> None:
    if not is_clean(text):
        raise Unfit(Kind.TAG, f"{what} would be {show(text)}: {_NEEDED}")
