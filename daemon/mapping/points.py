"""From a payload or a poll's value to points, or to the reason why there is none.

A value that does not fit leaves its field out. What fits is stored; the message as a whole then
counts as rejected with the reason, so that nothing is lost in silence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

from daemon.config import ClockConfig, SourceRule, TimeRule, fits, parse_path, parse_topic_filter
from daemon.mapping.decoders import compile_decoder
from daemon.mapping.memory import FieldMemory
from daemon.mapping.moments import EPOCH, ReadTime, Window, compile_time, read_own_time
from daemon.mapping.payloads import LastPayload
from daemon.mapping.reach import MISSING, Context, compile_path
from daemon.mapping.rule import CompiledRule
from daemon.mapping.troubles import Kind, Unfit
from daemon.messages import IGNORED, Mapped, Message, Origin, Outcome
from tinyflux import Point

Tags = dict[str, "str | None"]

TEXT_KINDS = ("csv", "key_value", "regex")
"""Payloads of which every value is text."""
MAX_POINTS = 1000
"""Of one message."""


@dataclass(frozen=True, slots=True)
class FixedLabels:
    """What a topic alone decides of its points."""

    measurement: str
    tags: Tags
    names: Mapping[str, str]
    """What the topic's wildcards stand for."""
    origin: Origin | None = None
    """Given if the points need not be stored as they are."""


class PointMaker:
    """The last step, shared by messages and readings: labels, time and fields to a `Mapped`."""

    def __init__(
        self,
        rule: CompiledRule,
        read_time: ReadTime | None = None,
        *,
        rejects_implausible: bool = False,
    ) -> None:
        """`rejects_implausible`: a payload time that cannot be right rejects the message."""
        self.rule = rule
        self._read_time = read_time
        self._rejects_implausible = rejects_implausible

    def make(
        self,
        parts: Sequence[Context],
        labels: FixedLabels,
        received_us: int,
        topic: str = "",
    ) -> Mapped:
        """The points of a decoded payload, or the reason why there are none. Never raises Unfit."""
        mapped = self._make(parts, labels, received_us, topic)
        if labels.origin is None or not mapped.points:
            return mapped
        return replace(mapped, origins=(labels.origin,) * len(mapped.points))

    def _make(
        self, parts: Sequence[Context], labels: FixedLabels, received_us: int, topic: str
    ) -> Mapped:
        rule = self.rule
        points: list[Point] = []
        troubles: list[Unfit] = []
        doubts: list[Unfit] = []
        for part in parts:
            part.names, part.topic = labels.names, topic
            try:
                for context in rule.parts_of(part):
                    context.names, context.topic = labels.names, topic
                    if len(points) >= MAX_POINTS:
                        raise Unfit(
                            Kind.TOO_MANY, f"the payload makes more than {MAX_POINTS} points"
                        )
                    point = self._point(context, labels, received_us, troubles, doubts)
                    if point is not None:
                        points.append(point)
            except Unfit as trouble:
                troubles.append(trouble)
        if len(points) > 1:
            points = _apart(points, troubles)
        if troubles:
            return reject(rule.name, *troubles, points=tuple(points))
        if not points:
            return Mapped(Outcome.NO_VALUE, rule=rule.name)
        if doubts:
            reason, kind = doubts[0].reason, str(doubts[0].kind)
            return Mapped(Outcome.STORED, tuple(points), rule.name, reason, kind)
        return Mapped(Outcome.STORED, tuple(points), rule.name)

    def _point(
        self,
        context: Context,
        labels: FixedLabels,
        received_us: int,
        troubles: list[Unfit],
        doubts: list[Unfit],
    ) -> Point | None:
        """One point, None where there is no value. Raises Unfit where nothing can be used."""
        rule = self.rule
        context.measurement = labels.measurement
        context.tags = {**labels.tags, **context.tags} if context.tags else dict(labels.tags)
        if rule.labels.needs_payload:
            rule.labels.read(context)
        time_us, wrong_time = received_us, None
        if self._read_time is not None:
            try:
                time_us = self._read_time(context, received_us)
            except Unfit as trouble:
                wrong_time = trouble
        context.time_us = time_us
        fields, unfit = rule.fields_of(context)
        troubles += unfit
        if not fields:
            return None
        if wrong_time is not None:
            if wrong_time.kind is not Kind.IMPLAUSIBLE_TIME:
                troubles.append(_at_arrival(wrong_time))
            elif self._rejects_implausible:
                raise wrong_time
            else:
                doubts.append(_at_arrival(wrong_time))
        return Point.of_parts(_moment(time_us), context.measurement, context.tags, fields)


def _apart(points: list[Point], troubles: list[Unfit]) -> list[Point]:
    """The points without those that no query could tell from an earlier one."""
    seen = set()
    kept = []
    for point in points:
        series = (point.time, point.measurement, tuple(sorted(point.tags.items())))
        if series in seen:
            troubles.append(
                Unfit(
                    Kind.SAME_SERIES,
                    f"two points of one payload would have the time {point.time}, measurement "
                    f"{point.measurement} and the same tags; tell them apart by a tag, as "
                    '`tags: {sensor: "{key}"}`, or a time',
                )
            )
            continue
        seen.add(series)
        kept.append(point)
    return kept


def _at_arrival(trouble: Unfit) -> Unfit:
    return Unfit(trouble.kind, f"{trouble.reason}; the time of arrival was taken")


def reject(rule: str, *troubles: Unfit, points: tuple[Point, ...] = ()) -> Mapped:
    """The outcome of what did not fit; `points` are stored all the same."""
    reason = "; ".join(trouble.reason for trouble in troubles[:5])
    if len(reason) > 800:
        reason = reason[:800] + "..."
    if len(troubles) > 5:
        reason += f"; and {len(troubles) - 5} more"
    if points:
        reason += " (the fields that fit were stored)"
    return Mapped(Outcome.REJECTED, points, rule, reason, str(troubles[0].kind))


def _moment(time_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=time_us)


def compile_rule(
    name: str,
    source: SourceRule,
    common_tags: Mapping[str, str],
    memory: FieldMemory | None = None,
    bound: tuple[str, ...] = (),
) -> CompiledRule:
    """What a source's rule makes of decoded values; `bound` as in `MessageRule`."""
    kind = source.payload.kind
    return CompiledRule(
        name,
        source,
        source.measurement,
        common_tags,
        wildcards=(*parse_topic_filter(source.topic).wildcard_names, *bound),
        takes_text=kind in TEXT_KINDS,
        keeps_int=kind == "line_protocol",
        memory=memory,
    )


def make_maker(
    rule: CompiledRule,
    time: TimeRule | None,
    zone: tzinfo,
    clock: ClockConfig,
    *,
    has_own_time: bool,
    is_arrival_known: bool,
) -> PointMaker:
    """The last step of a rule. `has_own_time`: a payload may bring a time without a `time` rule, as
    line protocol does; `is_arrival_known`: the clock at arrival could be believed."""
    window = Window(
        round(clock.accept_past_s * 1e6), round(clock.accept_future_s * 1e6), is_arrival_known
    )
    if time is not None and (past_s := time.accept_past_s) is not None:
        window = replace(window, past_us=round(past_s * 1e6), past_option="time.accept_past")
    read_time = None
    if time is not None:
        read_time = compile_time(time, zone, window, rule.null_words)
    elif has_own_time:
        read_time = read_own_time(window)
    return PointMaker(rule, read_time, rejects_implausible=clock.on_implausible == "reject")


class MessageRule:
    """A source's rule: payload in, `Mapped` out."""

    def __init__(
        self,
        name: str,
        source: SourceRule,
        common_tags: Mapping[str, str],
        zone: tzinfo,
        clock: ClockConfig,
        memory: FieldMemory | None = None,
        bound: tuple[str, ...] = (),
        last: LastPayload | None = None,
    ) -> None:
        """`bound` are names that `fixed_labels` gets beside those of the topic's wildcards; `last`
        as in `compile_decoder`."""
        rule = compile_rule(name, source, common_tags, memory, bound)
        self.name = name
        self.also = source.also
        self._is_ignored = source.ignore
        self._only = source.only
        self._conditions = [
            (compile_path(parse_path(path)), wanted) for path, wanted in (source.when or {}).items()
        ]
        self._rule = rule
        self._is_thinned = source.is_thinned
        self._retained = source.retained
        self._max_bytes = source.max_payload_bytes
        has_own_time = source.payload.kind == "line_protocol"
        self._maker, self._doubting_maker = (
            make_maker(
                rule, source.time, zone, clock,
                has_own_time=has_own_time, is_arrival_known=is_arrival_known,
            )
            for is_arrival_known in (True, False)
        )  # fmt: skip
        self._decode = compile_decoder(
            source.payload,
            rule.null_words,
            # A text that is no object may still be for a rule further down.
            needs_json=(rule.needs_json or source.time is not None) and not self.is_conditional,
            last=last,
        )

    def fixed_labels(self, names: Mapping[str, str]) -> FixedLabels:
        """What the topic decides; `names` are its wildcards'. Raises Unfit."""
        origin = Origin(self.name, names) if self._is_thinned else None
        return FixedLabels(*self._rule.labels.fixed(names), names, origin)

    @property
    def is_conditional(self) -> bool:
        """Whether `apply` may give None."""
        return bool(self._conditions) or self._only is not None

    def read(self, payload: bytes) -> list[Context]:
        """The parts of a payload, as its kind has it: one, or one for each row or line; none where
        it says that there is no value. Raises Unfit."""
        return self._decode(payload)

    def apply(self, message: Message, labels: FixedLabels) -> Mapped | None:
        """What the rule makes of a message; `labels` come from its topic. None: the message is not
        for this rule, by what stands in it."""
        if self._is_ignored:
            return Mapped(Outcome.NO_VALUE, rule=self.name, kind=IGNORED)
        if message.is_retained and (
            self._retained == "skip" or (message.is_seen and self._retained == "once")
        ):
            return Mapped(Outcome.RETAINED_SEEN, rule=self.name)
        payload = message.payload
        size_bytes = len(payload) + message.cut_bytes
        if message.cut_bytes or size_bytes > self._max_bytes:
            trouble = Unfit(
                Kind.TOO_LARGE,
                f"the payload has {size_bytes} bytes, max_payload is {self._max_bytes}",
            )
            return reject(self.name, trouble)
        try:
            parts = self._decode(payload)
        except Unfit as trouble:
            return reject(self.name, trouble)
        if not parts:
            return Mapped(Outcome.NO_VALUE, rule=self.name)
        if self.is_conditional:
            parts = [part for part in parts if self._holds(part)]
            if not parts:
                return None
        maker = self._doubting_maker if message.is_clock_doubtful else self._maker
        return maker.make(parts, labels, message.received_us, message.topic)

    def _holds(self, part: Context) -> bool:
        if self._only is not None:
            is_object = type(part.root) is dict or type(part.root) is list
            if is_object is not (self._only == "object"):
                return False
        for find, wanted in self._conditions:
            try:
                found = find(part)
            except Unfit:
                return False
            if found is MISSING:
                found = None
            elif type(found) is dict or type(found) is list:
                return False
            if not any(fits(found, one) for one in wanted):
                return False
        return True
