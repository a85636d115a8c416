"""The rule of one poll: what a sensor's reading becomes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

from daemon.config import ClockConfig, PollOptions, TextOptions
from daemon.mapping.decoders import Decode, compile_decoder
from daemon.mapping.memory import FieldMemory
from daemon.mapping.points import TEXT_KINDS, FixedLabels, make_maker, reject
from daemon.mapping.reach import Context
from daemon.mapping.rule import CompiledRule
from daemon.mapping.troubles import Unfit
from daemon.messages import JsonValue, Mapped, Origin, Outcome, Reading


class ReadingRule:
    """A poll's rule: reading in, `Mapped` out, by the same steps as for a message."""

    def __init__(
        self,
        name: str,
        poll: PollOptions,
        common_tags: Mapping[str, str],
        zone: tzinfo,
        clock: ClockConfig,
        memory: FieldMemory | None = None,
    ) -> None:
        rule = compile_poll(name, poll, common_tags, memory)
        self.name = name
        time = poll.time if isinstance(poll, TextOptions) else None
        has_own_time = isinstance(poll, TextOptions) and poll.parse.kind == "line_protocol"
        self._maker, self._doubting_maker = (
            make_maker(
                rule, time, zone, clock,
                has_own_time=has_own_time, is_arrival_known=is_arrival_known,
            )
            for is_arrival_known in (True, False)
        )  # fmt: skip
        self.labels = FixedLabels(
            *rule.labels.fixed({}), {}, Origin(name, {}) if poll.is_thinned else None
        )
        self._decode: Decode | None = None
        if isinstance(poll, TextOptions):
            needs_json = rule.needs_json or time is not None
            self._decode = compile_decoder(poll.parse, rule.null_words, needs_json=needs_json)

    def read(self, value: JsonValue) -> list[Context]:
        """The parts of a reading: one, or one for each row or line of a text; none where it says
        that there is no value. Raises Unfit."""
        if value is None:
            return []
        if self._decode is not None and isinstance(value, str):
            return self._decode(value.encode("utf-8", "surrogatepass"))
        return [Context(value)]

    def apply(self, reading: Reading) -> Mapped:
        """What the rule makes of a reading; never raises for what a sensor brought."""
        try:
            parts = self.read(reading.value)
        except Unfit as trouble:
            return reject(self.name, trouble)
        if not parts:
            return Mapped(Outcome.NO_VALUE, rule=self.name)
        maker = self._doubting_maker if reading.is_clock_doubtful else self._maker
        return maker.make(parts, self.labels, reading.received_us)


def compile_poll(
    name: str,
    poll: PollOptions,
    common_tags: Mapping[str, str],
    memory: FieldMemory | None = None,
) -> CompiledRule:
    """What a poll's rule makes of decoded values."""
    kind = poll.parse.kind if isinstance(poll, TextOptions) else "auto"
    return CompiledRule(
        name,
        poll,
        poll.measurement,
        common_tags,
        takes_text=kind in TEXT_KINDS,
        keeps_int=kind == "line_protocol",
        memory=memory,
    )
