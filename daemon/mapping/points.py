"""From a payload or a poll's value to one point, or to the reason why there is none.

A value that does not fit leaves its field out. What fits is stored; the message as a whole then
counts as rejected with the reason, so that nothing is lost in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, tzinfo

from daemon.config import ClockConfig, SourceRule
from daemon.mapping.moments import EPOCH, ReadTime, Window, compile_time
from daemon.mapping.payloads import PayloadKind
from daemon.mapping.rule import CompiledRule
from daemon.mapping.troubles import Kind, Unfit
from daemon.messages import JsonValue, Mapped, Outcome
from tinyflux import Point

Tags = dict[str, "str | None"]


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
        self, value: JsonValue, measurement: str, fixed_tags: Tags, received_us: int
    ) -> Mapped:
        """One point of a decoded value, or the reason why there is none. Never raises Unfit."""
        rule = self.rule
        try:
            fields, troubles = rule.fields_of(value)
            tags = dict(fixed_tags)
            if rule.labels.has_paths:
                rule.labels.read(value, tags)
        except Unfit as trouble:
            return reject(rule.name, trouble)
        if not fields:
            if troubles:
                return reject(rule.name, *troubles)
            return Mapped(Outcome.NO_VALUE, rule=rule.name)
        time_us, doubt = received_us, None
        if self._read_time is not None:
            try:
                time_us = self._read_time(value, received_us)
            except Unfit as trouble:
                if trouble.kind is not Kind.IMPLAUSIBLE_TIME:
                    troubles.append(_at_arrival(trouble))
                elif self._rejects_implausible:
                    return reject(rule.name, trouble)
                else:
                    doubt = _at_arrival(trouble)
        point = Point.of_parts(_moment(time_us), measurement, tags, fields)
        if troubles:
            return reject(rule.name, *troubles, points=(point,))
        if doubt is not None:
            return Mapped(Outcome.STORED, (point,), rule.name, doubt.reason, str(doubt.kind))
        return Mapped(Outcome.STORED, (point,), rule.name)


def _at_arrival(trouble: Unfit) -> Unfit:
    return Unfit(trouble.kind, f"{trouble.reason}; the time of arrival was taken")


def reject(rule: str, *troubles: Unfit, points: tuple[Point, ...] = ()) -> Mapped:
    """The outcome of what did not fit; `points` are stored all the same."""
    reason = "; ".join(trouble.reason for trouble in troubles[:5])
    if len(troubles) > 5:
        reason += f"; and {len(troubles) - 5} more"
    if points:
        reason += " (the fields that fit were stored)"
    return Mapped(Outcome.REJECTED, points, rule, reason, str(troubles[0].kind))


def _moment(time_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=time_us)


class MessageRule:
    """A source's rule: payload in, `Mapped` out."""

    def __init__(
        self,
        name: str,
        source: SourceRule,
        common_tags: Mapping[str, str],
        zone: tzinfo,
        clock: ClockConfig,
    ) -> None:
        rule = CompiledRule(name, source, source.measurement, common_tags)
        self.labels = rule.labels
        self.name = name
        self.also = source.also
        self._rule = rule
        self._retained = source.retained
        self._max_bytes = source.max_payload_bytes
        window = Window(round(clock.accept_past_s * 1e6), round(clock.accept_future_s * 1e6))
        read_time = None if source.time is None else compile_time(source.time, zone, window)
        rejects = clock.on_implausible == "reject"
        self._maker = PointMaker(rule, read_time, rejects_implausible=rejects)
        self._kind: PayloadKind = source.payload
        if source.payload == "auto" and (rule.needs_json or source.time is not None):
            self._kind = "json"

    def apply(
        self,
        payload: bytes,
        received_us: int,
        labels: tuple[str, Tags],
        *,
        is_retained: bool,
        is_seen: bool = False,
    ) -> Mapped:
        """What the rule makes of a message; `labels` come from the topic.

        `is_seen`: it is retained, and its topic had this payload last.
        """
        if is_retained and (self._retained == "skip" or (is_seen and self._retained == "once")):
            return Mapped(Outcome.RETAINED_SEEN, rule=self.name)
        if len(payload) > self._max_bytes:
            trouble = Unfit(
                Kind.TOO_LARGE,
                f"the payload has {len(payload)} bytes, max_payload is {self._max_bytes}",
            )
            return reject(self.name, trouble)
        try:
            value = self._rule.decode(payload, self._kind)
        except Unfit as trouble:
            return reject(self.name, trouble)
        if value is None:
            return Mapped(Outcome.NO_VALUE, rule=self.name)
        return self._maker.make(value, labels[0], labels[1], received_us)
