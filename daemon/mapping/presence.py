"""What an availability topic says: whether the device of a rule is there. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from daemon.config import AvailabilityRule, parse_availability_topic, parse_path
from daemon.mapping.payloads import decode_text, value_of
from daemon.mapping.reach import MISSING, Context, compile_path
from daemon.mapping.rendering import compile_template
from daemon.mapping.troubles import Kind, Unfit, show
from daemon.messages import Mapped, Message, Origin, Outcome

KIND = "availability"
"""The kind of every outcome of such a message, but of one that does not fit."""
_LONGEST_BYTES = 64_000


class Presence:
    """One availability topic of one rule."""

    def __init__(self, rule: str, availability: AvailabilityRule) -> None:
        """`rule` is its name."""
        self.rule = rule
        self.topic = parse_availability_topic(availability.topic)
        self.is_own = False
        """Whether the rule's readings come on this topic too, in the same messages."""
        self._online = {word.strip().casefold() for word in availability.online}
        self._offline = {word.strip().casefold() for word in availability.offline}
        self._needs_json = availability.path is not None
        self._find = None
        if availability.path is not None:
            self._find = compile_path(parse_path(availability.path))
        elif availability.value_template is not None:
            self._find = compile_template(availability.value_template)

    def apply(self, message: Message, names: Mapping[str, str]) -> Mapped:
        """What the message means: UNCHANGED, with what is gone, or why it cannot be read."""
        if not message.payload.strip():
            # A retained message is deleted so.
            return Mapped(Outcome.NO_VALUE, rule=self.rule, kind=KIND)
        try:
            word = self._word(message)
        except Unfit as trouble:
            return Mapped(
                Outcome.REJECTED, rule=self.rule, reason=trouble.reason, kind=str(trouble.kind)
            )
        gone = (Origin(self.rule, names),) if word in self._offline else ()
        return Mapped(Outcome.UNCHANGED, rule=self.rule, kind=KIND, gone=gone)

    def _word(self, message: Message) -> str:
        if len(message.payload) + message.cut_bytes > _LONGEST_BYTES:
            raise Unfit(Kind.TOO_LARGE, f"found {len(message.payload)} bytes for a word")
        text = decode_text(message.payload)
        value = value_of(text, "json" if self._needs_json else "auto")
        context = Context(value, text=text)
        context.topic = message.topic
        if self._find is not None:
            value = self._find(context)
        elif type(value) is dict:
            value = value.get("state", MISSING)
        if value is True or value is False:
            value = "true" if value else "false"
        word = "" if value is MISSING else str(value).strip().casefold()
        if word not in self._online and word not in self._offline:
            found = "nothing" if value is MISSING else show(value)
            allowed = ", ".join(sorted(self._online) + sorted(self._offline))
            raise Unfit(Kind.TEXT, f"availability: found {found}; allowed: {allowed}")
        return word
