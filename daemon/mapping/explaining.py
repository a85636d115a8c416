"""What one rule does with one message, or with a reading of a poll, step by step, for a person.

The steps are the rule's own, see `value_story`. Changes no memory but the one that it is given.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from daemon.config import PollOptions, SourceRule, TextOptions, fits
from daemon.mapping.field_steps import found_at, shown, summary_of
from daemon.mapping.memory import FieldMemory
from daemon.mapping.points import compile_rule
from daemon.mapping.reach import MISSING, Context
from daemon.mapping.readings import ReadingRule, compile_poll
from daemon.mapping.routing import Route
from daemon.mapping.rule import CompiledRule
from daemon.mapping.troubles import Unfit
from daemon.mapping.value_story import Line, ValueStory
from daemon.messages import Message, Reading


class RuleStory:
    """Tells what a rule makes of a message."""

    def __init__(self, route: Route, common_tags: Mapping[str, str], memory: FieldMemory) -> None:
        self._route = route
        self._source = route.place.placed.rule
        self._common_tags = common_tags
        self._memory = memory

    def lines(self, message: Message) -> Iterator[Line]:
        """From the topic to the fields; ends where the rule does."""
        source, labels = self._source, self._route.labels
        named = ", ".join(f"{name} = {text}" for name, text in labels.names.items())
        yield Line(f"topic fits {source.topic}" + (f": {named}" if named else ""))
        if source.ignore:
            yield Line("`ignore: true`: such messages are no readings")
            return
        if self._route.refusal is not None:
            yield Line(f"the topic cannot be used: {self._route.refusal.reason}")
            return
        if message.is_retained:
            yield Line(_RETAINED[source.retained])
            if source.retained == "skip":
                return
        if len(message.payload) > source.max_payload_bytes:
            yield Line(
                f"payload of {len(message.payload)} bytes is longer than max_payload, "
                f"{source.max_payload_bytes}"
            )
            return
        try:
            parts = self._route.place.rule.read(message.payload)
        except Unfit as trouble:
            yield Line(trouble.reason)
            return
        yield Line(self._payload(message.payload, parts))
        for part in parts:
            part.names, part.topic = labels.names, message.topic
        if parts and (refusal := self._refusal(parts)):
            yield Line(refusal)
            return
        story = ValueStory(source, self._compile, labels, message.received_us, message.topic)
        yield from story.lines(parts)

    def _compile(self, source: SourceRule) -> CompiledRule:
        placed = self._route.place.placed
        return compile_rule(
            placed.name, source, self._common_tags, self._memory, tuple(placed.bound)
        )

    def _payload(self, payload: bytes, parts: list[Context]) -> str:
        size = f"{len(payload)} {'byte' if len(payload) == 1 else 'bytes'}"
        kind = self._source.payload.kind
        if not parts:
            return f"payload of {size}, read as {kind}: it says that there is no value"
        if len(parts) > 1:
            return f"payload of {size}, read as {kind}: {len(parts)} rows"
        return f"payload of {size}, read as {kind}: {summary_of(parts[0].here)}"

    def _refusal(self, parts: list[Context]) -> str:
        """Why the rule does not take a payload that it can read; empty: it does."""
        if (only := self._source.only) is not None:
            objects = [isinstance(part.root, (dict, list)) for part in parts]
            if (only == "object") not in objects:
                return f"`only: {only}` does not hold, so the rules further down are asked"
        for path, wanted in (self._source.when or {}).items():
            found = [found_at(path, part) for part in parts]
            if not any(fits(_scalar(one), want) for one in found for want in wanted):
                needed = " or ".join("nothing" if want is None else want for want in wanted)
                return (
                    f"`when` does not hold: at {path} stands {shown(found[0])}, needed is "
                    f"{needed}; so the rules further down are asked"
                )
        return ""


class ReadingStory:
    """Tells what a poll's rule makes of a reading."""

    def __init__(
        self,
        rule: ReadingRule,
        poll: PollOptions,
        common_tags: Mapping[str, str],
        memory: FieldMemory,
    ) -> None:
        self._rule = rule
        self._poll = poll
        self._common_tags = common_tags
        self._memory = memory

    def lines(self, reading: Reading) -> Iterator[Line]:
        """From the value to the fields; ends where the rule does."""
        try:
            parts = self._rule.read(reading.value)
        except Unfit as trouble:
            yield Line(trouble.reason)
            return
        yield Line(self._read_as(reading, parts))
        for part in parts:
            part.names = self._rule.labels.names
        story = ValueStory(self._poll, self._compile, self._rule.labels, reading.received_us)
        yield from story.lines(parts)

    def _compile(self, poll: PollOptions) -> CompiledRule:
        return compile_poll(self._rule.name, poll, self._common_tags, self._memory)

    def _read_as(self, reading: Reading, parts: list[Context]) -> str:
        kind = ""
        if isinstance(self._poll, TextOptions) and isinstance(reading.value, str):
            kind = f" of {len(reading.value)} characters, read as {self._poll.parse.kind}"
        if not parts:
            return f"reading{kind}: it says that there is no value"
        if len(parts) > 1:
            return f"reading{kind}: {len(parts)} rows"
        return f"reading{kind}: {summary_of(parts[0].here)}"


_RETAINED = {
    "once": "retained, `retained: once`: taken unless its payload is the last that the topic had",
    "skip": "retained, `retained: skip`: never taken",
    "store": "retained, `retained: store`: taken each time",
}


def _scalar(value: Any) -> Any:
    return None if value is MISSING or isinstance(value, (dict, list)) else value
