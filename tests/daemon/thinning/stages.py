"""Mapping and thinning of a few lines of YAML, with a clock that tests set; no disk, no writer."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from daemon.messages import JsonValue, Mapped, Message, Outcome, Reading
from daemon.thinning import Moment, Policies, Resolved, SeriesMemory, Share, Thinner, Ticket
from tests.daemon.mapping.mappers import mapper
from tinyflux import Point

START_US = 1_772_366_400_000_000
"""2026-03-01 12:00 UTC."""
RULE = "{{topic: 't/+id', measurement: m, {options}}}"


class Stage:
    """What becomes of messages, one after the other. Time passes as `at_s` says."""

    def __init__(
        self,
        folder: Path,
        options: str = "",
        *,
        text: str = "",
        memory: SeriesMemory | None = None,
        max_windows: int = 1000,
    ) -> None:
        """Of one rule for `t/+id` with these options, or of sources and polls in YAML."""
        rules = text or f"sources: [{RULE.format(options=options)}]\n"
        self.mapper = mapper(folder, rules)
        self.thinner = Thinner(Policies(self.mapper.rule_of).of, memory, max_windows=max_windows)
        self.tickets: list[Ticket] = []
        self.resolved: list[Resolved] = []
        self.wall_step_s = 0.0
        """By how much somebody has set the wall clock."""
        self._now_s = 0.0
        self._n_spooled = 0

    def now(self, at_s: float) -> Moment:
        self._now_s = at_s
        wall_us = START_US + round((at_s + self.wall_step_s) * 1e6)
        return Moment(round(at_s * 1e6), wall_us)

    def send(
        self, payload: JsonValue, at_s: float | None = None, topic: str = "t/1", *, qos: int = 0
    ) -> Ticket:
        """One message, in a turn of its own; its ticket as it is then."""
        at_s = self._now_s if at_s is None else at_s
        return self.turn([(topic, payload)], at_s, qos=qos)[0]

    def turn(
        self, messages: list[tuple[str, JsonValue]], at_s: float, *, qos: int = 0
    ) -> list[Ticket]:
        """Messages that the writer takes together; what waits of them has a number then."""
        now = self.now(at_s)
        tickets = []
        for topic, payload in messages:
            text = payload if isinstance(payload, str) else json.dumps(payload)
            item = Message("home", topic, text.encode(), now.wall_us, qos=qos)
            tickets.append(self.take(item, now))
        self._end_turn(now)
        return tickets

    def poll(self, value: JsonValue, at_s: float, name: str = "system") -> Ticket:
        now = self.now(at_s)
        ticket = self.take(Reading(name, value, now.wall_us), now)
        self._end_turn(now)
        return ticket

    def take(self, item: Message | Reading, now: Moment) -> Ticket:
        mapped = self.mapper.map(item)
        ticket = self.thinner.take(item, mapped, now)
        if ticket is None:
            ticket = Ticket(item, replace(mapped, origins=()), points=list(mapped.points))
            ticket.book(Outcome.STORED)
        self.tickets.append(ticket)
        return ticket

    def wait(self, at_s: float, *, is_all: bool = False) -> list[Resolved]:
        """Nothing comes until then; what need not wait any more."""
        now = self.now(at_s)
        before = len(self.resolved)
        self._end_turn(now, is_all=is_all)
        return self.resolved[before:]

    def absent(self, at_s: float) -> list[Point]:
        """The points that say by then that a series is silent."""
        return [absence.point for absence in self.thinner.absent(self.now(at_s))]

    def begin(self, at_s: float) -> None:
        """As a new process does."""
        self.thinner.begin(self.now(at_s))

    def waiting(self) -> list[Share]:
        return [share for ticket in self.tickets for share in ticket.shares]

    def points(self) -> list[Point]:
        """All that was stored, in the order of its time."""
        own = [point for ticket in self.tickets for point in ticket.mapped.points]
        late = [point for one in self.resolved for point in one.mapped.points]
        return sorted([*own, *late], key=_time)

    def rows(self) -> list[tuple[float, dict[str, int | float | None]]]:
        """Seconds since the start, and fields."""
        return [(_time(point), point.fields) for point in self.points()]

    def outcomes(self) -> list[Outcome]:
        """The outcome of each message, in the order in which they came."""
        last = {id(one.item): one.mapped for one in self.resolved if one.is_message}
        mapped = [last.get(id(ticket.item), ticket.mapped) for ticket in self.tickets]
        return [one.outcome for one in mapped]

    def _end_turn(self, now: Moment, *, is_all: bool = False) -> None:
        self.resolved += self.thinner.resolved(now, is_all=is_all)
        for share in self.waiting():
            if not share.number:
                self._n_spooled += 1
                share.number = self._n_spooled


def _time(point: Point) -> float:
    assert point.time is not None
    return round(point.time.timestamp() - START_US / 1e6, 3)


def words(outcomes: list[Outcome]) -> str:
    """As a person would write them down."""
    return " ".join(outcome.value for outcome in outcomes)


__all__ = ["START_US", "Mapped", "Stage", "words"]
